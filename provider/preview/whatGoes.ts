import { hidden } from "../values/hidden";
import { placeOf } from "../values/place";
import { renderMachine } from "./nextBoot";
import { listed, type NextBootChange } from "./nextBootChanges";

/** The resources of a state by their URNs, or why they can't be told. */
export type Before = Readonly<Record<string, Stored>> | Error;

interface Stored {
  readonly type?: string;
  readonly outputs?: Readonly<Record<string, unknown>>;
}

/**
 * What a preview says first: the machines that the state has and the program does not. `declared` has the URNs of what
 * the program declares, with their aliases; `names` the machines, and `servers` the first server of each resource. A machine that another resource declares now, as a
 * fleet does, has not gone.
 *
 * @example
 * ```
 * no more in this program: db-3. Node 0 serves no machine by this name after this up, unless --target or --exclude leaves it out, or retainOnDelete keeps it
 * ```
 */
export function whatGoes(
  before: Before,
  declared: ReadonlySet<string>,
  names: ReadonlySet<string>,
  servers: ReadonlyMap<string, string> = new Map(),
): readonly string[] {
  if (before instanceof Error) return [`whether machines go with this up can't be told: ${before.message}`];
  const all = Object.entries(before).filter(([urn]) => !declared.has(urn));
  const [gone, onSecond] = [all.filter(([urn]) => !ofSecond.test(urn)), all.filter(([urn]) => ofSecond.test(urn))];
  const of = (kind: string): readonly string[] =>
    gone
      .filter(([, { type }]) => type === `pulumi-nodejs:dynamic/netboot:${kind}`)
      .map(([urn]) => urn.replace(/.*::/, ""))
      .sort();
  const onlyThere = onSecond.filter(([urn]) => {
    const [, name = "", server] = /::([^:]*)@([^@]*)$/.exec(urn) ?? [];
    // That one may be the first now.
    return servers.get(name)?.replaceAll(" ", "-") !== server && !gone.some(([other]) => other === firstOf(urn));
  });
  const nodes = of("OlaNode").filter((name) => !names.has(name));
  // Of a fleet the engine tells no machines, and some may be another resource's now.
  const others = names.size === 0 ? "" : " (but for what the program declares elsewhere)";
  const fleets = of("OlaFleet").map((name) => `all of fleet ${name}${others}`);
  const words = onlyThere.map(
    ([urn]) => `${urn.replace(/.*@/, "")} serves ${urn.replace(/.*::(.*)@.*/, "$1")} no more after this up`,
  );
  if (nodes.length + fleets.length === 0) return words.sort();
  const what = [...(nodes.length === 0 ? [] : [listed(nodes)]), ...fleets].join(", ");
  const isOne = nodes.length === 1 && fleets.length === 0;
  const [byName, them] = isOne ? ["this name", "it"] : ["these names", "them"];
  return [
    `no more in this program: ${what}. Node 0 serves no machine by ${byName} after this up, unless --target or --exclude leaves ${them} out, or retainOnDelete keeps ${them}`,
    ...words.sort(),
  ];
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
  { name, on, before, after, urn, place, isOnTwo, drawn }: Comes,
  state: Before,
  declared: ReadonlySet<string>,
): Pick<NextBootChange, "before" | "isReplaced" | "moved"> {
  if (before !== undefined || after === undefined || state instanceof Error) return {};
  // The second of two may have been the first.
  const first = on === undefined ? undefined : state[firstOf(urn)];
  const here = placeOf(first?.outputs?.["connection"]) === place ? first : undefined;
  // A machine that comes into a fleet which was there is none of the fleet's before.
  const own = isFleetOf(urn) && drawn === undefined ? undefined : state[urn];
  const gone = (): Stored | undefined => goneFleet(state, declared, drawn) ?? goneMachine(state, declared, name);
  const was = own ?? (on === undefined ? gone() : here);
  if (was === undefined) return {};
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
  return after.split("\n", 1)[0] === machine ? { before: after, ...moved } : { isReplaced: true };
}

function isFleetOf(urn: string): boolean {
  return urn.includes("netboot:OlaFleet::");
}

/** One that goes with all the machines of one that comes, as after a rename. */
function goneFleet(
  state: Exclude<Before, Error>,
  declared: ReadonlySet<string>,
  drawn: string | undefined,
): Stored | undefined {
  if (drawn === undefined) return undefined;
  return Object.entries(state).find(
    ([urn, { outputs }]) =>
      isFleetOf(urn) && !declared.has(urn) && !ofSecond.test(urn) && outputs?.[hidden.drawn] === drawn,
  )?.[1];
}

function goneMachine(state: Exclude<Before, Error>, declared: ReadonlySet<string>, name: string): Stored | undefined {
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
