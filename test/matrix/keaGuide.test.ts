import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { backendOf, type DhcpDaemon } from "../../provider/formats/dhcpBackend.ts";
import { dhcpLanguages } from "../../provider/formats/dhcpLanguage.ts";
import { parseDhcpdSettings } from "../../provider/formats/isc/dhcpdConf.ts";
import { parseNode } from "../../provider/values/node.ts";
import { type UnpackedPackages, unpackPackages } from "../support/debianPackages.ts";
import type { DhcpAnswer, DhcpClient } from "../support/dhcpClient.mts";
import { makeSegment, type Segment } from "../support/segment.ts";
import { right } from "../unit/provider/values/sentences.ts";

/**
 * The real Kea and the real dhcpd, each with what a program of ours writes for it, and Kea with the guide's own configuration,
 * asked by the same clients. A row says all that is different between the answers; docs/other-dhcp-servers.md says it to users.
 */

const declared = "52:54:00:12:34:56";
const second = "52:54:00:12:34:57";
const pooled = "52:54:00:12:34:58";
const stranger = "52:54:00:99:99:99";

const network = { interface: "server0", cidr: "192.168.1.0/28", address: "192.168.1.1" };
const pool = { from: "192.168.1.9", to: "192.168.1.12" };
const nodes = {
  "node-1": {
    macs: [declared, second],
    address: "192.168.1.3",
    options: { "root-path": 'a, "b" \\ ö', "time-offset": 3600 },
  },
  "web-1": { macs: [pooled], loader: "snponly.efi" },
};
const programs = {
  refusing: {
    network: { ...network, pool, router: "192.168.1.14", domain: "rack.example.net" },
    loaders: { ia32: "ipxe32.efi" },
  },
  serving: { network: { ...network, pool }, unknownMachines: "serve", loaders: { x64: "snponly.efi" } },
};

const firmwares: readonly (readonly [string, Pick<DhcpClient, "arch">])[] = [
  ["x64", { arch: [7] }],
  ["00:09", { arch: [9] }],
  ["two things", { arch: [7, 16] }],
  ["ia32", { arch: [6] }],
  ["BIOS", { arch: [0] }],
  ["no architecture", {}],
];

/** In the order of their NICs. */
const clients = [...Map.groupBy(allClients(), ([, { mac }]) => mac).values()].flat();

function allClients(): readonly (readonly [string, DhcpClient])[] {
  return [
    ...[
      ["the first NIC", declared],
      ["the second NIC", second],
      ["a machine of the pool", pooled],
      ["a stranger", stranger],
    ].flatMap(([who = "", mac = ""]) =>
      firmwares.flatMap(([what, asks]): readonly (readonly [string, DhcpClient])[] => [
        [`${who}, ${what}`, { mac, ...asks }],
        [`${who}, ${what}, iPXE`, { mac, ...asks, userClass: "iPXE" }],
      ]),
    ),
    ["a system that names itself by a DUID", { mac: pooled, clientId: "ff00112233" }],
    ["a declared system that had an address elsewhere", { mac: declared, reboots: "10.99.0.5" }],
    ["a stranger's system that had an address elsewhere", { mac: stranger, reboots: "10.99.0.5" }],
    ["a BOOTP client", { mac: declared, bootp: true }],
  ];
}

let packages: UnpackedPackages;
let segment: Segment;
let folder: string;

/** Asks a daemon with these files as each client; what lies elsewhere on node 0 lies in a folder here. */
async function ask(daemon: DhcpDaemon, conf: string, machines = "", asked = clients): Promise<readonly DhcpAnswer[]> {
  const { path } = backendOf(daemon).machines;
  const here = (name: string): string => join(folder, name);
  await writeFile(here("machines"), machines);
  await writeFile(here("leases"), "");
  const text = conf
    .replaceAll(path, here("machines"))
    .replace(/"\/usr\/lib(?=\/[^"]*\.so")/, `"${packages.folder}/usr/lib`)
    .replace(/"socket-name": "[^"]*"/, `"socket-name": "${here("socket")}"`)
    .replace('"type": "memfile",', `"type": "memfile", "name": "${here("leases.csv")}",`);
  await writeFile(here("conf"), text);
  await rm(here("leases.csv"), { force: true });
  const program = (name: string): string => join(packages.folder, "usr/sbin", name);
  const env = {
    LD_LIBRARY_PATH: join(packages.folder, "usr/lib/x86_64-linux-gnu"),
    KEA_LOCKFILE_DIR: "none",
    KEA_PIDFILE_DIR: folder,
    KEA_LFC_EXECUTABLE: program("kea-lfc"),
  };
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const commands: Readonly<Record<DhcpDaemon, readonly [string[], string]>> = {
    isc: [
      [program("dhcpd"), "-f", "-d", "-4", "-cf", here("conf"), "-lf", here("leases"), "--no-pid", "server0"],
      "Server starting service",
    ],
    kea: [["env", ...variables, program("kea-dhcp4"), "-c", here("conf")], "DHCP4_STARTED"],
  };
  const server = await segment.serve(...commands[daemon]);
  try {
    const client = join(process.cwd(), "test/support/dhcpClient.mts");
    const answers: DhcpAnswer[] = [];
    // An address that Kea has lent to a machine's NIC is free for its others after two seconds at most.
    for (const group of Map.groupBy(asked, ([, { mac }]) => mac).values()) {
      const printed = await segment.client([process.execPath, client, JSON.stringify(group.map(([, each]) => each))]);
      answers.push(...(JSON.parse(printed) as readonly DhcpAnswer[]));
      if (daemon === "kea") await new Promise((resolve) => setTimeout(resolve, 2100));
    }
    return answers;
  } finally {
    await server.stop();
  }
}

async function askOurs(
  daemon: DhcpDaemon,
  program: object,
  declaredNodes: Readonly<Record<string, object>> = nodes,
  asked = clients,
): Promise<readonly DhcpAnswer[]> {
  const { config } = dhcpLanguages[daemon].render(right(parseDhcpdSettings({ ...program, daemon })));
  const { renderMachine, machines } = backendOf(daemon);
  const rows = Object.entries(declaredNodes).map(([name, args]) => renderMachine(right(parseNode(name, args))));
  return await ask(daemon, config, machines.before + rows.join(machines.separator ?? "") + machines.after, asked);
}

/** Each client whose answers differ, with what is different in them. */
function differences(one: readonly DhcpAnswer[], other: readonly DhcpAnswer[], asked = clients): readonly string[] {
  return asked.flatMap(([who], index) => {
    const [first, then] = [one[index], other[index]] as [DhcpAnswer, DhcpAnswer];
    if (first.type !== then.type) return [`${who}: ${first.type} → ${then.type}`];
    const keys = [...new Set([...Object.keys(first), ...Object.keys(then)])] as (keyof DhcpAnswer)[];
    const different = keys.filter((key) => first[key] !== then[key]);
    if (different.length === 0) return [];
    return [`${who}: ${different.map((key) => `${key} ${first[key] ?? "none"} → ${then[key] ?? "none"}`).join(", ")}`];
  });
}

beforeAll(async () => {
  packages = await unpackPackages(
    ...["isc-dhcp-server", "kea-dhcp4-server", "kea-common", "liblog4cplus-2.0.5", "libmariadb3", "libpq5"],
  );
  folder = await mkdtemp(join(tmpdir(), "netboot-kea-"));
  segment = await makeSegment("192.168.1.1/28");
});
afterAll(async () => {
  await segment?.remove();
  await packages?.remove();
  await rm(folder, { recursive: true, force: true });
});

describe("Kea", () => {
  it("answers each client as dhcpd does, for machines that a program names", async () => {
    const [isc, kea] = [await askOurs("isc", programs.refusing), await askOurs("kea", programs.refusing)];
    // A client that dhcpd leaves to find out by itself is told so at once.
    expect(differences(isc, kea)).toEqual(["a declared system that had an address elsewhere: silence → nak"]);
    const nics = clients.flatMap(([who], index) => (/NIC/.test(who) ? [kea[index]?.address] : []));
    expect(new Set(nics)).toEqual(new Set(["192.168.1.3"]));
  });

  it("answers each client as dhcpd does, for all machines", async () => {
    const [isc, kea] = [await askOurs("isc", programs.serving), await askOurs("kea", programs.serving)];
    // No client reads a lease in a refusal.
    expect(differences(isc, kea)).toEqual([
      "a declared system that had an address elsewhere: leaseSeconds none → 7200",
    ]);
  });

  /** The guide's edition for Kea has no reservations. */
  it("answers a machine that nobody names as the guide's edition for Kea does, but for what each row says", async () => {
    const strangers = clients.filter(([who]) => who.startsWith("a stranger,"));
    const guide = await ask("kea", await readFile("test/cases/guide/kea-dhcp4.conf", "utf8"), "", strangers);
    const span = { from: "192.168.1.2", to: "192.168.1.14" };
    const program = {
      network: { ...network, pool: span, router: "192.168.1.1", leaseSeconds: 3600 },
      unknownMachines: "serve",
    };
    const ours = await askOurs("kea", program, {}, strangers);
    const everyone = "broadcast none → 192.168.1.15";
    const sent = "nextServer none → 192.168.1.1";
    expect(differences(guide, ours, strangers)).toEqual([
      `a stranger, x64: ${everyone}`,
      `a stranger, x64, iPXE: ${everyone}, noPxeDhcp none → 1`,
      ...["00:09", "two things"].flatMap((what) => [
        `a stranger, ${what}: ${sent}, filename none → ipxe.efi, ${everyone}`,
        `a stranger, ${what}, iPXE: ${sent}, filename none → refind.pxe, ${everyone}, noPxeDhcp none → 1`,
      ]),
      ...["ia32", "BIOS", "no architecture"].flatMap((what) => [
        `a stranger, ${what}: ${sent}, ${everyone}`,
        `a stranger, ${what}, iPXE: ${sent}, filename none → refind.pxe, ${everyone}, noPxeDhcp none → 1`,
      ]),
    ]);
  });
});
