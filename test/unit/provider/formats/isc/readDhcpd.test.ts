import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readDhcpd } from "../../../../../provider/formats/isc/readDhcpd";

const conf = "/etc/dhcp/dhcpd.conf";
const read = (text: string, more: Readonly<Record<string, string>> = {}) =>
  readDhcpd(conf, new Map([[conf, text], ...Object.entries(more)]));
const subnet = (inside: string) => `subnet 192.168.1.0 netmask 255.255.255.240 { ${inside} }`;
const left = ({ leftOut }: ReturnType<typeof read>) => leftOut.map(({ line, what }) => `${line}: ${what}`);

describe("readDhcpd", () => {
  it("reads the guide's own file", () => {
    const found = read(readFileSync("test/cases/guide/dhcpd.conf", "utf8"));
    expect(found).toEqual({
      networks: [
        {
          file: conf,
          line: 62,
          cidr: "192.168.1.0/28",
          routers: ["192.168.1.1"],
          dnsServers: [],
          ntpServers: [],
          leaseSeconds: 7200,
          ranges: [{ file: conf, line: 64, from: "192.168.1.2", to: "192.168.1.5" }],
          servesUnknown: true,
          bootServer: "192.168.1.1",
          files: { x64: "ipxe.efi", x64Ipxe: "refind.pxe", ia32: "ipxe32.efi", ia32Ipxe: "refind.pxe" },
          statements: [],
        },
      ],
      hosts: [
        {
          file: conf,
          line: 87,
          name: "node_1",
          mac: "52:54:00:12:34:56",
          addresses: [],
          options: {},
          files: {},
        },
      ],
      leftOut: [],
      missing: [],
    });
  });

  it.each<[string, string, readonly string[]]>([
    ["as the guide", "default-lease-time 7200; max-lease-time 7200;", []],
    ["the same for all", "default-lease-time 600; max-lease-time 600;", []],
    ["a longest one alone", "max-lease-time 7200;", []],
    ["Debian's sample", "default-lease-time 600;\nmax-lease-time 7200;", ["2: max-lease-time 7200;"]],
    ["a longer one alone", "max-lease-time 86400;", ["1: max-lease-time 86400;"]],
  ])("names a longest lease that is not the usual one: %s", (_, text, expected) => {
    expect(left(read(`${text}\n${subnet("range 192.168.1.8 192.168.1.9;")}`))).toEqual(expected);
  });

  it("names a lease time of a pool that is not the network's", () => {
    const found = read(
      `default-lease-time 600; ${subnet("pool {\ndefault-lease-time 600;\nmax-lease-time 60;\nrange 192.168.1.8; }")}`,
    );
    expect(left(found)).toEqual(["3: max-lease-time 60;"]);
  });

  it("takes what groups, shared networks and included files say, each where it stands", () => {
    const found = read(
      `shared-network racks {
  option domain-name "rack.example.net";
  ${subnet("range 192.168.1.8 192.168.1.9;")}
  subnet 10.0.0.0 netmask 255.255.255.0 { option routers 10.0.0.1; }
}
include "/etc/dhcp/hosts.conf";`,
      {
        "/etc/dhcp/hosts.conf": `# two of them
group { # the databases
  option root-path "/srv/db";
  option time-offset 3600;
  host db-1 { hardware ethernet 04:3F:72:aa:00:01; fixed-address 192.168.1.4; }
  host "db-2" { hardware ethernet 4:3f:72:aa:0:3; fixed-address 192.168.1.5, 10.0.0.5; option host-name "two"; }
}`,
      },
    );
    expect(found.leftOut).toEqual([]);
    expect(found.networks.map(({ cidr, domain, routers, ranges }) => [cidr, domain, routers, ranges.length])).toEqual([
      ["192.168.1.0/28", "rack.example.net", [], 1],
      ["10.0.0.0/24", "rack.example.net", ["10.0.0.1"], 0],
    ]);
    const options = { "root-path": "/srv/db", "time-offset": 3600 };
    expect(found.hosts).toMatchObject([
      {
        file: "/etc/dhcp/hosts.conf",
        line: 5,
        name: "db-1",
        mac: "04:3f:72:aa:00:01",
        addresses: ["192.168.1.4"],
        options,
      },
      {
        line: 6,
        name: "db-2",
        mac: "04:3f:72:aa:00:03",
        addresses: ["192.168.1.5", "10.0.0.5"],
        hostname: "two",
        options,
      },
    ]);
  });

  it("leaves out the machines that dhcpd does not answer, and says where it is told so", () => {
    const found = read(`
host a { hardware ethernet 52:54:00:00:00:01; deny booting; }
host b { hardware ethernet 52:54:00:00:00:02; ignore  booting; }
host c { hardware ethernet 52:54:00:00:00:03; allow booting; }
group { deny booting;
  host d { hardware ethernet 52:54:00:00:00:04; }
  host e { hardware ethernet 52:54:00:00:00:05; allow booting; } }`);
    expect(found.hosts.map(({ name }) => name)).toEqual(["c", "e"]);
    expect(left(found)).toEqual([
      "2: deny booting; (host a)",
      "3: ignore booting; (host b)",
      "5: deny booting; (host d)",
    ]);
    const why =
      'dhcpd does not answer this machine; a program can only leave it out, and with unknownMachines: "serve" it is answered as any other';
    expect(found.leftOut.map((each) => each.why)).toEqual([why, why, why]);
    const all = read("deny booting;\nhost a { hardware ethernet 52:54:00:00:00:01; }");
    expect(all.leftOut).toMatchObject([{ line: 1, why: "then no machine boots; ours lets them" }]);
  });

  it("takes no boot server's name for a machine's own, and names what changes an answer", () => {
    const found = read(`
always-broadcast off; one-lease-per-client on; deny declines;
host db2 { hardware ethernet 52:54:00:00:00:01; server-name "boot"; always-broadcast on; }
host db3 { hardware ethernet 52:54:00:00:00:02; server-name "db3"; }
group { server-name "boot"; host db4 { hardware ethernet 52:54:00:00:00:03; } }`);
    expect(found.hosts.map(({ name, hostname }) => hostname ?? name)).toEqual(["db2", "db3", "db4"]);
    expect(left(found)).toEqual([
      "2: one-lease-per-client on;",
      "2: deny declines;",
      '3: server-name "boot";',
      "3: always-broadcast on;",
      '5: server-name "boot";',
    ]);
  });

  it("says which included files it has not, and where dhcpd would stop", () => {
    expect(read('include "/etc/dhcp/a";\ninclude "/etc/dhcp/b";').missing).toEqual(["/etc/dhcp/a", "/etc/dhcp/b"]);
    expect(read("\nsubnet 10.0.0.0 netmask 255.0.0.0 {").leftOut).toMatchObject([
      { line: 2, why: "this brace is not closed" },
    ]);
    expect(read("}").leftOut).toMatchObject([{ line: 1, why: "this brace closes none" }]);
    expect(read(`include "${conf}";`).leftOut).toMatchObject([{ why: "files include each other without an end" }]);
  });

  it.each([
    ["", true],
    ["deny unknown-clients;", false],
    ["ignore unknown-clients;", false],
    ["pool { range 192.168.1.6 192.168.1.7; allow known-clients; }", true],
  ])("tells whether strangers get an address: %s", (inside, servesUnknown) => {
    expect(read(subnet(`range 192.168.1.2; ${inside}`)).networks).toMatchObject([{ servesUnknown }]);
  });

  it.each([
    // By class, as many guides have it.
    [
      'class "pxe" { match if substring(option vendor-class-identifier, 0, 9) = "PXEClient"; if exists ipxe.bus-id { filename "b"; } else { filename "a"; } }',
      { x64: "a", x64Ipxe: "b", ia32: "a", ia32Ipxe: "b" },
    ],
    [
      'option client-arch code 93 = unsigned integer 16; if substring(option client-arch, 0, 2) = 00:07 or substring(option client-arch, 0, 2) = 00:09 { filename "a"; } elsif option client-arch = encode-int(6, 16) { filename "c"; }',
      { x64: "a", x64Ipxe: "a", ia32: "c", ia32Ipxe: "c" },
    ],
    [
      'filename "a"; if exists user-class and lcase(option user-class) = "ipxe" { filename "b"; }',
      { x64: "a", x64Ipxe: "b", ia32: "a", ia32Ipxe: "b" },
    ],
    ['if not (option user-class = "iPXE") { filename "a"; } else { filename "b"; }', { x64: "a", x64Ipxe: "b" }],
    ['if option vendor-class-identifier ~= "^PXE" { filename "a"; }', {}],
    ['if known { filename "a"; } else { filename "b"; }', {}],
  ])("works out which file each stage is told: %s", (text, files) => {
    expect(read(`${text} ${subnet("")}`).networks).toMatchObject([{ files }]);
    if (Object.keys(files).length > 0) return;
    expect(read(`${text} ${subnet("")}`).networks[0]?.files).toEqual({});
    expect(left(read(`${text} ${subnet("")}`))).toContain('1: filename "a";');
  });

  it("tells a machine's own file, within a condition too", () => {
    const found = read(
      'option arch code 93 = unsigned integer 16; host a { hardware ethernet 52:54:00:00:00:01; if exists arch and not (option user-class = "iPXE") { filename "snponly.efi"; } }\nhost b { hardware ethernet 52:54:00:00:00:02; filename "own.efi"; next-server 10.0.0.1; uid "x"; }\nhost c { uid "y"; }',
    );
    expect(found.hosts.map(({ files }) => files)).toEqual([
      { x64: "snponly.efi", ia32: "snponly.efi" },
      { x64: "own.efi", x64Ipxe: "own.efi", ia32: "own.efi", ia32Ipxe: "own.efi" },
    ]);
    expect(left(found)).toEqual(["2: next-server 10.0.0.1;", '2: uid "x";', "3: host c { … }"]);
  });

  it("hands on options that mean nothing to a boot, with what declares them, and names all else", () => {
    const found = read(`option wpad code 252 = text;
option wpad "http://wpad/";
option ntp-servers pool.ntp.org, 10.0.0.9;
failover peer "a" { primary; }
omapi-port 7911;
on commit { execute("/bin/x"); }
${subnet('option time-offset 3600; if option arch = 00:07 { option root-path "/a"; } pool { allow members of "x"; range 192.168.1.9; }')}
subclass "x" 1:00:00:00:00:00:01;`);
    expect(found.networks).toMatchObject([
      {
        statements: ["option wpad code 252 = text;", 'option wpad "http://wpad/";', "option time-offset 3600;"],
        ntpServers: ["10.0.0.9"],
        ranges: [],
      },
    ]);
    expect(left(found)).toEqual([
      "3: option ntp-servers pool.ntp.org, 10.0.0.9;",
      '4: failover peer "a" { … }',
      "5: omapi-port 7911;",
      "6: on commit { … }",
      '7: option root-path "/a";',
      '7: allow members of "x";',
      '8: subclass "x" 1:00:00:00:00:00:01;',
    ]);
  });
});
