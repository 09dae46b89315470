import {
  broughtNotes,
  configuredNotes,
  daemonUnits,
  plannedNotes,
  standInNotes,
  standInPackages,
  timeDaemons,
} from "../os/packages";
import { packageUnits } from "../os/paths";
import type { Answers, Fact, Question } from "./question";

/** A package of which dpkg knows more than its name. */
export interface Package {
  readonly name: string;
  /** As dpkg's short status has it: what is wanted, what is, and what is wrong: `ii`, `rc`, `iU`, `iHR`. */
  readonly status: string;
  readonly version: string;
  /** Names that others may ask for in its place, without their versions. */
  readonly provides: readonly string[];
}

/** A package that went for another, and how its daemon ran, so that it comes back as it was. */
export interface Replaced {
  readonly package: string;
  readonly version: string;
  readonly unit: string;
  /** As `systemctl is-enabled` says it; empty if it was not known. */
  readonly fileState: string;
  /** As `systemctl is-active` says it; empty if it was not known. */
  readonly activeState: string;
}

/** What node 0 has of packages, and what is ours of it. */
export interface Packages {
  /** Whether it is there and works; one that waits for a trigger does. */
  installed(name: string): boolean;
  /** Whether anything of it is there but its configuration, be it half of it. */
  present(name: string): boolean;
  /** Whether its configuration is there and nothing else of it: it was removed, and not purged. */
  leftConfiguration(name: string): boolean;
  /** The version that is present. */
  version(name: string): string | undefined;
  /** All that are present and of this name, or that provide it, in the order of the names. */
  providing(names: readonly string[], provision: string): readonly Package[];
  /** A dpkg was ended in the middle; until what it left is configured, no other does anything. */
  readonly interrupted: boolean;
  /** The packages that we brought. */
  readonly brought: readonly string[];
  /** Those of them whose configuration was there before. */
  readonly configured: readonly string[];
  /** What an apt of ours that was ended in the middle had said it would bring. */
  readonly planned: readonly string[];
  /** What went for a package that we brought, by that package; nothing went where there are no rows. */
  readonly standIns: ReadonlyMap<string, readonly Replaced[]>;
  /** The state of each unit file, as `systemctl is-enabled` says it: also of links to `/dev/null`, and of System V's. */
  readonly unitFiles: ReadonlyMap<string, string>;
  /** The services that run. */
  readonly running: ReadonlySet<string>;
}

/** Notes are lists of names; a host has some thousand packages at most. */
const notesBytes = 65536;

const systemctl = ["--no-legend", "--no-pager", "--plain", "--full"] as const;

/** The units of packages that we bring, and of time daemons that may go for one. */
const unitsThatMatter: readonly string[] = [
  ...new Set([...Object.values(packageUnits).flat(), ...timeDaemons.flatMap(daemonUnits)]),
];

const questions = {
  "packages.status": {
    // biome-ignore-start lint/suspicious/noTemplateCurlyInString: dpkg-query's own.
    ask: "run",
    argv: ["dpkg-query", "-W", "-f", "${db:Status-Abbrev}\\t${Package}\\t${Version}\\t${Provides}\\n"],
    // biome-ignore-end lint/suspicious/noTemplateCurlyInString: dpkg-query's own.
  },
  "packages.audit": { ask: "run", argv: ["dpkg", "--audit"] },
  // Of all units it would take systemd half a second.
  "packages.unitFiles": {
    ask: "run",
    argv: ["systemctl", "list-unit-files", "--type=service", ...systemctl, "--", ...unitsThatMatter],
  },
  "packages.running": {
    ask: "run",
    argv: ["systemctl", "list-units", "--type=service", "--state=active", ...systemctl, "--", ...unitsThatMatter],
  },
  "packages.brought": { ask: "path", path: broughtNotes, bytes: notesBytes },
  "packages.configured": { ask: "path", path: configuredNotes, bytes: notesBytes },
  "packages.planned": { ask: "path", path: plannedNotes, bytes: notesBytes },
} satisfies Readonly<Record<string, Question>>;

function standInKey(name: string): string {
  return `packages.standIn.${name}`;
}

/** What went for packages that we brought, by our own notes: every change may have to give it back. */
export const standInQuestions: Readonly<Record<string, Question>> = Object.fromEntries(
  standInPackages.map((name) => [
    standInKey(name),
    { ask: "path", path: standInNotes(name), bytes: notesBytes } as const,
  ]),
);

/** What dpkg has, what a dpkg left undone, which units there are, and our own notes about packages. */
export const packagesFact: Fact<Packages> = {
  questions: { ...questions, ...standInQuestions },
  read(answers: Answers): Packages {
    const packages = parsePackages(answers.ran("packages.status")?.said ?? "");
    const byName = new Map(packages.map((each) => [each.name, each]));
    const present = packages.filter(isPresent);
    const notes = (key: string): string | undefined => answers.path(key)?.content;
    return {
      installed: (name) => isInstalled(byName.get(name)),
      present: (name) => isPresent(byName.get(name)),
      leftConfiguration: (name) => byName.get(name)?.status[1] === "c",
      version: (name) => {
        const found = byName.get(name);
        return isPresent(found) ? found?.version : undefined;
      },
      providing: (names, provision) =>
        present.filter(({ name, provides }) => names.includes(name) || provides.includes(provision)),
      interrupted: (answers.ran("packages.audit")?.said ?? "") !== "",
      brought: linesOf(notes("packages.brought")),
      configured: linesOf(notes("packages.configured")),
      planned: linesOf(notes("packages.planned")),
      standIns: new Map(
        standInPackages.flatMap((name) => {
          const text = notes(standInKey(name));
          return text === undefined ? [] : [[name, parseReplaced(text)]];
        }),
      ),
      unitFiles: new Map(
        linesOf(answers.ran("packages.unitFiles")?.said).map((line) => {
          const [unit = "", state = ""] = line.trim().split(/\s+/);
          return [unit, state];
        }),
      ),
      running: new Set(linesOf(answers.ran("packages.running")?.said).map((line) => line.trim().split(/\s+/)[0] ?? "")),
    };
  },
};

function linesOf(text: string | undefined): readonly string[] {
  return (text ?? "").split("\n").filter((line) => line !== "");
}

/** The rows of dpkg-query, one for each name; of a package in two architectures the one that is present. */
export function parsePackages(said: string): readonly Package[] {
  const byName = new Map<string, Package>();
  for (const line of said.split("\n")) {
    const [status = "", name = "", version = "", provides = ""] = line.split("\t");
    if (name === "" || !/^[a-z][A-Za-z][ A-Z]?$/.test(status)) continue;
    const found = {
      name,
      status: status.trimEnd(),
      version,
      provides: provides
        .split(",")
        .map((each) => each.replace(/\(.*/, "").trim())
        .filter((each) => each !== ""),
    };
    if (!isInstalled(byName.get(name))) byName.set(name, found);
  }
  return [...byName.values()].toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

/** By the second letter: W awaits another's trigger, t its own, and both are installed. */
function isInstalled(found: Package | undefined): boolean {
  return found !== undefined && /^.[iWt]/.test(found.status);
}

/** n was never there, and of c only the configuration is. */
function isPresent(found: Package | undefined): boolean {
  return found !== undefined && /^.[^nc]/.test(found.status);
}

/** The rows that node 0 keeps of what went: five words each, in which `%20` is a space and `%` nothing. */
function parseReplaced(text: string): readonly Replaced[] {
  return linesOf(text).map((line) => {
    const [name = "", version = "", unit = "", fileState = "", activeState = ""] = line.split(" ").map(decode);
    return { package: name, version, unit, fileState, activeState };
  });
}

function decode(word: string): string {
  return word === "%"
    ? ""
    : word.replaceAll(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number(`0x${hex}`)));
}

/** A line that apt and dpkg write on their way, and no script of a package. */
const routine =
  /^(?:Reading|Building|Correcting|Get:|Hit:|Ign:|Fetched|Need to get|After this operation|The following|Recommended packages|Suggested packages|\d+ upgraded|Selecting|Preparing|Unpacking|Setting up|Removing|Purging|Processing triggers|\(Reading|Scanning|Running|Waiting|Errors were|\s+\S+$| {2}\S)/;

/**
 * What apt or dpkg complains of, out of all that it said: each complaint once, indented, behind the last words of the script
 * that failed, be it a package's or a hook's; else its last lines.
 */
export function complaintOf(said: string): string {
  const lines = said.replace(/\n+$/, "").split("\n");
  const shown: string[] = [];
  let own: string[] = [];
  for (const line of lines) {
    const isFailure = /^(?:dpkg: error|E: (?:Sub-process|Problem executing))/.test(line);
    if (line.startsWith("dpkg:") ? isFailure : isFailure && shown.length === 0) shown.push(...own.slice(-8));
    if (isFailure || /^(?:E:|Err:|W: Failed)/.test(line)) shown.push(line);
    else if (/^ (?:old|new|installed) \S+ package .* (?:returned error|failed)/.test(line)) shown.push(line);
    if (line !== "") own = isFailure || routine.test(line) ? [] : [...own, line];
  }
  return withFewFetches([...new Set(shown.length > 0 ? shown : lines.slice(-8))])
    .filter((line) => line !== "")
    .map((line) => `  ${line}`)
    .join("\n");
}

/** As many files as are named of those that could not be fetched: all for the same reason, as a rule. */
const mostFetches = 4;

/** Of all that could not be fetched the first; apt's line with the reason, where there is one, and not the one before it. */
function withFewFetches(lines: readonly string[]): readonly string[] {
  const failed = lines.filter((line) => /^[EW]: Failed to fetch/.test(line));
  const shown = failed.slice(0, mostFetches);
  if (shown.length === 0) return lines;
  const more =
    failed.length === shown.length ? [] : [`and ${failed.length - shown.length} more that could not be fetched`];
  const others = lines.filter((line) => !line.startsWith("Err:") && !failed.includes(line));
  return [...shown, ...more, ...others];
}

/** The packages that dpkg could not unpack, configure or remove. */
export function failedPackages(said: string): readonly string[] {
  return [
    ...new Set([...said.matchAll(/^dpkg: error processing package (\S+?)(?::\w+)? \(/gm)].map(([, name = ""]) => name)),
  ];
}

/** What apt would have had to remove, had it been let. */
export function unremoved(said: string): readonly string[] {
  if (!said.includes("remove is disabled")) return [];
  const [, names = ""] = /^The following packages will be REMOVED:\n((?: {2}.*\n)+)/m.exec(said) ?? [];
  return names.split(/\s+/).flatMap((name) => (name === "" ? [] : [name.replace(/\*$/, "")]));
}
