import { describe, expect, it } from "vitest";
import { backendOf } from "../../../../provider/formats/dhcpBackend";
import { machinesJoin, namesJoin, planJoins } from "../../../../provider/plan/joins";
import type { Held, RegisterEntry } from "../../../../provider/plan/records";
import { entry, register, serve } from "./registered";

const hostBlocksJoin = machinesJoin(backendOf("isc"));

const dhcp = entry("DhcpServer/p/one/dhcp", [serve()]);
const names = (mode: "dnsmasq" | "hosts", domain?: string): RegisterEntry => {
  const held: Held = { want: "names", mode, domain, records: "192.168.1.9 nas\n" };
  return entry("NameServer/p/one/names", [held]);
};
const joined = (before: readonly RegisterEntry[], after: readonly RegisterEntry[]) =>
  planJoins(register(before, after)).map(({ path, is, had, domainBefore }) => ({ path, is, had, domainBefore }));

const hostsConf = "/etc/dhcp/netboot/hosts.conf";
const namesFile = "/etc/netboot-names/hosts";

describe("planJoins", () => {
  it.each<[string, readonly RegisterEntry[], readonly RegisterEntry[], ReturnType<typeof joined>]>([
    ["nothing where nobody wants anything", [], [], []],
    ["a new server", [], [dhcp], [{ path: hostsConf, is: "file", had: false, domainBefore: "" }]],
    ["a server that stays", [dhcp], [dhcp], [{ path: hostsConf, is: "file", had: true, domainBefore: "" }]],
    ["a server that goes", [dhcp], [], [{ path: hostsConf, is: "gone", had: true, domainBefore: "" }]],
    ["new names", [], [names("dnsmasq", "b")], [{ path: namesFile, is: "file", had: false, domainBefore: "" }]],
    [
      "names of another domain",
      [names("dnsmasq", "a")],
      [names("dnsmasq", "b")],
      [{ path: namesFile, is: "file", had: true, domainBefore: "a" }],
    ],
    ["names that go", [names("hosts", "a")], [], [{ path: "/etc/hosts", is: "gone", had: true, domainBefore: "a" }]],
    [
      "names that move to another file",
      [names("hosts", "a")],
      [names("dnsmasq", "b")],
      [
        { path: namesFile, is: "file", had: false, domainBefore: "" },
        { path: "/etc/hosts", is: "gone", had: true, domainBefore: "a" },
      ],
    ],
    [
      "a server and names",
      [],
      [dhcp, names("hosts")],
      [
        { path: hostsConf, is: "file", had: false, domainBefore: "" },
        { path: "/etc/hosts", is: "file", had: false, domainBefore: "" },
      ],
    ],
  ])("joins %s", (_name, before, after, expected) => {
    expect(joined(before, after)).toEqual(expected);
  });

  it("names the resource that wants the file, or wanted it", () => {
    expect(planJoins(register([dhcp], [])).map(({ id }) => id)).toEqual([dhcp.id]);
    const successor = { ...dhcp, id: "DhcpServer/p/one/new" };
    expect(planJoins(register([dhcp], [successor])).map(({ id }) => id)).toEqual([successor.id]);
  });
});

describe("namesJoin", () => {
  it("is a file of its own for dnsmasq, and a block in /etc/hosts", () => {
    const of = { of: "names", after: "192.168.1.9 nas\n", domain: "example.org" };
    const want = { want: "names", records: of.after, domain: of.domain } as const;
    expect(namesJoin({ ...want, mode: "dnsmasq" })).toMatchObject({ path: namesFile, ...of });
    expect(namesJoin({ ...want, mode: "dnsmasq" })).not.toHaveProperty("between");
    expect(namesJoin({ ...want, mode: "hosts" })).toEqual({
      path: "/etc/hosts",
      before: "",
      between: { begin: "# pulumi-netboot begin", end: "# pulumi-netboot end" },
      ...of,
    });
    expect(namesJoin({ want: "names", mode: "hosts", records: "" }).domain).toBe("");
  });
});

describe("hostBlocksJoin", () => {
  it("says whose file it is", () => {
    expect(hostBlocksJoin).toMatchObject({ path: hostsConf, of: "blocks", after: "", domain: "" });
    expect(hostBlocksJoin.before).toMatch(/^# Written by pulumi-netboot: .*\n$/);
  });
});
