import { hidden } from "../values/hidden";
import { placeOf } from "../values/place";
import { isUnknown } from "../values/unknown";
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
 * the program declares, with their aliases; `names` the machines. A machine that another resource declares now, as a
 * fleet does, has not gone.
 *
 * @example
 * ```
 * no more in this program: db-3. Node 0 serves no machine by this name after this up, unless --target or --exclude leaves it out, or retainOnDelete keeps it
 * ```
 */
export function whatGoes(before: Before, declared: ReadonlySet<string>, names: ReadonlySet<string>): readonly string[] {
  if (before instanceof Error) return [`whether machines go with this up can't be told: ${before.message}`];
  const all = Object.entries(before).filter(([urn]) => !declared.has(urn));
  const [gone, onSecond] = [all.filter(([urn]) => !ofSecond.test(urn)), all.filter(([urn]) => ofSecond.test(urn))];
  const of = (kind: string): readonly string[] =>
    gone
      .filter(([, { type }]) => type === `pulumi-nodejs:dynamic/netboot:${kind}`)
      .map(([urn]) => urn.replace(/.*::/, ""))
      .sort();
  const onlyThere = onSecond.filter(([urn]) => !gone.some(([other]) => other === firstOf(urn)));
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

/**
 * What a machine was that comes by a create, where the state has it all the same: its resource is replaced, or an OlaNode goes that was
 * this machine. The files that it met are told as those that it will. Of a fleet that is replaced the engine tells no machines.
 */
export function beforeReplaced(
  {
    name,
    on,
    before,
    after,
    urn,
    place,
  }: NextBootChange & { readonly urn: string; readonly place: string | undefined },
  state: Before,
  declared: ReadonlySet<string>,
): Pick<NextBootChange, "before" | "isReplaced" | "moved"> {
  if (before !== undefined || after === undefined || state instanceof Error) return {};
  const own = state[urn];
  const was = own ?? (on === undefined ? goneMachine(state, declared, name) : undefined);
  if (was === undefined) return {};
  const { hostname = name, address, macs, connection, [hidden.pair]: pair } = was.outputs ?? {};
  const isTold = Array.isArray(macs) && typeof hostname === "string" && (address ?? "") === `${address ?? ""}`;
  if (!isTold) return { isReplaced: true };
  const machine = renderMachine({
    hostname,
    macs: macs.map(String),
    ...(address === undefined ? {} : { address: `${address}` }),
  });
  const from = placeOf(connection);
  const isMoved = pair === undefined && from !== undefined && place !== undefined && from !== place;
  return {
    before: isUnknown(after) ? machine : `${machine}\n${after.split("\n").slice(1).join("\n")}`,
    ...(isMoved && { moved: `${from} → ${place}` }),
  };
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
