import * as pulumi from "@pulumi/pulumi";
import { renderMachine } from "../provider/config/nextBoot";
import { describeNextBoots, type NextBootChange } from "../provider/config/nextBootChanges";
import { parseRow } from "../provider/config/node";

type Inputs = Readonly<Record<string, unknown>> | undefined;
type StandardLoaders = Readonly<Record<string, string | undefined>>;

interface Preview {
  total: number;
  readonly changes: NextBootChange[];
  /** A fleet's name → what its machines start that have no loader of their own. */
  readonly fleets: Map<string, StandardLoaders>;
  /** One for all machines: each hook is registered with the engine. */
  readonly node: pulumi.ResourceHook;
  readonly fleet: pulumi.ResourceHook;
}

/** By the stack's resource, for one process can run several programs. */
const previews = new Map<object, Preview>();
const noStack = {};

function previewNow(): Preview {
  const run = pulumi.runtime.getStackResource() ?? noStack;
  const known = previews.get(run);
  if (known !== undefined) return known;
  // The engine shows what a program says as it ends, below everything else.
  if (previews.size === 0) process.once("exit", tell);
  const changes: NextBootChange[] = [];
  const fleets = new Map<string, StandardLoaders>();
  const made: Preview = {
    total: 0,
    changes,
    fleets,
    node: new pulumi.ResourceHook(
      "netboot-next-boot-of-node",
      ({ name, oldInputs, newInputs }) => {
        const [before, after] = [oldInputs?.["nextBoot"], newInputs?.["nextBoot"]];
        changes.push({ name, ...(isText(before) && { before }), after: isText(after) ? after : "unknown" });
      },
      { onDryRun: true },
    ),
    fleet: new pulumi.ResourceHook(
      "netboot-next-boot-of-fleet",
      ({ name, oldInputs, newInputs }) => {
        changes.push(...changesOf(oldInputs, newInputs, fleets.get(name) ?? {}));
      },
      { onDryRun: true },
    ),
  };
  previews.set(run, made);
  return made;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function tell(): void {
  for (const { total, changes } of previews.values()) {
    if (total > 0) process.stdout.write(`${describeNextBoots(changes, total)}\n`);
  }
}

/** Counts a machine, and has the preview hear of its change; nothing where nothing is previewed. */
export function previewNode(): pulumi.CustomResourceOptions {
  if (!pulumi.runtime.isDryRun()) return {};
  const preview = previewNow();
  preview.total++;
  return { hooks: { beforeCreate: [preview.node], beforeUpdate: [preview.node] } };
}

/** Has the preview hear of each machine of a fleet that changes. */
export function previewFleet(): pulumi.CustomResourceOptions {
  if (!pulumi.runtime.isDryRun()) return {};
  const { fleet } = previewNow();
  return { hooks: { beforeCreate: [fleet], beforeUpdate: [fleet] } };
}

/** Counts the machines of a fleet, once they are known. */
export function countFleet(name: string, count: number, standard: StandardLoaders): void {
  if (!pulumi.runtime.isDryRun()) return;
  const preview = previewNow();
  preview.total += count;
  preview.fleets.set(name, standard);
}

function changesOf(before: Inputs, after: Inputs, standard: StandardLoaders): readonly NextBootChange[] {
  const [was, is] = [textsOf(before, standard), textsOf(after, standard)];
  return [...new Set([...was.keys(), ...is.keys()])].map((name) => {
    const [old, next] = [was.get(name), is.get(name)];
    return { name, ...(isText(old) && { before: old }), ...(isText(next) && { after: next }) };
  });
}

/** Name → what its next boot does, as a fleet's inputs tell it. */
function textsOf(inputs: Inputs, standard: StandardLoaders): ReadonlyMap<string, string> {
  const rows = (inputs?.["rows"] ?? {}) as Readonly<Record<string, string>>;
  const chains = (inputs?.["chains"] ?? {}) as Readonly<Record<string, string>>;
  return new Map(
    Object.entries(rows).flatMap(([name, text]) => {
      const row = parseRow(name, text);
      if (row === undefined) return [];
      const chain = chains[`${row.firmware} ${row.loader ?? standard[row.firmware]}`];
      return [[name, chain === undefined ? "unknown" : `${renderMachine(row)}\n${chain}`] as const];
    }),
  );
}
