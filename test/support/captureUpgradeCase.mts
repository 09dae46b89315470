/**
 * Writes down, into test/cases/upgrade, a node 0 and a stack as an earlier version of this package makes them:
 *
 *     node test/support/captureUpgradeCase.mts <a clone of the commit, installed and built>
 *
 * It runs in this repository's folder and takes a minute. What is there was made by c14a145, the last commit before plans were made by the client.
 */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { type Lab, labUp } from "../../lab/index.mts";
import type { ExportedState, scratchProject as Scratch } from "../../tools/scratch.mts";
import { programOn } from "./node0.ts";
import { type Entry, placeholdersOf, recordedBefore, recordedProgram, type UpgradeCase } from "./upgradeCase.ts";

/** What is ours on the host; what Debian's packages have put there comes with them. */
const ours = `
  find /var/lib/pulumi-netboot /etc/dhcp/netboot /etc/netboot-names /etc/systemd/system/nftables.service.d /srv/tftp
  ls -d /etc/dhcp/dhcpd.conf /etc/default/tftpd-hpa /etc/chrony/conf.d/netboot.conf
  cd /etc/systemd/system
  find . -name '*netboot*' -o -name isc-dhcp-server.service -o -name tftpd-hpa.service | sed "s|^[.]|$PWD|"`;

/** A file of this package is looked for among all those of the others. */
const sources = ["ipxe", "refind"];

async function entriesOf(lab: Lab): Promise<Record<string, Entry>> {
  await lab.node0.run(
    `mkdir /root/sources; cd /root/sources; ${sources.map((name) => `apt-get -q download ${name}; dpkg-deb -x ${name}_*.deb ${name}`).join("; ")}`,
  );
  const { stdout: sums } = await lab.node0.run("cd /root/sources; find . -type f -name '*.efi' | xargs sha256sum");
  const members = new Map(
    [...sums.matchAll(/^(\S+) +\.\/([^/]+)(\/.*)$/gm)].map(([, sha256 = "", name = "", member = ""]) => [
      sha256,
      { package: name, member, sha256 },
    ]),
  );
  const { stdout } = await lab.node0.run(`{ ${ours}\n} | sort -u | xargs -d '\\n' stat -c '%F|%a|%u:%g|%n'`);
  const entries: Record<string, Entry> = {};
  for (const line of stdout.trim().split("\n")) {
    const [kind = "", mode = "", owner = "", path = ""] = line.split("|");
    const about = { mode: mode.padStart(4, "0"), owner };
    const read = async (command: string): Promise<string> => (await lab.node0.run(`${command} '${path}'`)).stdout;
    if (kind === "directory") entries[path] = { is: "folder", ...about };
    else if (kind === "symbolic link")
      entries[path] = { is: "link", ...about, target: (await read("readlink")).trim() };
    else if (path.endsWith(".deb")) entries[path] = { is: "file", ...about, deb: path.replace(/^.*\/|_.*$/g, "") };
    else if (/^\/srv\/.*\.efi$/.test(path)) {
      const member = members.get((await read("sha256sum")).split(" ")[0] ?? "");
      if (member === undefined) throw new Error(`${path} comes from none of ${sources.join(", ")}`);
      entries[path] = { is: "file", ...about, ...member };
    } else {
      const text = await read("cat");
      const content = text.length < 20_000 ? { text } : { gzip: gzipSync(text, { level: 9 }).toString("base64") };
      entries[path] = { is: "file", ...about, ...content };
    }
  }
  return entries;
}

/** Without where the program lay, and without a salt for secrets, of which there are none. */
function withoutPlaces({ deployment, ...rest }: ExportedState): unknown {
  const { secrets_providers: _salt, ...kept } = deployment as typeof deployment & { secrets_providers?: unknown };
  const resources = (kept.resources ?? []).map((resource) => {
    const {
      sourcePosition: _position,
      stackTrace: _trace,
      ...left
    } = resource as typeof resource & {
      sourcePosition?: unknown;
      stackTrace?: unknown;
    };
    return left;
  });
  return { ...rest, deployment: { ...kept, resources } };
}

const [clone] = process.argv.slice(2);
if (clone === undefined) throw new Error("say where the clone of that commit is");
const { scratchProject }: { scratchProject: typeof Scratch } = await import(resolve(clone, "tools/scratch.mts"));
const lab = await labUp();
const project = await scratchProject({ files: { "index.ts": programOn(lab, recordedProgram) }, name: "upgrade" });
try {
  await lab.node0.run(recordedBefore);
  const placeholders = await placeholdersOf(lab);
  await project.succeed(["up", "--yes", "--skip-preview"]);
  const node0: UpgradeCase = {
    release: lab.release,
    packages: ["chrony", "dnsmasq-base", "isc-dhcp-server", "tftpd-hpa"],
    masked: ["isc-dhcp-server.service", "isc-dhcp-server6.service", "tftpd-hpa.service"],
    entries: await entriesOf(lab),
  };
  const write = (name: string, value: unknown): void => {
    const text = JSON.stringify(value, undefined, 1);
    const general = placeholders.reduce((left, [found, word]) => left.replaceAll(found, word), text);
    writeFileSync(`test/cases/upgrade/${name}`, `${general}\n`);
  };
  write("node0.json", node0);
  write("stack.json", withoutPlaces(await project.state()));
} finally {
  await project.remove();
  await lab.down();
}
