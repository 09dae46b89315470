import { whyFixed } from "../facts/fixedPaths";
import type { Answers } from "../facts/question";
import type { Refusal } from "./refusal";
import type { ShownFile } from "./shown";

/** The first of the files that become others and that nobody can replace, as the transaction would find it before it begins. */
export function refuseFixed(files: readonly ShownFile[], answers: Answers): Refusal | undefined {
  for (const { path, id, how, diff, sha256 } of files) {
    // Whether one out of a package becomes another is known once that is fetched.
    const mayStay = how === "changes" && diff === undefined && sha256 !== undefined && sha256.after === undefined;
    const why = mayStay ? undefined : whyFixed(answers, path);
    if (why !== undefined) return { code: "TRANSACTION_FAILED", id, message: `${path} cannot be replaced: ${why}` };
  }
  return undefined;
}
