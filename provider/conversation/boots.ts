import type { Question } from "../facts/question";
import type { Facts } from "../plan/facts";
import { folderKey, folderQuestions } from "../plan/questions";

export const bootFilesQuestions: Readonly<Record<string, Question>> = {
  [folderKey]: folderQuestions("@held:tftpd:2@")[folderKey] ?? { ask: "roster" },
};

export function historyQuestions(ids: readonly string[]): Readonly<Record<string, Question>> {
  if (ids.length === 0) return {};
  return {
    ...Object.fromEntries(ids.map((id) => [`boots ${id}`, { ask: "boots", since: "-30d", of: id }] as const)),
    ...bootFilesQuestions,
  };
}

export function historyOf(id: string, facts: Facts): Readonly<Record<string, string>> {
  return { log: facts.answers.boots(`boots ${id}`) ?? "", files: bootFilesNow(facts) };
}

/** The declared boot files as they are: name, since when, and hash. */
export function bootFilesNow({ answers }: Facts): string {
  return (answers.folder(folderKey) ?? [])
    .flatMap(({ path, ctime, sha256: sum }) =>
      sum === undefined ? [] : [`${path.replace(/.*\//, "")} ${ctime} ${sum}`],
    )
    .join("\n");
}
