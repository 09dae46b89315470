import { listed } from "./nextBootChanges";
import type { Comes } from "./whatGoes";

/** What the second of two servers has of the machines of a resource. */
export interface Second {
  /** The resource of the first one. */
  readonly name: string;
  readonly names: readonly [string, string];
}

interface OnTwo {
  /** The resources of the second of two servers, by their names. */
  readonly seconds: ReadonlyMap<string, Second>;
  readonly changes: readonly Comes[];
  /** Whether a boot file, or which one is named, may become another. */
  readonly chainChanges: boolean;
}

/**
 * In which order two servers are changed, where they are.
 *
 * @example
 * ```
 * node0-b is touched only after node0-a has committed and proved; until then it serves what it served
 * ```
 */
export function inWhichOrder({ seconds, changes, chainChanges }: OnTwo): readonly string[] {
  const touched = new Set(changes.map(({ on }) => on));
  // Where nothing is to be done on the first, the second waits for nobody.
  const rolls = (server: string): boolean => touched.has(server) && touched.has(undefined);
  const pairs = [...seconds.values()].filter(({ names: [, server] }) => chainChanges || rolls(server));
  const words = pairs.map(
    ({ names: [first, server] }) =>
      `${server} is touched only after ${first} has committed and proved; until then it serves what it served`,
  );
  return [...new Set(words)].sort();
}

/**
 * Resources of which only the first server changes, as where --target leaves the other out.
 *
 * @example
 * ```
 * node0-b does not change in this run for rack
 * ```
 */
export function whatSecondLeaves({ seconds, changes }: Pick<OnTwo, "seconds" | "changes">): readonly string[] {
  const changing = changes.filter(({ before, after }) => before !== after);
  const touched = new Set(changing.map(({ urn }) => urn.replace(/.*::/, "")));
  const left = [...seconds].filter(([second, { name }]) => touched.has(name) && !touched.has(second));
  const byServer = Map.groupBy(left, ([, { names }]) => names[1]);
  return [...byServer]
    .map(([server, of]) => `${server} does not change in this run for ${listed(of.map(([, { name }]) => name).sort())}`)
    .sort();
}
