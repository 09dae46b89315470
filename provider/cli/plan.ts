import { planOnly } from "../conversation/planOnly";
import type { Change, Want } from "../kinds/want";
import { declarationOf } from "../lifecycle/changes";
import { generationOf, idFromUrn } from "../lifecycle/stacks";
import type { Refusal } from "../plan/refusal";
import { changesSomething, type ShownPlan, showPlan } from "../plan/shown";
import { renderShownPlan } from "../plan/shownText";
import { listed } from "../preview/nextBootChanges";
import { plannableRows, secretWords, whyHidden, whyUnplannable } from "../preview/placeholders";
import type { Host } from "../ssh/link";
import type { Connection } from "../values/connection";
import { hidden } from "../values/hidden";
import { linesByKey } from "../values/nodeRow";
import { hostName, isForgotten } from "../values/place";
import { connectionOf, readPreview, type Step } from "./preview";
import { openHostAloud, readStack, type StackResource, whyPassedOver } from "./stack";

/** What `pulumi up` would do to one node 0 as it is now. */
export interface HostPlan {
  readonly host: string;
  /** Absent if nothing of it can be done. */
  readonly plan?: ShownPlan;
  readonly refused: readonly { readonly code: string; readonly resource?: string; readonly message: string }[];
  /** Resources that can't be planned now, or wait for such. */
  readonly notPlanned: readonly { readonly resource: string; readonly why: string }[];
}

/**
 * Plans what `pulumi up` would do, with every node 0 as it is now. Changes nothing.
 *
 * @throws when the program is refused by `pulumi preview`, or a node 0 can't be reached
 */
export async function planStack(stack: string | undefined): Promise<readonly HostPlan[]> {
  const steps = await readPreview(stack);
  let state: Promise<readonly StackResource[]> | undefined;
  const readState = () => (state ??= readStack(stack));
  const byConnection = new Map<string, { readonly connection: Connection; readonly steps: Step[] }>();
  for (const step of steps) {
    const connection = await connectionOf(step, readState);
    const key = JSON.stringify(connection);
    const on = byConnection.get(key) ?? { connection, steps: [] };
    on.steps.push(step);
    byConnection.set(key, on);
  }
  const plans: HostPlan[] = [];
  for (const { connection, steps: on } of byConnection.values()) {
    const parts = await Promise.all(on.map((step) => withoutHidden(step, readState)));
    const plan = await planHost(
      connection,
      parts.map(({ step }) => step),
    ).catch((reason: unknown): HostPlan => {
      const host = hostName(connection) ?? "";
      const { code, message } = whyPassedOver(byConnection.size, connection, reason);
      return { host, refused: [{ code, message }], notPlanned: [] };
    });
    plans.push({ ...plan, notPlanned: [...parts.flatMap(({ notPlanned }) => notPlanned), ...plan.notPlanned] });
  }
  return plans;
}

/** A fleet without the machines of which the preview shows nothing, for they hide no others. */
async function withoutHidden(
  step: Step,
  readState: () => Promise<readonly StackResource[]>,
): Promise<{ readonly step: Step; readonly notPlanned: HostPlan["notPlanned"] }> {
  const { rows } = step.inputs;
  const isFleet = step.how === "put" && step.kind === "OlaFleet" && typeof rows === "object" && rows !== null;
  if (!isFleet || whyHidden(rows) === undefined) return { step, notPlanned: [] };
  const old = Object.keys(step.outputs).length === 0 ? [] : await readState();
  const inState = old.find(({ id, kind }) => kind === step.kind && id === step.id)?.inputs["rows"];
  const plannable = plannableRows(rows as Step["inputs"], linesByKey(inState));
  if (Object.keys(plannable.rows).length === 0) return { step, notPlanned: [] };
  return {
    step: { ...step, inputs: { ...step.inputs, rows: plannable.rows } },
    notPlanned: plannable.hidden.map(({ name, why }) => ({ resource: `${step.id}, ${name}`, why })),
  };
}

/** A host's steps are planned together; who is refused is left out, with whom waits for him, as in an up. */
async function planHost(connection: Connection, steps: readonly Step[]): Promise<HostPlan> {
  const host = await openHostAloud(connection);
  const refused: HostPlan["refused"][number][] = [];
  const notPlanned: HostPlan["notPlanned"][number][] = [];
  const without = (from: readonly Step[], gone: ReadonlySet<string>, waiting: ReadonlyMap<Step, string>) => {
    for (const [step, on] of waiting) notPlanned.push({ resource: step.id, why: `waits for ${nameOf(on)}` });
    return from.filter((step) => !gone.has(step.urn) && !waiting.has(step));
  };
  const unplannable = new Set<string>();
  for (const step of steps) {
    const why = step.how === "put" ? whyUnplannable(step.kind, step.inputs) : undefined;
    if (why === undefined) continue;
    notPlanned.push({ resource: step.id, why });
    unplannable.add(step.urn);
  }
  let left = without(steps, unplannable, waitingFor(steps, unplannable));
  while (left.length > 0) {
    const outcome = await planSteps(host, left);
    if ("plan" in outcome) return { host: host.name, plan: outcome.plan, refused, notPlanned };
    const { code, id, message } = outcome.refusal;
    refused.push({ code, ...(id === undefined ? {} : { resource: id }), message });
    const culprit = left.find((step) => step.id === id);
    if (culprit === undefined) break;
    const gone = new Set([culprit.urn]);
    const waiting = new Map(waitingFor(left, gone));
    // An engine that failed to put something takes nothing away.
    if (culprit.how === "put") for (const step of left) if (step.how === "drop") waiting.set(step, culprit.urn);
    left = without(left, gone, waiting);
  }
  return { host: host.name, refused, notPlanned };
}

/** What goes is taken away last in an up, so what comes must be possible beside it. */
async function planSteps(
  host: Host,
  steps: readonly Step[],
): Promise<{ readonly plan: ShownPlan } | { readonly refusal: Refusal }> {
  const machine = steps
    .filter(({ outputs }) => !isForgotten(outputs["connection"]))
    .map(({ outputs }) => outputs[hidden.machine])
    .find((each) => typeof each === "string");
  const { changes, hiddenFiles } = await changesOf(steps);
  const puts = changes.filter(({ kind }) => kind === "put");
  const isBoth = puts.length > 0 && puts.length < changes.length;
  const before = isBoth ? await planOnly(host, puts, machine) : undefined;
  if (before !== undefined && "refusal" in before) return before;
  const outcome = await planOnly(host, changes, machine);
  return "refusal" in outcome ? outcome : { plan: showPlan({ ...outcome.planned, hidden: hiddenFiles }) };
}

/** The steps that depend on some that are gone, by whatever ways, each with the one that it waits for. */
function waitingFor(steps: readonly Step[], gone: ReadonlySet<string>): ReadonlyMap<Step, string> {
  const waiting = new Map<Step, string>();
  const without = new Set(gone);
  for (let count = -1; count !== without.size; ) {
    count = without.size;
    for (const step of steps) {
      const on =
        step.how === "put" && !without.has(step.urn) ? step.dependencies.find((urn) => without.has(urn)) : undefined;
      if (on === undefined) continue;
      waiting.set(step, on);
      without.add(step.urn);
    }
  }
  return waiting;
}

function nameOf(urn: string): string {
  return urn.replace(/.*::/, "");
}

/** As an up would hand them over. A file whose text is hidden here is declared as one out of a package: its bytes come later. */
async function changesOf(
  steps: readonly Step[],
): Promise<{ readonly changes: readonly Change[]; readonly hiddenFiles: ReadonlyMap<string, string> }> {
  const hiddenFiles = new Map<string, string>();
  const changes: Change[] = [];
  for (const step of steps) {
    const { how, kind, inputs, outputs, secretBefore } = step;
    const { id } = step;
    const known = outputs[hidden.generation];
    const generation = generationOf(idFromUrn(kind, step.urn), typeof known === "string" ? known : undefined);
    if (how === "drop") {
      changes.push({ kind: "drop", id, generation });
      continue;
    }
    const { wants, ...declared } = await declarationOf(kind, id, generation, inputs, "apply");
    const visible = wants.map((want): Want => {
      if (want.want !== "file") return want;
      const { path, mode, content, input } = want;
      if (input !== undefined && secretBefore.includes(input)) hiddenFiles.set(path, secretWords);
      const why = whyHidden(content);
      if (why === undefined) return want;
      hiddenFiles.set(path, why);
      return { want: "take", path, mode, package: "-", members: [] };
    });
    changes.push({ kind: "put", declaration: { ...declared, wants: visible } });
  }
  return { changes, hiddenFiles };
}

/** Whether nothing is refused. */
export function isPossible(plans: readonly HostPlan[]): boolean {
  return plans.every(({ refused }) => refused.length === 0);
}

/** The plans as people read them. */
export function renderPlans(plans: readonly HostPlan[]): string {
  if (plans.length === 0) {
    return "nothing to do: the program is as the state has it; whether node 0 is, `npx pulumi-netboot doctor` tells";
  }
  return plans.map(renderHostPlan).join("\n\n");
}

function renderHostPlan({ host, plan, refused, notPlanned }: HostPlan): string {
  const isIdle = plan !== undefined && !changesSomething(plan);
  return [
    `${host}${isIdle && refused.length + notPlanned.length === 0 ? ": nothing to do but to note what is declared" : ""}`,
    ...(plan === undefined ? [] : [renderShownPlan(plan)]),
    ...section("refused", refusedLines(refused)),
    ...section(
      "not planned",
      notPlanned.map(({ resource, why }) => `${resource}: ${why}`),
    ),
  ]
    .filter((text) => text !== "")
    .join("\n");
}

/** One cause is told once, with all whom it concerns. */
function refusedLines(refused: HostPlan["refused"]): readonly string[] {
  const byWords = Map.groupBy(refused, ({ code, message }) => `${message} [${code}]`);
  return [...byWords].map(([words, of]) => {
    const whose = of.flatMap(({ resource }) => resource ?? []);
    return whose.length === 0 ? words : `${listed(whose)}: ${words}`;
  });
}

function section(title: string, lines: readonly string[]): readonly string[] {
  if (lines.length === 0) return [];
  return [
    `${title}:`,
    ...lines.map((text) =>
      text
        .split("\n")
        .map((each) => `  ${each}`)
        .join("\n"),
    ),
  ];
}
