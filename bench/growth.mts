import type { Lab } from "../lab/index.mts";
import { processFile, providerOf } from "../tools/processes.mts";
import type { ScratchProject } from "../tools/scratch.mts";
import { packagesOf } from "./nothingToChange.mts";
import { loginsOf } from "./projects.mts";
import { alternate, type Contest, costOf } from "./samples.mts";

/** A stack that gets very many machines more. */
export interface Growing {
  readonly from: number;
  readonly to: number;
  /** The program with so many machines. */
  readonly program: (machines: number) => string;
  /** The kind of which the inputs change; with a resource for each machine none does. */
  readonly changes?: "OlaFleet";
  /** How many resources the engine may hand over at a time, where that is not what it does by itself. */
  readonly parallel?: number;
}

/** What very many machines at once cost, beside the floor: in one `up`, all of them proved. */
export async function measureGrowth(
  project: ScratchProject,
  { from, to, program, changes, parallel }: Growing,
  times: number,
): Promise<Contest> {
  project.write({ "index.ts": program(from) });
  await project.succeed(up);
  const few = await project.state();
  project.write({ "index.ts": program(to) });
  await project.succeed(up);
  const many = await project.state();
  const packages = packagesOf(project, many);
  const env = changes === undefined ? {} : { BENCH_FLOOR_CHANGES: changes };
  const run = (which: "ours" | "floor") => async () => {
    packages.use(which);
    packages.record(few);
    project.write({ "index.ts": program(from) });
    await project.succeed(up, { env });
    packages.record(many);
    project.write({ "index.ts": program(to) });
    const options = parallel === undefined ? [] : ["--parallel", `${parallel}`];
    return await costOf(() => project.succeed([...up, ...options], { env }));
  };
  const cost = await alternate(times, run("ours"), run("floor"));
  packages.use("ours");
  return cost;
}

const up = ["up", "--yes", "--skip-preview"];

/** `pulumi refresh` of a stack of which nothing has changed, beside the floor. */
export async function measureRefresh(project: ScratchProject, times: number): Promise<Contest> {
  const packages = packagesOf(project, await project.state());
  const run = (which: "ours" | "floor") => async () => {
    packages.use(which);
    return await costOf(() => project.succeed(["refresh", "--yes", "--skip-preview", "--expect-no-changes"]));
  };
  const cost = await alternate(times, run("ours"), run("floor"));
  packages.use("ours");
  return cost;
}

/** A look at a change, beside the floor. */
export interface Previewing {
  readonly cost: Contest;
  /** SSH logins on node 0 in all runs together. */
  readonly logins: number;
}

/** `pulumi preview` of a program whose fleet has another machine more than the stack, beside the floor. */
export async function measurePreview(
  lab: Lab,
  project: ScratchProject,
  { from, to, program }: Growing,
  times: number,
): Promise<Previewing> {
  const applied = async (machines: number) => {
    project.write({ "index.ts": program(machines) });
    await project.succeed(up);
    return await project.state();
  };
  const packages = packagesOf(project, await applied(to));
  await applied(from);
  project.write({ "index.ts": program(to) });
  const logins = await loginsOf(lab);
  const run = (which: "ours" | "floor") => async () => {
    packages.use(which);
    return await costOf(() => project.succeed(["preview"], { env: { BENCH_FLOOR_CHANGES: "OlaFleet" } }));
  };
  const cost = await alternate(times, run("ours"), run("floor"));
  packages.use("ours");
  return { cost, logins: (await loginsOf(lab)) - logins };
}

/** The most that the provider's process has in memory in an `up` of this program, and in the floor's, in megabytes. */
export async function measureMemory(
  project: ScratchProject,
  program: string,
): Promise<{ readonly ours: number; readonly floor: number }> {
  const packages = packagesOf(project, await project.state());
  packages.use("floor");
  const floor = await mostOfProvider(project);
  packages.use("ours");
  project.write({ "index.ts": program });
  return { floor, ours: await mostOfProvider(project) };
}

async function mostOfProvider(project: ScratchProject): Promise<number> {
  let engine = 0;
  let most = 0;
  const look = setInterval(() => {
    const pid = engine === 0 ? undefined : providerOf(engine);
    const [, kilobytes = 0] = /^VmHWM:\s+(\d+)/m.exec(pid === undefined ? "" : processFile(pid, "status")) ?? [];
    most = Math.max(most, Number(kilobytes) / 1024);
  }, 20);
  try {
    await project.succeed(up, { onStart: ({ pid = 0 }) => (engine = pid) });
  } finally {
    clearInterval(look);
  }
  return most;
}
