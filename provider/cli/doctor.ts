import { inspect } from "../conversation/look";
import { renderError } from "../errors";
import { type Drift, renderDrift, wholeResource } from "../kinds/drift";
import { declaresMachines } from "../kinds/node";
import { declarationOf } from "../lifecycle/changes";
import { whyUndone } from "../lifecycle/ofTwo";
import type { Ailment } from "../plan/health";
import { whyNotBrought } from "../plan/ownership";
import { listed } from "../preview/nextBootChanges";
import { hidden } from "../values/hidden";
import { hostName } from "../values/place";
import { byHost, openStackHost, type StackResource } from "./stack";
import { type Verified, verify } from "./verify";

/** What stands in the place of a resource where the host itself can't be asked. */
const unreachable = "connection";

/** The same of a transaction that is on node 0. */
const transaction = "transaction";

function renderUnfinished(paths: readonly string[]): string {
  const shown = paths.slice(0, 8).join(", ");
  const more = paths.length > 8 ? ` and ${paths.length - 8} more` : "";
  return `is neither committed nor undone: ${shown}${more}; if no run is at work there, the next \`pulumi up\` tries to put them back first, and tells what it can't`;
}

/** One thing that is not as the stack has it. */
export interface Finding {
  readonly host: string;
  readonly resource: string;
  readonly what: string;
  /** Whether `pulumi up --refresh` mends it, as it does what differs from the stack. */
  readonly differs: boolean;
}

/**
 * Looks at every node 0 of a stack: whether it can be reached, and what of it is not as the stack has it. Changes nothing.
 */
export async function examine(resources: readonly StackResource[]): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const on of byHost(resources).values()) {
    const [first] = on;
    if (first === undefined) continue;
    try {
      const host = await openStackHost(first);
      const declarations = await Promise.all(
        on.map(({ kind, id, outputs }) => declarationOf(kind, id, String(outputs[hidden.generation]), outputs, "look")),
      );
      const machine = first.outputs[hidden.machine];
      const known = typeof machine === "string" ? machine : undefined;
      const { answers, unfinished, ailments } = await inspect(host, declarations, known);
      if (unfinished.length > 0) {
        findings.push({ host: host.name, resource: transaction, what: renderUnfinished(unfinished), differs: false });
      }
      findings.push(
        ...ailments.map(({ what, text }) => ({ host: host.name, resource: what, what: text, differs: false })),
      );
      const found: Finding[] = [];
      const differing = on.flatMap(({ id, kind, outputs }) => {
        const answer = answers.get(id);
        if (answer?.how === "gone") {
          const undone = whyUndone(outputs);
          const what = undone === undefined ? `${gone}${kind === "TimeServer" ? ofChrony : ""}` : whyNotBrought(undone);
          found.push({ host: host.name, resource: id, what, differs: true });
        }
        return (answer?.drift ?? []).map((drift) => ({ id, kind, drift }));
      });
      const verified = await verify(on.filter(({ id }) => answers.get(id)?.how !== "gone"));
      found.push(...findingsOf(host.name, differing, verified, ailments));
      // Where another stack took something over, an up of this one is refused, and mends nothing.
      const isTakenOver = differing.some(
        ({ drift: { what, isByHand } }) => what === wholeResource && isByHand === true,
      );
      const isHeldUp = isTakenOver || ailments.some(({ holdsUp }) => holdsUp);
      findings.push(...found.map((each) => (isHeldUp ? { ...each, differs: false } : each)));
    } catch (error) {
      const host = hostName(first.connection) ?? "";
      const words = renderError(error);
      const what = words.startsWith(`${host}: `) ? words.slice(host.length + 2) : words;
      findings.push({ host, resource: unreachable, what, differs: false });
    }
  }
  return findings;
}

const gone = "is not on this host any more";
/** A chrony without a record of who brought it might be the host's own. */
const ofChrony =
  ". If chrony still is, say `time: { replace: true }` (for a TimeServer alone: `replace: true`), for no record tells who brought it";

/** As many causes are told, of those that have nothing in common. */
const mostCauses = 8;

/** In the place of a resource where several have machines that suffer from one cause. */
const several = "machines";

/** What differs from the stack, and which machines are named in it. */
interface Differing {
  readonly id: string;
  readonly kind: string;
  readonly drift: Drift;
}

/** What `verify` found wrong with machines, and each of them by its name. */
interface Suffering {
  readonly cause: string;
  readonly machines: readonly Verified[];
}

/**
 * What is wrong with one node 0: what differs there from the stack, and what `verify` would fail on. A cause is told once, with
 * the machines that suffer from it, and none that is told already as an ailment.
 */
export function findingsOf(
  host: string,
  differing: readonly Differing[],
  verified: readonly Verified[],
  ailments: readonly Ailment[] = [],
): readonly Finding[] {
  const told = new Set([
    ...ailments.map(({ text }) => `served, but ${text}`),
    ...differing.flatMap(({ drift: { what, seen } }) => (what === wholeResource ? [seen] : [])),
  ]);
  const bad = verified.filter(({ served, seen }) => !served && !told.has(seen));
  const left = new Set([...Map.groupBy(bad, causeOf)].map(([cause, machines]): Suffering => ({ cause, machines })));
  const sayTo = (isOfIt: (suffering: Suffering) => boolean): string => {
    const own = [...left].filter(isOfIt);
    for (const each of own) left.delete(each);
    const names = own.flatMap(({ machines }) => machines.map(({ machine }) => machine)).toSorted();
    return names.length === 0 ? "" : `; not served for it: ${listed(names)}`;
  };
  const [machines, others] = partition(differing, isOfMachine);
  const parts = others.map(({ id, drift }): Finding => {
    const after = sayTo(({ cause }) => isCausedBy(drift, cause));
    return { host, resource: id, what: `${renderDrift(drift)}${after}`, differs: drift.isByHand !== true };
  });
  const lost = [...Map.groupBy(machines, ({ drift: { how } }) => how)].map(([how, of]): Finding => {
    const names = of.map(({ drift: { what } }) => what).toSorted();
    const after = sayTo(
      ({ cause, machines: who }) =>
        cause.includes("got no answer") && who.every(({ machine }) => names.includes(machine)),
    );
    const [one] = of;
    const what = one !== undefined && of.length === 1 ? renderDrift(one.drift) : `${listed(names)} ${were[how]}`;
    return { host, resource: sharedBy(of.map(({ id }) => id)), what: `${what}${after}`, differs: true };
  });
  const shown = [...left].slice(0, mostCauses).map((each) => notServed(host, each));
  const more = [...left].slice(mostCauses).reduce((sum, { machines: who }) => sum + who.length, 0);
  const rest = `${more} more are not served; \`npx pulumi-netboot verify\` tells of each`;
  return [
    ...[...parts, ...lost, ...shown],
    ...(more === 0 ? [] : [{ host, resource: several, what: rest, differs: false }]),
  ];
}

const were: Readonly<Record<string, string>> = { missing: "are missing", changed: "were changed" };

/** Machines stand in their resources by their names, and nothing else of these does that is missing or was changed. */
function isOfMachine({ kind, drift: { how } }: Differing): boolean {
  return declaresMachines({ kind }) && Object.hasOwn(were, how);
}

function notServed(host: string, { cause, machines }: Suffering): Finding {
  const resource = sharedBy(machines.map((each) => each.resource));
  const [one] = machines;
  const what =
    one !== undefined && machines.length === 1
      ? `${one.machine}: ${one.seen}`
      : `${listed(machines.map(({ machine }) => machine).toSorted())} are not served: ${cause}`;
  return { host, resource, what, differs: false };
}

/** What is wrong with a machine, in words that are the same for each that suffers from it. */
function causeOf({ machine, seen }: Verified): string {
  return seen.replace(/^(iPXE|the firmware) of (\S+) \([0-9a-f:]+\) /, (all, who: string, name: string) =>
    name === machine ? `${who} of each ` : all,
  );
}

/** Whether what a proof saw comes of what a look found. */
function isCausedBy({ what, how }: Drift, cause: string): boolean {
  if (what.startsWith("/")) {
    const name = what.slice(what.lastIndexOf("/") + 1);
    return cause.startsWith(`${name} could not be fetched`) || cause.startsWith(`TFTP served another ${name} `);
  }
  return (how === "stopped" || how === "other") && cause.includes(`, for ${what} `);
}

function sharedBy(ids: readonly string[]): string {
  const [one = several, ...more] = new Set(ids);
  return more.length === 0 ? one : several;
}

function partition<T>(all: readonly T[], isFirst: (each: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [all.filter(isFirst), all.filter((each) => !isFirst(each))];
}

/** The findings as people read them. */
export function renderFindings(findings: readonly Finding[]): string {
  if (findings.length === 0) return "all as the stack has it";
  const lines = findings.map(({ host, resource, what }) => `${host}: ${resource}: ${what}`);
  const isMended = findings.some(({ differs }) => differs);
  return [...lines, ...(isMended ? ["", "`pulumi up --refresh` mends what differs"] : [])].join("\n");
}
