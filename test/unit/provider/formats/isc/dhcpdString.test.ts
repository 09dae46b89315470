import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dhcpdString } from "../../../../../provider/formats/isc/dhcpdString";

describe("dhcpdString", () => {
  it.each([
    ["refind.pxe", '"refind.pxe"'],
    ['a "b"', '"a \\"b\\""'],
    ["C:\\boot", '"C:\\\\boot"'],
    ["", '""'],
    ["größer", '"größer"'],
  ])("quotes %j", (text, written) => {
    expect(dhcpdString(text)).toBe(written);
  });

  it.each(["a\nb", "a\rb", "a\0b", "a\tb", "\u007f", "\u0085"])("refuses the control character in %j", (text) => {
    expect(() => dhcpdString(text)).toThrow(/^dhcpd\.conf cannot hold ".*" is a control character; leave it out$/);
  });

  it("refuses half a character, which would become another one", () => {
    expect(() => dhcpdString("a\ud800")).toThrow('"\\ud800" is half a character; leave it out');
  });

  it("refuses more than an option holds", () => {
    expect(() => dhcpdString("a".repeat(256))).toThrow("it has 256 bytes, and an option carries 255");
    expect(() => dhcpdString("é".repeat(128))).toThrow("it has 256 bytes, and an option carries 255");
  });

  it("never lets a text end its own quotes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        if (/[\p{Cc}\p{Cs}]/u.test(text)) expect(() => dhcpdString(text)).toThrow();
        else expect(dhcpdString(text)).toMatch(/^"([^"\\]|\\["\\])*"$/);
      }),
    );
  });
});
