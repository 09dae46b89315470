import type { Question } from "../facts/question";
import { tokenOf } from "../values/hidden";
import type { Facts } from "./facts";
import { identityOf, stackNow } from "./records";

/** A resource's record, and whether the state that was asked has it. */
export interface RecordOnHost {
  readonly id: string;
  /** The same as Pulumi has the resource now; a rename with an alias leaves its id as it was. */
  readonly as: string;
  readonly generation: string;
  readonly machines: number;
  readonly isKnown: boolean;
}

/** What one stack has on a node 0. Two that are named alike are two. */
export interface StackOnHost {
  /** `<project>/<stack>`, as it is called now. */
  readonly stack: string;
  /** The same with its token behind a `#`, which tells it from another of that name. */
  readonly key: string;
  /** The key where two are named alike, else the name. */
  readonly label: string;
  readonly records: readonly RecordOnHost[];
  /** The second since 1970 at which one of its records was written last. */
  readonly written: number;
}

const filesKey = "records.files";

/** What is asked beside the register itself. */
export const stacksOnHostQuestions: Readonly<Record<string, Question>> = {
  [filesKey]: { ask: "folder", path: "/var/lib/pulumi-netboot/register" },
};

/**
 * The register by stacks.
 *
 * @param known - the generations that a state has, by their resources' ids
 */
export function stacksOnHost({ before, answers }: Facts, known: ReadonlyMap<string, string>): readonly StackOnHost[] {
  const written = new Map(
    (answers.folder(filesKey) ?? []).map(
      ({ path, mtime }) => [decodeURIComponent(path.replace(/.*\//, "")), mtime] as const,
    ),
  );
  const byStack = Map.groupBy(
    before.values(),
    ({ id, generation }) => `${stackNow(before, id)}#${tokenOf(generation) ?? ""}`,
  );
  const names = [...byStack.keys()].map((key) => key.replace(/#\w*$/, ""));
  return [...byStack]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, entries]) => {
      const stack = key.replace(/#\w*$/, "");
      return {
        stack,
        key,
        label: names.filter((name) => name === stack).length > 1 ? key : stack,
        records: entries
          .map(({ id, generation, machines }) => ({
            ...{ id, as: identityOf(id, before), generation, machines },
            isKnown: isSame(known.get(id), generation),
          }))
          .toSorted((one, other) => (one.id < other.id ? -1 : 1)),
        written: Math.max(0, ...entries.map(({ id }) => written.get(id) ?? 0)),
      };
    });
}

/** An update may have added a token to a generation of which the state has the rest. */
function isSame(known: string | undefined, generation: string): boolean {
  return known !== undefined && known.slice(-8) === generation.slice(-8);
}
