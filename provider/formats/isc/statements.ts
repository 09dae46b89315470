import type { FilePlace } from "../foundDhcp";

/** A word of dhcpd's language, a text in its quotes, or one of its signs. */
export interface Token extends FilePlace {
  readonly text: string;
}

/** A statement or a declaration of dhcpd.conf(5). */
export interface Statement extends FilePlace {
  readonly words: readonly Token[];
  /** What stands in its braces, if it has some. */
  readonly block?: readonly Statement[];
}

export interface Statements {
  readonly statements: readonly Statement[];
  /** Included files that were not given, by their paths. */
  readonly missing: readonly string[];
  /** Where dhcpd itself would stop reading. */
  readonly broken: readonly (FilePlace & { readonly why: string })[];
}

/** dhcpd itself stops at some depth, too; a file that includes itself has none. */
const deepest = 16;

/** Reads dhcpd.conf and what it includes, by the grammar of dhcpd.conf(5). */
export function parseStatements(path: string, files: ReadonlyMap<string, string>): Statements {
  const missing: string[] = [];
  const broken: (FilePlace & { readonly why: string })[] = [];

  function read(file: string, depth: number): readonly Statement[] {
    const text = files.get(file);
    if (text === undefined) {
      missing.push(file);
      return [];
    }
    const tokens = tokensWithLines(file, text);
    let at = 0;
    const block = (isOutermost: boolean, opened: FilePlace): readonly Statement[] => {
      const found: Statement[] = [];
      let words: Token[] = [];
      for (;;) {
        const token = tokens[at++];
        if (token === undefined) {
          if (!isOutermost) broken.push({ ...opened, why: "this brace is not closed" });
          if (words[0] !== undefined) broken.push({ ...placeOf(words[0]), why: "this statement does not end" });
          return found;
        }
        if (token.text === "}") {
          if (!isOutermost) return found;
          broken.push({ ...placeOf(token), why: "this brace closes none" });
        } else if (token.text === "{") {
          const first = words[0] ?? token;
          found.push({ ...placeOf(first), words, block: block(false, placeOf(token)) });
          words = [];
        } else if (token.text === ";") {
          const [first, second] = words;
          if (first !== undefined) found.push(...finished(first, second, words));
          words = [];
        } else words.push(token);
      }
    };
    const finished = (first: Token, second: Token | undefined, words: readonly Token[]): readonly Statement[] => {
      if (first.text.toLowerCase() !== "include" || second === undefined) return [{ ...placeOf(first), words }];
      if (depth < deepest) return read(unquoted(second), depth + 1);
      broken.push({ ...placeOf(first), why: "files include each other without an end" });
      return [];
    };
    return block(true, { file, line: 1 });
  }

  const statements = read(path, 0);
  return { statements, missing: [...new Set(missing)], broken };
}

function placeOf({ file, line }: FilePlace): FilePlace {
  return { file, line };
}

function tokensWithLines(file: string, text: string): readonly Token[] {
  const tokens: Token[] = [];
  let line = 1;
  for (const [token] of text.matchAll(
    /\n|#[^\n]*|"(?:[^"\\]|\\[\s\S])*"?|[{};,()]|~~|[!~]?=|[^\s{};,()="#!~]+|[^\s]/g,
  )) {
    if (token === "\n") line++;
    else if (!token.startsWith("#")) {
      tokens.push({ file, line, text: token });
      line += token.split("\n").length - 1;
    }
  }
  return tokens;
}

/** A text without its quotes. */
export function unquoted({ text }: Token): string {
  return text.startsWith('"')
    ? text.slice(1, text.endsWith('"') && text.length > 1 ? -1 : undefined).replace(/\\(.)/gs, "$1")
    : text;
}

/** A statement as one line, without what is in its braces. */
export function shown({ words, block }: Statement): string {
  const text = words
    .map(({ text: word }) => word)
    .join(" ")
    .replaceAll(/ ?, ?/g, ", ")
    .replaceAll(/\( | (?=\))|(?<=\w) (?=\()/g, (space) => (space.startsWith("(") ? "(" : ""));
  return block === undefined ? `${text};` : `${text} { … }`;
}
