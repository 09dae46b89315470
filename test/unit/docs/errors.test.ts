import { globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const source = readFileSync("provider/errors.ts", "utf8");
const page = readFileSync("docs/errors.md", "utf8");
const hands = globSync("provider/hands/*.pl")
  .map((file) => readFileSync(file, "utf8"))
  .join("\n");

/** The members of the union type, as they stand in its source. */
const union = source.match(/type ErrorCode =([\s\S]*?");\n/)?.[1] ?? "";
const codes = [...union.matchAll(/\|\s+"([A-Z_]+)"/g)].map(([, code]) => code);
const entries = page.split(/^## /m).slice(1);

describe("docs/errors.md", () => {
  it("has an entry for each code, in the order of the type", () => {
    expect(codes.length).toBeGreaterThan(10);
    expect(entries.map((entry) => entry.split("\n")[0])).toEqual(codes);
  });

  it.each(entries.map((entry) => [entry.split("\n")[0], entry]))(
    "says of %s what to do, and what state node 0 is in",
    (_code, entry) => {
      expect(entry).toMatch(/^- \*What to do\*: /m);
      expect(entry).toMatch(/^- \*Node 0\*: /m);
    },
  );
});

describe("the hands", () => {
  it("refuse with no other codes than these", () => {
    const refused = [...hands.matchAll(/\b(?:refuse\(|code => )'([A-Z_]+)'/g)].map(([, code]) => code);
    expect(refused.length).toBeGreaterThan(1);
    expect(refused.filter((code) => !codes.includes(code))).toEqual([]);
  });
});
