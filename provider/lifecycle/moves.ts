import { kindOf } from "../kinds";
import { declaresMachines } from "../kinds/node";
import { hidden, type Pair } from "../values/hidden";
import { placeOf } from "../values/place";
import type { Problem } from "../values/problem";
import type { Properties } from "./comparison";

// Every run asks for check and diff of every resource, so this file needs nothing that takes long to load.

interface Parts {
  /** On which the state knows them; undefined where all of them are new. */
  readonly machine?: string;
  /** Its DHCP server expects others on the network. */
  readonly knowsOthers: boolean;
}

/** Where this run declares parts of a node 0 → what is known of it. */
const parts = new Map<string, Parts>();

/** Notes where a part of a node 0 is, and on which machine it was until now. The machines' resources come after it. */
export function notePart(kind: string, { connection, otherDhcpServers: others }: Properties, machine?: unknown): void {
  const place = kindOf(kind).isPart === true ? placeOf(connection) : undefined;
  if (place === undefined) return;
  const known = parts.get(place);
  parts.set(place, {
    ...known,
    ...(typeof machine === "string" && { machine }),
    knowsOthers: known?.knowsOthers === true || others === "allow" || (Array.isArray(others) && others.length > 0),
  });
}

/**
 * Whether machines are to be on another node 0 than until now: one of which this run declares parts, on another machine. Where only the way
 * to the same machine is another, its parts go along.
 */
export function isMoved(kind: string, olds: Properties, news: Properties): boolean {
  const [from, to] = [placeOf(olds["connection"]), placeOf(news["connection"])];
  if (!declaresMachines({ kind }) || from === undefined || to === undefined || from === to || !parts.has(to))
    return false;
  const machine = olds[hidden.machine];
  return typeof machine === "string" && parts.get(to)?.machine !== machine;
}

/**
 * Why the first of two node 0s can't be taken out of them while it is there: the machines' record is on it, and until that goes, at the end
 * of the run, both answer. Where others are on the two still, these know each other.
 */
export function whyFirstStays(kind: string, olds: Properties, news: Properties): readonly Problem[] {
  const [from, to] = [placeOf(olds["connection"]), placeOf(news["connection"])];
  const pair = olds[hidden.pair] as Pair | undefined;
  if (!declaresMachines({ kind }) || pair?.is !== "first" || news[hidden.pair] !== undefined) return [];
  if (from === undefined || to === undefined || from === to || !parts.has(from) || parts.get(to)?.knowsOthers !== false)
    return [];
  const [first, second] = pair.names;
  const message =
    `${first} is the first of the two, and can't be taken out of them at once: both would answer, and not know each other. Make ${second} ` +
    `the first of all their machines by an \`up\` of its own, as in server: [${second}, ${first}], and take ${first} out by the next`;
  return [{ path: "server", message }];
}
