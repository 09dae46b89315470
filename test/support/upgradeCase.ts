import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Lab } from "../../lab/index.mts";
import type { ExportedState } from "../../tools/scratch.mts";

/** What lies at a path of node 0. */
export type Entry = { readonly mode: string; readonly owner: string } & (
  | { readonly is: "folder" }
  | { readonly is: "file"; readonly text: string }
  /** A long text: gzip, in base64. */
  | { readonly is: "file"; readonly gzip: string }
  /** A file of a Debian package that is not installed. */
  | { readonly is: "file"; readonly package: string; readonly member: string; readonly sha256: string }
  /** The package itself, as apt downloads it. */
  | { readonly is: "file"; readonly deb: string }
  | { readonly is: "link"; readonly target: string }
);

/** A node 0 as an earlier version of this package has made it: test/support/captureUpgradeCase.mts wrote it down. */
export interface UpgradeCase {
  readonly release: string;
  /** What was not there before, as our apt was told it. */
  readonly packages: readonly string[];
  /** Units that were masked before apt came. */
  readonly masked: readonly string[];
  readonly entries: Readonly<Record<string, Entry>>;
}

const folder = "test/cases/upgrade";

/** What the program declares, after the lines of `programOn`. */
export const recordedProgram = readFileSync(`${folder}/program.txt`, "utf8");

/** What an administrator did before: a firewall that lets in SSH and nothing else. */
export const recordedBefore = readFileSync(`${folder}/before.txt`, "utf8");

/** What is another one in each lab: its value → the word that stands for it in the recorded files. */
export async function placeholdersOf(lab: Lab): Promise<readonly (readonly [value: string, word: string])[]> {
  const { host, hostKey, privateKeyPath } = lab.node0;
  const { stdout } = await lab.node0.run("cut -c1-12 /etc/machine-id; dpkg-query -W systemd-timesyncd");
  const [machine = "", , version = ""] = stdout.split(/\s+/);
  return [
    [hostKey, "@hostKey@"],
    [privateKeyPath, "@privateKeyPath@"],
    [`"${host}"`, '"@host@"'],
    [machine, "@machine@"],
    [version, "@timesyncd@"],
    [version.replaceAll("~", "%7E"), "@timesyncdEncoded@"],
  ];
}

type Placeholders = Awaited<ReturnType<typeof placeholdersOf>>;

/** The recorded node 0 and stack, as they would have come about in this lab. */
export function readUpgradeCase(placeholders: Placeholders): {
  readonly node0: UpgradeCase;
  readonly stack: ExportedState;
} {
  const read = (name: string): unknown => {
    const text = readFileSync(`${folder}/${name}`, "utf8");
    return JSON.parse(placeholders.reduce((filled, [value, word]) => filled.replaceAll(word, () => value), text));
  };
  return { node0: read("node0.json") as UpgradeCase, stack: read("stack.json") as ExportedState };
}

/** Installs what our apt brought, as it did: nothing of it runs but chrony, which takes the place of systemd-timesyncd. */
export async function installAsRecorded(lab: Lab, { packages, masked, entries }: UpgradeCase): Promise<void> {
  const debs = Object.values(entries).flatMap((entry) => ("deb" in entry ? [entry.deb] : []));
  const sources = Object.values(entries).flatMap((entry) => ("package" in entry ? [entry.package] : []));
  const download = (name: string): string => `apt-get -q -o APT::Sandbox::User=root download ${name}`;
  await lab.node0.run(
    [
      "set -e; export DEBIAN_FRONTEND=noninteractive; mkdir /root/recorded; cd /root/recorded",
      `all() { ${[...new Set([...debs, ...sources])].map(download).join(" && ")}; }; all || { apt-get -q update; all; }`,
      ...[...new Set(sources)].map((name) => `dpkg-deb -x ${name}_*.deb ${name}`),
      `systemctl mask --quiet ${masked.join(" ")}`,
      `apt-get -q -y install --no-install-recommends ${packages.join(" ")} >/dev/null`,
      // A mask with no unit below it was taken away again: Debian's DHCPv6 server is a start script, and not here.
      ...masked.map(
        (unit) =>
          `[ -e /lib/systemd/system/${unit} ] || [ -e /etc/init.d/${unit.split(".")[0]} ] || systemctl unmask --quiet ${unit}`,
      ),
    ].join("\n"),
    { timeoutMs: 300_000 },
  );
}

/** Makes node 0 hold what was recorded of it. */
export async function layDown(lab: Lab, { entries }: UpgradeCase): Promise<void> {
  const lines = Object.entries(entries)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([path, entry]) => [...linesFor(path, entry), `chown -h ${entry.owner} '${path}'`]);
  await lab.node0.run("cat >/root/recorded/lay-down && sh -e /root/recorded/lay-down && rm -r /root/recorded", {
    input: `${lines.join("\n")}\n`,
  });
}

function linesFor(path: string, entry: Entry): readonly string[] {
  const mode = `chmod ${entry.mode} '${path}'`;
  if (entry.is === "folder") return [`mkdir -p '${path}'`, mode];
  if (entry.is === "link") return [`ln -sfn '${entry.target}' '${path}'`];
  if ("deb" in entry) return [`cp /root/recorded/${entry.deb}_*.deb '${path}'`, mode];
  if ("package" in entry) {
    const check = `echo '${entry.sha256}  ${path}' | sha256sum --check --quiet`;
    return [`cp '/root/recorded/${entry.package}${entry.member}' '${path}'`, mode, check];
  }
  const text = "gzip" in entry ? gunzipSync(Buffer.from(entry.gzip, "base64")) : Buffer.from(entry.text);
  // What is there may be a link to /dev/null.
  return [`rm -f '${path}'`, `base64 -d >'${path}' <<'END'\n${text.toString("base64")}\nEND`, mode];
}
