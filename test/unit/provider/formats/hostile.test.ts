import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDhcpdSettings, renderDhcpdConf } from "../../../../provider/formats/isc/dhcpdConf";
import { corpus, type Field, fields } from "../../../support/hostile.ts";
import { right } from "../values/sentences";

/** Which lines of a file belong to the field: those in which two usual values differ. */
function linesOf({ usual: [one, other], file }: Field) {
  const [first, second] = [file(one)?.split("\n"), file(other)?.split("\n")];
  if (first === undefined || second === undefined) throw new Error(`a usual value is refused: ${one} or ${other}`);
  return { first, own: new Set(first.flatMap((line, index) => (line === second[index] ? [] : [index]))) };
}

describe.each(Object.entries(fields).filter(([name]) => name !== "a whole boot script"))(
  "%s",
  (_name, { usual, file }) => {
    const { first, own } = linesOf({ usual, file });

    /** Refused, or a file in which only the field's own lines are others, and none more. */
    function staysInItsLine(text: string): void {
      const lines = file(text)?.split(/\r\n|[\n\r]/);
      if (lines === undefined) return;
      expect(lines.length).toBe(first.length);
      expect(lines.filter((line, index) => line !== first[index] && !own.has(index))).toEqual([]);
      expect(lines.join("")).not.toContain("\0");
    }

    it("has no hostile value start a line of its own, or change another", () => {
      for (const text of corpus) staysInItsLine(text);
      for (const text of corpus) staysInItsLine(usual[0] + text);
    });

    it("has no text at all do so", () => {
      fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => staysInItsLine(text)));
    });
  },
);

describe("a whole boot script", () => {
  it("is refused where it is none, and else is what somebody wrote, to the byte", () => {
    const { file } = fields["a whole boot script"];
    for (const text of corpus) {
      expect(file(text)).toBeUndefined();
      const script = `#!ipxe\n${text}\n`;
      expect([undefined, script]).toContain(file(script));
    }
  });
});

describe("extraConfig", () => {
  const network = { interface: "eno2", cidr: "10.20.0.0/22", address: "10.20.0.1" };
  const without = renderDhcpdConf(right(parseDhcpdSettings({ network })));

  /** Character by character, as dhcpd's own reader goes (conflex.c): what is open at the end, and what was closed too often. */
  function readThrough(text: string): object {
    let depth = 0;
    let closedTooOften = false;
    let last = ";";
    let isInText = false;
    for (let at = 0; at < text.length; at++) {
      const character = text[at] ?? "";
      if (isInText && character === "\\") at++;
      else if (character === '"') isInText = !isInText;
      else if (isInText || /\s/.test(character)) continue;
      else if (character === "#") {
        while (at < text.length && text[at] !== "\n") at++;
        continue;
      } else if (character === "{") depth++;
      else if (character === "}" && --depth < 0) closedTooOften = true;
      last = character;
    }
    return { depth, closedTooOften, isInText, endsStatement: /[;}]/.test(last) };
  }

  /** Refused, or between its two comments and nowhere else. */
  function staysInItsPlace(text: string): void {
    const { value } = parseDhcpdSettings({ network, extraConfig: text });
    if (value?.extraConfig === undefined) return;
    const block = `# extraConfig, as the program gives it\n${value.extraConfig}\n# end of extraConfig\n\n`;
    expect(renderDhcpdConf(value).split(block)).toEqual(without.split(/(?=^subnet )/m));
    expect(readThrough(value.extraConfig)).toEqual({
      depth: 0,
      closedTooOften: false,
      isInText: false,
      endsStatement: true,
    });
  }

  it("has no hostile value reach beyond its place", () => {
    for (const text of corpus)
      for (const whole of [text, `option root-path "${text}";`, `allow booting; ${text}`]) staysInItsPlace(whole);
  });

  it("has no text at all do so", () => {
    const token = fc.constantFrom("{", "}", ";", '"', "\\", "#", "\n", "a", " ");
    fc.assert(
      fc.property(fc.array(token, { maxLength: 12 }), (tokens) => staysInItsPlace(tokens.join(""))),
      { numRuns: 1000 },
    );
  });
});
