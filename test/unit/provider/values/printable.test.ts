import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { printable, printableValue } from "../../../../provider/values/printable.ts";

describe("printable", () => {
  it.each([
    ["a colour and a cleared screen", "\u001b[31mred\u001b[2J", "\\u001b[31mred\\u001b[2J"],
    ["a title of the window", "\u001b]0;owned\u0007", "\\u001b]0;owned\\u0007"],
    ["a control sequence of one byte", "\u009b31m", "\\u009b31m"],
    ["a line that is written over", "bad\rok", "bad\\u000dok"],
    ["backspaces", "rm\b\bok", "rm\\u0008\\u0008ok"],
    ["text that runs the other way", "\u202eevil\u2066", "\\u202eevil\\u2066"],
    ["what nobody sees", "no\u200bde\u{e0041}", "no\\u200bde\\udb40\\udc41"],
    ["half a character", "\ud800", "\\ud800"],
    ["other ends of lines", "a\u2028b\u0085c", "a\\u2028b\\u0085c"],
    ["the engine's colours", "<{%fg 1%}>", "<{\\u0025fg 1%}>"],
  ])("escapes %s", (_what, text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it("leaves lines, tabs and every script alone", () => {
    const text = "Größe 40 %\n\t→ узел 节点 נוד 🙂 {%}\n";
    expect(printable(text)).toBe(text);
    expect(printable("one\r\ntwo")).toBe("one\ntwo");
  });

  it("has nothing left to escape, and leaves JSON the same JSON", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const shown = printable(text);
        expect(printable(shown)).toBe(shown);
        expect(shown).not.toMatch(/[^\P{Cc}\n\t]|<\{%/u);
        expect(JSON.parse(printable(JSON.stringify({ text })))).toEqual({ text });
      }),
    );
  });

  it("reaches every text of a value", () => {
    expect(printableValue({ a: ["\u0007", { b: "\u001b" }], c: 1, d: undefined })).toEqual({
      a: ["\\u0007", { b: "\\u001b" }],
      c: 1,
      d: undefined,
    });
  });
});
