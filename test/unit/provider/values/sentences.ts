import type { Checked } from "../../../../provider/values/problem";

/** What a reader said, as a user sees it: one line a problem, path first. */
export function sentences({ problems }: Checked<unknown>): readonly string[] {
  return problems.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
}

/** The value of something that is right; the problems, thrown, if it is not. */
export function right<T>(checked: Checked<T>): T {
  if (checked.value === undefined) throw new Error(sentences(checked).join("\n"));
  return checked.value;
}
