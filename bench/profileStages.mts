/** Something that a run came to, on the monotonic clock of the machine, which all its processes share. */
export interface Stamp {
  /** Milliseconds. */
  readonly at: number;
  /** `converse begins`, `converse ends`, … */
  readonly what: string;
}

/** A run of `pulumi`, from its start to its end. */
export interface Run {
  readonly from: number;
  readonly to: number;
  readonly stamps: readonly Stamp[];
}

/** From when to when something went on. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** Stage → milliseconds. */
export type Times = Readonly<Record<string, number>>;

/** A row of the profile. */
export interface Stage {
  readonly stage: string;
  readonly whose: string;
}

/** A stage of the clock, and how long it was. */
interface ClockStage extends Stage {
  readonly ms: (seen: Seen) => number;
}

/** What came of a run, looked up by name. */
class Seen {
  readonly run: Run;
  readonly #at: ReadonlyMap<string, readonly number[]>;

  constructor(run: Run) {
    this.run = run;
    const sorted = run.stamps.toSorted((one, other) => one.at - other.at);
    this.#at = new Map(
      Object.entries(Object.groupBy(sorted, ({ what }) => what)).map(([what, all = []]) => [
        what,
        all.map(({ at }) => at),
      ]),
    );
  }

  all(what: string): readonly number[] {
    return this.#at.get(what) ?? [];
  }

  first(what: string): number {
    const [at] = this.all(what);
    if (at === undefined) throw new Error(`the run never came to "${what}"`);
    return at;
  }

  last(what: string): number {
    return this.all(what).at(-1) ?? this.first(what);
  }

  /** From the first of one to the first of the other. */
  between(one: string, other: string): number {
    return this.first(other) - this.first(one);
  }

  /** When one of these went on, once or several times at once. */
  spans(...names: readonly string[]): readonly Span[] {
    const edges = names
      .flatMap((what) => [
        ...this.all(`${what} begins`).map((at) => ({ at, by: 1 })),
        ...this.all(`${what} ends`).map((at) => ({ at, by: -1 })),
      ])
      .sort((one, other) => one.at - other.at || other.by - one.by);
    const spans: Span[] = [];
    let depth = 0;
    let from = 0;
    for (const { at, by } of edges) {
      if (depth === 0) from = at;
      depth += by;
      if (depth === 0) spans.push({ from, to: at });
    }
    return spans;
  }

  total(what: string): number {
    return this.spans(what).reduce((sum, { from, to }) => sum + to - from, 0);
  }
}

/** What the program, the engine and the provider's process do between them before the change, and after it: shared out below. */
const [declaring, concluding] = ["declaring", "concluding"];

/** The stages of the clock in the order in which a run comes to them: each begins where another one ends. */
const clock: readonly ClockStage[] = [
  {
    stage: "the engine starts, and reads the project and the state",
    whose: "engine",
    ms: (seen) => seen.first("host starts") - seen.run.from,
  },
  {
    stage: "the language host starts, and is asked",
    whose: "Pulumi (here the stand-in for its host)",
    ms: (seen) => seen.between("host starts", "program starts"),
  },
  {
    stage: "the program's process: Node starts, the SDK is loaded",
    whose: "Node, SDK",
    ms: (seen) => seen.between("program starts", "runner ends"),
  },
  {
    stage: "the program is found and read; Node takes its types off",
    whose: "Node, SDK",
    ms: (seen) => seen.between("runner ends", "package begins"),
  },
  { stage: "our package is loaded", whose: "ours", ms: (seen) => seen.between("package begins", "package ends") },
  { stage: declaring, whose: "", ms: (seen) => seen.between("package ends", "rpc change begins") },
  {
    stage: "what acts on a host is loaded",
    whose: "ours, ssh2, zod",
    ms: (seen) => seen.between("rpc change begins", "acting ends"),
  },
  { stage: "what it wants; keys are read", whose: "ours", ms: (seen) => seen.between("acting ends", "dial begins") },
  { stage: "connect, exchange keys", whose: "ssh", ms: (seen) => seen.between("dial begins", "keys exchanged") },
  { stage: "authenticate", whose: "ssh", ms: (seen) => seen.between("keys exchanged", "authenticated") },
  {
    stage: "others of the same group are waited for",
    whose: "ours",
    ms: (seen) => seen.between("authenticated", "apply begins"),
  },
  { stage: "payload: rendered, packed", whose: "ours", ms: (seen) => seen.between("apply begins", "executes") },
  {
    stage: "payload: sent; node 0's systemd starts Perl",
    whose: "ssh, node 0",
    ms: (seen) => seen.between("executes", "perl starts"),
  },
  {
    stage: "payload: arrives, is unpacked and compiled",
    whose: "ours, node 0",
    ms: (seen) => seen.between("perl starts", "hands begins"),
  },
  {
    stage: "facts: lock, register, questions",
    whose: "ours, node 0",
    ms: (seen) => seen.between("hands begins", "transact begins") - seen.total("listen"),
  },
  { stage: "decide and plan", whose: "ours", ms: (seen) => seen.total("decide") },
  {
    stage: "facts and plan on their way, packed and unpacked",
    whose: "ours, ssh, node 0",
    ms: (seen) => seen.total("listen") - seen.total("decide"),
  },
  {
    stage: "files are joined, compared, staged",
    whose: "ours, node 0",
    ms: (seen) => seen.total("compare") + seen.total("stage"),
  },
  { stage: "the daemon's checker", whose: "dhcpd", ms: (seen) => seen.total("validate") },
  {
    stage: "copies kept, journal, swap",
    whose: "ours, node 0",
    ms: (seen) =>
      seen.total("transact") -
      ["compare", "stage", "validate", "restart", "prove", "commit"].reduce((sum, what) => sum + seen.total(what), 0),
  },
  { stage: "restart", whose: "dhcpd, systemd", ms: (seen) => seen.total("restart") },
  { stage: "proof", whose: "ours, dhcpd and the others", ms: (seen) => seen.total("prove") },
  { stage: "commit", whose: "ours, node 0", ms: (seen) => seen.total("commit") },
  {
    stage: "the outcome is told, and the hands end",
    whose: "ours, ssh, node 0",
    ms: (seen) => seen.last("rpc change ends") - seen.last("transact ends"),
  },
  { stage: concluding, whose: "", ms: (seen) => seen.last("program ends") - seen.last("rpc change ends") },
  {
    stage: "the state is written, the plugins end",
    whose: "engine",
    ms: (seen) => seen.run.to - seen.last("program ends"),
  },
];

/** What V8's profiler wrote: which frame was on top of the stack, sample by sample. Times are microseconds of the same clock. */
export interface Samples {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
  readonly startTime: number;
}

/** Who works in the program's process, by the file of the frame that is on top. */
const workers: readonly (readonly [RegExp, string])[] = [
  [/\/node_modules\/(pulumi-netboot|handlebars)\//, "ours"],
  [/\/@pulumi\/pulumi\/runtime\/rpc\.js$|\/google-protobuf\/|\/@pulumi\/pulumi\/proto\//, "serialising"],
  [/\/node_modules\/(@pulumi|@opentelemetry|source-map)/, "outputs"],
  [/\/node_modules\/@grpc\//, "node"],
  [/\/index\.ts$/, "ours"],
];

/** Frame → whose it is. Node's own frames and V8's belong to whoever called them. */
function workersOf({ nodes }: Samples): ReadonlyMap<number, string> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const whose = new Map<number, string>();
  const visit = (id: number, caller: string): void => {
    const node = byId.get(id);
    if (node === undefined) return;
    const { functionName, url } = node.callFrame;
    const own = functionName === "(idle)" ? "idle" : workers.find(([pattern]) => pattern.test(url))?.[1];
    whose.set(id, own ?? caller);
    for (const child of node.children ?? []) visit(child, own ?? caller);
  };
  const [root] = nodes;
  if (root !== undefined) visit(root.id, "node");
  return whose;
}

/** The stage of which it is said how much is ours. */
export const comparing = "check and diff of each resource";

/** Who is at work between the loading of our package and the change → the row that it is. */
const declaringStages: Readonly<Record<string, Stage>> = {
  ours: { stage: "arguments are checked, files rendered", whose: "ours" },
  outputs: { stage: "outputs, resources, hooks", whose: "SDK" },
  serialising: { stage: "inputs are serialised", whose: "SDK" },
  node: { stage: "gRPC, Node and its garbage collector", whose: "Node" },
  starting: { stage: "the provider's process: Node starts twice, the SDK is loaded", whose: "Node, SDK" },
  comparing: { stage: comparing, whose: "SDK, ours" },
  engine: { stage: "the engine's own: its steps, its diff, the state", whose: "engine" },
};

/** The same after the change. */
const concludingStages: Readonly<Record<string, Stage>> = {
  program: { stage: "the program takes up what came back, and ends", whose: "SDK, ours" },
  engine: { stage: "the engine takes it up, and writes the state", whose: "engine" },
};

/** What the sampled process did, sample by sample. */
function* workIn(samples: Samples): Iterable<Span & { readonly who: string }> {
  const whose = workersOf(samples);
  const { startTime, timeDeltas } = samples;
  let from = (startTime + (timeDeltas[0] ?? 0)) / 1000;
  for (const [index, frame] of samples.samples.entries()) {
    const to = from + (timeDeltas[index + 1] ?? 0) / 1000;
    yield { who: whose.get(frame) ?? "node", from, to };
    from = to;
  }
}

/**
 * Who was at work in a part of a run, in milliseconds: in the program's process as sampled; while that waited, in the
 * provider's; while both waited, the engine.
 */
export function shareOut({ samples, ...run }: SampledRun, part: Span): Times {
  const seen = new Seen(run);
  const ofProvider = [
    { who: "starting", from: seen.first("resolver starts"), to: seen.first("provider ready") },
    ...seen.spans("rpc check", "rpc diff").map((span) => ({ who: "comparing", ...span })),
  ];
  const times: Record<string, number> = {};
  const add = (who: string, ms: number): void => {
    times[who] = (times[who] ?? 0) + ms;
  };
  for (const work of workIn(samples)) {
    const ms = common(work, part);
    if (ms === 0) continue;
    if (work.who !== "idle") {
      add(work.who, ms);
      continue;
    }
    const waits = { from: Math.max(work.from, part.from), to: Math.min(work.to, part.to) };
    const busy = ofProvider.map(({ who, ...span }) => ({ who, ms: common(span, waits) }));
    for (const other of busy) if (other.ms > 0) add(other.who, other.ms);
    add("engine", ms - busy.reduce((sum, other) => sum + other.ms, 0));
  }
  return times;
}

/** How long two spans go on at once. */
function common(one: Span, other: Span): number {
  return Math.max(0, Math.min(one.to, other.to) - Math.max(one.from, other.from));
}

/** A run of which the program's process was sampled. */
export interface SampledRun extends Run {
  readonly samples: Samples;
}

/** Stages with their milliseconds, in the order in which a run comes to them: together the whole run. */
export interface Profile {
  readonly stages: readonly (Stage & { readonly ms: number })[];
  readonly whole: number;
  /** Of check and diff, how much is ours. */
  readonly compared: number;
}

/** What a run's stages took; where several work at once, by the shares that they had in another run that was sampled. */
export function profileOf(run: Run, sampled: SampledRun): Profile {
  const seen = new Seen(run);
  const seenSampled = new Seen(sampled);
  const shares = (from: number, to: number) => shareOut(sampled, { from, to });
  const declared = shares(seenSampled.first("package ends"), seenSampled.first("rpc change begins"));
  const { engine = 0, ...others } = shares(seenSampled.last("rpc change ends"), seenSampled.last("program ends"));
  const concluded = { program: sumOf(others), engine };
  const stages = clock.flatMap(({ stage, whose, ms }) => {
    if (stage === declaring) return scaled(declaringStages, declared, ms(seen));
    if (stage === concluding) return scaled(concludingStages, concluded, ms(seen));
    return [{ stage, whose, ms: ms(seen) }];
  });
  return { stages, whole: run.to - run.from, compared: seen.total("check") + seen.total("diff") };
}

function scaled(rows: Readonly<Record<string, Stage>>, times: Times, whole: number): Profile["stages"] {
  const all = sumOf(times);
  return Object.entries(rows).map(([who, row]) => ({ ...row, ms: ((times[who] ?? 0) * whole) / all }));
}

function sumOf(times: Times): number {
  return Object.values(times).reduce((sum, ms) => sum + ms, 0);
}

/** How long it took from the moment when the SDK is loaded until the program asks for our package. */
export function readingOf(run: Run): number {
  return new Seen(run).between("runner ends", "package begins");
}
