import { afterUp } from "../values/unknown";
import { notAsDeclared } from "./nextBoot";

/** A machine whose next boot a preview has seen: as it was, and as it will be; absent where there is or was none. */
export interface NextBootChange {
  readonly name: string;
  readonly before?: string;
  /** `unknown` where only the up itself can tell. */
  readonly after?: string;
  /** A part of it is a secret, so that nothing more is said of it. */
  readonly isSecret?: true;
  /** The second of two servers, where this is of that one. */
  readonly on?: string;
  /** Its resource is replaced, and what it was is not known. */
  readonly isReplaced?: true;
  /** What of it is another than it was: `another address`. */
  readonly others?: readonly string[];
  /** A fleet that goes, and that may have had this machine, which the engine does not tell. */
  readonly perhapsOf?: string;
  /** From where to where it goes, if that is another node 0. */
  readonly moved?: string;
  /** From where to where the address goes from which it has its files: `192.168.1.1 → 192.168.1.8`. */
  readonly bootServer?: string;
}

/** A boot file that a run gives another content: its hashes, as far as they are known. */
export interface FileChange {
  readonly before?: string | undefined;
  readonly after?: string | undefined;
}

/** What a preview has seen of the machines of its program. */
export interface Previewed {
  /** The machines of the resources that are made or changed in this run. */
  readonly changes: readonly NextBootChange[];
  /** The boot files that change in this run, by their names. */
  readonly files: ReadonlyMap<string, FileChange>;
  /** What each machine's next boot does after this run, also of resources that --target or --exclude leaves out. */
  readonly texts: ReadonlyMap<string, string>;
  /** The machines of the program; one of these goes from one resource only to come with another. */
  readonly names?: ReadonlySet<string>;
  /** What machines boot by that a refresh has found otherwise on node 0, by the names of the resources. */
  readonly drifted?: ReadonlySet<string>;
  /** Resources of a host that was down in the last run, which went on without it. */
  readonly behind?: ReadonlySet<string>;
  /** What becomes of machines that nobody declares, where this run changes it. */
  readonly strangers?: "refuse" | "serve";
  /** The machines whose server gets another address, also of resources that do not change for it. */
  readonly bootServers?: readonly NextBootChange[];
}

/**
 * The machines whose next boot this run changes; and those for which it has changed before, by a run that left their own
 * resources out, or by the stack that has the files.
 */
export function changesOfRun({ changes, files, texts, bootServers = [] }: Previewed): {
  readonly now: readonly NextBootChange[];
  readonly already: readonly NextBootChange[];
} {
  const now: NextBootChange[] = [];
  const already: NextBootChange[] = [];
  for (const change of asOne(changes)) {
    const { name, before, after, ...more } = change;
    const served = before === undefined || after === undefined ? before : asServedNow(before, after, files);
    if (more.moved === undefined && served === after && before !== after) already.push(change);
    else if (more.moved !== undefined || served !== after)
      now.push({
        name,
        ...(served !== undefined && { before: served }),
        ...(after !== undefined && { after }),
        ...more,
      });
  }
  const own = new Set(changes.flatMap(({ name, on }) => (on === undefined ? [name] : [])));
  for (const [name, after] of files.size === 0 ? [] : texts) {
    if (own.has(name)) continue;
    // Files that are declared apart from the machine's server have no hash in its text.
    const next = withHashes(after, "after", files);
    const before = [...files].reduce(
      (text, [file, hashes]) => text.replace(shown(file, hashes.after), () => shown(file, hashes.before)),
      withHashes(after, "before", files),
    );
    if (before !== next) now.push({ name, before, after: next });
  }
  return { now: onceEach(withBootServers(now, bootServers)), already: onceEach(already) };
}

/** The changes with those that a server's other address is, for a machine that does not change but for it as well. */
function withBootServers(
  changes: readonly NextBootChange[],
  bootServers: readonly NextBootChange[],
): readonly NextBootChange[] {
  const other = new Map(bootServers.map((each) => [machineOn(each), each]));
  const own = new Set(changes.map(machineOn));
  return [
    ...changes.map((change) => ({ ...other.get(machineOn(change)), ...change })),
    ...[...other].flatMap(([machine, each]) => (own.has(machine) ? [] : [{ ...each, before: "", after: "" }])),
  ];
}

function machineOn({ name, on }: NextBootChange): string {
  return `${name}\0${on}`;
}

/** A machine that goes from one resource and comes with another, as from a fleet to an OlaNode, is one that stays. */
function asOne(changes: readonly NextBootChange[]): readonly NextBootChange[] {
  return [...Map.groupBy(changes, machineOn).values()].flatMap((of) => {
    const [goes, comes] = [of.find((each) => each.after === undefined), of.find((each) => each.before === undefined)];
    return of.length === 2 && goes !== undefined && comes !== undefined ? [{ ...goes, ...comes }] : of;
  });
}

/** A machine that changes on both of two servers is one machine. */
function onceEach(changes: readonly NextBootChange[]): readonly NextBootChange[] {
  const onFirst = new Set(changes.flatMap(({ name, on }) => (on === undefined ? [name] : [])));
  return changes.filter(({ name, on }) => on === undefined || !onFirst.has(name));
}

/** A text with the hashes of files before or after this run, where it has none. */
function withHashes(text: string, when: keyof FileChange, files: Previewed["files"]): string {
  return [...files].reduce(
    (done, [file, hashes]) => done.replace(shown(file, "unknown"), () => shown(file, hashes[when])),
    text,
  );
}

/** What was said of a boot, with the files that this run does not change as they are served now. */
function asServedNow(before: string, after: string, files: Previewed["files"]): string {
  return [...after.matchAll(/(\S+) sha256:(\w+)…/g)].reduce((text, [shownNow, name = ""]) => {
    return files.has(name)
      ? text
      : text.replace(new RegExp(`(?<= )${name.replaceAll(".", "\\.")} sha256:\\w+…`), shownNow);
  }, before);
}

/** A file as renderNextBoot writes it; of one whose hash is not known nothing that a text has. */
function shown(name: string, sha256: string | undefined): string {
  return `${name} sha256:${sha256 === undefined ? "?" : sha256.slice(0, 10)}…`;
}

/** As many names as a line takes. */
const most = 8;

/**
 * What a preview says of all machines in one sentence.
 *
 * @example
 * ```
 * next boot changes for 2 of 300 nodes: db-1, db-2 (both: ipxe.efi 67c7f1f8 → 18fc84b6)
 * next boot changes for 300 of 300 nodes: db-1, db-2, db-3, db-4, db-5, db-6, db-7 and 293 more (all: boot server 192.168.1.1 → 192.168.1.8)
 * next boot changes for none of 300 nodes; it has changed before this run for db-1 (refind.conf 453785cb → babcb66c)
 * next boot changes for none of 300 nodes; machines that nobody declares boot by node 0, too
 * next boot changes for none of 300 nodes; that is by the program: on node 0 node0-tftp is not as declared, and until a …
 * ```
 */
export function describeNextBoots(previewed: Previewed, total: number): string {
  const { now, already } = changesOfRun(previewed);
  // One that goes is none of the program's any more.
  const gone = now.filter(
    ({ name, after, on }) => after === undefined && on === undefined && previewed.names?.has(name) !== true,
  );
  const all = total + gone.length;
  const changing = now.length === 0 ? `none of ${nodes(all)}` : `${now.length} of ${nodes(all)}: ${grouped(now)}`;
  const changed = already.length === 0 ? "" : `; it has changed before this run for ${grouped(already)}`;
  const strangers = previewed.strangers === undefined ? "" : ofStrangers[previewed.strangers];
  return `next boot changes for ${changing}${changed}${strangers}${untilMended([...(previewed.drifted ?? [])].sort())}${untilNext([...(previewed.behind ?? [])].sort())}`;
}

const ofStrangers = {
  serve: "; machines that nobody declares boot by node 0, too",
  refuse: "; machines that nobody declares boot by node 0 no more",
} as const;

/** A machine does otherwise after a run that mends what somebody has changed, and nobody knows what it does before. */
function untilMended(drifted: readonly string[]): string {
  if (drifted.length === 0) return "";
  const are = drifted.length === 1 ? "is" : "are";
  return `; that is by the program: on node 0 ${listed(drifted)} ${are} not as declared, and until a run mends that machines may boot otherwise, or not at all`;
}

/** What a host that was down served before, it serves until the next run. */
function untilNext(behind: readonly string[]): string {
  if (behind.length === 0) return "";
  const are = behind.length === 1 ? "is" : "are";
  return `; that is by the program: ${listed(behind)} ${are} not yet as it says, for the last up went on without that host, which serves until the next one what it served before`;
}

/** Machines by what changes for them: those that go first, then the most; the engine asks in any order, a reader sees one. */
function grouped(changes: readonly NextBootChange[]): string {
  const groups = [...Map.groupBy(changes, reasonOf)].map(([why, of]) => ({
    why,
    names: of.map(({ name }) => name).sort(),
  }));
  const rank = ({ why, names }: (typeof groups)[number]) => (why === goes ? Number.POSITIVE_INFINITY : names.length);
  groups.sort((a, b) => rank(b) - rank(a) || ((a.names[0] ?? "") < (b.names[0] ?? "") ? -1 : 1));
  return groups.map(({ why, names }) => `${listed(names)} (${ofAll(names.length, why)})`).join("; ");
}

/** A reason that is not taken for that of the last name alone. */
function ofAll(count: number, why: string): string {
  if (count === 1) return why;
  const who = count === 2 ? "both" : "all";
  if (why === goes) return `${who} go`;
  return why.includes(" → ") || why.includes(": ") ? `${who}: ${why}` : `${who} ${why}`;
}

function nodes(count: number): string {
  return count === 1 ? "1 node" : `${count} nodes`;
}

/** Names in a line, the first of many. */
export function listed(names: readonly string[]): string {
  if (names.length <= most) return names.join(", ");
  return `${names.slice(0, most - 1).join(", ")} and ${names.length - most + 1} more`;
}

/** What is said of machines that this run takes out. */
const goes = "goes";

function reasonOf({ on, ...change }: NextBootChange): string {
  return on === undefined ? whatChanges(change) : `${whatChanges(change)} on ${on}`;
}

function whatChanges(change: NextBootChange): string {
  const { before, after, isSecret, isReplaced, others = [], moved, perhapsOf, bootServer } = change;
  if (isReplaced) return others.length === 0 ? "replaced" : `replaced with ${others.join(" and ")}`;
  if (before === undefined) return perhapsOf === undefined ? "new" : `new, or of fleet ${perhapsOf} until now`;
  if (after === undefined) return goes;
  if (after === "unknown") return `known only ${afterUp}`;
  if (isSecret) return "changed, a part of it is secret";
  if (before.startsWith(notAsDeclared)) return driftIn(before.slice(notAsDeclared.length));
  const [was, is] = [partsOf(before), partsOf(after)];
  const server = bootServer === undefined ? [] : [`boot server ${bootServer}`];
  if (was === undefined || is === undefined) return server[0] ?? "changed";
  const reasons = (["address", "host name", "NICs", "firmware"] as const)
    .filter((what) => was[what] !== is[what])
    .map((what) => `${what} ${was[what]} → ${is[what]}`);
  for (const [index, file] of is.files.entries()) {
    const old = was.files[index];
    if (old === undefined || old.name !== file.name) reasons.push(`${old?.name ?? "nothing"} → ${file.name}`);
    else if (file.hash === undefined) reasons.push(`${file.name} known only ${afterUp}`);
    else if (old.hash === undefined) reasons.push(`${file.name} → ${file.hash}`);
    else if (old.hash !== file.hash) reasons.push(`${file.name} ${old.hash} → ${file.hash}`);
  }
  if (moved !== undefined) reasons.push(`node 0 ${moved}`);
  reasons.push(...server);
  return reasons.length === 0 ? "changed" : reasons.join(", ");
}

/** Of a machine by itself its name goes before already. */
function driftIn(text: string): string {
  const own = /^\S+ (?:is (missing)|was (changed))$/.exec(text);
  return own === null ? `not as declared on node 0: ${text}` : `${own[1] ?? own[2]} on node 0`;
}

/** What a text of renderNextBoot says. */
export function partsOf(text: string):
  | {
      readonly address: string | undefined;
      readonly "host name": string | undefined;
      readonly NICs: string | undefined;
      readonly firmware: string | undefined;
      readonly files: readonly { readonly name: string; readonly hash: string | undefined }[];
    }
  | undefined {
  const machine =
    /^(?<address>from the pool|\[[^\]]+\]|\S+) (?<hostname>\[[^\]]+\]|\S+) \((?<macs>[^)]*)\)\nUEFI (?<firmware>\[[^\]]+\]|\S+) /.exec(
      text,
    )?.groups;
  if (machine === undefined) return undefined;
  return {
    address: machine["address"],
    "host name": machine["hostname"],
    NICs: machine["macs"],
    firmware: machine["firmware"],
    files: [...text.matchAll(/(\S+) (?:sha256:(?:(\w+)|\?)…|\(its hash)/g)].map(([, name = "", hash]) => ({
      name,
      hash: hash?.slice(0, 8),
    })),
  };
}
