import { readBoots } from "../conversation/look";
import { renderError } from "../errors";
import { type Boot, parseGaps, parseHistory, renderCourse, renderGaps, tellsSince, timeOf } from "../facts/bootLog";
import { hidden } from "../values/hidden";
import { hostName } from "../values/place";
import { renderBootSvg } from "../view/bootSvg";
import { machinesNamed } from "./machinesNamed";
import { byHost, openStackHost, type StackResource, whyPassedOver } from "./stack";

/** A boot, and whose it was. */
export interface BootOfMachine extends Boot {
  readonly host: string;
  /** The machine that has this NIC, by its host name (and its node 0, if there are several); absent if no program declares it. */
  readonly machine?: string;
}

/** What the logs of a stack's node 0 tell since a time. */
export interface History {
  /** The second since 1970 from which on the logs tell: of several hosts the latest. */
  readonly since: number;
  /** All machines that node 0 knows, whatever stack they are from. */
  readonly machines: readonly string[];
  /** The oldest first. */
  readonly boots: readonly BootOfMachine[];
  /** Of each host's log that has gaps, or of several the one that could not be asked. */
  readonly gaps: readonly string[];
}

/**
 * Reads who booted from the logs of every node 0 of a stack. Changes nothing.
 *
 * @param since - the second since 1970 at which it begins; a log may not go back so far
 * @throws a `NetbootError` when a node 0 can't be reached
 */
export async function readHistory(resources: readonly StackResource[], since: number): Promise<History> {
  const boots: BootOfMachine[] = [];
  const machines = new Set<string>();
  const gaps: string[] = [];
  let told = since;
  const hosts = byHost(resources);
  for (const [first] of hosts.values()) {
    if (first === undefined) continue;
    const read = await readHost(first, since).catch((reason: unknown) => {
      gaps.push(`${hostName(first.connection)}: ${renderError(whyPassedOver(hosts.size, first.connection, reason))}`);
    });
    if (read === undefined) continue;
    const { host, log, files, machines: known } = read;
    const names = new Map(
      known.split("\n").flatMap((line) => {
        const [, hostname = "", macs = ""] = line.split(" ");
        return macs.split(",").map((mac) => [mac, hostname] as const);
      }),
    );
    names.delete("");
    // Two node 0s may each have a db-1.
    const named = (hostname: string): string => (hosts.size > 1 ? `${hostname} (${host.name})` : hostname);
    for (const hostname of names.values()) machines.add(named(hostname));
    told = Math.max(told, tellsSince(log, since));
    const lacks = renderGaps(parseGaps(log));
    if (lacks !== "") gaps.push(`${host.name}: ${lacks}`);
    for (const boot of parseHistory({ log, files })) {
      const hostname = names.get(boot.mac);
      boots.push({ ...boot, host: host.name, ...(hostname === undefined ? {} : { machine: named(hostname) }) });
    }
  }
  return {
    since: told,
    machines: [...machines].sort(),
    boots: boots.sort((one, other) => one.from - other.from),
    gaps,
  };
}

/**
 * The same of these machines only, by their host names, patterns of them, or MACs; without a name, of all.
 *
 * @throws an Error where node 0 knows nothing of one of the names
 */
export function historyOf(names: readonly string[], history: History): History {
  if (names.length === 0) return history;
  const asked = [
    ...history.machines.map((machine) => ({ machine, mac: undefined })),
    ...history.boots.map(({ machine, mac }) => ({ machine: machine ?? mac, mac })),
  ];
  const named = machinesNamed(names, asked, ({ machine, mac }) => [
    bareName(machine),
    ...(mac === undefined ? [] : [mac]),
  ]);
  const meant = new Set(named.map(({ machine }) => machine));
  return {
    ...history,
    machines: history.machines.filter((machine) => meant.has(machine)),
    boots: history.boots.filter(({ machine, mac }) => meant.has(machine ?? mac)),
  };
}

/** Of two node 0s each machine has the name of its own beside it. */
function bareName(machine: string): string {
  return machine.replace(/ \(.*\)$/, "");
}

function isCalled(machine: string, who: string): boolean {
  return machine === who || bareName(machine) === who;
}

async function readHost(first: StackResource, since: number) {
  const host = await openStackHost(first);
  const machine = first.outputs[hidden.machine];
  const expected = typeof machine === "string" ? machine : undefined;
  return { host, ...(await readBoots(host, `@${since}`, expected)) };
}

/** The last boot of every machine, or all of them, as people read them: a line each, strangers at the end. */
export function renderHistory({ since, machines, boots }: History, all: boolean): string {
  const known = new Set(machines);
  const rows: string[][] = [];
  const byMachine = new Map<string, BootOfMachine[]>(machines.map((who) => [who, []]));
  for (const boot of boots.toSorted(
    (one, other) => Number(known.has(other.machine ?? "")) - Number(known.has(one.machine ?? "")),
  )) {
    const who = boot.machine ?? boot.mac;
    byMachine.set(who, [...(all ? (byMachine.get(who) ?? []) : []), boot]);
  }
  for (const [who, own] of byMachine) {
    if (own.length === 0) rows.push([who, "-", "never", `since ${timeOf(since)}, as far as the log goes`]);
    for (const boot of own) rows.push([who, timeOf(boot.from), boot.reached, renderCourse(boot, known.has(who))]);
  }
  if (rows.length === 0) return `nobody asked since ${timeOf(since)}, and no machine is declared`;
  const widths = [0, 0, 0];
  for (const row of rows) {
    for (const column of widths.keys()) widths[column] = Math.max(widths[column] ?? 0, row[column]?.length ?? 0);
  }
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")).join("\n");
}

/**
 * The time line of a machine's last boot, as an SVG picture.
 *
 * @param who - the machine by its host name, as the table has it, or by a MAC
 * @throws when nothing is known of it
 */
export function drawLastBoot({ since, machines, boots }: History, who: string): string {
  const own = boots.filter(({ machine = "", mac }) => isCalled(machine, who) || mac === who.toLowerCase());
  const last = own.at(-1);
  if (last !== undefined) return renderBootSvg(last.machine ?? last.mac, last);
  if (machines.some((machine) => isCalled(machine, who))) {
    throw new Error(
      `"${who}" has not booted since ${timeOf(since)}, as far as the log goes; --since takes an earlier time`,
    );
  }
  const some = machines.slice(0, mostNames).join(", ");
  const more = machines.length > mostNames ? ` and ${machines.length - mostNames} more` : "";
  throw new Error(`node 0 knows no machine "${who}"; it knows ${machines.length === 0 ? "none" : `${some}${more}`}`);
}

/** As many names as a line takes. */
const mostNames = 8;
