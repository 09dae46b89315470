import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Lab } from "../../../lab/index.mts";
import { listTree } from "../../../lab/listing.mts";
import type { DhcpAnswer } from "../../support/dhcpClient.mts";
import { entriesOf } from "../../support/node0.ts";
import { witness } from "./changes.mts";
import { daemonOf, dhcpServers } from "./dhcpServers.mts";

const clients = join(import.meta.dirname, "../../support");
const units = ["tftpd-hpa", "netboot-names"];

/** The paths that matter, each with what it is. */
export type Listing = ReadonlyMap<string, string>;

/** All of /etc and what TFTP serves, ours and foreign. */
export async function listingOf(lab: Lab): Promise<Listing> {
  const trees = await Promise.all(
    ["/etc", "/srv/tftp"].map(async (folder) => {
      const root = join(lab.node0.root, folder);
      if (!existsSync(root)) return [];
      return [...entriesOf(await listTree(root))].map(([path, entry]) => [`${folder}${path}`, entry] as const);
    }),
  );
  return new Map(trees.flat().filter(([path]) => !/^\/etc\/(\.pwd\.lock|.*-|ld\.so\.cache|resolv\.conf)$/.test(path)));
}

/** Waits for the end of the agent and of whatever undoes its work; false after two minutes. */
export async function isQuiet(lab: Lab): Promise<boolean> {
  for (let waited = 0; waited < 240; waited++) {
    const { stdout } = await lab.node0.run(
      "systemctl list-units --no-legend --plain --state=running,activating,deactivating,start-post,stop-post 'pulumi-netboot-*.service' | grep -v firewall; systemctl list-jobs --no-legend",
      { check: false },
    );
    if (stdout.trim() === "" || stdout.startsWith("No jobs")) return true;
    await wait(500);
  }
  return false;
}

/** Whether every file is of the state that node 0's register tells of, and nothing of a transaction lies about. */
export function brokenFiles(lab: Lab): readonly string[] {
  const onDisk = (path: string): string => join(lab.node0.root, path);
  const broken: string[] = [];
  if (existsSync(onDisk("/var/lib/pulumi-netboot/journal"))) broken.push("the journal of a transaction is still there");
  const register = onDisk("/var/lib/pulumi-netboot/register");
  if (!existsSync(register)) return broken;
  const hosts = new Set<string>();
  let serves = false;
  for (const entry of readdirSync(register)) {
    const text = readFileSync(join(register, entry), "utf8");
    for (const [, path = "", mode, sha256] of text.matchAll(/^file (\S+) (\d+) ([0-9a-f]{64})$/gm)) {
      const seen = existsSync(onDisk(path)) ? sha256Of(onDisk(path)) : "missing";
      if (seen !== sha256) broken.push(`${path} (${mode}) is ${seen}, and the register says ${sha256}`);
    }
    for (const [, path = "", target = ""] of text.matchAll(/^link (\S+) (\S+)$/gm)) {
      if (linkOf(onDisk(path)) !== target) broken.push(`${path} is no link to ${target}`);
    }
    serves ||= /^serve /m.test(text);
    for (const [, words = ""] of text.matchAll(/^node (.*)$/gm)) {
      for (const line of linesOf(decoded(words.split(" ").at(-1) ?? ""))) hosts.add(line);
    }
  }
  if (!serves) return broken;
  const { machines } = dhcpServers[daemonOf(lab)];
  if (!existsSync(onDisk(machines))) return [...broken, `${machines} is missing`];
  const written = new Set(linesOf(readFileSync(onDisk(machines), "utf8")));
  for (const line of hosts) if (!written.has(line)) broken.push(`${machines} lacks ${line}`);
  for (const line of written) if (!hosts.has(line)) broken.push(`${machines} has ${line}, and the register has not`);
  return broken;
}

/** A machine's lines, without what lies between those of a list. */
function linesOf(text: string): readonly string[] {
  const lines = text.split("\n").map((line) => line.replace(/,$/, ""));
  return lines.filter((line) => line !== "" && !line.startsWith("# "));
}

function sha256Of(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function decoded(word: string): string {
  return word === "%" ? "" : decodeURIComponent(word);
}

/** What does not serve, or serves other than its files say: asked over the wire, as a machine would. */
export async function notServed(lab: Lab): Promise<readonly string[]> {
  const onDisk = (path: string): string => readFileSync(join(lab.node0.root, path), "utf8");
  const wrong: string[] = [];
  const givesTime = existsSync(join(lab.node0.root, "/etc/chrony/conf.d/netboot.conf"));
  const daemon = daemonOf(lab);
  const server = dhcpServers[daemon];
  const other = dhcpServers[daemon === "isc" ? "kea" : "isc"];
  const serving = [server.unit, ...units, ...(givesTime ? ["chrony"] : [])];
  const { stdout: states } = await lab.node0.run(`systemctl is-active ${serving.join(" ")}`, { check: false });
  const stopped = states
    .trim()
    .split("\n")
    .flatMap((state, index) => (state === "active" ? [] : [`${serving[index]} is ${state}`]));
  wrong.push(...stopped);
  const { stdout: beside } = await lab.node0.run(`systemctl is-active ${other.unit}`, { check: false });
  if (beside.trim() === "active") wrong.push(`${other.unit} serves beside ${server.unit}`);

  const asked = JSON.stringify([{ mac: witness.mac, arch: [7] }]);
  const dhcp = await lab.segment.run([process.execPath, join(clients, "dhcpClient.mts"), asked], { check: false });
  const [answer] = (dhcp.code === 0 ? JSON.parse(dhcp.stdout) : []) as readonly DhcpAnswer[];
  const lease = Number(server.lease.exec(onDisk(server.conf))?.[1]);
  const nic = [...onDisk(server.machines).matchAll(server.machine)].find(([, mac]) => mac === witness.mac);
  const wanted = { address: nic?.[2], leaseSeconds: lease, filename: "ipxe.efi" };
  const seen = { address: answer?.address, leaseSeconds: answer?.leaseSeconds, filename: answer?.filename };
  if (JSON.stringify(seen) !== JSON.stringify(wanted)) {
    wrong.push(`DHCP answers ${JSON.stringify(answer ?? dhcp.stderr)}, and its files say ${JSON.stringify(wanted)}`);
  }
  for (const name of ["refind.conf", "note.txt"]) {
    const got = await lab.segment.run(
      [process.execPath, join(clients, "tftpClient.mts"), lab.node0.privateAddress, name],
      {
        check: false,
      },
    );
    if (got.stdout !== onDisk(`/srv/tftp/${name}`))
      wrong.push(`TFTP gives another ${name}: ${got.stderr || `${got.stdout.length} bytes`}`);
  }
  const filer = /^(\S+) filer\./m.exec(onDisk("/etc/netboot-names/hosts"))?.[1];
  const dns = await lab.segment.run([process.execPath, "-e", resolver, lab.node0.privateAddress], { check: false });
  if (dns.stdout.trim() !== filer)
    wrong.push(`DNS says ${dns.stdout.trim() || dns.stderr} of filer, and its file ${filer}`);
  return wrong;
}

const resolver = `const { Resolver } = require("node:dns/promises");
const resolver = new Resolver({ timeout: 1500, tries: 2 });
resolver.setServers([process.argv[1]]);
resolver.resolve4("filer.rack.example.net").then(([address]) => console.log(address), (error) => console.error(error.message));`;

/** How many transactions node 0 has begun since it booted. */
export async function transactionsOf(lab: Lab): Promise<number> {
  const { stdout } = await lab.node0.run(
    "journalctl -q -b -o cat -u 'pulumi-netboot-*' --grep '^Started' | grep -c -v firewall",
    {
      check: false,
    },
  );
  return Number(stdout);
}
