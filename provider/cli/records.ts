import { createInterface } from "node:readline/promises";
import { converse } from "../conversation/conversation";
import { commit } from "../conversation/groupCommit";
import { refuseOtherMachine, throwFailure } from "../conversation/refused";
import { timeOf } from "../facts/bootLog";
import { declaresMachines } from "../kinds/node";
import { identityIn } from "../lifecycle/stacks";
import { kindIn, stackOf } from "../plan/records";
import { type RecordOnHost, type StackOnHost, stacksOnHost, stacksOnHostQuestions } from "../plan/stacksOnHost";
import type { Host } from "../ssh/link";
import type { Connection } from "../values/connection";
import { hidden } from "../values/hidden";
import { printable } from "../values/printable";
import type { Finding } from "./doctor";
import { byHost, openHostAloud, openStackHost, type StackResource } from "./stack";

/** The records that are on one node 0. */
export interface RecordsOnHost {
  readonly host: string;
  readonly stacks: readonly (StackOnHost & { readonly isOwn: boolean })[];
}

interface Asked extends RecordsOnHost {
  readonly connection: Connection;
  readonly machine: string;
}

/**
 * What every stack has on the node 0s of a stack, or on one host. Changes nothing.
 *
 * @param resources - of the state that is known; none if there is no such state any more
 * @param passesOver - whether a node 0 that can't be asked is left out; why it can't be is told elsewhere then
 * @throws a `NetbootError` when a node 0 can't be reached
 */
export async function readRecords(
  resources: readonly StackResource[],
  host?: Connection,
  passesOver = false,
): Promise<readonly Asked[]> {
  const asked: Asked[] = [];
  if (host !== undefined) return [await recordsOn(await openHostAloud(host), host, undefined, resources)];
  for (const [first] of byHost(resources).values()) {
    if (first === undefined) continue;
    const machine = first.outputs[hidden.machine];
    const known = typeof machine === "string" ? machine : undefined;
    // One node 0 may be reached in two ways.
    if (known !== undefined && asked.some((each) => each.machine === known)) continue;
    try {
      asked.push(await recordsOn(await openStackHost(first), first.connection, known, resources));
    } catch (reason) {
      if (!passesOver) throw reason;
    }
  }
  return asked;
}

async function recordsOn(
  host: Host,
  connection: Connection,
  machine: string | undefined,
  resources: readonly StackResource[],
): Promise<Asked> {
  const own = new Set(resources.map(({ kind, id, outputs }) => stackOf(identityIn(kind, id, outputs))));
  const known = new Map(resources.map(({ id, outputs }) => [id, String(outputs[hidden.generation])] as const));
  const opening = { locks: false, puts: [], drops: [], questions: stacksOnHostQuestions };
  const talk = await converse(host, opening, () => ({ reply: "stop" }));
  refuseOtherMachine(host, machine, talk.facts);
  throwFailure(host, talk);
  const stacks = stacksOnHost(talk.facts, known).map((each) => ({ ...each, isOwn: own.has(each.stack) }));
  return { host: host.name, stacks, connection, machine: talk.facts.machineId.slice(0, 12) };
}

/** The other stacks that have something on the same node 0s, if there are some. */
export function renderOthers(found: readonly RecordsOnHost[]): readonly string[] {
  const others = found.flatMap(({ host, stacks }) =>
    stacks.filter(({ isOwn }) => !isOwn).map((each) => `  ${host}: ${renderStack(each)}`),
  );
  return others.length === 0 ? [] : ["", "other stacks there:", ...others];
}

/** The records as people read them: a line for each stack. */
export function renderRecords(found: readonly RecordsOnHost[]): string {
  return found
    .map(({ host, stacks }) => {
      if (stacks.length === 0) return `${host}: no stack has anything here`;
      return [host, ...stacks.map((each) => `  ${renderStack(each)}`)].join("\n");
    })
    .join("\n");
}

function renderStack({ label, records, written, isOwn }: RecordsOnHost["stacks"][number]): string {
  const lost = records.filter(({ isKnown }) => !isKnown).length;
  const whose = !isOwn
    ? ""
    : lost === 0
      ? ", this stack"
      : `, named as this stack, whose state has ${lost === records.length ? "none" : `all of them but ${lost}`}`;
  return `${label}: ${count(records.length, "record")}, ${countMachines(records)}, last written ${timeOf(written)}${whose}`;
}

export function countMachines(records: readonly RecordOnHost[]): string {
  return count(
    records.reduce((sum, { machines }) => sum + machines, 0),
    "machine",
  );
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

/** Records in the name of a stack that its state does not have, as `doctor` tells of them. */
export function lostRecords({ host, stacks }: RecordsOnHost): readonly Finding[] {
  return stacks
    .filter(({ isOwn }) => isOwn)
    .flatMap(({ stack, label, records, written }) => {
      const lost = records.filter(({ isKnown }) => !isKnown);
      if (lost.length === 0) return [];
      const shown = lost
        .slice(0, 6)
        .map(({ as }) => as)
        .join(", ");
      const more = lost.length > 6 ? ` and ${lost.length - 6} more` : "";
      const [are, they, them] = lost.length === 1 ? ["is", "it", "it"] : ["are", "they", "them"];
      const isEmpty = lost.every(({ id, machines }) => machines === 0 && declaresMachines({ kind: kindIn(id) }));
      const goesOn = isEmpty
        ? `Node 0 serves nothing for ${them}: the machines are another resource's now`
        : `Node 0 goes on with what ${they} declare${lost.length === 1 ? "s" : ""}`;
      const what = [
        `${count(lost.length, "record")} on node 0 ${are} not in this stack's state: ${shown}${more} (something of this stack was last written there at ${timeOf(written)}). ${goesOn}`,
        ...(isEmpty
          ? []
          : [
              `  if the program has ${them}: \`pulumi up\` goes on with ${them}. If it is refused: \`PULUMI_NETBOOT_TAKE_OVER=${stack} pulumi up\``,
            ]),
        `  if nobody needs ${them}: \`npx pulumi-netboot records --clear ${label}\` takes ${them} off node 0, and asks first`,
        `  if another stack is named ${stack} too, as a colleague's, ${they} may be its: leave ${them}, and give one of the two stacks another name`,
      ].join("\n");
      return [{ host, resource: label, what, differs: false }];
    });
}

/**
 * Takes off node 0 what one stack has there and no state that is known here: as its destroy would, in one transaction a host.
 *
 * @param which - as the list of records has it; with its token it may always be
 * @param ask - answers whether to, told what goes
 * @throws when there is nothing of that stack; what node 0 refuses, as where other stacks' machines need it
 */
export async function clearRecords(
  found: readonly Asked[],
  which: string,
  ask: (question: string) => Promise<boolean>,
): Promise<number> {
  const there = found.flatMap((each) => {
    const stack = each.stacks.find(({ label, key }) => label === which || key === which);
    return stack === undefined ? [] : [{ ...each, lost: stack.records.filter(({ isKnown }) => !isKnown) }];
  });
  if (there.length === 0) {
    const labels = [...new Set(found.flatMap(({ stacks }) => stacks.map((each) => each.label)))];
    throw new Error(
      `"${which}" has no records there${labels.length === 0 ? ", and no other stack has" : `; these stacks have: ${labels.join(", ")}`}`,
    );
  }
  let cleared = 0;
  for (const { host, connection, machine, lost } of there) {
    if (lost.length === 0) {
      throw new Error(
        `${host}: the state of this stack has all that ${which} has here; \`pulumi destroy\` takes it away`,
      );
    }
    const question = `${host}: this takes away ${count(lost.length, "record")} of ${which}, and all that ${lost.length === 1 ? "it has" : "they have"} on this host (${countMachines(lost)}); what was there before comes back. A stack of this name that still lives loses them.`;
    if (!(await ask(question))) continue;
    await Promise.all(
      lost.map(({ id, generation }) =>
        commit(connection, { kind: "drop", id, generation }, machine, (severity, text) => {
          if (severity === "warning") console.error(printable(`${host}: ${id}: ${text}`));
        }),
      ),
    );
    cleared += lost.length;
  }
  return cleared;
}

/** Asks whoever sits at the terminal for his word; without one nobody can say yes. */
export async function askAtTerminal(question: string, word: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Error(`${question} Nobody can be asked here: say --yes`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(printable(`${question} ${word} [y/N] `))).trim());
  } finally {
    terminal.close();
  }
}
