import { globSync, readFileSync } from "node:fs";

/** The pages that users read. */
export const pages: readonly string[] = ["README.md", ...globSync("docs/*.md"), ...globSync("examples/**/README.md")]
  .filter((page) => !page.includes("node_modules"))
  .sort();

/**
 * A block of code on a page. What stands behind its three backquotes says what it is, and what a test does with it:
 *
 * - `ts`: a program, or some statements of one; it is type-checked, and run against mocks.
 * - `json`, `yaml`, `csv`: is parsed.
 * - `… file=NAME`: a file of the project that the page makes.
 * - `sh run`: is run, in its turn, by the page's own test.
 * - `… shown: REASON`: is not run, and why.
 * - `text output`: what the `sh run` above it prints. `text output: TEST`: what that test sees.
 * - `text drawing`: a picture in letters.
 */
export interface Block {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly what: string;
  readonly text: string;
}

/** All blocks of a page, in their order. */
export function blocksOf(page: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: { line: number; info: string; lines: string[] } | undefined;
  for (const [index, line] of readFileSync(page, "utf8").split("\n").entries()) {
    const fence = /^```(.*)$/.exec(line);
    if (fence === null) {
      open?.lines.push(line);
    } else if (open === undefined) {
      open = { line: index + 1, info: fence[1] ?? "", lines: [] };
    } else {
      const [language = "", ...what] = open.info.trim().split(" ");
      blocks.push({ page, line: open.line, language, what: what.join(" "), text: `${open.lines.join("\n")}\n` });
      open = undefined;
    }
  }
  if (open !== undefined) throw new Error(`${page}:${open.line}: the block does not end`);
  return blocks;
}

/** Where a block is, for people. */
export const placeOf = ({ page, line }: Block): string => `${page}:${line}`;
