import * as pulumi from "@pulumi/pulumi";
import { renderMachine } from "../../provider/preview/nextBoot";
import { describeNextBoots, type NextBootChange } from "../../provider/preview/nextBootChanges";
import { parseRow } from "../../provider/values/nodeRow";

type Inputs = Readonly<Record<string, unknown>> | undefined;
type StandardLoaders = Readonly<Record<string, string | undefined>>;

/** The program's stack, as a resource; nothing in a test without an engine. */
interface Stack {
  readonly outputs?: { promise(): Promise<unknown> };
}

/** Ends when nothing is asked of the engine any more: with it an inline program of the Automation API ends, too. */
const { waitForRPCs } = pulumi.runtime as unknown as { waitForRPCs(): Promise<void> };

/** Whether this is one of several programs in a process, which the SDK keeps apart by a storage of its own. */
function isInline(): boolean {
  const { asyncLocalStorage } = globalThis as { asyncLocalStorage?: { getStore(): unknown } };
  return asyncLocalStorage?.getStore() !== undefined;
}

interface Preview {
  total: number;
  /** Whether the end of the program is waited for. */
  isAwaited: boolean;
  readonly changes: NextBootChange[];
  /** A fleet's name → what its machines start that have no loader of their own. */
  readonly fleets: Map<string, StandardLoaders>;
  /** One for all machines: each hook is registered with the engine. */
  readonly node: pulumi.ResourceHook;
  readonly fleet: pulumi.ResourceHook;
}

/** One process can run several programs. */
const previews = new WeakMap<Stack, Preview>();
const noStack: Stack = {};

function previewNow(): Preview {
  const stack = (pulumi.runtime.getStackResource() ?? noStack) as Stack;
  const preview = previews.get(stack) ?? newPreview();
  previews.set(stack, preview);
  if (!preview.isAwaited) {
    preview.isAwaited = true;
    if (isInline()) void tellAtTheEnd(preview, stack);
    else process.once("exit", (code) => code === 0 && !pulumi.log.hasErrors() && tellOnExit(preview));
  }
  return preview;
}

function newPreview(): Preview {
  const changes: NextBootChange[] = [];
  const fleets = new Map<string, StandardLoaders>();
  return {
    total: 0,
    isAwaited: false,
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
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** Says the sentence as the last word of the process, which the engine shows below everything else. */
function tellOnExit({ total, changes }: Preview): void {
  if (total > 0) process.stdout.write(`${describeNextBoots(changes, total)}\n`);
}

/** Says the sentence when an inline program of the Automation API has asked all it wants, for its process goes on. */
async function tellAtTheEnd(preview: Preview, stack: Stack): Promise<void> {
  try {
    await stack.outputs?.promise();
    await waitForRPCs();
  } catch {
    // The engine says why the program ended, and of half a program no sentence would be true.
    return;
  } finally {
    preview.isAwaited = false;
  }
  if (preview.total > 0) await pulumi.log.info(describeNextBoots(preview.changes, preview.total));
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
