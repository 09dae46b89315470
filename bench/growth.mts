import type { Lab } from "../lab/index.mts";
import type { ScratchProject } from "../tools/scratch.mts";
import { vastProgram } from "./fleetProof.mts";
import { packagesOf } from "./nothingToChange.mts";
import { alternate, type Contest, costOf } from "./samples.mts";

/** What very many machines at once cost, and a look at all of them, beside the floor. */
export interface Growth {
  readonly from: number;
  readonly to: number;
  /** The others come in one `up`, all of them proved. */
  readonly added: Contest;
  /** `pulumi refresh`, which finds all as declared. */
  readonly refreshed: Contest;
}

const up = ["up", "--yes", "--skip-preview"];
const refresh = ["refresh", "--yes", "--skip-preview", "--expect-no-changes"];

/** Times both on a stack that is up with `from` machines, in turns with the floor, for which the fleet changes as well. */
export async function measureGrowth(
  lab: Lab,
  project: ScratchProject,
  { from, to }: Pick<Growth, "from" | "to">,
  times: number,
): Promise<Growth> {
  const declare = (machines: number) => project.write({ "index.ts": vastProgram(lab, machines, "names: false,") });
  const few = await project.state();
  declare(to);
  await project.succeed(up);
  const many = await project.state();
  const packages = packagesOf(project, many);
  const env = { BENCH_FLOOR_CHANGES: "OlaFleet" };

  const refreshed = await alternate(times, ...both((which) => costOf(() => onPackage(which, refresh))));
  const added = await alternate(
    times,
    ...both(async (which) => {
      packages.record(few);
      declare(from);
      await onPackage(which, up);
      packages.record(many);
      declare(to);
      return await costOf(() => onPackage(which, up));
    }),
  );
  packages.use("ours");
  return { from, to, added, refreshed };

  async function onPackage(which: "ours" | "floor", args: readonly string[]): Promise<void> {
    packages.use(which);
    await project.succeed(args, { env });
  }
}

function both<T>(run: (which: "ours" | "floor") => Promise<T>): [() => Promise<T>, () => Promise<T>] {
  return [() => run("ours"), () => run("floor")];
}
