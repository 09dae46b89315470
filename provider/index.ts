/**
 * What the closures in the state of every resource call: the installed package, never code that was stored.
 *
 * The names here are kept for ever; an old state calls them too.
 */
import type { Properties } from "./lifecycle/comparison";

export { type CheckResult, check, diff, type Properties } from "./lifecycle/comparison";

/** What acts on a host, with SSH and all that; loaded when a run has something to do. */
function lifecycle() {
  return import("./lifecycle/changes.js");
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
