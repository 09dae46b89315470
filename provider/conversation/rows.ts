import { type Line, line, type Said, type Value } from "./protocol";

/** A plan of flat lists: of words, or of rows with named values that are words or lists of words. */
type Flat = object;

/** Such a plan as lines: its words, and a line for each row. */
export function renderFlat(plan: Flat): readonly Line[] {
  return Object.entries(plan).flatMap(([list, value]: [string, unknown]): readonly Line[] => {
    if (!Array.isArray(value)) return [line("value", { list, is: value as Value })];
    if (value.every((each) => typeof each === "string")) return [line("words", { list, are: value })];
    return (value as Readonly<Record<string, Value>>[]).map((row) => {
      const lists = Object.keys(row).filter((key) => Array.isArray(row[key]));
      return line("row", { list, lists, ...row });
    });
  });
}

/** The values of what node 0 told under a word, in its order. */
export function valuesOf(said: readonly Said[], word: string): readonly Readonly<Record<string, string>>[] {
  return said.filter((each) => each.word === word).map(({ values }) => values);
}
