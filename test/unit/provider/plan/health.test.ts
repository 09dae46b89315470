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

  const unit = { want: "unit", name: "tftpd-hpa.service", restartedBy: [] } as const;
  const starting = (boot: string, unmet = "") =>
    ailmentsOf(
      facts([entry("TftpServer/p/one/tftp", [tftpd, unit])], {
        ...recovery(""),
        "nextStart.boot": { status: 0, said: boot },
        "nextStart.conditions": {
          status: 0,
          said: "/etc/systemd/system/tftpd-hpa.service.d/x.conf:ConditionPathExists=!/x",
        },
        "nextStart.unmet": { status: 0, said: unmet },
      }),
    );

  it("has nothing against a boot that starts all of ours, or whose systemd tells nothing", () => {
    const boot = "target graphical.target\nstarts multi-user.target\nstarts tftpd-hpa.service\n";
    expect(starting(`${boot}conflict tftpd-hpa.service shutdown.target\n`)).toEqual([]);
    expect(starting("")).toEqual([]);
    expect(
      starting(boot, "systemd-analyze: unrecognized option '--unit=tftpd-hpa.service'\nunmet tftpd-hpa.service"),
    ).toEqual([]);
    expect(starting(boot, "tftpd-hpa.service: ConditionPathExists=/y failed.\nunmet tftpd-hpa.service")).toEqual([]);
  });

  it.each([
    ["target rescue.target\nstarts sysinit.target\n", "", /^the next boot of node 0 goes to rescue\.target/],
    [
      "target multi-user.target\nstarts multi-user.target\nstarts tftpd-hpa.service\nstarts maint.service\nconflict tftpd-hpa.service maint.service\n",
      "",
      /^a boot of node 0 starts maint\.service too, and by Conflicts=/,
    ],
    [
      "",
      "tftpd-hpa.service: ConditionPathExists=!/x failed.\nConditions failed.\nunmet tftpd-hpa.service\n",
      /^systemd would not start tftpd-hpa\.service now, for this does not hold: ConditionPathExists=!\/x; /,
    ],
  ])("tells of a daemon that would not run next time: %j %j", (boot, unmet, told) => {
    const [ailment, ...more] = starting(boot, unmet);
    expect([ailment?.what, more]).toEqual(["tftpd-hpa.service", []]);
    expect(ailment?.text).toMatch(told);
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
