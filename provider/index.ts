/**
 * What the provider texts in the state of every resource call: the installed package, never code that was stored.
 *
 * The names here are kept for ever; an old state calls them too.
 */

import type { CheckResult, DiffResult, Properties } from "./lifecycle/comparison";
import * as comparison from "./lifecycle/comparison";
import { wasLookedAt } from "./lifecycle/lookedAt";
import { idFromUrn, idOfNew, urnFromId, urnIn } from "./lifecycle/stacks";
import { hidden } from "./values/hidden";

export type { CheckResult, DiffResult, Properties } from "./lifecycle/comparison";

/** What acts on a host, with SSH and all that; loaded when a run has something to do. */
function lifecycle() {
  return import("./lifecycle/changes.js");
}

/** The resources that a preview's program declares: a refresh asks for differences as well, and declares nothing. */
const previewed = new Set<unknown>();

export async function check(kind: string, olds: Properties, news: Properties): Promise<CheckResult> {
  const result = await comparison.rendered(kind, comparison.check(kind, olds, news), news);
  if (news[hidden.preview] === true) previewed.add(news[hidden.urn]);
  const isNew = Object.keys(olds ?? {}).length === 0;
  if (isNew && result.failures.length === 0) {
    await tellPlan(kind, idOfNew(idFromUrn(kind, news[hidden.urn])), {}, result.inputs);
  }
  return result;
}

export async function diff(kind: string, id: string, olds: Properties, news: Properties): Promise<DiffResult> {
  const result = await comparison.diff(kind, id, olds, news);
  if (result.changes !== false) {
    await tellPlan(kind, id, olds, news);
    await tellDrift(kind, id, olds, news);
  }
  return result;
}

/** In a preview after a refresh: why a resource is updated of which the program says nothing new. */
async function tellDrift(kind: string, id: string, olds: Properties, news: Properties): Promise<void> {
  const { drift } = olds;
  if (!Array.isArray(drift) || drift.length === 0) return;
  if (!previewed.has(news[hidden.urn]) || wasLookedAt(news["connection"])) return;
  const { displayOf } = await import("./lifecycle/display.js");
  const { listed } = await import("./preview/nextBootChanges.js");
  const { notDone } = await import("./preview/nextBoot.js");
  const urn = urnIn(kind, news) ?? urnFromId(id);
  const words = drift.map(String);
  const isUndone = words.every((each) => each.startsWith(notDone));
  const why = isUndone ? "does what the last up did not" : "mends what a refresh found";
  displayOf(urn)("note", `${why}: ${listed(words.map((each) => (isUndone ? each.slice(notDone.length) : each)))}`);
}

/**
 * In a preview that asks node 0 anyway, as `pulumi preview --refresh` does: what the change does to it as it is now. Not in an
 * up, in which one resource would wait for the plan of another, and not be in one transaction with it.
 */
async function tellPlan(kind: string, id: string, olds: Properties, news: Properties): Promise<void> {
  if (!previewed.has(news[hidden.urn]) || !wasLookedAt(news["connection"])) return;
  await (await import("./lifecycle/plannedLine.js")).tellPlan(kind, id, olds, news);
}

export async function create(kind: string, news: Properties): Promise<{ id: string; outs: Properties }> {
  return (await lifecycle()).create(kind, news);
}

export async function update(
  kind: string,
  id: string,
  olds: Properties,
  news: Properties,
): Promise<{ outs: Properties }> {
  return (await lifecycle()).update(kind, id, olds, news);
}

export async function read(
  kind: string,
  id: string,
  props: Properties,
): Promise<{ id?: string; props?: Properties; inputs?: Properties }> {
  return (await lifecycle()).read(kind, id, props);
}

/** Proves the machines of a resource now, and says what was seen; an error if one of them is not served. */
export async function prove(connection: unknown, id: string): Promise<string> {
  return (await import("./lifecycle/proof.js")).prove(connection, id);
}

export async function remove(kind: string, id: string, props: Properties): Promise<void> {
  return (await lifecycle()).remove(kind, id, props);
}
