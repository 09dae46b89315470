import { sha256Of } from "../digest";
import { hidden } from "../values/hidden";
import { placeOf } from "../values/place";
import { renderMachine } from "./nextBoot";
import { type FileChange, listed, type NextBootChange, partsOf } from "./nextBootChanges";

/** The resources of a state by their URNs, or why they can't be told. */
export type Before = Readonly<Record<string, Stored>> | Error;

/** The URNs of what the program declares and their aliases, each with the URN of now. */
type Declared = ReadonlyMap<string, string>;

interface Stored {
  readonly type?: string;
  readonly outputs?: Readonly<Record<string, unknown>>;
}

/**
 * What a preview says first: the machines that the state has and the program does not. `declared` has the URNs of what
 * the program declares, with their aliases; `names` the machines, and `servers` the first server of each resource. A machine that another resource declares now, as a
 * fleet does, has not gone; nor has a fleet of which all machines come with another one, as of a component. `comes` are the
 * machines that are made or changed.
 *
 * @example
 * ```
 * no more in this program: db-3. Node 0 serves no machine by this name after this up, unless --target or --exclude leaves it out, or retainOnDelete or deletedWith keeps it
 * ```
 */
export function whatGoes(
  before: Before,
  declared: Declared,
  names: ReadonlySet<string>,
  servers: ReadonlyMap<string, string> = new Map(),
  comes: readonly Comes[] = [],
): readonly string[] {
  if (before instanceof Error) return [`whether machines go with this up can't be told: ${before.message}`];
  const all = Object.entries(before).filter(([urn]) => !declared.has(urn));
  const [gone, onSecond] = [all.filter(([urn]) => !ofSecond.test(urn)), all.filter(([urn]) => ofSecond.test(urn))];
  const of = (kind: string): readonly (readonly [name: string, outputs: Stored["outputs"]])[] =>
    gone
      .filter(([, { type }]) => type === `pulumi-nodejs:dynamic/netboot:${kind}`)
      .map(([urn, { outputs }]) => [nameIn(urn), outputs] as const)
      .sort(([one], [other]) => (one < other ? -1 : 1));
  const onlyThere = onSecond.filter(([urn]) => {
    const [, name = "", server] = /::([^:]*)@([^@]*)$/.exec(urn) ?? [];
    // That one may be the first now.
    return servers.get(name)?.replaceAll(" ", "-") !== server && !gone.some(([other]) => other === firstOf(urn));
  });
  const nodes = of("OlaNode")
    .filter(([name, outputs]) => !names.has(name) && !names.has(String(outputs?.["hostname"])))
    .map(([name]) => name);
  // Of a fleet the engine tells no machines, and some may be another resource's now.
  const others = names.size === 0 ? "" : " (but for what the program declares elsewhere)";
  const stays = new Set(comes.flatMap(({ drawn }) => drawn ?? []));
  const fleets = of("OlaFleet")
    .filter(([, outputs]) => !stays.has(String(outputs?.[hidden.drawn])))
    .map(([name]) => `all of fleet ${name}${others}`);
  const words = onlyThere.map(
    ([urn]) => `${urn.replace(/.*@/, "")} serves ${urn.replace(/.*::(.*)@.*/, "$1")} no more after this up`,
  );
  if (nodes.length + fleets.length === 0) return words.sort();
  const what = [...(nodes.length === 0 ? [] : [listed(nodes)]), ...fleets].join(", ");
  const isOne = nodes.length === 1 && fleets.length === 0;
  const [byName, them] = isOne ? ["this name", "it"] : ["these names", "them"];
  return [
    `no more in this program: ${what}. Node 0 serves no machine by ${byName} after this up, unless --target or --exclude leaves ${them} out, or retainOnDelete or deletedWith keeps ${them}`,
    ...words.sort(),
  ];
}

/**
 * The machines that the state and the program have, and that node 0 serves no more after this run, for another resource takes
 * what they have, or has taken it, and their own one does not change.
 *
 * @example
 * ```
 * db-2 is served no more after this up: db-1 takes its address 10.20.0.12, and db-2 does not change in this run
 * ```
 */
export function whatIsLost(
  before: Before,
  declared: Declared,
  names: ReadonlySet<string>,
  comes: readonly Comes[],
): readonly string[] {
  if (before instanceof Error) return [];
  const touched = new Set(comes.map(({ urn }) => urn));
  const changed = new Set(comes.map(({ name }) => name));
  const words = Object.entries(before).flatMap(([urn, { type, outputs = {} }]) => {
    if (type !== "pulumi-nodejs:dynamic/netboot:OlaNode" || ofSecond.test(urn)) return [];
    const name = nameIn(urn);
    const now = declared.get(urn);
    if (now === undefined) {
      const machine = [name, String(outputs["hostname"])].find((each) => names.has(each));
      return machine === undefined || changed.has(machine) ? [] : [whyPerhapsLost(name, machine)];
    }
    if (touched.has(now)) return [];
    for (const each of comes) {
      const what = each.place === placeOf(outputs["connection"]) ? whatIsTaken(each, outputs) : undefined;
      if (what === undefined) continue;
      return [
        `${name} is served no more after this up: ${each.name} takes its ${what}, and ${name} does not change in this run`,
      ];
    }
    return [];
  });
  return words.sort();
}

function whyPerhapsLost(node: string, machine: string): string {
  return (
    `OlaNode ${node} goes, and what else declares ${machine} does not change in this run: ` +
    `if that lost the machine to OlaNode ${node} before, node 0 serves it no more until \`pulumi up --refresh\``
  );
}

/** What a machine is to have that another one has by the state; of a secret not its value. */
function whatIsTaken({ after = "", isSecret }: Comes, outputs: Readonly<Record<string, unknown>>): string | undefined {
  const parts = partsOf(after);
  if (parts === undefined) return undefined;
  const { address, hostname, macs } = outputs;
  const nics = parts.NICs?.split(", ") ?? [];
  const taken = [
    ["address", parts.address === address ? address : undefined],
    ["name", parts["host name"] === hostname ? hostname : undefined],
    ["MAC", Array.isArray(macs) ? macs.find((mac) => nics.includes(String(mac))) : undefined],
  ].find(([, value]) => value !== undefined);
  return taken === undefined ? undefined : isSecret ? String(taken[0]) : taken.join(" ");
}

function nameIn(urn: string): string {
  return urn.replace(/.*::/, "");
}

/** A machine of a resource that is made or changed. */
export interface Comes extends NextBootChange {
  /** Of the resource. */
  readonly urn: string;
  /** Where its node 0 is. */
  readonly place: string | undefined;
  readonly isOnTwo: boolean;
  /** The digest of its fleet's inputs, as a state has it; absent where the fleet is changed and not made. */
  readonly drawn?: string;
}

/**
 * What a machine was that comes by a create, where the state has it all the same: its resource is replaced, or an OlaNode or a
 * fleet goes that had this machine. The files that it met are told as those that it will. Where it was another, its old values
 * are not told, for the engine does not say which of a state's are secrets; and of a fleet it tells no machines, but whether they
 * are the same.
 */
export function beforeReplaced(
  { name, on, before, after, urn, place, isOnTwo, drawn, isSecret }: Comes,
  state: Before,
  declared: Declared,
): Pick<NextBootChange, "before" | "isReplaced" | "others" | "moved" | "perhapsOf"> {
  if (before !== undefined || after === undefined || state instanceof Error) return {};
  // The second of two may have been the first.
  const first = on === undefined ? undefined : state[firstOf(urn)];
  const here = placeOf(first?.outputs?.["connection"]) === place ? first : undefined;
  // A machine that comes into a fleet which was there is none of the fleet's before.
  const own = isFleetOf(urn) && drawn === undefined ? undefined : (state[urn] ?? stateByAlias(state, declared, urn));
  const gone = (): Stored | undefined => goneFleet(state, declared, drawn) ?? goneMachine(state, declared, name);
  const was = own ?? (on === undefined ? gone() : here);
  if (was === undefined) return perhapsOf(state, declared);
  const { hostname = name, address, macs, connection, [hidden.drawn]: drawnBefore } = was.outputs ?? {};
  const from = placeOf(connection);
  const isMoved = !isOnTwo && from !== undefined && place !== undefined && from !== place;
  const moved = isMoved ? { moved: `${from} → ${place}` } : {};
  if (drawn !== undefined && was.type?.endsWith(":OlaFleet") === true) {
    return drawn === drawnBefore ? { before: after, ...moved } : { isReplaced: true };
  }
  if (!Array.isArray(macs) || typeof hostname !== "string") return { isReplaced: true };
  const at = typeof address === "string" ? { address } : {};
  const machine = renderMachine({ hostname, macs: macs.map(String), ...at });
  if (after === "unknown") return { before: machine, ...moved };
  if (after.split("\n", 1)[0] === machine) return { before: after, ...moved };
  const is = partsOf(after);
  // What is known only after the up may be the same.
  const isOther = (was: string, now = "["): boolean => was !== now && !now.includes("[");
  const others = [
    ...(isOther(at.address ?? "from the pool", is?.address) ? ["another address"] : []),
    ...(isOther(hostname, is?.["host name"]) ? ["another host name"] : []),
    ...(isOther(macs.join(", "), is?.NICs) ? ["other NICs"] : []),
  ];
  return { isReplaced: true, ...(is === undefined || isSecret ? {} : { others }) };
}

/** What a state has of a resource that is declared by another name now. */
function stateByAlias(state: Exclude<Before, Error>, declared: Declared, urn: string): Stored | undefined {
  return Object.entries(state).find(([was]) => declared.get(was) === urn)?.[1];
}

/** A boot file on a host. */
interface FileOnHost {
  readonly name: string;
  readonly directory: string;
  /** Where its node 0 is. */
  readonly place: string | undefined;
}

/** A boot file that changes, and where; one that is made may have been there. */
export interface FileHeard extends FileChange, FileOnHost {
  readonly isMade: boolean;
}

/**
 * The boot files that change, by their names. A machine's text is that of its first server: where both have another one of a
 * name, it is told of that, and one that comes to a host where no machine's first server is changes nobody's boot.
 */
export function filesOf(
  files: readonly FileHeard[],
  state: Before,
  declared: Declared,
  comes: readonly Comes[],
): ReadonlyMap<string, FileChange> {
  const first = placesOfFirst(state, declared, comes);
  const heard = files.map((file) => ({
    ...file,
    isFirst: first?.has(file.place) !== false,
    before: file.isMade ? hashOf(fileBefore(state, file)) : file.before,
  }));
  const told = heard.filter(({ isMade, isFirst, before }) => isFirst || !isMade || before !== undefined);
  told.sort((one, other) => Number(one.isFirst) - Number(other.isFirst));
  return new Map(told.map(({ name, before, after }) => [name, { before, after }]));
}

/** The hash of a boot file, as its inputs or outputs tell it. */
export function hashOf(file: Stored["outputs"]): string | undefined {
  const { content, sha256 } = file ?? {};
  if (typeof content === "string") return sha256Of(content);
  return typeof sha256 === "string" ? sha256 : undefined;
}

/** What the state has of a boot file, whatever resource declares it: one that is made anew was there all the same. */
function fileBefore(state: Before, { name, directory, place }: FileOnHost): Stored["outputs"] {
  if (state instanceof Error) return undefined;
  return Object.values(state).find(
    ({ type, outputs = {} }) =>
      type === "pulumi-nodejs:dynamic/netboot:BootFile" &&
      outputs["name"] === name &&
      outputs["directory"] === directory &&
      placeOf(outputs["connection"]) === place,
  )?.outputs;
}

/**
 * Where the first servers of the machines are that the state and the program have, and of those that come; undefined where the
 * state can't be told.
 */
function placesOfFirst(
  state: Before,
  declared: Declared,
  comes: readonly Comes[],
): ReadonlySet<string | undefined> | undefined {
  if (state instanceof Error) return undefined;
  const stay = Object.entries(state).filter(([urn]) => declared.has(urn) && !ofSecond.test(urn));
  return new Set([
    ...stay.map(([, { outputs }]) => placeOf(outputs?.["connection"])),
    ...comes.flatMap(({ on, place }) => (on === undefined ? [place] : [])),
  ]);
}

function isFleetOf(urn: string): boolean {
  return urn.includes("netboot:OlaFleet::");
}

/** One that goes with all the machines of one that comes, as after a rename. */
function goneFleet(state: Exclude<Before, Error>, declared: Declared, drawn: string | undefined): Stored | undefined {
  if (drawn === undefined) return undefined;
  return goneFleets(state, declared).find(([, { outputs }]) => outputs?.[hidden.drawn] === drawn)?.[1];
}

function goneFleets(state: Exclude<Before, Error>, declared: Declared): readonly (readonly [string, Stored])[] {
  return Object.entries(state).filter(([urn]) => isFleetOf(urn) && !declared.has(urn) && !ofSecond.test(urn));
}

/** Of a machine that comes where a fleet goes: whose it may have been. */
function perhapsOf(state: Exclude<Before, Error>, declared: Declared): Pick<NextBootChange, "perhapsOf"> {
  const [gone] = goneFleets(state, declared);
  return gone === undefined ? {} : { perhapsOf: nameIn(gone[0]) };
}

function goneMachine(state: Exclude<Before, Error>, declared: Declared, name: string): Stored | undefined {
  return Object.entries(state).find(
    ([urn, { type, outputs }]) =>
      type === "pulumi-nodejs:dynamic/netboot:OlaNode" &&
      !declared.has(urn) &&
      !ofSecond.test(urn) &&
      (outputs?.["hostname"] ?? urn.replace(/.*::/, "")) === name,
  )?.[1];
}

/** Of the second of two servers: a child of the same type, `…:OlaNode$…:OlaNode::db-1@node0-b`. */
const ofSecond = /::(?:.*\$)?(pulumi-nodejs:dynamic\/netboot:\w+)\$\1::.*@/;

/** The URN of the resource of the first. */
function firstOf(urn: string): string {
  return urn.replace(/\$[^$]*::(.*)@[^@]*$/, "::$1");
}
