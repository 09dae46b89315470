import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressNumber, addressText } from "../../../../provider/values/ipv4";
import { halfOf, interfaceWord, parseNetwork } from "../../../../provider/values/network";
import { right, sentences } from "./sentences";

const guide = { interface: "eno2", cidr: "192.168.1.0/28", address: "192.168.1.1" };

describe("halfOf", () => {
  it("gives two node 0s no address of a pool in common, and all of them", () => {
    fc.assert(
      fc.property(fc.nat(0xff_ff_ff), fc.nat(300), (first, more) => {
        const numbers = (isFirst: boolean) => {
          const half = halfOf({ from: addressText(first), to: addressText(first + more) }, isFirst);
          const [from = 0, to = -1] =
            half === undefined ? [] : [half.from, half.to].map((each) => addressNumber(each) ?? 0);
          return Array.from({ length: to - from + 1 }, (_, n) => from + n);
        };
        expect([...numbers(true), ...numbers(false)]).toEqual(Array.from({ length: more + 1 }, (_, n) => first + n));
        expect(Math.abs(numbers(true).length - numbers(false).length)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("leaves what is no pool as it is, for whoever says so", () => {
    for (const pool of [undefined, { from: "x", to: "192.168.1.5" }, { from: "192.168.1.5", to: "192.168.1.4" }]) {
      expect(halfOf(pool, true)).toEqual(pool);
      expect(halfOf(pool, false)).toEqual(pool);
    }
  });
});

describe("parseNetwork", () => {
  it("works out what follows from the guide's network", () => {
    const pool = { from: "192.168.1.2", to: "192.168.1.5" };
    expect(parseNetwork({ ...guide, router: "192.168.1.1", pool }).value).toEqual({
      interface: { name: "eno2" },
      cidr: "192.168.1.0/28",
      subnet: "192.168.1.0",
      netmask: "255.255.255.240",
      prefixLength: 28,
      broadcast: "192.168.1.15",
      address: "192.168.1.1",
      router: "192.168.1.1",
      dnsServers: [],
      ntpServers: [],
      leaseSeconds: 7200,
      pool,
    });
  });

  it("takes the interface by its hardware address in any spelling", () => {
    const { interface: nic } = right(parseNetwork({ ...guide, interface: { mac: "52-54-00-12-34-56" } }));
    expect(nic).toEqual({ mac: "52:54:00:12:34:56" });
    expect(interfaceWord(nic)).toBe("@interface@");
  });

  it.each(["eno2", "bond0", "bond0.100", "enp3s0f1np1", "br-lan", "ens3_priv"])("takes the interface %s", (name) => {
    expect(parseNetwork({ ...guide, interface: name }).problems).toEqual([]);
  });

  it.each<[string, object, string]>([
    [
      "an interface name with a slash",
      { interface: "eth0/1" },
      'interface: "eth0/1" is no interface name; write the private NIC\'s name, as in "eno2", or { mac: "52:54:00:12:34:56" }',
    ],
    [
      "an interface name with a space",
      { interface: "eno2 eno1" },
      'interface: "eno2 eno1" is no interface name; write the private NIC\'s name, as in "eno2", or { mac: "52:54:00:12:34:56" }',
    ],
    [
      "a long interface name",
      { interface: "enp3s0f1np1private" },
      'interface: "enp3s0f1np1private" is no interface name: it has 18 characters, and Linux allows 15; write the private NIC\'s name, as in "eno2", or { mac: "52:54:00:12:34:56" }',
    ],
    [
      "a label of an address",
      { interface: "eth0:1" },
      'interface: "eth0:1" is a label of an address, not an interface; write the private NIC\'s name, as in "eno2", or { mac: "52:54:00:12:34:56" }',
    ],
    [
      "an option as an interface",
      { interface: "-f" },
      'interface: "-f" is no interface name; write the private NIC\'s name, as in "eno2", or { mac: "52:54:00:12:34:56" }',
    ],
    [
      "what systemd would expand",
      { interface: "e%i" },
      'interface: "e%i" is no interface name; write the private NIC\'s name, as in "eno2", or { mac: "52:54:00:12:34:56" }',
    ],
    [
      "the loopback",
      { interface: "lo" },
      'interface: "lo" is node 0\'s loopback, and no machine is on it; write the private NIC\'s name, as in "eno2", or { mac: "52:54:00:12:34:56" }',
    ],
    [
      "no interface",
      { interface: undefined },
      'interface: is required; write the private NIC\'s name, as in "eno2", or { mac: "52:54:00:12:34:56" }',
    ],
    [
      "a wrong interface object",
      { interface: {} },
      'interface: {} is no interface; write the private NIC\'s name, as in "eno2", or { mac: "52:54:00:12:34:56" }',
    ],
    [
      "a wrong hardware address",
      { interface: { mac: "01:00:5e:00:00:01" } },
      'interface.mac: "01:00:5e:00:00:01" is a multicast address, its first octet is odd; write one machine\'s, such as "00:00:5e:00:00:01"',
    ],
    [
      "a cidr that is no network",
      { cidr: "192.168.1.5/28" },
      'cidr: "192.168.1.5/28" is no network, its host bits are not zero; did you mean "192.168.1.0/28"?',
    ],
    [
      "a cidr without a length",
      { cidr: "192.168.1.0" },
      'cidr: "192.168.1.0" is no network; write the network and its prefix length, as in "192.168.1.0/28"',
    ],
    [
      "a cidr with a mask",
      { cidr: "192.168.1.0/255.255.255.240" },
      'cidr: "192.168.1.0/255.255.255.240" is no network; write the network and its prefix length, as in "192.168.1.0/28"',
    ],
    [
      "a length beyond 32",
      { cidr: "192.168.1.0/33" },
      'cidr: "192.168.1.0/33" is no network; write the network and its prefix length, as in "192.168.1.0/28"',
    ],
    [
      "a network of two",
      { cidr: "192.168.1.0/31" },
      'cidr: "192.168.1.0/31" has no room for node 0 and a machine; the smallest network is a /30, as in "192.168.1.0/30"',
    ],
    [
      "multicast",
      { cidr: "224.0.0.0/8" },
      'cidr: "224.0.0.0/8" is no network that machines can have; write the network and its prefix length, as in "192.168.1.0/28"',
    ],
    [
      "an IPv6 network",
      { cidr: "fd00::/64" },
      'cidr: "fd00::/64" is no network; write the network and its prefix length, as in "192.168.1.0/28"',
    ],
    [
      "an address outside",
      { address: "10.20.0.3" },
      "address: 10.20.0.3 is outside the subnet 192.168.1.0/28; did you mean 192.168.1.3?",
    ],
    [
      "the network's address",
      { address: "192.168.1.0" },
      "address: 192.168.1.0 is the address of the network 192.168.1.0/28 itself; hosts have 192.168.1.1 to 192.168.1.14",
    ],
    [
      "the broadcast's address",
      { address: "192.168.1.15" },
      "address: 192.168.1.15 is the broadcast address of 192.168.1.0/28; hosts have 192.168.1.1 to 192.168.1.14",
    ],
    [
      "an address with a length",
      { address: "192.168.1.1/28" },
      'address: "192.168.1.1/28" is a network, and one address belongs here; write "192.168.1.1"',
    ],
    [
      "an octal address",
      { address: "192.168.1.01" },
      'address: "192.168.1.01" is no IPv4 address; write four numbers with dots, as in "192.168.1.1"',
    ],
    [
      "a router outside",
      { router: "192.168.2.1" },
      "router: 192.168.2.1 is outside the subnet 192.168.1.0/28; did you mean 192.168.1.1?",
    ],
    [
      "a pool that runs backwards",
      { pool: { from: "192.168.1.9", to: "192.168.1.5" } },
      'pool: 192.168.1.9 to 192.168.1.5 runs backwards; write { from: "192.168.1.5", to: "192.168.1.9" }',
    ],
    [
      "a pool with node 0 in it",
      { pool: { from: "192.168.1.1", to: "192.168.1.5" } },
      'pool: 192.168.1.1 to 192.168.1.5 holds node 0\'s own address, 192.168.1.1; write { from: "192.168.1.2", to: "192.168.1.5" }',
    ],
    [
      "a pool with the router in it",
      { router: "192.168.1.14", pool: { from: "192.168.1.2", to: "192.168.1.14" } },
      'pool: 192.168.1.2 to 192.168.1.14 holds the router\'s address, 192.168.1.14; write { from: "192.168.1.2", to: "192.168.1.13" }',
    ],
    [
      "a pool that ends in no host of the network, for which the last one is in range and not one before its start",
      { pool: { from: "192.168.1.10", to: "192.168.1.20" } },
      "pool.to: 192.168.1.20 is outside the subnet 192.168.1.0/28; did you mean 192.168.1.14?",
    ],
    [
      "a pool that leaves the network",
      { pool: { from: "192.168.1.8", to: "192.168.1.15" } },
      "pool.to: 192.168.1.15 is the broadcast address of 192.168.1.0/28; hosts have 192.168.1.1 to 192.168.1.14",
    ],
    [
      "half a pool",
      { pool: { from: "192.168.1.8" } },
      'pool.to: is required; write four numbers with dots, as in "192.168.1.1"',
    ],
    [
      "a pool as a text",
      { pool: "192.168.1.2-5" },
      'pool: "192.168.1.2-5" is no object; write it as { from: "192.168.1.2", to: "192.168.1.5" }',
    ],
    [
      "a name for a DNS server",
      { dnsServers: ["dns.example.net"] },
      'dnsServers[0]: "dns.example.net" is no IPv4 address; write four numbers with dots, as in "192.168.1.1"',
    ],
    [
      "a list that is none",
      { ntpServers: "192.168.1.1" },
      'ntpServers: "192.168.1.1" is no list; write it as ["192.168.1.1"]',
    ],
    [
      "a DNS server in the pool",
      { dnsServers: ["192.168.1.3"], pool: { from: "192.168.1.2", to: "192.168.1.5" } },
      "dnsServers[0]: 192.168.1.3 lies in the pool 192.168.1.2 to 192.168.1.5, so a machine could be given it; take it out of the pool",
    ],
    [
      "a domain that is none",
      { domain: "my domain" },
      'domain: "my domain" is no host name; use letters, digits and hyphens, as in "my-domain"',
    ],
    ["a lease of a second", { leaseSeconds: 1 }, "leaseSeconds: 1 is too small; the least is 60"],
    ["half a second", { leaseSeconds: 7200.5 }, "leaseSeconds: 7200.5 is no whole number"],
    ["a number in quotes", { mtu: "1500" }, 'mtu: "1500" is a text; write 1500 without quotes'],
    ["a jumbo of jumbos", { mtu: 65536 }, "mtu: 65536 is too large; the most is 9216"],
    ["a property that is none", { pol: {} }, "pol: there is no such property; did you mean pool?"],
    ["null", { router: null }, 'router: null is no text; write four numbers with dots, as in "192.168.1.1"'],
  ])("refuses %s", (_, args, sentence) => {
    expect(sentences(parseNetwork({ ...guide, ...args }))).toEqual([sentence]);
  });

  it("names all mistakes at once, those between two values too", () => {
    const args = { interface: "lo", cidr: "192.168.1.0/28", address: "10.0.0.1", router: "192.168.1.15", mtu: 1 };
    expect(parseNetwork(args).problems.map(({ path }) => path)).toEqual(["interface", "mtu", "address", "router"]);
  });

  it.each([undefined, null, 5, "eno2", []])("refuses %j as a whole", (args) => {
    expect(sentences(parseNetwork(args))).toEqual([
      expect.stringContaining('write it as { interface: "eno2", cidr: "192.168.1.0/28", address: "192.168.1.1" }'),
    ]);
  });

  it("draws the borders of every network where its mask does", () => {
    const network = fc.tuple(fc.integer({ min: 2 ** 24, max: 126 * 2 ** 24 }), fc.integer({ min: 8, max: 30 }));
    fc.assert(
      fc.property(network, fc.double({ min: 0, max: 1, noNaN: true }), ([number, prefixLength], part) => {
        const size = 2 ** (32 - prefixLength);
        const first = number - (number % size);
        const address = addressText(first + 1 + Math.floor(part * (size - 3)));
        const { subnet, broadcast, netmask } = right(
          parseNetwork({ interface: "eno2", cidr: `${addressText(first)}/${prefixLength}`, address }),
        );
        expect(addressNumber(subnet)).toBe(first);
        expect(addressNumber(broadcast)).toBe(first + size - 1);
        expect(addressNumber(netmask)).toBe(2 ** 32 - size);
      }),
    );
  });
});
