import type { Declaration, Want } from "../kinds/want";
import { isClash, refuseClash, takenFrom } from "./ownership";
import { type Held, heldOf, type Machine, type Placed, type Register, type RegisterEntry } from "./records";
import type { Refusal } from "./refusal";

/** What a run asks of one host, together: resources as they should be, and resources that go, each with its generation. */
export interface Change {
  readonly puts: ReadonlyMap<string, Declaration>;
  readonly drops: ReadonlyMap<string, string>;
  /** The tokens of the stacks that let something go, beside those of its own generation. */
  readonly tokens?: ReadonlySet<string>;
}

type WantOf<W extends Want["want"]> = Extract<Want, { readonly want: W }>;

/** All wants of one kind, in the order of the ids. */
export function wantsOf<W extends Want["want"]>(
  puts: ReadonlyMap<string, Declaration>,
  word: W,
): readonly { readonly id: string; readonly want: WantOf<W> }[] {
  return [...puts.values()]
    .toSorted((one, other) => (one.id < other.id ? -1 : 1))
    .flatMap(({ id, wants }) => wants.flatMap((want) => (want.want === word ? [{ id, want: want as WantOf<W> }] : [])));
}

/** The machines that a resource puts. */
export function machinesOf({ wants }: Declaration): readonly Machine[] {
  return wants.flatMap((want) => {
    if (want.want !== "node") return [];
    const { hostname, address, macs, firmware, loader, proof, blocks } = want;
    return [{ hostname, address, macs, firmware: firmware === "ia32" ? "ia32" : "x64", loader, proof, blocks }];
  });
}

/** The machines that a change puts, each with its resource. */
export function placedIn(puts: ReadonlyMap<string, Declaration>): readonly Placed[] {
  return [...puts.values()].flatMap((put) => machinesOf(put).map((machine) => ({ id: put.id, machine })));
}

/** With the interface's name where the texts of a resource say `@interface@`. */
export function nameInterface(put: Declaration, name: string): Declaration {
  const named = <T>(value: T): T => {
    if (typeof value === "string") return value.replaceAll("@interface@", name) as T;
    if (value instanceof Uint8Array || typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(named) as T;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, named(inner)])) as T;
  };
  return { ...put, wants: put.wants.map((want) => (want.want === "node" ? want : named(want))) };
}

/** What is known of a file once its bytes are: where they are, and their hash. */
export interface KnownFile {
  readonly sha256: string;
  readonly bytes?: number;
  /** Where it lies on node 0, if it does not travel. */
  readonly from?: string;
}

/**
 * What the register will hold of a resource: its wants, with the hashes of their files. A file that is still in its
 * package has an empty one.
 */
export function heldBy(put: Declaration, fileAt: (path: string) => KnownFile | undefined): readonly Held[] {
  return put.wants.flatMap((want): readonly Held[] => {
    switch (want.want) {
      case "node":
      case "fetch":
      case "listenFor":
      case "replaceDhcp":
      case "registered":
        return [];
      case "file":
        return [{ want: "file", path: want.path, mode: want.mode, sha256: fileAt(want.path)?.sha256 ?? "" }];
      case "take": {
        const { path, mode, package: name, version } = want;
        return [
          { want: "taken", path, package: name, version },
          { want: "file", path, mode, sha256: fileAt(path)?.sha256 ?? "" },
        ];
      }
      default:
        return [want];
    }
  });
}

/** What a line of the register says of a daemon, where only one resource can say it; undefined for all others. */
function topicOf(held: Held): string | undefined {
  switch (held.want) {
    case "unit":
      return `unit ${held.name}`;
    case "listen":
    case "enabled":
      return `${held.want} ${held.unit}`;
    case "serve":
    case "daemon":
    case "tftpd":
    case "ntp":
    case "interface":
    case "peers":
    case "hotStandby":
      return held.want;
    default:
      return undefined;
  }
}

/** What only one resource can have of what is held, in the words of an error. */
function claimOf(held: Held): string | undefined {
  if (held.want === "file" || held.want === "link") return `the file ${held.path}`;
  return held.want === "names" ? "the name server" : undefined;
}

/**
 * The register with a change in it. Within one stack whoever writes last takes over: the other loses what both want, and
 * with a file what was said of the daemon that reads it. Between stacks, and within one change, it is a clash.
 */
export function mergeHeld(
  told: {
    readonly before: Register["before"];
    readonly after: Register["after"];
    readonly clashes: Register["clashes"];
  },
  change: Change,
  held: ReadonlyMap<string, readonly Held[]>,
): { readonly register: Register; readonly stripped: readonly RegisterEntry[] } {
  const after = new Map<string, RegisterEntry>();
  const clashes = told.clashes.filter((clash) => isClash(clash, change.puts, told.before));
  const goOn = new Set(told.clashes.flatMap(({ id, other }) => (id === other ? [id] : [])));
  const owner = new Map<string, string>();
  for (const [id, own] of [...held].toSorted(([one], [other]) => (one < other ? -1 : 1))) {
    for (const claim of own.map(claimOf)) {
      if (claim === undefined) continue;
      const other = owner.get(claim);
      if (other !== undefined && other !== id) clashes.push({ claim, id, other });
      else owner.set(claim, id);
    }
  }
  const stripped: RegisterEntry[] = [];
  for (const entry of told.after.values()) {
    const { id } = entry;
    const own = held.get(id);
    const put = change.puts.get(id);
    if (own !== undefined && put !== undefined) {
      after.set(id, { ...entry, generation: put.generation, held: own });
      continue;
    }
    const loses = told.clashes.some((clash) => clash.other === id && clash.id !== id && change.puts.has(clash.id));
    const isLess = loses && !change.drops.has(id);
    const taken = new Set<string>();
    for (const claim of entry.held.map(claimOf)) {
      const winner = claim === undefined ? undefined : owner.get(claim);
      if (claim === undefined || winner === undefined) continue;
      const clash = { claim, id: winner, other: id };
      if (isClash(clash, change.puts, told.before)) clashes.push(clash);
      else taken.add(claim);
    }
    if (taken.size === 0 && !isLess) {
      after.set(id, entry);
      continue;
    }
    const winners = new Set([...taken].map((claim) => owner.get(claim)));
    const said = new Set([...winners].flatMap((winner) => held.get(winner ?? "")?.map(topicOf) ?? []));
    said.delete(undefined);
    const left = entry.held.filter((each) => !taken.has(claimOf(each) ?? "") && !said.has(topicOf(each)));
    const less = { ...entry, held: isLess ? left.map(asLess) : left };
    stripped.push(less);
    after.set(id, less);
  }
  return { register: { before: told.before, after, clashes, goOn }, stripped };
}

/** What a record says of the inputs that declared it is true no more where machines of it were taken. */
function asLess(held: Held): Held {
  return held.want === "declared" ? { ...held, by: takenFrom } : held;
}

/** The clashes of the first resource that has some, in words. */
export function whyClash({ puts }: Pick<Change, "puts">, { clashes, before }: Register): Refusal | undefined {
  const [first] = clashes.toSorted((one, other) => (one.id < other.id ? -1 : 1));
  if (first === undefined) return undefined;
  const likewise = clashes.filter((each) => each !== first && each.id === first.id && each.other !== first.other);
  return refuseClash(first, puts, before, likewise);
}

/** The paths that are held of a register. */
export function pathsHeld(entries: ReadonlyMap<string, RegisterEntry>): ReadonlyMap<string, string> {
  return new Map(
    [...heldOf(entries, "file"), ...heldOf(entries, "link")].map(({ id, held }) => [held.path, id] as const),
  );
}
