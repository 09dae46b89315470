import type { FilePlace } from "../foundDhcp";

/** A value of Kea's JSON, with its place. */
export interface KeaValue extends FilePlace {
  readonly value: string | number | boolean | null | readonly KeaValue[] | ReadonlyMap<string, KeaValue>;
}

export interface KeaFile {
  /** Undefined if the file is not there, or breaks off. */
  readonly root: KeaValue | undefined;
  /** Included files that were not given, by their paths. */
  readonly missing: readonly string[];
  readonly broken: readonly (FilePlace & { readonly why: string })[];
}

/** The texts of a JSON, its signs, and what Kea allows beside it: three kinds of comments, and files that are included. */
const tokens =
  /\n|#[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/|<\?include\s+"(?<included>[^"]*)"\s*\?>|"(?:[^"\\\n]|\\.)*"|[{}[\],:]|[^\s{}[\],:"#/]+|[^\s]/g;

const deepest = 16;

/** Reads Kea's JSON: with comments, with commas at the end, and with `<?include "…"?>`. */
export function parseKeaJson(path: string, files: ReadonlyMap<string, string>): KeaFile {
  const missing: string[] = [];
  const words = wordsOf(path, files, missing);
  let at = 0;

  const read = (): KeaValue => {
    const word = words[at++];
    if (word === undefined)
      throw new Broken({ ...(words.at(-1) ?? { file: path, line: 1 }) }, "the file ends in the middle");
    const { file, line, text } = word;
    if (text === "[") {
      const list: KeaValue[] = [];
      while (!take("]")) {
        list.push(read());
        take(",");
      }
      return { file, line, value: list };
    }
    if (text === "{") {
      const map = new Map<string, KeaValue>();
      while (!take("}")) {
        const key = words[at++];
        const name = key === undefined ? undefined : literal(key.text);
        if (key === undefined || typeof name !== "string" || !take(":"))
          throw new Broken(key ?? word, "a name and a colon are missing here");
        map.set(name, { ...read(), file: key.file, line: key.line });
        take(",");
      }
      return { file, line, value: map };
    }
    const value = literal(text);
    if (value === undefined) throw new Broken(word, `"${text}" is no value`);
    return { file, line, value };
  };
  const take = (text: string): boolean => {
    if (words[at]?.text !== text) return false;
    at++;
    return true;
  };

  if (words.length === 0) return { root: undefined, missing, broken: [] };
  try {
    return { root: read(), missing, broken: [] };
  } catch (reason) {
    if (!(reason instanceof Broken)) throw reason;
    return { root: undefined, missing, broken: [{ file: reason.at.file, line: reason.at.line, why: reason.message }] };
  }
}

class Broken extends Error {
  readonly at: FilePlace;

  constructor(at: FilePlace, why: string) {
    super(why);
    this.at = at;
  }
}

interface Word extends FilePlace {
  readonly text: string;
}

function wordsOf(file: string, files: ReadonlyMap<string, string>, missing: string[], depth = 0): readonly Word[] {
  const text = files.get(file);
  if (text === undefined) {
    missing.push(file);
    return [];
  }
  const words: Word[] = [];
  let line = 1;
  for (const { 0: token, groups } of text.matchAll(tokens)) {
    const included = groups?.["included"];
    if (included !== undefined) {
      if (depth < deepest) words.push(...wordsOf(included, files, missing, depth + 1));
    } else if (!/^(\n|#|\/\/|\/\*)/.test(token)) words.push({ file, line, text: token });
    line += token.split("\n").length - 1;
  }
  return words;
}

function literal(text: string): string | number | boolean | null | undefined {
  if (/^[{}[\],:]$/.test(text)) return undefined;
  try {
    return JSON.parse(text) as string | number | boolean | null;
  } catch {
    return undefined;
  }
}
