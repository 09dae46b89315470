import { describe, expect, it } from "vitest";
import { findingsOf } from "../../../../provider/cli/doctor";
import type { Verified } from "../../../../provider/cli/verify";
import type { Drift } from "../../../../provider/kinds/drift";

const host = "node0.example";
const bad = (resource: string, machine: string, seen: string): Verified => ({
  ...{ host, resource, machine, served: false, seen },
});
const differing = (id: string, drift: Drift) => ({ id, kind: id.slice(0, id.indexOf("/")), drift });
const said = (...given: Parameters<typeof findingsOf> extends [string, ...infer Rest] ? Rest : never) =>
  findingsOf(host, ...given).map(({ resource, what, differs }) => [resource, what, differs]);

describe("what doctor finds on one node 0", () => {
  it("is one cause, said once, with the machines of all resources that suffer from it", () => {
    const noArp = "no machine finds 192.168.1.1: eno2 has no ARP";
    const machines = [
      bad("OlaNode/p/s/a", "a", noArp),
      bad("OlaFleet/p/s/r", "m2", noArp),
      bad("OlaFleet/p/s/r", "m1", noArp),
    ];
    expect(said([], machines)).toEqual([["machines", `a, m1, m2 are not served: ${noArp}`, false]]);
    expect(said([], machines.slice(1))).toEqual([["OlaFleet/p/s/r", `m1, m2 are not served: ${noArp}`, false]]);
    expect(said([], machines.slice(0, 1))).toEqual([["OlaNode/p/s/a", `a: ${noArp}`, false]]);
  });

  it("counts machines where there are many", () => {
    const many = Array.from({ length: 300 }, (_, n) => bad("OlaFleet/p/s/r", `m${n}`, "no answer"));
    expect(said([], many)[0]?.[1]).toBe("m0, m1, m10, m100, m101, m102, m103 and 293 more are not served: no answer");
  });

  it("tells of many causes the first, and where the others are told", () => {
    const many = Array.from({ length: 300 }, (_, n) => bad("OlaFleet/p/s/r", `m${n}`, `was offered 192.0.2.${n}`));
    expect(said([], many)).toHaveLength(9);
    expect(said([], many).at(-1)).toEqual([
      "machines",
      "292 more are not served; `npx pulumi-netboot verify` tells of each",
      false,
    ]);
  });

  it("leaves the machine's own name and MAC out of a cause that is the same for all", () => {
    const asked = (name: string, mac: string) =>
      bad("OlaFleet/p/s/r", name, `the firmware of ${name} (${mac}) asked by DHCP and got no answer`);
    expect(said([], [asked("m1", "52:54:00:00:00:01"), asked("m2", "52:54:00:00:00:02")])).toEqual([
      ["OlaFleet/p/s/r", "m1, m2 are not served: the firmware of each asked by DHCP and got no answer", false],
    ]);
  });

  it("tells beside what differs on the host which machines are not served for it", () => {
    const dhcp = differing("DhcpServer/p/s/d", {
      what: "isc-dhcp-server.service",
      how: "stopped",
      seen: "inactive (dead)",
    });
    const file = differing("BootFile/p/s/ipxe.efi", { what: "/srv/tftp/ipxe.efi", how: "missing", seen: "" });
    const silent = (name: string) =>
      bad(
        "OlaFleet/p/s/r",
        name,
        `the firmware of ${name} (52:54:00:00:00:01) asked by DHCP and got no answer, for isc-dhcp-server.service does not run`,
      );
    const unfetched = bad(
      "OlaNode/p/s/a",
      "a",
      "ipxe.efi could not be fetched by TFTP from 192.168.1.1: File not found",
    );
    expect(said([dhcp, file], [silent("m1"), silent("m2"), unfetched])).toEqual([
      ["DhcpServer/p/s/d", "isc-dhcp-server.service does not run: inactive (dead); not served for it: m1, m2", true],
      ["BootFile/p/s/ipxe.efi", "/srv/tftp/ipxe.efi is missing; not served for it: a", true],
    ]);
    // A machine of another name as the file is none of its.
    const other = bad(
      "OlaNode/p/s/a",
      "a",
      "snponly.efi could not be fetched by TFTP from 192.168.1.1: File not found",
    );
    expect(said([file], [other])).toHaveLength(2);
  });

  it("tells machines that somebody took out of node 0 in one sentence, and not again as unserved", () => {
    const missing = (id: string, what: string) => differing(id, { what, how: "missing", seen: "" });
    const lost = [missing("OlaFleet/p/s/r", "m2"), missing("OlaFleet/p/s/r", "m1"), missing("OlaNode/p/s/a", "a")];
    const silent = (name: string) =>
      bad("OlaFleet/p/s/r", name, `the firmware of ${name} (52:54:00:00:00:01) asked by DHCP and got no answer`);
    expect(said(lost, [silent("m1"), silent("m2")])).toEqual([
      ["machines", "a, m1, m2 are missing; not served for it: m1, m2", true],
    ]);
    expect(said(lost.slice(2), [])).toEqual([["OlaNode/p/s/a", "a is missing", true]]);
  });

  it("says nothing of machines that an ailment of the host explains", () => {
    const text = "perl has port 67 of 192.168.1.1 already";
    expect(said([], [bad("OlaNode/p/s/a", "a", `served, but ${text}`)], [{ what: "another server", text }])).toEqual(
      [],
    );
  });
});
