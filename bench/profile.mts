import { globSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "../lab/index.mts";
import { type Wire, wireTo } from "../lab/wire.mts";
import type { ScratchProject } from "../tools/scratch.mts";
import { vast, vastProgram, vastProject } from "./fleetProof.mts";
import { type Profile, profileOf, type Run, readingOf, type Stamp } from "./profileStages.mts";
import { fleetProgram, fleetProject, withLab, withProject } from "./projects.mts";

/** What a stack declares: so many resources of one machine each, or one of all of them. */
export interface ProfileSize {
  readonly kind: "OlaNode" | "OlaFleet";
  readonly machines: number;
}

/** Where the time of "one machine more" goes, run by run, and how much is sent and kept. */
export interface Profiled {
  readonly size: ProfileSize;
  readonly runs: readonly ProfiledRun[];
  readonly stateBytes: number;
  /** Of the inputs of all resources. */
  readonly inputBytes: number;
}

interface ProfiledRun extends Profile {
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** How much longer the program is read where Pulumi compiles it, in milliseconds. */
  readonly compiling: number;
}

/** Adds machine after machine to a stack of this size, and watches all processes of each run. */
export async function measureProfile(size: ProfileSize, times: number): Promise<Profiled> {
  return await withLab(vast, async (lab) => {
    const wire = await wireTo(lab.node0.host, lab.node0.port);
    try {
      return await withProject(projectOf(lab, size, wire), async (project) => {
        await project.succeed(up);
        await watchHands(lab);
        const runs = await profiledRuns(lab, project, wire, size, times);
        const { deployment } = await project.state();
        const inputs = (deployment.resources ?? []).map((resource) => resource.inputs ?? {});
        return { size, runs, stateBytes: stateBytesOf(project), inputBytes: Buffer.byteLength(JSON.stringify(inputs)) };
      });
    } finally {
      wire.close();
    }
  });
}

const up = ["up", "--yes", "--skip-preview"];

function programOf(lab: Lab, { kind, machines }: ProfileSize, { host, port }: Wire): string {
  return kind === "OlaFleet"
    ? vastProgram(lab, machines, "", { host, port })
    : fleetProgram(lab, { nics: oneEach(machines), at: { host, port } });
}

function projectOf(lab: Lab, { kind, machines }: ProfileSize, { host, port }: Wire): Promise<ScratchProject> {
  return kind === "OlaFleet"
    ? vastProject(lab, machines, "", { host, port })
    : fleetProject(lab, { nics: oneEach(machines), at: { host, port } });
}

function oneEach(machines: number): readonly number[] {
  return Array.from({ length: machines }, () => 1);
}

function stateBytesOf(project: ScratchProject): number {
  const [file] = globSync("state/.pulumi/stacks/*/dev.json", { cwd: project.root });
  if (file === undefined) throw new Error(`${project.root} has no state`);
  return statSync(join(project.root, file)).size;
}

async function profiledRuns(
  lab: Lab,
  project: ScratchProject,
  wire: Wire,
  { kind, machines }: ProfileSize,
  times: number,
): Promise<readonly ProfiledRun[]> {
  let count = machines;
  const oneMore = async (env: NodeJS.ProcessEnv = {}): Promise<Run> => {
    project.write({ "index.ts": programOf(lab, { kind, machines: ++count }, wire) });
    return await watched(lab, project, env);
  };
  const sampled = async () => {
    const file = join(project.root, "samples");
    const run = await oneMore({ NETBOOT_PROFILE_SAMPLES: file });
    return { ...run, samples: JSON.parse(readFileSync(file, "utf8")) };
  };
  // Once, uncounted: what a first run reads from the disk is in memory afterwards.
  await oneMore();
  const runs: ProfiledRun[] = [];
  for (let round = 0; round < times; round++) {
    wire.taken();
    const run = await oneMore();
    const chunks = wire.taken().flat();
    const bytes = (whose: "client" | "server") =>
      chunks.filter(({ from }) => from === whose).reduce((sum, chunk) => sum + chunk.bytes, 0);
    const profile = profileOf(run, await sampled());
    const compiled = await compiling(project, oneMore);
    runs.push({
      ...profile,
      sentBytes: bytes("client"),
      receivedBytes: bytes("server"),
      compiling: readingOf(compiled) - readingOf(run),
    });
  }
  return runs;
}

/** The same program as one of CommonJS that Pulumi itself compiles, as it does where a project says nothing of it. */
async function compiling<T>(project: ScratchProject, work: () => Promise<T>): Promise<T> {
  const files = ["Pulumi.yaml", "package.json"].map((file) => [file, readFileSync(join(project.folder, file), "utf8")]);
  const before: Readonly<Record<string, string>> = Object.fromEntries(files);
  project.write({
    "Pulumi.yaml": (before["Pulumi.yaml"] ?? "").replace("typescript: false", "typescript: true"),
    "package.json": (before["package.json"] ?? "").replace('"module"', '"commonjs"'),
  });
  try {
    return await work();
  } finally {
    project.write(before);
  }
}

/** Runs `pulumi up`, with the moments of all its processes and of the hands. */
async function watched(lab: Lab, project: ScratchProject, env: NodeJS.ProcessEnv): Promise<Run> {
  const trace = join(project.root, "trace");
  rmSync(trace, { force: true });
  await lab.node0.run(`rm -f ${handsTrace}/HandsTrace.jsonl`);
  let [from, to] = [Number.NaN, Number.NaN];
  await project.succeed(up, {
    env: {
      NODE_OPTIONS: `--require=${join(import.meta.dirname, "profileTrace.cjs")}`,
      NETBOOT_PROFILE_TRACE: trace,
      ...env,
    },
    onStart(pulumi) {
      from = now();
      pulumi.once("exit", () => {
        to = now();
      });
    },
  });
  const { stdout } = await lab.node0.run(`cat ${handsTrace}/HandsTrace.jsonl`);
  const stamps = `${readFileSync(trace, "utf8")}${stdout}`.split("\n").filter((line) => line !== "");
  return { from, to, stamps: stamps.map((line) => JSON.parse(line) as Stamp) };
}

function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Where the hands' trace is, on node 0. */
const handsTrace = "/run/netboot-trace";

/** From now on the hands of this lab run with a trace: a script in Perl's place starts them with it, and all else as it is. */
async function watchHands(lab: Lab): Promise<void> {
  const module = readFileSync(join(import.meta.dirname, "HandsTrace.pm"), "utf8");
  await lab.node0.run(`mkdir ${handsTrace} && cat > ${handsTrace}/HandsTrace.pm`, { input: module });
  const script = `#!/bin/sh
[ "$*" = - ] && exec /usr/bin/perl.own -I${handsTrace} -MHandsTrace -
exec /usr/bin/perl.own "$@"
`;
  const exchange = "cat > /usr/bin/perl.new && chmod 755 /usr/bin/perl.new";
  await lab.node0.run(`${exchange} && mv /usr/bin/perl /usr/bin/perl.own && mv /usr/bin/perl.new /usr/bin/perl`, {
    input: script,
  });
}
