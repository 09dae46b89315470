import { describe, expect, it } from "vitest";
import { ailmentsOf } from "../../../../provider/plan/health";
import { entry, serve, tftpd } from "./registered";
import { facts } from "./told";

const name = "pulumi-netboot-recovery.service";
const before = [entry("DhcpServer/p/one/dhcp", [serve(), tftpd])];
const recovery = (more: string) => ({
  "health.units": {
    status: 0,
    said: `Id=${name}\nLoadState=loaded\nActiveState=inactive\nWantedBy=multi-user.target\n${more}`,
  },
});

describe("ailmentsOf", () => {
  it("has nothing against a node 0 that is well, or of which nothing is ours", () => {
    expect(ailmentsOf(facts(before, recovery("")))).toEqual([]);
    expect(ailmentsOf(facts([], recovery("WantedBy=\n")))).toEqual([]);
  });

  it.each([
    [
      "ActiveState=failed",
      "failed when node 0 booted: `journalctl -b -u pulumi-netboot-recovery.service` there says why",
    ],
    ["WantedBy=", "is not enabled, so nothing would undo"],
    ["LoadState=masked", "is masked, so nothing would undo"],
    ["LoadState=not-found", "is not-found, so nothing would undo"],
  ])("tells of a recovery that a boot would miss: %s", (line, text) => {
    const [key = ""] = line.split("=");
    const told = recovery("");
    const said = told["health.units"].said.replace(new RegExp(`^${key}=.*$`, "m"), line);
    const [ailment] = ailmentsOf(facts(before, { "health.units": { status: 0, said } }));
    expect(ailment?.what).toBe(name);
    expect(ailment?.text).toContain(text);
  });

  it("tells of a server that does the same, now or after the next boot", () => {
    const holder = {
      protocol: "udp",
      address: "0.0.0.0",
      port: 69,
      pid: 7,
      program: "dnsmasq",
      unit: "dnsmasq.service",
    };
    expect(ailmentsOf(facts(before, { ...recovery(""), "servers.holders": [holder] }))).toEqual([
      { what: "another server", text: "dnsmasq (dnsmasq.service) has port 69 of 192.168.1.1 already (udp 0.0.0.0:69)" },
    ]);
  });
});
