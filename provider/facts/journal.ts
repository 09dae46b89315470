import { stateFolder } from "../os/packages";
import type { Answers, Fact } from "./question";

/** The paths that a transaction would put back, were it undone now: one that runs, or one whose undoing did not come to its end. */
export const journal: Fact<readonly string[]> = {
  questions: { "journal.text": { ask: "path", path: `${stateFolder}/journal`, bytes: 1_000_000 } },
  read(answers: Answers): readonly string[] {
    const text = answers.path("journal.text")?.content ?? "";
    return [...text.matchAll(/^undo (?:absent|file|link) (\S+)/gm)].map(([, path = ""]) =>
      path.replaceAll(/(?:%[0-9A-F]{2})+/g, decodeURIComponent),
    );
  },
};
