import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderLineDiff } from "../../../../provider/plan/lineDiff";

const lines = (...texts: readonly string[]): string => texts.map((text) => `${text}\n`).join("");

describe("renderLineDiff", () => {
  it("shows what differs with the lines around it, as diff -u does", () => {
    const before = lines("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k");
    const after = lines("a", "b", "c", "D", "e", "f", "g", "h", "i", "j", "k", "l");
    expect(renderLineDiff(before, after, 2)).toBe(
      lines("@@ -2,5 +2,5 @@", " b", " c", "-d", "+D", " e", " f", "@@ -10,2 +10,3 @@", " j", " k", "+l"),
    );
  });

  it("shows a new text whole, and nothing where nothing differs", () => {
    expect(renderLineDiff("", lines("a", "b"), 2)).toBe(lines("@@ -0,0 +1,2 @@", "+a", "+b"));
    expect(renderLineDiff(lines("a"), "", 2)).toBe(lines("@@ -1 +0,0 @@", "-a"));
    expect(renderLineDiff(lines("a", "b"), lines("a", "b"), 2)).toBe("");
  });

  it("says that a last line has no end", () => {
    expect(renderLineDiff("a", "a\n", 2)).toBe(lines("@@ -1 +1 @@", "-a", "\\ No newline at end of file", "+a"));
  });

  it("takes long texts that have little in common as one for another", () => {
    const many = (word: string): string => lines(...Array.from({ length: 2500 }, (_, at) => `${word} ${at}`));
    expect(renderLineDiff(many("old"), many("new"), 2).split("\n")).toHaveLength(5002);
  });

  it("holds both texts, whatever they are", () => {
    const text = fc.array(fc.constantFrom("a", "b", "c", "")).map((each) => lines(...each));
    fc.assert(
      fc.property(text, text, (before, after) => {
        const shown = renderLineDiff(before, after, Number.MAX_SAFE_INTEGER).split("\n").slice(1, -1);
        const side = (gone: string): string =>
          lines(...shown.filter((each) => !each.startsWith(gone)).map((each) => each.slice(1)));
        if (before === after) expect(shown).toEqual([]);
        else expect([side("+"), side("-")]).toEqual([before, after]);
      }),
    );
  });
});
