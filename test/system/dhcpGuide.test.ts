import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hostsFile, parseDhcpdSettings, renderDhcpdConf } from "../../provider/formats/isc/dhcpdConf.ts";
import { dhcpdString } from "../../provider/formats/isc/dhcpdString.ts";
import { parseNode, renderHostBlocks } from "../../provider/values/node.ts";
import { type UnpackedPackages, unpackPackages } from "../support/debianPackages.ts";
import type { DhcpAnswer, DhcpClient } from "../support/dhcpClient.mts";
import { makeSegment, type Segment } from "../support/segment.ts";
import { right } from "../unit/provider/values/sentences.ts";

/**
 * The real dhcpd, asked with the guide's own configuration and with ours by the same clients. A row says all that is
 * different between the answers, as `what: the guide's → ours`; docs/differences-from-the-guide.md says it to users.
 */

const declared = "52:54:00:12:34:56";
const stranger = "52:54:00:99:99:99";
const x64 = [7];
const ebc = [9];
const ia32 = [6];

const network = { interface: "server0", cidr: "192.168.1.0/28", address: "192.168.1.1" };

/** The guide's node 0 as a program of ours, word for word. */
const guideProgram = {
  settings: {
    network: { ...network, router: "192.168.1.1", pool: { from: "192.168.1.2", to: "192.168.1.5" } },
    unknownMachines: "serve",
    loaders: { ia32: "ipxe32.efi" },
  },
  nodes: { "node-1": { macs: [declared] } },
};

/** A program that says no more than it must: our defaults, and a machine with an address of its own. */
const plainProgram = { settings: { network }, nodes: { "node-1": { macs: [declared], address: "192.168.1.3" } } };

const named = "serverName: node_1 → none, hostName: none → node-1";
const hinted = "noPxeDhcp: none → 1";

interface Row {
  readonly who: string;
  readonly client: DhcpClient;
  /** With the guide's node 0 as a program of ours. */
  readonly guide: string;
  /** With our defaults. */
  readonly plain: string;
}

const own = "address: pool → 192.168.1.3, router: 192.168.1.1 → none";
const silent = "type: ack → silence";

/**
 * Why: `named`: the guide's `server-name` names the boot server to the machine (dhcpd.conf(5)), where the machine's own
 * name was meant. `hinted`: saves iPXE 2 s. 00:09 and lists of architectures: some firmware sends them (RFC 4578 allows a
 * list), and the guide gives it no file. Silence: allow-list by default. The router: given only when the program names one.
 */
const rows: readonly Row[] = [
  { who: "a declared x64 firmware", client: { mac: declared, arch: x64 }, guide: named, plain: `${own}, ${named}` },
  {
    who: "a declared x64 iPXE",
    client: { mac: declared, arch: x64, userClass: "iPXE" },
    guide: `${named}, ${hinted}`,
    plain: `${own}, ${named}, ${hinted}`,
  },
  {
    who: "a declared firmware that says 00:09",
    client: { mac: declared, arch: ebc },
    guide: `filename: none → ipxe.efi, ${named}`,
    plain: `${own}, filename: none → ipxe.efi, ${named}`,
  },
  {
    who: "a declared iPXE that says 00:09",
    client: { mac: declared, arch: ebc, userClass: "iPXE" },
    guide: `filename: none → refind.pxe, ${named}, ${hinted}`,
    plain: `${own}, filename: none → refind.pxe, ${named}, ${hinted}`,
  },
  {
    who: "a declared firmware that says it can do two things",
    client: { mac: declared, arch: [7, 16] },
    guide: `filename: none → ipxe.efi, ${named}`,
    plain: `${own}, filename: none → ipxe.efi, ${named}`,
  },
  {
    who: "a declared ia32 firmware",
    client: { mac: declared, arch: ia32 },
    guide: named,
    plain: `${own}, filename: ipxe32.efi → none, ${named}`,
  },
  {
    who: "a declared ia32 iPXE",
    client: { mac: declared, arch: ia32, userClass: "iPXE" },
    guide: `${named}, ${hinted}`,
    plain: `${own}, ${named}, ${hinted}`,
  },
  { who: "a declared BIOS", client: { mac: declared, arch: [0] }, guide: named, plain: `${own}, ${named}` },
  {
    who: "a declared system, which says no architecture",
    client: { mac: declared },
    guide: named,
    plain: `${own}, ${named}`,
  },
  {
    who: "a declared iPXE that says no architecture",
    client: { mac: declared, userClass: "iPXE" },
    guide: `filename: none → refind.pxe, ${named}, ${hinted}`,
    plain: `${own}, filename: none → refind.pxe, ${named}, ${hinted}`,
  },
  { who: "a stranger's x64 firmware", client: { mac: stranger, arch: x64 }, guide: "", plain: silent },
  {
    who: "a stranger's x64 iPXE",
    client: { mac: stranger, arch: x64, userClass: "iPXE" },
    guide: hinted,
    plain: silent,
  },
  {
    who: "a stranger's 00:09 firmware",
    client: { mac: stranger, arch: ebc },
    guide: "filename: none → ipxe.efi",
    plain: silent,
  },
  { who: "a stranger's ia32 firmware", client: { mac: stranger, arch: ia32 }, guide: "", plain: silent },
  { who: "a stranger's system", client: { mac: stranger }, guide: "", plain: silent },
  {
    who: "a stranger's iPXE that names itself by its MAC",
    client: { mac: stranger, arch: x64, userClass: "iPXE", clientId: `01${stranger.replaceAll(":", "")}` },
    guide: hinted,
    plain: silent,
  },
  // iPXE called the same NIC by its MAC: to the guide's dhcpd the DUID is another client, with a second address.
  {
    who: "a stranger's system that names itself by a DUID",
    client: { mac: stranger, clientId: "ff00112233" },
    guide: "address: another → the same",
    plain: silent,
  },
  {
    who: "a stranger's system that had an address elsewhere",
    client: { mac: stranger, reboots: "10.99.0.5" },
    guide: "type: silence → nak",
    plain: "",
  },
  {
    who: "a declared system that had an address elsewhere",
    client: { mac: declared, reboots: "10.99.0.5" },
    guide: "type: silence → nak",
    plain: "",
  },
];

/** What both answers say of one client, as far as it is not the same. */
function differences(guide: DhcpAnswer, ours: DhcpAnswer): string {
  // What comes with silence is silence; the kind of answer is enough.
  if (guide.type !== ours.type) return `type: ${guide.type} → ${ours.type}`;
  const keys = [
    "address",
    "nextServer",
    "router",
    "filename",
    "mask",
    "broadcast",
    "leaseSeconds",
    "serverName",
    "hostName",
    "noPxeDhcp",
    "rootPath",
  ] as const;
  return keys
    .filter((key) => guide[key] !== ours[key])
    .map((key) => `${key}: ${guide[key] ?? "none"} → ${ours[key] ?? "none"}`)
    .join(", ");
}

let packages: UnpackedPackages;
let segment: Segment;
let folder: string;

/** Asks a dhcpd with this configuration as each client, one after the other. */
async function answers(
  conf: string,
  clients: readonly DhcpClient[],
  hosts = "",
  on = segment,
): Promise<{ readonly answers: DhcpAnswer[]; readonly log: string }> {
  await writeFile(join(folder, "hosts.conf"), hosts);
  await writeFile(join(folder, "dhcpd.conf"), conf.replace(hostsFile, join(folder, "hosts.conf")));
  await writeFile(join(folder, "leases"), "");
  const program = join(packages.folder, "usr/sbin/dhcpd");
  const command = [
    program,
    "-f",
    "-d",
    "-4",
    "-cf",
    join(folder, "dhcpd.conf"),
    "-lf",
    join(folder, "leases"),
    "--no-pid",
    "server0",
  ];
  const daemon = await on.serve(command, "Server starting service");
  try {
    const client = join(process.cwd(), "test/support/dhcpClient.mts");
    const printed = await on.client([process.execPath, client, JSON.stringify(clients)]);
    return { answers: JSON.parse(printed) as DhcpAnswer[], log: daemon.log() };
  } finally {
    await daemon.stop();
  }
}

function written(program: {
  readonly settings: object;
  readonly nodes: Readonly<Record<string, object>>;
}): [conf: string, hosts: string] {
  const hosts = Object.entries(program.nodes).map(([name, args]) => renderHostBlocks(right(parseNode(name, args))));
  return [renderDhcpdConf(right(parseDhcpdSettings(program.settings))), hosts.join("")];
}

beforeAll(async () => {
  packages = await unpackPackages("isc-dhcp-server");
  folder = await mkdtemp(join(tmpdir(), "netboot-dhcp-"));
  segment = await makeSegment("192.168.1.1/28");
});
afterAll(async () => {
  await segment?.remove();
  await packages?.remove();
  await rm(folder, { recursive: true, force: true });
});

describe("renderDhcpdConf", () => {
  const clients = rows.map(({ client }) => client);
  let guide: readonly DhcpAnswer[];

  beforeAll(async () => {
    ({ answers: guide } = await answers(await readFile("test/cases/guide/dhcpd.conf", "utf8"), clients));
  });

  it("is compared with a guide that answers", () => {
    const [first] = guide;
    expect(first).toEqual({
      type: "ack",
      address: expect.stringMatching(/^192\.168\.1\.[2-5]$/) as string,
      server: "192.168.1.1",
      nextServer: "192.168.1.1",
      filename: "ipxe.efi",
      serverName: "node_1",
      mask: "255.255.255.240",
      broadcast: "192.168.1.15",
      router: "192.168.1.1",
      leaseSeconds: 7200,
    });
  });

  it("answers as the guide does when it is told the guide's values, but for what each row says", async () => {
    const [conf, hosts] = written(guideProgram);
    const { answers: ours } = await answers(conf, clients, hosts);
    const found = rows.map(({ who }, index) => {
      const [theirs, mine] = [guide[index], ours[index]] as [DhcpAnswer, DhcpAnswer];
      return `${who}: ${differences(theirs, mine).replace(/^address: \S+ → \S+$/, "address: another → the same")}`;
    });
    expect(found).toEqual(rows.map((row) => `${row.who}: ${row.guide}`));
    // One machine, one address: the stranger's DUID got it a second one from the guide, and not from ours.
    const of = (list: readonly DhcpAnswer[]) =>
      new Set(rows.flatMap(({ client }, index) => (client.mac === stranger ? (list[index]?.address ?? []) : [])));
    expect([of(guide).size, of(ours).size]).toEqual([2, 1]);
  });

  it("by default answers only whom the program declares, and no more than it says", async () => {
    const [conf, hosts] = written(plainProgram);
    const { answers: ours, log } = await answers(conf, clients, hosts);
    const found = rows.map(({ who }, index) => {
      const [theirs, mine] = [guide[index], ours[index]] as [DhcpAnswer, DhcpAnswer];
      return `${who}: ${differences(theirs, mine).replace(/^address: 192\.168\.1\.[2-5] →/, "address: pool →")}`;
    });
    expect(found).toEqual(rows.map((row) => `${row.who}: ${row.plain}`));
    expect(log).toContain("netboot stage=loader mac=52:54:0:12:34:56 arch=7");
    expect(log).toContain("netboot stage=script mac=52:54:0:12:34:56 file=refind.pxe");
    expect(log).toContain("netboot stage=unsupported mac=52:54:0:12:34:56 arch=0");
  });
});

describe("server-identifier", () => {
  it("is the served address, by which a lease is renewed, also where the interface has another one first", async () => {
    const wire = await makeSegment("10.0.0.5/8", "192.168.1.1/28");
    try {
      const clients: readonly DhcpClient[] = [{ mac: declared, arch: x64 }];
      const guide = await readFile("test/cases/guide/dhcpd.conf", "utf8");
      expect((await answers(guide, clients, "", wire)).answers).toMatchObject([{ type: "ack", server: "10.0.0.5" }]);
      const [conf, hosts] = written(plainProgram);
      expect((await answers(conf, clients, hosts, wire)).answers).toMatchObject([
        { type: "ack", server: "192.168.1.1", nextServer: "192.168.1.1" },
      ]);
    } finally {
      await wire.remove();
    }
  });
});

describe("deny bootp", () => {
  it("leaves a BOOTP client without an answer, whom the guide would give an address for ever", async () => {
    const clients: readonly DhcpClient[] = [{ mac: declared, bootp: true }];
    const guide = await readFile("test/cases/guide/dhcpd.conf", "utf8");
    const fixed = guide.replace('server-name "node_1";', "fixed-address 192.168.1.7;");
    // Both hear it; the guide's answers, to an address that the client here has not, so its log has to tell.
    expect((await answers(fixed, clients)).log).toContain("BOOTREPLY for 192.168.1.7");
    const [conf, hosts] = written(plainProgram);
    const { log } = await answers(conf, clients, hosts);
    expect(log).toContain(`BOOTREQUEST from ${declared}`);
    expect(log).not.toContain("BOOTREPLY");
  });
});

describe("renderHostBlocks", () => {
  const second = "52:54:00:12:34:57";

  it("gives every NIC of a machine the same address, and its own loader to the firmware only", async () => {
    const [conf, hosts] = written({
      settings: { network },
      nodes: { "db-1": { macs: [declared, second], address: "192.168.1.4", loader: "snponly.efi" } },
    });
    const asked = await answers(
      conf,
      [declared, second].flatMap((mac) => [{ mac, arch: x64 }, { mac, arch: x64, userClass: "iPXE" }, { mac }]),
      hosts,
    );
    const seen = asked.answers.map(
      ({ address, filename, hostName }) => `${address} ${hostName} ${filename ?? "no file"}`,
    );
    const expected = ["192.168.1.4 db-1 snponly.efi", "192.168.1.4 db-1 refind.pxe", "192.168.1.4 db-1 no file"];
    expect(seen).toEqual([...expected, ...expected]);
  });

  it("gives a declared machine without an address one from the pool, and a stranger nothing", async () => {
    const [conf, hosts] = written({
      settings: { network: { ...network, pool: { from: "192.168.1.9", to: "192.168.1.9" } } },
      nodes: { "web-1": { macs: [declared] } },
    });
    const asked = await answers(
      conf,
      [
        { mac: stranger, arch: x64 },
        { mac: declared, arch: x64 },
      ],
      hosts,
    );
    expect(asked.answers).toMatchObject([
      { type: "silence" },
      { type: "ack", address: "192.168.1.9", filename: "ipxe.efi", hostName: "web-1" },
    ]);
  });
});

describe("dhcpdString", () => {
  it("writes what reaches a machine unchanged", async () => {
    const text = 'a "b" \\ \\n # } größer';
    const [conf, hosts] = written({
      ...plainProgram,
      settings: { network, extraConfig: `option root-path ${dhcpdString(text)};` },
    });
    const asked = await answers(conf, [{ mac: declared }], hosts);
    expect(Buffer.from(asked.answers[0]?.rootPath ?? "", "latin1").toString("utf8")).toBe(text);
  });
});
