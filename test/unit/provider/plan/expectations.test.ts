import { describe, expect, it } from "vitest";
import type { Want } from "../../../../provider/kinds/want";
import {
  askedAs,
  type Expected,
  knownOfMany,
  planExpectations,
  planProof,
  putMachines,
  socketsOf,
  whyFilesAreNotProved,
} from "../../../../provider/plan/expectations";
import type { NamedMachine } from "../../../../provider/plan/facts";
import type { DhcpExpectation, Expectation } from "../../../../provider/plan/plan";
import type { Held, RegisterEntry } from "../../../../provider/plan/records";
import { entry, machine, register, serve, tftpd } from "./registered";
import { changeOf, put } from "./told";

const dhcpUnit: Held = { want: "unit", name: "isc-dhcp-server.service", restartedBy: [] };
const dhcp = entry("DhcpServer/p/one/dhcp", [
  serve(),
  dhcpUnit,
  { want: "listen", unit: "isc-dhcp-server.service", on: { kind: "packet", interface: "eno2" } },
]);
const tftp = entry("TftpServer/p/one/tftp", [tftpd]);
const names: Extract<Held, { want: "names" }> = {
  want: "names",
  mode: "dnsmasq",
  address: "192.168.1.1",
  domain: "example.org",
  records: "192.168.1.9 nas.example.org nas\n",
};
const namesUnit: Held = { want: "unit", name: "netboot-names.service", restartedBy: [] };
const nameServer = entry("NameServer/p/one/names", [names, namesUnit]);
const file = (name: string): RegisterEntry =>
  entry(`BootFile/p/one/${name}`, [
    { want: "file", path: `/srv/tftp/${name}`, mode: "0644", sha256: `sum of ${name}` },
  ]);
const serving = [dhcp, tftp, file("ipxe.efi"), file("refind.pxe")];

const nodeOf = (hostname: string, more: Partial<Extract<Want, { want: "node" }>> = {}): Want => ({
  want: "node",
  hostname,
  address: "192.168.1.2",
  macs: ["52:54:00:00:00:01"],
  firmware: "x64",
  proof: true,
  blocks: "",
  ...more,
});
const own = "OlaNode/p/one/a";

interface Situation extends Partial<Omit<Expected, "proved" | "change" | "register">> {
  readonly puts?: readonly ReturnType<typeof put>[];
  readonly drops?: readonly string[];
  readonly before?: readonly RegisterEntry[];
  readonly after?: readonly RegisterEntry[];
  readonly proved?: readonly string[];
}

function expected({
  puts = [],
  drops = [],
  after = serving,
  before = after,
  proved = [],
  ...more
}: Situation): Expected {
  const rest = {
    names: [],
    script: undefined,
    has: () => true,
    bootServerIsHere: true,
    ...more,
  };
  return { change: changeOf(puts, drops), register: register(before, after), proved: new Set(proved), ...rest };
}

const planned = (situation: Situation) => planExpectations(expected(situation)).expectations;
type Asked<A extends Expectation["ask"]> = Extract<Expectation, { readonly ask: A }>;
const of = <A extends Expectation["ask"]>(ask: A, all: readonly Expectation[]): readonly Asked<A>[] =>
  all.filter((each): each is Asked<A> => each.ask === ask);
const dhcpOf = (situation: Situation): DhcpExpectation & Pick<Expectation, "if"> => {
  const [found] = of("dhcp", planned(situation));
  if (found === undefined) throw new Error("DHCP is not asked");
  return found;
};

describe("socketsOf", () => {
  it("has those of one unit, in the order of the resources", () => {
    const dns = ["udp", "tcp"].map((kind): Held => {
      const on = { kind: kind as "udp" | "tcp", address: "192.168.1.1", port: 53 };
      return { want: "listen", unit: "netboot-names.service", on };
    });
    const { after } = register([entry("B", dns), dhcp]);
    expect(socketsOf(after, "netboot-names.service")).toEqual(["udp 192.168.1.1 53", "tcp 192.168.1.1 53"]);
    expect(socketsOf(after, "isc-dhcp-server.service")).toEqual(["packet eno2"]);
    expect(socketsOf(after, "else.service")).toEqual([]);
  });
});

describe("planExpectations", () => {
  it("asks for nothing of a host on which nothing is", () => {
    expect(planExpectations(expected({ after: [] }))).toEqual({ expectations: [], proves: undefined });
  });

  it("asks in this order: units, time, names, files, DHCP, the files of chains", () => {
    const time = entry("TimeServer/p/one/time", [{ want: "ntp", address: "192.168.1.1" }]);
    const asks = planned({ after: [...serving, nameServer, time], puts: [put(own, nodeOf("a"))] }).map(
      ({ ask }) => ask,
    );
    expect(asks.filter((ask, index) => ask !== asks[index - 1])).toEqual([
      "unit",
      "ntp",
      "dns",
      "tftp",
      "dhcp",
      "tftp",
    ]);
  });

  it("asks for units in the order of their names: those of the change always, others if they were restarted", () => {
    const other = entry("A", [{ want: "unit", name: "z.service", restartedBy: [] }]);
    const units = of("unit", planned({ after: [other, ...serving], puts: [put(dhcp.id)] }));
    expect(units).toEqual([
      { ask: "unit", id: dhcp.id, unit: "isc-dhcp-server.service", sockets: ["packet eno2"] },
      { ask: "unit", id: "A", unit: "z.service", sockets: [], if: ["unit:z.service"] },
    ]);
  });

  it("asks for the time of the change's own server always, of another's if it was restarted", () => {
    const time = entry("TimeServer/p/one/time", [
      { want: "unit", name: "chrony.service", restartedBy: [] },
      { want: "ntp", address: "192.168.1.1" },
    ]);
    const asked = { ask: "ntp", id: time.id, address: "192.168.1.1", unit: "chrony.service" };
    expect(of("ntp", planned({ after: [time], puts: [put(time.id)] }))).toEqual([asked]);
    expect(of("ntp", planned({ after: [time] }))).toEqual([{ ...asked, if: ["unit:chrony.service"] }]);
  });
});

describe("planExpectations, where something only goes", () => {
  it("asks, and undoes nothing by what it sees: what is wrong would be so with what comes back", () => {
    const unit = entry("DhcpServer/p/one/u", [{ want: "unit", name: "isc-dhcp-server.service", restartedBy: [] }]);
    const goes = of("unit", planned({ after: [unit], drops: [own] }));
    expect(goes.map(({ undoIf }) => undoIf)).toEqual([[]]);
    const comes = of("unit", planned({ after: [unit], drops: [own], puts: [put("OlaNode/p/one/b")] }));
    expect(comes.map(({ undoIf }) => undoIf)).toEqual([undefined]);
  });
});

describe("planExpectations, of names", () => {
  const named = (how: NamedMachine["how"], hostname: string, id = own): NamedMachine => ({
    how,
    id,
    hostname,
    address: "192.168.1.2",
  });
  const asked = (situation: Situation) =>
    of("dns", planned({ after: [nameServer], ...situation })).map(({ name, type, how, has, lacks }) =>
      [
        name,
        type,
        how,
        ...(has === undefined ? [] : [`has ${has}`]),
        ...(lacks === undefined ? [] : [`lacks ${lacks}`]),
      ].join(" "),
    );
  const none = ["netboot.invalid 1 udp", "netboot.invalid 1 tcp"];
  const forwardAndBack = (name: string) => [
    `${name} 1 udp has 192.168.1.2`,
    `2.1.168.192.in-addr.arpa 12 udp has ${name}`,
  ];

  it("asks for those that come forward and back, with the domain, unless they have one", () => {
    expect(asked({ names: [named("comes", "a"), named("comes", "b.other"), named("stays", "c")] })).toEqual([
      ...none,
      ...forwardAndBack("a.example.org"),
      ...forwardAndBack("b.other"),
    ]);
  });

  it("asks for those that stay where none comes, or where the server itself is put", () => {
    const both = [named("comes", "a"), named("stays", "c")];
    expect(asked({ names: [named("stays", "c")] })).toEqual([...none, ...forwardAndBack("c.example.org")]);
    expect(asked({ names: both, puts: [put(nameServer.id)] })).toEqual([
      ...none,
      "nas.example.org 1 udp has 192.168.1.9",
      ...forwardAndBack("c.example.org"),
    ]);
  });

  it("asks that those are gone that go, unless a record names them", () => {
    expect(asked({ names: [named("goes", "a"), named("goes", "nas")] })).toEqual([
      ...none,
      "a.example.org 1 udp lacks 192.168.1.2",
    ]);
  });

  it("asks for 32 of each at most", () => {
    const many = [...Array(40).keys()].flatMap((at) => [named("comes", `c${at}`), named("goes", `g${at}`)]);
    expect(asked({ names: many })).toHaveLength(none.length + 2 * 32 + 32);
  });

  it("tells of machines on their own rows, and of the rest on the server's; only if it reads anything anew", () => {
    const all = of("dns", planned({ after: [nameServer], names: [named("comes", "a", "X"), named("goes", "b", "Y")] }));
    expect(all.map(({ id }) => id)).toEqual([nameServer.id, nameServer.id, "X", "X", nameServer.id]);
    for (const each of all) expect(each.if).toEqual(["/etc/netboot-names/hosts", "unit:netboot-names.service"]);
    for (const each of of("dns", planned({ after: [nameServer], puts: [put(nameServer.id)] })))
      expect(each.if).toBeUndefined();
  });

  it("asks nobody where names are in /etc/hosts", () => {
    const hosts = entry("NameServer/p/one/names", [{ want: "names", mode: "hosts", records: "" }]);
    expect(asked({ after: [hosts], names: [named("comes", "a")] })).toEqual([]);
  });
});

describe("planExpectations, of files", () => {
  const asked = (situation: Situation) => of("tftp", planned(situation)).filter(({ chain }) => chain === undefined);

  it("asks for each below the folder, if it changed, as it is on the disk", () => {
    const elsewhere = entry("BootFile/p/one/z", [
      { want: "file", path: "/srv/tftpboot/z", mode: "0644", sha256: "aa" },
    ]);
    expect(asked({ after: [tftp, file("ipxe.efi"), elsewhere] })).toEqual([
      {
        ask: "tftp",
        id: "BootFile/p/one/ipxe.efi",
        if: ["/srv/tftp/ipxe.efi"],
        address: "192.168.1.1",
        name: "ipxe.efi",
        path: "/srv/tftp/ipxe.efi",
        sha256: "sum of ipxe.efi",
      },
    ]);
  });

  it("asks for none of a server that does not run, unless the change starts it", () => {
    expect(asked({ tftpSilent: stopped })).toEqual([]);
    expect(asked({ after: [file("ipxe.efi")] })).toEqual([]);
  });
});

/** Why the TFTP server gives no answer. */
const stopped = "tftpd-hpa.service does not run; `pulumi up --refresh` starts it";

describe("whyFilesAreNotProved", () => {
  it("warns where the TFTP server does not run, and is not in the change", () => {
    expect(whyFilesAreNotProved(expected({ tftpSilent: stopped }))).toBe(`not proved: ${stopped}`);
    expect(whyFilesAreNotProved(expected({}))).toBeUndefined();
    expect(whyFilesAreNotProved(expected({ tftpSilent: stopped, after: [dhcp] }))).toBeUndefined();
  });
});

describe("planExpectations, of boots", () => {
  const other = entry("OlaNode/p/two/m", [], [machine("m", { macs: ["52:54:00:00:00:02"] })]);
  const after = [...serving, other];
  const chain = "x64 ipxe.efi";

  it("asks for the machines of the change without a condition, whatever was touched", () => {
    const [, , mine] = planned({ puts: [put(own, nodeOf("a"))], after: serving }).map((each) => each.if);
    const { if: concerned, ...dhcpAsked } = dhcpOf({ puts: [put(own, nodeOf("a"))] });
    expect(concerned).toBeUndefined();
    expect(mine).toEqual(["/srv/tftp/refind.pxe"]);
    expect(dhcpAsked).toMatchObject({
      id: dhcp.id,
      interface: "eno2",
      next: "192.168.1.1",
      script: "refind.pxe",
      puts: [own],
      stands: [],
      every: false,
    });
    expect(planExpectations(expected({ puts: [put(own, nodeOf("a"))] })).proves).toEqual({ chains: [chain] });
  });

  it("asks for others only if something of a boot was touched, where nothing of the change is asked for", () => {
    const touches = ["unit:*", "firewall", "/etc/dhcp/dhcpd.conf", "/etc/dhcp/netboot/hosts.conf", "/srv/tftp/*"];
    const { expectations, proves } = planExpectations(expected({ puts: [put(dhcp.id)], after }));
    expect(of("dhcp", expectations)).toMatchObject([{ puts: [], if: touches, stands: [{ id: other.id }] }]);
    const ofChain = of("tftp", expectations).filter((each) => each.chain !== undefined);
    expect(ofChain).toHaveLength(2);
    for (const each of ofChain) expect(each.if).toEqual(touches);
    expect(proves).toEqual({ chains: [chain], if: touches });
    const silent = planExpectations(expected({ puts: [put(own, nodeOf("a", { proof: false }))], after }));
    expect(of("dhcp", silent.expectations)).toMatchObject([{ puts: [], if: touches }]);
  });

  it("asks for nobody where the change only drops, or there is no server", () => {
    expect(planExpectations(expected({ drops: [file("ipxe.efi").id], after }))).toMatchObject({ proves: undefined });
    expect(of("dhcp", planned({ drops: [file("ipxe.efi").id], after }))).toEqual([]);
    expect(of("dhcp", planned({ puts: [put(own, nodeOf("a"))], after: [tftp] }))).toEqual([]);
  });

  it("undoes what a change did to a machine that stands for its chain only where the chain was good", () => {
    const good = dhcpOf({ puts: [put(dhcp.id)], after, proved: [chain] });
    const served = ["unit:isc-dhcp-server.service", "/etc/dhcp/dhcpd.conf", "/etc/dhcp/netboot/hosts.conf"];
    expect(good.stands.map(({ undoIf }) => undoIf)).toEqual([served]);
    const bad = dhcpOf({ puts: [put(dhcp.id)], after, proved: ["x64 snponly.efi"] });
    expect(bad.stands.map(({ undoIf }) => undoIf)).toEqual([[]]);
  });

  it("undoes the moving of machines from a loader that was good to one that is not", () => {
    const before = [
      entry(dhcp.id, [serve({ loaders: { x64: "snponly.efi", script: "refind.pxe" } })]),
      ...after.slice(1),
    ];
    const [stand] = dhcpOf({ puts: [put(dhcp.id)], before, after, proved: ["x64 snponly.efi"] }).stands;
    expect(stand?.undoIf).toEqual(["/etc/dhcp/dhcpd.conf"]);
    const [other] = dhcpOf({ puts: [put(dhcp.id)], before, after, proved: [] }).stands;
    expect(other?.undoIf).toEqual([]);
  });

  it("undoes the change of a file of a chain that stands, where it was good; of its own always", () => {
    const files = (situation: Situation) =>
      of("tftp", planned({ after, script: "#!ipxe\nchain menu.efi\n", ...situation })).filter(
        (each) => each.chain === chain,
      );
    expect(files({ puts: [put(dhcp.id)], proved: [chain] })).toMatchObject([
      { name: "ipxe.efi", undoIf: ["/srv/tftp/ipxe.efi"], stands: true, sha256: "sum of ipxe.efi" },
      { name: "refind.pxe", undoIf: ["/srv/tftp/refind.pxe"], stands: true },
      { name: "menu.efi", undoIf: ["/srv/tftp/menu.efi", "/srv/tftp/refind.pxe"], script: "refind.pxe", stands: true },
    ]);
    expect(files({ puts: [put(dhcp.id)], proved: [] }).map(({ undoIf }) => undoIf)).toEqual([[], [], []]);
    const mine = files({ puts: [put(own, nodeOf("a"))], proved: [] });
    expect(mine.map(({ id }) => id)).toEqual([own, own, own]);
    for (const each of mine) expect(each).not.toHaveProperty("undoIf");
    expect(mine[2]).not.toHaveProperty("sha256");
  });

  it("asks for the files of each chain once", () => {
    const puts = [
      put(own, nodeOf("a")),
      put("OlaNode/p/one/b", nodeOf("b")),
      put("OlaNode/p/one/c", nodeOf("c", { loader: "snponly.efi" })),
    ];
    const all = of("tftp", planned({ puts })).flatMap((each) =>
      each.chain === undefined ? [] : [`${each.chain}: ${each.name}`],
    );
    expect(all).toEqual([
      "x64 ipxe.efi: ipxe.efi",
      "x64 ipxe.efi: refind.pxe",
      "x64 snponly.efi: snponly.efi",
      "x64 snponly.efi: refind.pxe",
    ]);
  });

  it("asks for no file where the boot server is elsewhere", () => {
    const away = entry(dhcp.id, [serve({ bootServer: "192.168.1.9" })]);
    const after = [away, ...serving.slice(1)];
    const all = planned({ puts: [put(own, nodeOf("a"))], after, bootServerIsHere: false });
    expect(of("tftp", all).filter((each) => each.chain !== undefined)).toEqual([]);
    expect(of("dhcp", all)).toMatchObject([{ next: "192.168.1.9" }]);
  });

  it("asks a TFTP server on this host that is not ours for what DHCP names, whatever that holds", () => {
    const all = planned({ puts: [put(own, nodeOf("a"))], after: [dhcp], script: "#!ipxe\nchain menu.efi\n" });
    expect(of("tftp", all)).toEqual(
      ["ipxe.efi", "refind.pxe"].map((name) => ({
        ask: "tftp",
        id: own,
        address: "192.168.1.1",
        name,
        chain: "x64 ipxe.efi",
      })),
    );
  });

  it("undoes a move of the boot server by which a chain that was good gets no files", () => {
    const there = entry("OlaNode/p/two/b", [], [machine("b")]);
    const from = entry(dhcp.id, [serve({ bootServer: "192.168.1.9" }), dhcpUnit]);
    const situation = { puts: [put(dhcp.id)], after: [dhcp, there], proved: ["x64 ipxe.efi"] };
    const undoIf = (before: readonly RegisterEntry[]) => of("tftp", planned({ ...situation, before }))[0]?.undoIf;
    expect(undoIf([from, there])).toEqual(["/etc/dhcp/dhcpd.conf"]);
    expect(undoIf([dhcp, there])).toEqual([]);
  });

  it("expects that a machine which nobody declared gets nothing, and that no other server answers, unless it is said", () => {
    const puts = [put(own, nodeOf("a"))];
    expect(dhcpOf({ puts })).toMatchObject({ stranger: true, othersAllowed: false });
    const open = entry(dhcp.id, [serve({ unknownMachines: "serve" }), { want: "otherServers" }]);
    expect(dhcpOf({ puts, after: [open, ...serving.slice(1)] })).toMatchObject({
      stranger: false,
      othersAllowed: true,
    });
  });

  it("takes other node 0s for known that the program names, each sending machines to itself, or all to one place", () => {
    const nic: Held = {
      want: "interface",
      interface: "name:eno2",
      address: "192.168.1.1",
      prefixLength: 28,
      allowDefaultRoute: false,
    };
    const peers = (more: Parameters<typeof serve>[0]) => {
      const two = entry(dhcp.id, [nic, serve(more), { want: "peers", addresses: ["192.168.1.14"] }]);
      return dhcpOf({ puts: [put(own, nodeOf("a"))], after: [two, ...serving.slice(1)] }).peers;
    };
    expect(peers({})).toEqual([{ address: "192.168.1.14", next: "192.168.1.14" }]);
    // One that is named no more answers until the end of the run that takes it out.
    const named = entry(dhcp.id, [nic, serve({}), { want: "peers", addresses: ["192.168.1.14"] }]);
    const gone = { puts: [put(own, nodeOf("a"))], before: [named, ...serving.slice(1)] };
    const alone = entry(dhcp.id, [nic, serve({})]);
    expect(dhcpOf({ ...gone, after: [alone, ...serving.slice(1)] }).peers).toEqual([
      { address: "192.168.1.14", next: "192.168.1.14" },
    ]);
    expect(peers({ bootServer: "192.168.1.9" })).toEqual([{ address: "192.168.1.14", next: "192.168.1.9" }]);
    expect(dhcpOf({ puts: [put(own, nodeOf("a"))] })).not.toHaveProperty("peers");
  });

  it("asks which of two answers where one stands by, of the other one that is named now", () => {
    const standby: readonly Held[] = [{ want: "daemon", daemon: "kea" }, { want: "hotStandby" }];
    const named = (address: string, more: readonly Held[] = standby) =>
      entry(dhcp.id, [serve({}), { want: "peers", addresses: [address] }, ...more]);
    const puts = [put(own, nodeOf("a"))];
    const after = [named("192.168.1.14"), ...serving.slice(1)];
    expect(dhcpOf({ puts, before: [named("192.168.1.9"), ...serving.slice(1)], after }).partner).toEqual({
      address: "192.168.1.14",
      port: 8001,
      controlSocket: "/run/kea/kea4-ctrl-socket",
    });
    expect(dhcpOf({ puts, after: [named("192.168.1.14", []), ...serving.slice(1)] })).not.toHaveProperty("partner");
  });
});

describe("planProof", () => {
  const fleet = entry("OlaFleet/p/one/f", [], [machine("a"), machine("b", { loader: "snponly.efi", proof: false })]);
  const proof = (ids: readonly string[], after = [...serving, fleet], tftpSilent?: string) =>
    planProof(register(after), ids, {
      script: "#!ipxe\nchain menu.efi\n",
      bootServerIsHere: true,
      tftpSilent,
      has: () => true,
    });

  it("asks for all machines of the resources and all files that they meet, and undoes nothing", () => {
    const all = proof([fleet.id]);
    expect(of("dhcp", all)).toMatchObject([{ puts: [fleet.id], every: true, stands: [], stranger: true, undoIf: [] }]);
    expect(of("tftp", all).map(({ name }) => name)).toEqual([
      "ipxe.efi",
      "refind.pxe",
      "menu.efi",
      "snponly.efi",
      "refind.pxe",
      "menu.efi",
    ]);
    expect(all.map(({ undoIf }) => undoIf)).toEqual(all.map(() => []));
    expect(all.map((each) => each.if)).toEqual(all.map(() => undefined));
  });

  it("knows of a TFTP server that does not run why it gives no answer", () => {
    const silent = of("tftp", proof([fleet.id], [...serving, fleet], stopped)).map((each) => each.silent);
    expect(new Set(silent)).toEqual(new Set([stopped]));
    expect(of("tftp", proof([fleet.id])).map((each) => each.silent)).toEqual(Array(6).fill(undefined));
  });

  it("asks for nothing without machines or without a server", () => {
    expect(proof([dhcp.id, "OlaNode/p/one/gone"])).toEqual([]);
    expect(proof([fleet.id], [tftp, fleet])).toEqual([]);
  });
});

describe("knownOfMany", () => {
  it("has the machines of fleets only", () => {
    const puts = putMachines(changeOf([put(own, nodeOf("a")), put("F", nodeOf("b"), nodeOf("c")), put("X")]));
    expect([...puts.keys()]).toEqual([own, "F", "X"]);
    expect([...knownOfMany(puts)]).toEqual(["b", "c"]);
  });
});

describe("askedAs", () => {
  it.each([
    ["x64", 7],
    ["ia32", 6],
  ])("asks as firmware of %s by option 93: %i", (firmware, number) => {
    expect(askedAs(firmware)).toBe(number);
  });
});
