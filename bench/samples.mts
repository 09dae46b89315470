import { readFileSync } from "node:fs";

/** What was measured again and again: the value in the middle, and how far the others lie from it. */
export interface Samples {
  readonly values: readonly number[];
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function samplesOf(values: readonly number[]): Samples {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length / 2;
  const median = ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
  return { values, median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

/** Two ways of doing the same, each as often as the other, and what each pair says of the two. */
export interface Comparison {
  readonly ours: Samples;
  readonly theirs: Samples;
  /** Ours less theirs, pair by pair: what else the machine did in that minute is in both. */
  readonly difference: Samples;
  /** Ours by theirs, pair by pair. */
  readonly ratio: Samples;
}

export function compare(ours: readonly number[], theirs: readonly number[]): Comparison {
  const pairs = ours.map((value, index) => [value, theirs[index] ?? Number.NaN] as const);
  return {
    ours: samplesOf(ours),
    theirs: samplesOf(theirs),
    difference: samplesOf(pairs.map(([one, other]) => one - other)),
    ratio: samplesOf(pairs.map(([one, other]) => one / other)),
  };
}

/** What a run costs. */
export interface Cost {
  /** On the clock. */
  readonly seconds: number;
  /** Of all processes that were started for it, which tells the same on a machine that has other work, too. */
  readonly processorSeconds: number;
}

/** The costs of two ways, run in turns. */
export interface Contest {
  readonly clock: Comparison;
  readonly processor: Comparison;
}

/** Takes turns, A B B A, so that a machine that slows down or warms up favours neither. */
export async function alternate(
  times: number,
  ours: () => Promise<Cost>,
  theirs: () => Promise<Cost>,
): Promise<Contest> {
  const seen: readonly [ours: Cost[], theirs: Cost[]] = [[], []];
  for (let round = 0; round < times; round++) {
    for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      seen[which].push(await (which === 0 ? ours() : theirs()));
    }
  }
  const compareBy = (what: keyof Cost) =>
    compare(...(seen.map((costs) => costs.map((cost) => cost[what])) as [number[], number[]]));
  return { clock: compareBy("seconds"), processor: compareBy("processorSeconds") };
}

/** What something costs, if nothing else of this process runs meanwhile. */
export async function costOf(work: () => Promise<unknown>): Promise<Cost> {
  const before = processorSecondsOfChildren();
  const clock = await seconds(work);
  return { seconds: clock, processorSeconds: processorSecondsOfChildren() - before };
}

/** Of the children that have ended and of theirs: `cutime` and `cstime` of proc_pid_stat(5), in hundredths. */
function processorSecondsOfChildren(): number {
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

/** How many seconds something takes. */
export async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}
