import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseExtraHosts } from "../../../../provider/formats/isc/extraConfig";
import { checkNodes, nodeChecker, type PlacedNode } from "../../../../provider/values/fleet";
import { addressText } from "../../../../provider/values/ipv4";
import { parseNetwork } from "../../../../provider/values/network";
import { parseNode } from "../../../../provider/values/node";
import { unknownText } from "../../../../provider/values/unknown";
import { right } from "./sentences";

const network = right(
  parseNetwork({
    interface: "eno2",
    cidr: "10.20.0.0/24",
    address: "10.20.0.1",
    router: "10.20.0.254",
    pool: { from: "10.20.0.200", to: "10.20.0.201" },
  }),
);
const { pool: _, ...withoutPool } = network;

function node(name: string, args: object): PlacedNode {
  return { row: right(parseNode(name, args)), place: `OlaNode "${name}"` };
}

const mac = (number: number): string =>
  `52:54:00:${[16, 8, 0].map((bits) => ((number >> bits) & 255).toString(16).padStart(2, "0")).join(":")}`;

function check(nodes: readonly PlacedNode[], on = network, hasIa32 = false): readonly string[] {
  return checkNodes(on, "refuse", hasIa32, nodes).map(({ place, path, message }) => `${place} ${path}: ${message}`);
}

describe("checkNodes", () => {
  it("finds nothing wrong with a fleet that is right", () => {
    const nodes = [
      node("db-1", { macs: [mac(1), mac(2)], address: "10.20.0.11" }),
      node("db-2", { macs: [mac(3)], address: "10.20.0.12", loader: "snponly.efi" }),
      node("web-1", { macs: [mac(4)] }),
      node("web-2", { macs: [mac(5)] }),
      node("old-1", { macs: [mac(6)], address: "10.20.0.13", firmware: "ia32" }),
    ];
    expect(check(nodes, network, true)).toEqual([]);
  });

  it.each<[string, object, string]>([
    [
      "a MAC of another",
      { macs: [mac(9), mac(2)], address: "10.20.0.12" },
      'macs[1]: "52:54:00:00:00:02" is already used by OlaNode "db-1" (macs[1]); each NIC belongs to one machine',
    ],
    [
      "an address of another",
      { macs: [mac(3)], address: "10.20.0.11" },
      'address: 10.20.0.11 is already the address of OlaNode "db-1"; take another, as in 10.20.0.2',
    ],
    [
      "a name of another",
      { macs: [mac(3)], address: "10.20.0.12", hostname: "DB-1" },
      'hostname: "db-1" is already the name of OlaNode "db-1"; give one of them another hostname',
    ],
    [
      "an address outside the subnet",
      { macs: [mac(3)], address: "10.0.20.12" },
      "address: 10.0.20.12 is outside the subnet 10.20.0.0/24; did you mean 10.20.0.12?",
    ],
    [
      "an address in the pool",
      { macs: [mac(3)], address: "10.20.0.200" },
      "address: 10.20.0.200 lies in the pool 10.20.0.200 to 10.20.0.201, whose addresses go to other machines; take one outside it, as in 10.20.0.2",
    ],
    [
      "node 0's address",
      { macs: [mac(3)], address: "10.20.0.1" },
      "address: 10.20.0.1 is node 0's own address; take another, as in 10.20.0.2",
    ],
    [
      "the router's address",
      { macs: [mac(3)], address: "10.20.0.254" },
      "address: 10.20.0.254 is the router's address; take another, as in 10.20.0.2",
    ],
    [
      "the network's address",
      { macs: [mac(3)], address: "10.20.0.0" },
      "address: 10.20.0.0 is the address of the network 10.20.0.0/24 itself; hosts have 10.20.0.1 to 10.20.0.254",
    ],
    [
      "the broadcast's address",
      { macs: [mac(3)], address: "10.20.0.255" },
      "address: 10.20.0.255 is the broadcast address of 10.20.0.0/24; hosts have 10.20.0.1 to 10.20.0.254",
    ],
    [
      "32-bit firmware without an iPXE for it",
      { macs: [mac(3)], address: "10.20.0.12", firmware: "ia32" },
      'firmware: "ia32" needs an iPXE for 32-bit UEFI, which no package holds; give ipxe32: { file: "./ipxe32.efi" } to the boot artifacts, or write "x64"',
    ],
  ])("refuses %s", (_name, args, sentence) => {
    const first = node("db-1", { macs: [mac(1), mac(2)], address: "10.20.0.11" });
    expect(check([first, node("db-2", args)])).toEqual([`OlaNode "db-2" ${sentence}`]);
  });

  it("refuses a machine without address where there is no pool", () => {
    expect(check([node("web-1", { macs: [mac(1)] })], withoutPool)).toEqual([
      'OlaNode "web-1" address: is required, because the network has no pool; write one of 10.20.0.0/24, or give the network a pool, as in { from: "10.20.0.128", to: "10.20.0.254" }',
    ]);
  });

  it("refuses more machines without address than the pool has room for, once, at the first that has none", () => {
    const nodes = [1, 2, 3, 4].map((number) => node(`web-${number}`, { macs: [mac(number)] }));
    expect(check(nodes)).toEqual([
      'OlaNode "web-3" address: the pool 10.20.0.200 to 10.20.0.201 has room for 2, and machines without an address of their own get one for each NIC, 4 in all; write an address here, or make the pool larger',
    ]);
    expect(checkNodes(network, "serve", false, nodes)[0]?.message).toContain(
      "machines that nobody declared take addresses from it too",
    );
    expect(check([node("web-1", { macs: [mac(1), mac(2), mac(3)] })])).toEqual([
      expect.stringContaining(
        "has room for 2, and machines without an address of their own get one for each NIC, 3 in all",
      ),
    ]);
    const half = { ...network, sharedPool: { from: "10.20.0.200", to: "10.20.0.203" } };
    expect(check(nodes, half)).toEqual([
      'OlaNode "web-3" address: each of two node 0s lends one half of the pool 10.20.0.200 to 10.20.0.203; that of this one, 10.20.0.200 to 10.20.0.201, has room for 2, and machines without an address of their own get one for each NIC, 4 in all; write an address here, or make the pool larger',
    ]);
  });

  it("names every mistake of every machine", () => {
    const nodes = [
      node("db-1", { macs: [mac(1)], address: "10.20.0.1", firmware: "ia32" }),
      node("db-2", { macs: [mac(1)], address: "10.20.1.9" }),
    ];
    expect(checkNodes(network, "refuse", false, nodes).map(({ place, path }) => `${place} ${path}`)).toEqual([
      'OlaNode "db-1" address',
      'OlaNode "db-1" firmware',
      'OlaNode "db-2" macs[0]',
      'OlaNode "db-2" address',
    ]);
  });

  it("finds the same mistakes in whatever order the machines are declared", () => {
    const nodes = [
      node("a", { macs: [mac(1)], address: "10.20.0.11" }),
      node("b", { macs: [mac(1)], address: "10.20.0.11" }),
      node("c", { macs: [mac(2)], address: "10.20.9.11" }),
      node("d", { macs: [mac(3)] }),
    ];
    const paths = (list: readonly PlacedNode[]) =>
      checkNodes(network, "refuse", false, list)
        .map(({ path }) => path)
        .sort();
    fc.assert(
      fc.property(fc.shuffledSubarray(nodes, { minLength: nodes.length }), (shuffled) => {
        expect(paths(shuffled)).toEqual(paths(nodes));
      }),
    );
  });

  it.each<[string, (number: number) => string, number]>([
    ["finds nothing among ten thousand right machines", (number) => addressText(10 * 2 ** 24 + 100 + number), 0],
    ["names each of ten thousand that want one address, but the first", () => "10.0.0.100", 9_999],
  ])("%s", (_name, address, expected) => {
    const large = right(parseNetwork({ interface: "eno2", cidr: "10.0.0.0/16", address: "10.0.0.1" }));
    const nodes = Array.from({ length: 10_000 }, (_value, number) => ({
      place: `OlaNode "n${number}"`,
      row: {
        name: `n${number}`,
        hostname: `n${number}`,
        macs: [mac(2 * number), mac(2 * number + 1)],
        address: address(number),
        firmware: "x64" as const,
      },
    }));
    expect(checkNodes(large, "refuse", false, nodes)).toHaveLength(expected);
  });
});

describe("nodeChecker", () => {
  it("refuses a machine that is a host of extraConfig already, by its MAC or its address", () => {
    const extra = parseExtraHosts(`
      host printer { hardware ethernet ${mac(1)}; fixed-address 10.20.0.11; } # host no { hardware ethernet ${mac(2)}; }
      option domain-name "; hardware ethernet ${mac(3)}; fixed-address 10.20.0.13;";`);
    const problems = nodeChecker(network, "refuse", false, { extra })([
      node("db-1", { macs: [mac(2), mac(1)], address: "10.20.0.12" }),
      node("db-2", { macs: [mac(3)], address: "10.20.0.11" }),
      node("db-3", { macs: [mac(4)], address: "10.20.0.13" }),
    ]);
    expect(problems.map(({ place, path, message }) => `${place} ${path}: ${message}`)).toEqual([
      `OlaNode "db-1" macs[1]: "${mac(1)}" is already used by a host of the DHCP server's extraConfig; each NIC belongs to one machine`,
      'OlaNode "db-2" address: 10.20.0.11 is already the address of a host of the DHCP server\'s extraConfig; take another, as in 10.20.0.2',
    ]);
  });

  it("refuses a machine whose name a record has with another address, in whatever spelling", () => {
    const records = [
      { name: "filer", addresses: ["10.20.0.14"] },
      { name: "DB-1", addresses: ["10.20.0.11", "10.20.0.21"] },
      { name: "db-2.rack.example", addresses: ["10.20.0.22"] },
    ];
    const problems = nodeChecker({ ...network, domain: "rack.example" }, "refuse", false, { records })([
      node("db-1", { macs: [mac(1)], address: "10.20.0.11" }),
      node("db-2", { macs: [mac(2)], address: "10.20.0.12" }),
      node("filer", { macs: [mac(3)], address: "10.20.0.14" }),
      node("other", { macs: [mac(4)], address: "10.20.0.15" }),
    ]);
    expect(problems.map(({ place, path, message }) => `${place} ${path}: ${message}`)).toEqual([
      'OlaNode "db-1" hostname: "db-1" stands in the name server\'s records, with 10.20.0.21; give the machine another hostname, or take the record out',
      'OlaNode "db-2" hostname: "db-2.rack.example" stands in the name server\'s records, with 10.20.0.22; give the machine another hostname, or take the record out',
    ]);
  });

  it("does not take two values that only the up will know for one", () => {
    const later = { macs: [unknownText], address: unknownText, hostname: unknownText };
    expect(checkNodes(network, "refuse", false, [node("db-1", later), node("db-2", later)])).toEqual([]);
  });

  it("tells of an option that dhcpd does not know, and nobody declares", () => {
    const extra = parseExtraHosts("option acme-key code 225 = text;\noption space acme;");
    const options = {
      "root-path": "/srv",
      "acme-key": "x",
      "acme.any": 1,
      "unknown-230": "x",
      "rot-path": "/",
      frob: 3,
    };
    const problems = nodeChecker(network, "refuse", false, { extra })([
      node("db-1", { macs: [mac(1)], address: "10.20.0.11", options }),
    ]);
    expect(problems.map(({ path, message }) => `${path}: ${message}`)).toEqual([
      'options["rot-path"]: dhcpd knows no option "rot-path"; did you mean root-path? If not, declare it in the DHCP server\'s extraConfig, as in "option rot-path code 225 = text;"',
      'options["frob"]: dhcpd knows no option "frob"; declare it in the DHCP server\'s extraConfig, as in "option frob code 225 = text;"',
    ]);
  });
});
