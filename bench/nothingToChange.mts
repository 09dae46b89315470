import { cpSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "../lab/index.mts";
import type { ExportedState, ScratchProject } from "../tools/scratch.mts";
import { loginsOf } from "./projects.mts";
import { alternate, type Contest, costOf } from "./samples.mts";

/** What `pulumi up` costs that has nothing to do, beside the floor. */
export interface NothingToChange {
  readonly resources: number;
  readonly cost: Contest;
  /** SSH logins on node 0 in all runs together. */
  readonly logins: number;
}

const up = ["up", "--yes", "--skip-preview", "--expect-no-changes"];

/**
 * Times `pulumi up` of a stack that is as declared, in turns with the floor: the same project, stack and program, where
 * the package was exchanged for one that registers the recorded resources and whose methods do nothing.
 */
export async function measureNothingToChange(
  lab: Lab,
  project: ScratchProject,
  times: number,
): Promise<NothingToChange> {
  const state = await project.state();
  const packages = packagesOf(project, state);
  const logins = await loginsOf(lab);
  const run = (which: "ours" | "floor") => async () => {
    packages.use(which);
    return await costOf(() => project.succeed(up));
  };
  // Once each, uncounted: what a first run reads from the disk is in memory afterwards.
  await run("floor")();
  await run("ours")();
  const cost = await alternate(times, run("ours"), run("floor"));
  packages.use("ours");
  return { resources: state.deployment.resources?.length ?? 0, cost, logins: (await loginsOf(lab)) - logins };
}

/** Lays the floor beside the package that is installed, and exchanges the two. */
export function packagesOf(project: ScratchProject, state: ExportedState) {
  const modules = join(project.folder, "node_modules");
  const installed = join(modules, "pulumi-netboot");
  const aside = { ours: join(modules, ".ours"), floor: join(modules, ".floor") };
  cpSync(join(import.meta.dirname, "floor"), aside.floor, { recursive: true });
  let used: keyof typeof aside = "ours";
  const record = (of: ExportedState): void =>
    writeFileSync(join(used === "floor" ? installed : aside.floor, "resources.json"), JSON.stringify(recordsOf(of)));
  record(state);
  return {
    /** What the floor registers from now on. */
    record,
    use(which: keyof typeof aside): void {
      if (which === used) return;
      renameSync(installed, aside[used]);
      renameSync(aside[which], installed);
      used = which;
    },
  };
}

type Recorded = NonNullable<ExportedState["deployment"]["resources"]>[number] & {
  readonly parent?: string;
  readonly dependencies?: readonly string[];
};

/** What floor/index.js registers: each resource of the program, in the order in which the engine met them. */
function recordsOf({ deployment }: ExportedState): readonly object[] {
  return ((deployment.resources ?? []) as readonly Recorded[])
    .filter(({ type }) => !type.startsWith("pulumi:"))
    .map(({ urn, type, parent, dependencies = [], inputs = {}, outputs = {} }) => {
      const kind = type.split(":").at(-1);
      return {
        urn,
        name: urn.split("::").at(-1),
        ...(type.startsWith("pulumi-nodejs:dynamic/netboot:") ? { kind } : { component: type }),
        ...(parent === undefined || parent.includes("pulumi:pulumi:Stack") ? {} : { parent }),
        dependencies,
        inputs,
        outputKeys: ["sha256", "bytes", "listening", "verified"].filter((key) => key in outputs && !(key in inputs)),
      };
    });
}
