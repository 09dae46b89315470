import { setTimeout as sleep } from "node:timers/promises";
import { silence, wake } from "../conversation/silence";
import { renderError } from "../errors";
import { declaresMachines } from "../kinds/node";
import { hidden, type Pair } from "../values/hidden";
import { placeOf } from "../values/place";
import { printable } from "../values/printable";
import { countMachines, type RecordsOnHost, readRecords } from "./records";
import { openStackHost, type StackResource } from "./stack";
import { machinesOf, renderVerified, type Verified, verify } from "./verify";

/** A node 0 that falls silent, and those that have its machines meanwhile. */
interface Drill {
  /** As the program calls it. */
  readonly name: string;
  readonly silent: readonly [StackResource, ...StackResource[]];
  readonly others: readonly StackResource[];
}

/** What a drill has shown. */
export interface Drilled {
  readonly silent: { readonly name: string; readonly host: string; readonly seconds: number };
  /** Of each machine, what the other node 0 gave it meanwhile. */
  readonly machines: readonly Verified[];
  /** Of each machine, what the first one gives it since. */
  readonly after: readonly Verified[];
}

/** How a drill goes on. */
interface Ways {
  readonly seconds: number;
  /** Answers whether to, told what happens. */
  readonly ask: (question: string) => Promise<boolean>;
  /** Ends the silence sooner. */
  readonly signal: AbortSignal;
}

/**
 * Keeps one of two node 0s silent for a while, asks the other for everything that the machines of the first boot by, and has the
 * first serve again.
 *
 * @param which - the one that falls silent, by its host or its name; without it, the first of the two
 * @returns nothing if whoever was asked said no, or when a machine would be without a boot meanwhile, which is told
 * @throws when there are no two; what keeps node 0 from it
 */
export async function drill(
  resources: readonly StackResource[],
  which: string | undefined,
  { seconds, ask, signal }: Ways,
): Promise<Drilled | undefined> {
  const { name, silent, others } = chooseDrill(resources.filter(declaresMachines), which);
  const [first] = silent;
  const address = placeOf(first.connection) ?? "";
  const seen = Map.groupBy(await verify([...silent, ...others]), ({ host }) => (host === address ? "own" : "other"));
  const { own = [], other: elsewhere = [] } = Object.fromEntries(seen);
  const why = whyNotSilent(name, own, elsewhere);
  if (why !== undefined) {
    say(why);
    return undefined;
  }
  const strangers = (await readRecords(silent)).flatMap(({ stacks }) => stacks.filter(({ isOwn }) => !isOwn));
  if (!(await ask(askWhether({ name, address, seconds, machines: own.length, strangers })))) return undefined;
  const host = await openStackHost(first);
  const machine = first.outputs[hidden.machine];
  const names = await silence(host, typeof machine === "string" ? machine : undefined, seconds);
  const since = Date.now();
  say(drillSays.silent(name, names));
  let machines: readonly Verified[];
  try {
    await sleep(noticedMs, undefined, { signal }).catch(() => {});
    machines = await verify(others);
    say(drillSays.asked(name));
    const left = seconds * 1000 - (Date.now() - since) - marginMs;
    await sleep(Math.max(0, left), undefined, { signal }).catch(() => {});
  } finally {
    await wake(host, names).catch((reason) => {
      say(`${renderError(reason)}\n${drillSays.notWoken(name, seconds)}`);
    });
  }
  const silentFor = Math.round((Date.now() - since) / 1000);
  return { silent: { name, host: address, seconds: silentFor }, machines, after: await verify(silent) };
}

/** After so long one that stands by has missed the other, and is not asked before it has taken its place. */
const noticedMs = 2000;

/** The timer on node 0 is for the case that nobody else wakes it. */
const marginMs = 2000;

/** Why a node 0 may not fall silent: a machine of its own would be without a boot. */
export function whyNotSilent(
  name: string,
  own: readonly Verified[],
  elsewhere: readonly Verified[],
): string | undefined {
  const known = new Set(elsewhere.map(({ machine }) => machine));
  const missing = own.filter(({ machine }) => !known.has(machine));
  const wrong = [
    ...missing.map((row) => ({ ...row, served: false, seen: "not declared on the other one" })),
    ...elsewhere.filter(({ served }) => !served),
  ];
  if (wrong.length === 0) return undefined;
  return `${name} does not fall silent, for the other node 0 does not serve all machines:\n${renderVerified(wrong)}`;
}

/** What is asked before anything is stopped. */
export function askWhether({
  name,
  address,
  seconds,
  machines,
  strangers,
}: {
  readonly name: string;
  readonly address: string;
  readonly seconds: number;
  readonly machines: number;
  /** Other stacks on the same node 0, of which nobody knows here whether another one has their machines. */
  readonly strangers: RecordsOnHost["stacks"];
}): string {
  const others = strangers
    .filter(({ records }) => records.some((each) => each.machines > 0))
    .map(({ label, records }) => `${label} (${countMachines(records)})`);
  return (
    `${name} (${address}) answers no machine for ${seconds} s: its DHCP and TFTP servers are stopped, and a timer of its own starts them again. ` +
    `A machine that boots from it in that moment may have to try again. The other node 0 was just seen to serve ${machines === 1 ? "its machine" : `all ${machines} machines`}.` +
    (others.length === 0 ? "" : ` Other stacks have machines on it, too, and were not asked: ${others.join(", ")}.`)
  );
}

/** What is said while a drill goes on. */
export const drillSays = {
  silent: (name: string, units: readonly string[]): string => `${name} is silent: ${units.join(" and ")} are stopped`,
  asked: (name: string): string =>
    `the other node 0 was asked for every machine; ${name} stays silent for its time, and Ctrl-C ends that`,
  notWoken: (name: string, seconds: number): string =>
    `${name} could not be told to serve again; its own timer starts its servers, ${seconds} s after they were stopped`,
  notBegun: "nothing was stopped",
};

function say(line: string): void {
  console.error(printable(line));
}

/** @throws when there is none, or more than one */
export function chooseDrill(machines: readonly StackResource[], which: string | undefined): Drill {
  const pairs = machines.flatMap((resource) => {
    const pair = resource.inputs[hidden.pair] as Pair | undefined;
    return pair === undefined ? [] : [{ resource, pair, name: pair.names[pair.is === "first" ? 0 : 1] }];
  });
  if (pairs.length === 0) {
    throw new Error(
      "a drill needs two node 0s of the same machines, and this stack has none: `server: [a, b]` on an OlaNode or an OlaFleet makes them",
    );
  }
  const meant =
    which ?? (new Set(pairs.flatMap(({ pair }) => pair.names[0])).size === 1 ? pairs[0]?.pair.names[0] : undefined);
  const chosen = pairs.filter(
    ({ name, resource }) => name === meant || [resource.connection.host, placeOf(resource.connection)].includes(meant),
  );
  const [one] = chosen;
  if (one === undefined) {
    const names = [...new Set(pairs.map(({ name, resource }) => `${name} (${placeOf(resource.connection)})`))].join(
      ", ",
    );
    throw new Error(
      which === undefined
        ? `say by --host which one falls silent: ${names}`
        : `no node 0 of two is "${which}"; these are: ${names}`,
    );
  }
  const onHost = machines.filter(({ connection }) => placeOf(connection) === placeOf(one.resource.connection));
  const alone = onHost.filter(({ inputs }) => inputs[hidden.pair] === undefined);
  if (alone.length > 0) {
    const names = alone.flatMap(({ kind, urn, inputs }) => machinesOf(kind, urn, inputs));
    const more = names.length > 6 ? ` and ${names.length - 6} more` : "";
    throw new Error(
      `${one.name} does not fall silent, for no other node 0 has ${names.slice(0, 6).join(", ")}${more}: declare them with both servers`,
    );
  }
  const partners = new Set(chosen.map(({ pair }) => pair.names.join("\0")));
  const others = pairs.filter(({ pair, name }) => partners.has(pair.names.join("\0")) && name !== one.name);
  return {
    name: one.name,
    silent: [one.resource, ...onHost.filter((each) => each !== one.resource)],
    others: others.map(({ resource }) => resource),
  };
}

/** Whether every machine had its boot meanwhile, and has it from both since. */
export function isDrilled({ machines, after }: Drilled): boolean {
  return [...machines, ...after].every(({ served }) => served);
}

/** What was seen, as people read it. */
export function renderDrilled({ silent: { name, host, seconds }, machines, after }: Drilled): string {
  const bad = after.filter(({ served }) => !served);
  const last =
    bad.length === 0
      ? `${name} (${host}) was silent for ${seconds} s, and serves all of them again`
      : `${name} (${host}) was silent for ${seconds} s, and does not serve all of them since:\n${renderVerified(bad)}`;
  return `${renderVerified(machines)}\n${last}`;
}
