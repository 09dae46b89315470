import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { handMadeQuestions, nextQuestions, readHandMade } from "../../../../provider/facts/handMade";
import { whyNoKeaOption } from "../../../../provider/formats/kea/whyNoKeaOption";
import { type Imported, planImport } from "../../../../provider/plan/importing";
import { renderNote, renderProject } from "../../../../provider/preview/importedProgram";
import { hostAnswers, type Told } from "./told";

const seen = (content: string) => ({ type: "file", content });
const ran = (said: string) => ({ status: 0, said });
const sum = (digit: string, path: string) => `${digit.repeat(64)}  ${path}\n`;

/** eno2 is the private side. */
const host: Told = {
  "links.links": ran(
    '[{"ifname":"eno1","address":"52:54:00:00:00:01"},{"ifname":"eno2","address":"52:54:00:00:00:02"}]',
  ),
  "links.addresses": ran(
    '[{"ifname":"eno1","addr_info":[{"family":"inet","local":"203.0.113.7","prefixlen":24}]},{"ifname":"eno2","addr_info":[{"family":"inet","local":"192.168.1.1","prefixlen":28}]}]',
  ),
  "links.defaultRoutes": ran('[{"dev":"eno1"}]'),
};
const guide = readFileSync("test/cases/guide/dhcpd.conf", "utf8");
const kea = readFileSync("test/cases/import/kea-dhcp4.conf", "utf8");
const script = readFileSync("test/cases/guide/refind.pxe", "utf8");
const served = (...names: readonly string[]): Told => ({
  "handMade.folder": names.map((name) => ({ path: `/srv/tftp/${name}`, type: "file" })),
  "handMade.sums": ran(names.map((name) => sum("a", `/srv/tftp/${name}`)).join("")),
});
const isc = (conf: string, more: Told = {}): Told => ({
  ...host,
  "handMade /etc/dhcp/dhcpd.conf": seen(conf),
  ...served(),
  ...more,
});
const bytes = (texts: Readonly<Record<string, string>>) =>
  new Map(Object.entries(texts).map(([name, text]) => [name, new TextEncoder().encode(text)] as const));

function planned(told: Told, texts: Readonly<Record<string, string>> = {}): Imported {
  const made = planImport(readHandMade(hostAnswers(told)), bytes(texts));
  if ("why" in made) throw new Error(made.why);
  return made;
}
const notes = (imported: Imported) => imported.notes.map(renderNote);
const network = (inside: string) => `subnet 192.168.1.0 netmask 255.255.255.240 { ${inside} }`;

describe("nextQuestions", () => {
  it("asks for what files include, then for the files that machines are sent to, then nothing", () => {
    expect(Object.keys(handMadeQuestions)).toContain("handMade /etc/dhcp/dhcpd.conf");
    const first: Told = {
      ...host,
      "handMade /etc/dhcp/dhcpd.conf": seen('include "/etc/dhcp/a.conf";'),
      "handMade /etc/default/tftpd-hpa": seen('TFTP_DIRECTORY="/srv/boot/"\n'),
    };
    expect(nextQuestions(hostAnswers(first))).toEqual({
      "handMade /etc/dhcp/a.conf": { ask: "path", path: "/etc/dhcp/a.conf", bytes: 4_000_000 },
    });
    const second = {
      ...first,
      "handMade /etc/dhcp/a.conf": seen('filename "/boot/my.efi"; include "/etc/dhcp/b.conf";'),
    };
    expect(nextQuestions(hostAnswers(second))).toHaveProperty(["handMade /etc/dhcp/b.conf"]);
    const third = { ...second, "handMade /etc/dhcp/b.conf": { type: "absent" } };
    expect(nextQuestions(hostAnswers(third))).toMatchObject({
      "handMade.folder": { ask: "folder", path: "/srv/boot" },
      "handMade.sums": {
        argv: expect.arrayContaining(["/srv/boot/ipxe.efi", "/srv/boot/autoexec.ipxe", "/boot/ipxe.efi"]) as unknown,
      },
    });
    expect(nextQuestions(hostAnswers({ ...third, ...served() }))).toBeUndefined();
  });

  it("reads the file that dhcpd's own settings name", () => {
    const told = {
      ...host,
      "handMade /etc/default/isc-dhcp-server": seen('DHCPDv4_CONF=/etc/dhcp/mine.conf\nINTERFACESv4="eno2"\n'),
    };
    expect(nextQuestions(hostAnswers(told))).toHaveProperty(["handMade /etc/dhcp/mine.conf"]);
    const made = readHandMade(hostAnswers({ ...told, "handMade /etc/dhcp/mine.conf": seen(guide), ...served() }));
    expect(made.dhcp).toMatchObject({
      file: "/etc/dhcp/mine.conf",
      interfaces: ["eno2"],
      networks: [{ cidr: "192.168.1.0/28" }],
    });
  });
});

describe("planImport", () => {
  const settings = {
    connection: { host: "node0.example", user: "debian" },
    host: "node0.example",
    date: "2026-11-26",
    project: "node0",
    version: "1.2.3",
  };

  it("writes the guide's node 0 as a program", async () => {
    const files = served("ipxe.efi", "refind_x64.efi", "refind.pxe", "refind.conf");
    const packaged = `${files["handMade.sums"] === undefined ? "" : (files["handMade.sums"] as { said: string }).said}${sum("a", "/usr/lib/ipxe/ipxe.efi")}`;
    const told = isc(guide, { ...files, "handMade.sums": ran(packaged) });
    const project = renderProject(planned(told, { "refind.pxe": script }), settings);
    expect(Object.keys(project)).toEqual(["Pulumi.yaml", "package.json", "tsconfig.json", "index.ts"]);
    await expect(project["index.ts"]).toMatchFileSnapshot("../../../golden/import/guide.txt");
    expect(JSON.parse(project["package.json"] ?? "")).toMatchObject({
      main: "index.ts",
      dependencies: { "pulumi-netboot": "^1.2.3" },
    });
  });

  const byKea = (unit: string): Told => ({
    ...host,
    "handMade /etc/kea/kea-dhcp4.conf": seen(kea),
    ...served("ipxe.efi", "ipxe32.efi", "refind_x64.efi", "refind.pxe", "refind.conf", "menu.ipxe"),
    "servers.holders": [
      { protocol: "udp", address: "192.168.1.1", port: 67, pid: 7, program: "kea-dhcp4", unit },
      { protocol: "udp", address: "0.0.0.0", port: 69, pid: 8, program: "in.tftpd", unit: "tftpd-hpa.service" },
      { protocol: "udp", address: "0.0.0.0", port: 123, pid: 9, program: "chronyd", unit: "chrony.service" },
    ],
  });

  it("writes Kea's, which is taken over while it runs", async () => {
    const told = byKea("kea-dhcp4-server.service");
    const program = renderProject(planned(told, { "refind.pxe": `${script}chain menu.ipxe\n` }), settings)["index.ts"];
    await expect(program).toMatchFileSnapshot("../../../golden/import/kea.txt");
  });

  it("says of a Kea that is not Debian's that it has to go first", () => {
    const { dhcp, before } = planned(byKea("isc-kea-dhcp4-server.service"));
    expect(dhcp).toEqual({});
    expect(before).toEqual([
      {
        command: "systemctl disable --now isc-kea-dhcp4-server.service",
        why: "it serves DHCP; an up is refused beside it (OCCUPIED)",
      },
    ]);
  });

  it("says of Kea what goes beyond the network, and which options a node can't have", () => {
    const more = kea
      .replace('"subnet4": [', '"subnet4": [ { "id": 2, "subnet": "10.0.0.0/24" },')
      .replace('"name": "time-offset", "data": "3600"', '"name": "mine", "data": "1"');
    const imported = planned({ ...byKea("kea-dhcp4-server.service"), "handMade /etc/kea/kea-dhcp4.conf": seen(more) });
    expect(imported.dhcp).toEqual({ daemon: "kea", replace: true });
    expect(imported.replaced).toEqual(["subnet 10.0.0.0"]);
    expect(notes(imported).filter((note) => /mine/.test(note))).toEqual([
      `/etc/kea/kea-dhcp4.conf:48: preview refuses node-1, options["mine"]: ${whyNoKeaOption("mine")}`,
    ]);
    expect(renderProject(imported, settings)["index.ts"]).toContain("// Kea reads or serves more than this network.");
  });

  it("brings what is not a package's, under the names that machines are told", () => {
    const conf = network(
      'range 192.168.1.8 192.168.1.9; if exists user-class and option user-class = "iPXE" { filename "/boot.ipxe"; } else { filename "/mine.efi"; }',
    );
    const told = isc(conf, served("mine.efi", "boot.ipxe", "snponly.efi", "autoexec.ipxe", "memtest.bin", "other"));
    const imported = planned(told, { "boot.ipxe": "#!ipxe\nchain memtest.bin\n" });
    expect(imported.files).toEqual({ ipxe: "mine.efi", snponly: "snponly.efi", bootScript: "boot.ipxe" });
    expect(imported.extra).toEqual(["memtest.bin", "autoexec.ipxe"]);
    expect(notes(imported)).toEqual([
      '/etc/dhcp/dhcpd.conf:1: filename "mine.efi"  its bytes are served under the name ipxe.efi',
      '/etc/dhcp/dhcpd.conf:1: filename "boot.ipxe"  its text is served under the name refind.pxe',
      "/srv/tftp: these stay as they are, and are not declared: other",
    ]);
  });

  it.each<[string, string, string | undefined, string]>([
    ["an ia32 build", "ia32", "ipxe.ia32", ""],
    ["a 64-bit one", "x64", undefined, "a program for x64"],
    ["BIOS's", "none", undefined, "no program for UEFI"],
  ])("serves 32-bit UEFI what it is told if that can be run there: %s", (_, kind, expected, why) => {
    const program = new Uint8Array(72);
    program.set([0x4d, 0x5a], 0);
    program.set([64], 60);
    program.set([0x50, 0x45, 0, 0, ...(kind === "x64" ? [0x64, 0x86] : [0x4c, 0x01])], 64);
    const content = kind === "none" ? new Uint8Array([0x7f]) : program;
    const conf = network(
      'if option pxe-system-type = 00:07 { filename "ipxe.efi"; } else { filename "ipxe.ia32"; } range 192.168.1.8 192.168.1.9;',
    );
    const made = readHandMade(hostAnswers(isc(conf, served("ipxe.efi", "ipxe.ia32"))));
    const imported = planImport(made, new Map([["ipxe.ia32", content]])) as Imported;
    expect(imported.files.ipxe32).toBe(expected);
    const said = notes(imported).filter((note) => note.includes("ipxe.ia32") && note.includes("filename"));
    expect(said).toEqual(
      why === ""
        ? []
        : [
            `/etc/dhcp/dhcpd.conf:1: filename "ipxe.ia32"  32-bit UEFI is told it, and it is ${why}, so no 32-bit machine boots by it; here whatever is not 64-bit UEFI gets an address and no file; give artifacts.ipxe32 an ia32 build if there are 32-bit machines`,
          ],
    );
    expect(notes(imported).filter((note) => note.includes("refuses"))).toEqual([]);
    // Before its bytes are there, they are asked for.
    expect((planImport(made, new Map()) as Imported).files.ipxe32).toBe("ipxe.ia32");
  });

  it("tells of a host's own file what of it the program says otherwise", () => {
    const host = (text: string): readonly string[] => {
      const script =
        'if exists user-class and option user-class = "iPXE" { filename "refind.pxe"; } else { filename "ipxe.efi"; }';
      const conf = `${network(`range 192.168.1.8 192.168.1.9; ${script}`)} host a { hardware ethernet 52:54:00:00:00:01; ${text} }`;
      const { nodes, notes: all } = planned(isc(conf, served("ipxe.efi", "refind.pxe")), { "refind.pxe": script });
      const own = all.map(renderNote).filter((note) => note.includes("host a"));
      return [nodes["a"]?.loader ?? "ipxe.efi", ...own.map((note) => note.replace(/.*host a {2}/, ""))];
    };
    const loop = "is told to iPXE too, which would start it again and again; here iPXE is told the script of all";
    expect(host('filename "snponly.efi";')).toEqual(["snponly.efi", `filename "snponly.efi" ${loop}`]);
    expect(host('filename "ipxe.efi";')).toEqual(["ipxe.efi", `filename "ipxe.efi" ${loop}`]);
    expect(host('if not exists user-class { filename "snponly.efi"; }')).toEqual(["snponly.efi"]);
    expect(host('if exists user-class { filename "a.ipxe"; }')).toEqual([
      "ipxe.efi",
      'iPXE is told "a.ipxe" there; here all machines run one script',
    ]);
    expect(host('if not exists user-class { filename "mine.efi"; }')).toEqual([
      "ipxe.efi",
      'its own file "mine.efi": a node\'s loader is ipxe.efi or snponly.efi',
    ]);
  });

  it("says what preview would refuse of files and machines", () => {
    const conf = `${network('filename "ipxe.efi";')} host a { hardware ethernet 52:54:00:00:00:01; }`;
    const imported = planned(isc(conf, served("ipxe.efi", "refind.conf")), {
      "ipxe.efi": "x",
      "refind.conf": "timeout 0\n",
    });
    expect(notes(imported).slice(-3)).toEqual([
      "preview refuses artifacts/ipxe.efi: ipxe.efi must be a program for UEFI, and this is none; give the x64 build of it",
      expect.stringMatching(/^preview refuses artifacts\/refind\.conf: .*waits? for a key/),
      expect.stringMatching(
        /^\/etc\/dhcp\/dhcpd\.conf:1: preview refuses a, address: is required, because the network has no pool/,
      ),
    ]);
  });

  it("makes one machine of the NICs that share an address or a name, each name once and a host name", () => {
    const nic = (name: string, n: number, more = "") =>
      `host ${name} { hardware ethernet 52:54:00:00:00:0${n}; ${more} }\n`;
    const imported = planned(
      isc(
        `${network("range 192.168.1.10 192.168.1.14;")}
${nic("DB_1", 1, "fixed-address 192.168.1.2;")}${nic("db-1-b", 2, "fixed-address 192.168.1.2;")}${nic("db-1", 3, "fixed-address 192.168.1.3;")}
${nic("w1", 4, 'option host-name "web";')}${nic("w2", 5, 'option host-name "web";')}${nic("7", 6)}
${nic("far", 7, "fixed-address 10.0.0.5;")}${nic("own", 8, 'fixed-address 192.168.1.4; filename "snponly.efi"; option time-offset 3600;')}`,
      ),
    );
    const { nodes } = imported;
    expect(
      Object.entries(nodes).map(
        ([name, { macs, address }]) => `${name} ${address} ${macs.map((mac) => mac.slice(-1)).join("")}`,
      ),
    ).toEqual([
      "db-1 192.168.1.2 12",
      "db-1-2 192.168.1.3 3",
      "web undefined 45",
      "node-7 undefined 6",
      "own 192.168.1.4 8",
    ]);
    expect(nodes["own"]).toMatchObject({ loader: "snponly.efi", options: { "time-offset": 3600 } });
    expect(notes(imported)).toContainEqual(
      expect.stringMatching(/: host far {2}10\.0\.0\.5 is outside 192\.168\.1\.0\/28$/),
    );
  });

  it.each([
    ["range 192.168.1.2 192.168.1.14;", "192.168.1.6 to 192.168.1.14"],
    ["range 192.168.1.1 192.168.1.3; range 192.168.1.8 192.168.1.9;", "192.168.1.2 to 192.168.1.3"],
    ["range 192.168.1.5;", "undefined to undefined"],
  ])("keeps a pool clear of what is somebody's: %s", (ranges, expected) => {
    const conf = `${network(ranges)} host a { hardware ethernet 52:54:00:00:00:01; fixed-address 192.168.1.5; }`;
    const imported = planned(isc(conf));
    expect(`${imported.network.pool?.from} to ${imported.network.pool?.to}`).toBe(expected);
    expect(notes(imported).some((note) => note.includes(": range "))).toBe(true);
    expect(notes(imported).filter((note) => note.includes("refuses"))).toEqual([]);
  });

  it("takes the network that machines boot by, and says that dhcpd's others go", () => {
    const other = "subnet 203.0.113.0 netmask 255.255.255.0 { range 203.0.113.8 203.0.113.9; }";
    const imported = planned(
      isc(`${other}\n${network('option routers 192.168.1.14; filename "ipxe.efi";')}\nomapi-port 7911;`),
    );
    expect(imported.network).toMatchObject({ interface: "eno2", address: "192.168.1.1", router: "192.168.1.14" });
    expect(imported.dhcp).toEqual({ replace: true });
    expect(imported.replaced).toEqual(["subnet 203.0.113.0", "omapi-port 7911"]);
    expect(notes(imported)).toContain(
      "/etc/dhcp/dhcpd.conf:1: subnet 203.0.113.0/24  a node 0 serves one network, here 192.168.1.0/28",
    );
  });

  it("says why there is nothing to write", () => {
    const why = (conf: string) => planImport(readHandMade(hostAnswers(isc(conf))), new Map());
    expect(why("subnet 10.0.0.0 netmask 255.0.0.0 {")).toEqual({
      why: "/etc/dhcp/dhcpd.conf serves 10.0.0.0/8, and no interface has an address of that (eno1 203.0.113.7/24, eno2 192.168.1.1/28); give the private interface its address first",
    });
    expect(why("default-lease-time 7200")).toEqual({
      why: "/etc/dhcp/dhcpd.conf gives no network to machines\n/etc/dhcp/dhcpd.conf:1:  this statement does not end",
    });
  });

  it("says who serves DHCP where there is no file that is read", () => {
    const holder = {
      protocol: "udp",
      address: "0.0.0.0",
      port: 67,
      pid: 8,
      program: "dnsmasq",
      unit: "dnsmasq.service",
    };
    const told = {
      ...host,
      "handMade /etc/dhcp/dhcpd.conf": { type: "absent" },
      ...served(),
      "servers.holders": [holder],
    };
    expect(planImport(readHandMade(hostAnswers(told)), new Map())).toEqual({
      why: "/etc/dhcp/dhcpd.conf is not there, and no /etc/kea/kea-dhcp4.conf; dnsmasq.service serves DHCP here, whose files are not read",
    });
  });

  it("reads ten thousand hosts of one group within seconds", () => {
    const number = (n: number) => n.toString(16).padStart(4, "0").replace(/..$/, ":$&");
    const hosts = Array.from(
      { length: 10_000 },
      (_, n) => `host h${n} { hardware ethernet 52:54:00:00:${number(n)}; fixed-address 10.0.${n >> 8}.${n & 255}; }\n`,
    );
    const conf = `subnet 10.0.0.0 netmask 255.255.0.0 { } group { option time-offset 3600;\n${hosts.join("")} }`;
    const addresses = ran('[{"ifname":"eno2","addr_info":[{"family":"inet","local":"10.0.255.1","prefixlen":16}]}]');
    const started = performance.now();
    const imported = planned(isc(conf, { "links.addresses": addresses }));
    expect(Object.keys(imported.nodes)).toHaveLength(10_000);
    expect(performance.now() - started).toBeLessThan(8000);
  });

  it("names TFTP's options that are somebody's own, and who else serves it", () => {
    const told = isc(network("range 192.168.1.8 192.168.1.9;"), {
      "handMade /etc/default/tftpd-hpa": seen('TFTP_OPTIONS="--secure --map-file /etc/tftp.map -v"\n'),
      "servers.holders": [{ protocol: "udp", address: "0.0.0.0", port: 69, pid: 8, program: "opentftpd" }],
    });
    const imported = planned(told);
    expect(imported.tftpOptions).toEqual(["--secure", "--verbosity", "2", "--map-file", "/etc/tftp.map"]);
    expect(imported.before).toEqual([
      {
        command: "end opentftpd, and whatever starts it",
        why: "it serves TFTP; an up is refused beside it (OCCUPIED)",
      },
    ]);
    const writable = planned({
      ...told,
      "handMade /etc/default/tftpd-hpa": seen('TFTP_OPTIONS="--secure --create"\n'),
    });
    expect(writable.tftpOptions).toBeUndefined();
    expect(notes(writable)).toContainEqual(expect.stringContaining("TFTP_OPTIONS --create"));
  });

  it("lets no words of a file leave their comment", () => {
    const conf = `${network("range 192.168.1.8 192.168.1.9;")} on commit { log("x\n*/ new evil() //"); } host "a\nb" { hardware ethernet 52:54:00:00:00:01; }`;
    const program = renderProject(planned(isc(conf)), settings)["index.ts"] ?? "";
    for (const line of program.split("\n").filter((each) => /evil|there a/.test(each)))
      expect(line).toMatch(/^\/\/|\}, \/\/ /);
  });
});
