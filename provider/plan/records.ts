import type { Declaration, Want } from "../kinds/want";

/**
 * What node 0's register says of a resource that it holds, without its machines: what was wanted, after node 0 had found
 * names and hashes for it. These lines of the register are frozen: older releases wrote them, and read them.
 */
export type Held =
  | Exclude<Want, { readonly want: "file" | "take" | "node" | "fetch" | "listenFor" | "replaceDhcp" | "registered" }>
  /** A file of root's, as it was written. */
  | { readonly want: "file"; readonly path: string; readonly mode: string; readonly sha256: string }
  /** The file of that path came out of this package. */
  | { readonly want: "taken"; readonly path: string; readonly package: string; readonly version: string | undefined }
  /** Who managed the firewall when the rules were put in. */
  | { readonly want: "managed"; readonly manager: string };

/** A machine as the register has it. */
export interface Machine {
  readonly hostname: string;
  readonly address: string | undefined;
  readonly macs: readonly string[];
  readonly firmware: "x64" | "ia32";
  readonly loader: string | undefined;
  /** Whether it must be seen served; a text asks for that anew when it changes. */
  readonly proof: boolean | string;
  /** What the DHCP server reads of it. */
  readonly blocks: string;
}

/** How many NICs machines have. */
export function nicsOf(machines: readonly Machine[]): number {
  return machines.reduce((sum, { macs }) => sum + macs.length, 0);
}

/** A machine, and the resource that declares it. */
export interface Placed {
  readonly id: string;
  readonly machine: Machine;
}

/** One resource in node 0's register. The machines of a fleet do not travel; what is needed of them is told beside it. */
export interface RegisterEntry {
  readonly id: string;
  readonly generation: string;
  readonly held: readonly Held[];
  /** How many machines it declares, with how many NICs, and how many of these get an address of the pool. */
  readonly machines: number;
  readonly macs: number;
  readonly pooled: number;
  /**
   * One machine for each firmware, loader and subnet of its machines, without its host blocks: one that may be proved before
   * one that may not. What the entry before has shown is not told again.
   */
  readonly examples: readonly Machine[];
}

/** Two resources that both want what only one can have. */
export interface Clash {
  /** `the MAC 52:54:00:12:34:56`, `the address 192.168.1.2`, `the name "db-1"`, `the file /srv/tftp/a`. */
  readonly claim: string;
  /** The one of this request. */
  readonly id: string;
  readonly other: string;
}

/** The register as a plan needs it. */
export interface Register {
  /** Before this change, by id. */
  readonly before: ReadonlyMap<string, RegisterEntry>;
  /** With this change: what was put before, without what is dropped and what somebody else of the same stack took over. */
  readonly after: ReadonlyMap<string, RegisterEntry>;
  /** What two resources of different stacks, or two of this request, both want. */
  readonly clashes: readonly Clash[];
  /** The resources that are made anew and whose record has one of their machines already. */
  readonly goOn?: ReadonlySet<string>;
  /** Other node 0s that were named before this run, and answer until its end. */
  readonly peers?: readonly string[];
}

/** `<kind>/<project>/<stack>/<name>` as Pulumi has a resource now; an alias, a move or a rename leave its id as it was. */
export function identityOf(
  id: string,
  entries: ReadonlyMap<string, RegisterEntry>,
  puts?: ReadonlyMap<string, Pick<Declaration, "wants">>,
): string {
  const rows: readonly (Want | Held)[] = puts?.get(id)?.wants ?? entries.get(id)?.held ?? [];
  return rows.find((row) => row.want === "named")?.as ?? id;
}

/** `<project>/<stack>` that a resource is in now. */
export function stackNow(entries: ReadonlyMap<string, RegisterEntry>, id: string): string {
  return stackOf(identityOf(id, entries));
}

/** The kind of a resource, by its id. */
export function kindIn(id: string): string {
  return id.slice(0, id.indexOf("/"));
}

/** `<project>/<stack>` of a resource's id. */
export function stackOf(id: string): string {
  const [, project = "", stack = ""] = id.split("/");
  return `${project}/${stack}`;
}

/** All that is held of one kind, in the order of the ids. */
export function heldOf<W extends Held["want"]>(
  entries: ReadonlyMap<string, RegisterEntry>,
  want: W,
): readonly { readonly id: string; readonly held: Extract<Held, { readonly want: W }> }[] {
  return [...entries.values()]
    .toSorted((one, other) => (one.id < other.id ? -1 : 1))
    .flatMap(({ id, held }) =>
      held.flatMap((each) => (each.want === want ? [{ id, held: each as Extract<Held, { readonly want: W }> }] : [])),
    );
}
