/** A line of an OpenSSH configuration. */
export interface ConfigLine {
  /** In small letters: OpenSSH knows no case there. */
  readonly keyword: string;
  /** The words behind it, without quotes and comments. */
  readonly words: readonly string[];
  /** All behind it, as it stands there: what OpenSSH takes whole, a command or jump hosts. */
  readonly rest: string;
  /** For messages, from 1. */
  readonly number: number;
}

/** A line that OpenSSH can't read either; it refuses the whole file then. */
export interface Unreadable {
  readonly number: number;
  readonly why: string;
}

/** Reads a configuration line by line, as OpenSSH does (readconf.c, process_config_line; misc.c, strdelim and argv_split). */
export function parseConfigFile(text: string): readonly ConfigLine[] | Unreadable {
  const lines: ConfigLine[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const number = index + 1;
    const [, quoted, bare, behind = ""] = /^[\s=]*(?:"([^"]*)"|([^\s="]+))(.*)$/s.exec(line.trim()) ?? [];
    const keyword = (quoted ?? bare ?? "").toLowerCase();
    if (keyword === "" || keyword.startsWith("#")) continue;
    const rest = behind.replace(/^\s*=?\s*/, "");
    const words = splitWords(rest);
    if (words === undefined) return { number, why: `a quote in ${keyword} is not closed` };
    lines.push({ keyword, words, rest, number });
  }
  return lines;
}

/** Splits at blanks outside of quotes; a `#` begins a comment only where a word would begin. Nothing if a quote is not closed. */
export function splitWords(text: string): readonly string[] | undefined {
  const words: string[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === " " || text[at] === "\t") continue;
    if (text[at] === "#") break;
    let word = "";
    let quote: string | undefined;
    for (; at < text.length; at++) {
      const sign = text[at] ?? "";
      const next = text[at + 1] ?? "";
      if (sign === "\\" && (/["'\\]/.test(next) || (quote === undefined && next === " "))) {
        word += next;
        at++;
      } else if (quote === undefined && /[ \t]/.test(sign)) break;
      else if (quote === undefined && /["']/.test(sign)) quote = sign;
      else if (sign === quote) quote = undefined;
      else word += sign;
    }
    if (quote !== undefined) return undefined;
    words.push(word);
  }
  return words;
}
