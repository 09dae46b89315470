import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hostsFile, parseDhcpdSettings, renderDhcpdConf } from "../../../../../provider/formats/isc/dhcpdConf";
import { right, sentences } from "../../values/sentences";

const network = { interface: "eno2", cidr: "192.168.1.0/28", address: "192.168.1.1" };
const pool = { from: "192.168.1.2", to: "192.168.1.5" };
const full = {
  network: {
    ...network,
    router: "192.168.1.14",
    domain: "ola.example.net",
    dnsServers: ["192.168.1.1", "192.168.1.13"],
    ntpServers: ["192.168.1.1"],
    leaseSeconds: 3600,
    mtu: 9000,
    pool,
  },
  bootServer: "192.168.1.13",
  loaders: { x64: "snponly.efi", ia32: "ipxe32.efi" },
  extraConfig: 'option time-offset 3600;\nclass "a }" { match if known; } # {',
};

describe("renderDhcpdConf", () => {
  it.each<[string, object]>([
    ["minimal", { network }],
    [
      "guide",
      {
        network: { ...network, router: "192.168.1.1", pool },
        unknownMachines: "serve",
        loaders: { ia32: "ipxe32.efi" },
      },
    ],
    ["pool", { network: { ...network, pool } }],
    ["full", full],
    [
      "byMac",
      {
        network: { ...network, interface: { mac: "52:54:00:12:34:56" }, cidr: "192.168.1.0/28" },
        loaders: { x64: "snponly.efi" },
      },
    ],
  ])("writes %s", async (file, args) => {
    const text = renderDhcpdConf(right(parseDhcpdSettings(args)));
    await expect(text).toMatchFileSnapshot(`../../../../golden/dhcpd/${file}.conf`);
  });

  it("includes the file with the host blocks", () => {
    expect(renderDhcpdConf(right(parseDhcpdSettings({ network })))).toContain(`\ninclude "${hostsFile}";\n`);
  });

  it("writes the same bytes in whatever order the values are given", () => {
    const shuffled = (value: object) =>
      fc.shuffledSubarray(Object.entries(value), { minLength: Object.keys(value).length }).map(Object.fromEntries);
    const expected = renderDhcpdConf(right(parseDhcpdSettings(full)));
    fc.assert(
      fc.property(shuffled(full), shuffled(full.network), (args, values) => {
        expect(renderDhcpdConf(right(parseDhcpdSettings({ ...args, network: values })))).toBe(expected);
      }),
    );
  });

  it("never lets a value start a line of its own", () => {
    const lines = (args: object): number | undefined => {
      const { value } = parseDhcpdSettings(args);
      return value === undefined ? undefined : renderDhcpdConf(value).split("\n").length;
    };
    const { extraConfig: _, ...args } = full;
    const expected = lines(args);
    const keys = ["interface", "cidr", "address", "router", "domain", "dnsServers", "pool"] as const;
    const nasty = fc.oneof(
      fc.string({ unit: "binary" }),
      fc
        .tuple(
          fc.constantFrom("192.168.1.3", "a", "ola.example.net", "192.168.1.0/28"),
          fc.constantFrom("\n", ";", "\r", '"', " }", "\u2028"),
        )
        .map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(fc.constantFrom(...keys), nasty, (key, text) => {
        const value = key === "dnsServers" ? [text] : key === "pool" ? { from: text, to: text } : text;
        expect([undefined, expected]).toContain(lines({ ...args, network: { ...args.network, [key]: value } }));
        expect([undefined, expected]).toContain(lines({ ...args, bootServer: text }));
      }),
      { numRuns: 500 },
    );
  });
});

describe("parseDhcpdSettings", () => {
  it("serves nobody but the declared, with the guide's loader, unless it is told otherwise", () => {
    expect(right(parseDhcpdSettings({ network }))).toMatchObject({
      unknownMachines: "refuse",
      loaders: { x64: "ipxe.efi", script: "refind.pxe" },
    });
  });

  it("takes text with the line ends of Windows, and trims it", () => {
    const { extraConfig } = right(parseDhcpdSettings({ network, extraConfig: "\r\nallow leasequery;\r\n" }));
    expect(extraConfig).toBe("allow leasequery;");
    expect(right(parseDhcpdSettings({ network, extraConfig: " \n" })).extraConfig).toBeUndefined();
  });

  it("takes hosts that are right in extraConfig, and those of a network that it declares itself", () => {
    const own =
      "subnet 10.9.0.0 netmask 255.255.0.0 { host p { hardware ethernet 52:54:00:12:34:56; fixed-address 10.9.0.5; } }";
    for (const extraConfig of ["host p { fixed-address 192.168.1.5; }", own, "next-server 192.168.1.2;"]) {
      expect(right(parseDhcpdSettings({ network, extraConfig })).extraConfig).toBe(extraConfig);
    }
  });

  it.each<[string, object, string]>([
    [
      "serving strangers without a pool",
      { unknownMachines: "serve" },
      'network.pool: is required with unknownMachines "serve", which needs addresses to give; write for example { from: "192.168.1.8", to: "192.168.1.14" }',
    ],
    [
      "another word for strangers",
      { unknownMachines: "allow" },
      'unknownMachines: "allow" is none of "refuse", "serve"',
    ],
    [
      "a name for the boot server",
      { bootServer: "node0" },
      'bootServer: "node0" is no IPv4 address; write four numbers with dots, as in "192.168.1.1"',
    ],
    [
      "a boot server out of reach",
      { bootServer: "10.0.0.1" },
      "bootServer: 10.0.0.1 is outside the subnet 192.168.1.0/28, and without a router no machine reaches it; leave it out to boot from 192.168.1.1, or give network.router",
    ],
    [
      "a loader for BIOS",
      { loaders: { x64: "undionly.kpxe" } },
      'loaders.x64: "undionly.kpxe" is none of "ipxe.efi", "snponly.efi"',
    ],
    [
      "a loader's wrong key",
      { loaders: { x86: "ipxe.efi" } },
      "loaders.x86: there is no such property; there are x64, ia32, script",
    ],
    [
      "an open brace",
      { extraConfig: 'class "a" { match if known;' },
      'extraConfig: "class \\"a\\" { match if known;" leaves 1 brace open; each "{" needs its "}"',
    ],
    [
      "a brace too many",
      { extraConfig: "} subnet 10.0.0.0 netmask 255.0.0.0 {" },
      'extraConfig: "} subnet 10.0.0.0 netmask 255.0.0.0 {" closes a brace that it did not open; each "}" needs its "{"',
    ],
    [
      "an open text",
      { extraConfig: 'option domain-name "a;' },
      'extraConfig: "\\"a;" is a text without its closing quote; write whole statements, as in "option time-offset 3600;"',
    ],
    [
      "half a statement",
      { extraConfig: "allow leasequery" },
      'extraConfig: "allow leasequery" does not end its last statement; write whole statements, as in "option time-offset 3600;"',
    ],
    [
      "half a statement before a comment",
      { extraConfig: "allow leasequery # ;" },
      'extraConfig: "allow leasequery # ;" does not end its last statement; write whole statements, as in "option time-offset 3600;"',
    ],
    [
      "a NUL",
      { extraConfig: "allow\0 leasequery;" },
      'extraConfig: "allow\\u0000 leasequery;" holds the character "\\u0000"; write whole statements, as in "option time-offset 3600;"',
    ],
    [
      "a host with half a MAC, which dhcpd takes",
      { extraConfig: "host p { hardware ethernet 52:54:00:12:34; }" },
      'extraConfig: "52:54:00:12:34" is no hardware address: it has 5 octets; write six pairs of hex digits, as in "52:54:00:12:34:56"',
    ],
    [
      "a host twice, which dhcpd takes",
      {
        extraConfig:
          "host p { hardware ethernet 52:54:00:12:34:56; }\nHOST q { Hardware Ethernet 52:54:00:12:34:56; } # hardware ethernet 1;",
      },
      'extraConfig: "52:54:00:12:34:56" stands in two hosts, and dhcpd goes by one of them; write it once',
    ],
    [
      "a host outside the network, which dhcpd takes",
      { extraConfig: "host p { fixed-address 192.168.1.5, 192.168.9.5; }" },
      "extraConfig: 192.168.9.5 is outside the subnet 192.168.1.0/28; did you mean 192.168.1.5?",
    ],
    [
      "a host in the pool, which dhcpd takes",
      { network: { ...network, pool }, extraConfig: "host p { fixed-address 192.168.1.3; }" },
      "extraConfig: 192.168.1.3 lies in the pool, whose addresses go to other machines; take one outside it",
    ],
    [
      "a host with node 0's address, which dhcpd takes",
      { extraConfig: "host p { fixed-address 192.168.1.1; }" },
      "extraConfig: 192.168.1.1 is node 0's own address; take another",
    ],
    [
      "a host by name, which dhcpd takes",
      { extraConfig: "host p { fixed-address printer.invalid; }" },
      'extraConfig: fixed-address "printer.invalid" is no IPv4 address, and dhcpd would ask DNS for it; write four numbers with dots',
    ],
    [
      "a boot server by name, which dhcpd takes",
      { extraConfig: 'class "next-server" { next-server node0.invalid; }' },
      'extraConfig: next-server "node0.invalid" is no IPv4 address, and dhcpd would ask DNS for it; write four numbers with dots',
    ],
    ["a list of lines", { extraConfig: ["allow leasequery;"] }, 'extraConfig: ["allow leasequery;"] is no text'],
    [
      "a property that is none",
      { unknownMachine: "serve" },
      "unknownMachine: there is no such property; did you mean unknownMachines?",
    ],
  ])("refuses %s", (_name, args, sentence) => {
    expect(sentences(parseDhcpdSettings({ network, ...args }))).toEqual([sentence]);
  });

  it("says what is wrong inside the network by its whole path", () => {
    const { problems } = parseDhcpdSettings({
      network: { ...network, pool: { from: "192.168.1.1", to: "x" } },
      loaders: 5,
    });
    expect(problems.map(({ path }) => path)).toEqual(["network.pool.to", "loaders"]);
  });

  it.each([undefined, null, "eno2"])("refuses %j as a whole, in one sentence", (args) => {
    expect(sentences(parseDhcpdSettings(args))).toHaveLength(1);
  });
});
