import { globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  profileOf,
  type Run,
  readingOf,
  type SampledRun,
  type Samples,
  shareOut,
} from "../../../bench/profileStages.mts";

/** What a run comes to, ten milliseconds after each other. */
const course = [
  "host starts",
  "program starts",
  "runner ends",
  "package begins",
  "package ends",
  "resolver starts",
  "provider ready",
  "rpc check begins",
  "check begins",
  "check ends",
  "rpc check ends",
  "rpc change begins",
  "acting ends",
  "dial begins",
  "keys exchanged",
  "authenticated",
  "apply begins",
  "executes",
  "perl starts",
  "hands begins",
  "listen begins",
  "decide begins",
  "decide ends",
  "listen ends",
  "transact begins",
  "compare begins",
  "compare ends",
  "validate begins",
  "validate ends",
  "restart begins",
  "restart ends",
  "prove begins",
  "prove ends",
  "commit begins",
  "commit ends",
  "transact ends",
  "rpc change ends",
  "program ends",
];

const stamps = course.map((what, index) => ({ at: 10 * (index + 1), what }));
const run: Run = { from: 0, to: 10 * (course.length + 1), stamps };

/** The program's process works for so many milliseconds from its start on, frame by frame. */
function sampled(work: readonly (readonly [url: string, ms: number])[]): Samples {
  const frame = (id: number, functionName: string, url: string) => ({ id, callFrame: { functionName, url } });
  return {
    nodes: [
      { ...frame(1, "(root)", ""), children: work.map((_, index) => index + 2) },
      ...work.map(([url], index) => frame(index + 2, url === "(idle)" ? url : "", url === "(idle)" ? "" : url)),
    ],
    startTime: 20_000,
    samples: [...work.map((_, index) => index + 2), 1],
    timeDeltas: [0, ...work.map(([, ms]) => 1000 * ms)],
  };
}

const ours = "file:///p/node_modules/pulumi-netboot/dist/sdk/olaNode.js";
const rpc = "file:///p/node_modules/@pulumi/pulumi/runtime/rpc.js";
const output = "file:///p/node_modules/@pulumi/pulumi/output.js";

describe("shareOut", () => {
  const shares = (work: Parameters<typeof sampled>[0]) =>
    shareOut({ ...run, samples: sampled(work) }, { from: 50, to: 120 });

  it("tells the program's own work by the file at the top of its stack", () => {
    const work = [
      ["node:fs", 40],
      [ours, 20],
      [output, 20],
      [rpc, 20],
      ["node:internal/process", 10],
    ] as const;
    expect(shares(work)).toEqual({ ours: 20, outputs: 20, serialising: 20, node: 10 });
  });

  it("gives the time for which the program waits to the provider where that works, else to the engine", () => {
    expect(shares([["(idle)", 200]])).toEqual({ starting: 10, comparing: 30, engine: 30 });
  });

  it("gives what Node does for somebody to whoever called it", () => {
    const { nodes, ...rest } = sampled([[ours, 200]]);
    const inner = { id: 9, callFrame: { functionName: "stringify", url: "" } };
    const called = {
      ...rest,
      samples: [9, 1],
      nodes: [...nodes.map((node) => (node.id === 2 ? { ...node, children: [9] } : node)), inner],
    };
    expect(shareOut({ ...run, samples: called }, { from: 50, to: 120 })).toEqual({ ours: 70 });
  });
});

describe("profileOf", () => {
  const other: SampledRun = {
    ...run,
    samples: sampled([
      [ours, 60],
      ["(idle)", 400],
    ]),
  };
  const { stages, whole, compared } = profileOf(run, other);
  const of = (stage: string) => stages.find((each) => each.stage.startsWith(stage))?.ms;

  it("leaves nothing of a run out, and counts nothing twice", () => {
    expect(stages.reduce((sum, { ms }) => sum + ms, 0)).toBeCloseTo(whole);
    expect(stages.every(({ ms }) => ms >= 0)).toBe(true);
  });

  it("measures each stage by its own moments", () => {
    expect(of("our package is loaded")).toBe(10);
    expect(of("facts: ")).toBe(20);
    expect(of("decide")).toBe(10);
    expect(of("facts and plan on their way")).toBe(20);
    expect(of("restart")).toBe(10);
    expect(of("copies kept")).toBe(60);
    expect(compared).toBe(10);
  });

  it("shares out what several do by turns as in the run that was sampled", () => {
    expect(of("arguments are checked")).toBeCloseTo(30);
    expect(of("check and diff")).toBeCloseTo(30);
    expect(of("the engine's own")).toBeCloseTo(10);
  });

  it("refuses a run that never came to a stage", () => {
    const cut = { ...run, stamps: stamps.filter(({ what }) => what !== "authenticated") };
    expect(() => profileOf(cut, other)).toThrow('the run never came to "authenticated"');
  });
});

describe("readingOf", () => {
  it("is the time from the SDK to our package", () => {
    expect(readingOf(run)).toBe(10);
  });
});

describe("HandsTrace.pm", () => {
  const trace = readFileSync("bench/HandsTrace.pm", "utf8");
  const hands = globSync("provider/hands/*.pl").map((file) => readFileSync(file, "utf8"));

  it.each(Array.from(trace.matchAll(/'([\w:]+)::(\w+)' =>/g), ([, home = "", sub = ""]) => [home, sub]))(
    "watches a sub that the hands have: %s::%s",
    (home, sub) => {
      const text = hands.find((each) =>
        home === "main" ? each.includes("__END__") : each.includes(`package ${home}`),
      );
      expect(text).toMatch(new RegExp(`^sub ${sub}\\b`, "m"));
    },
  );
});
