import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseMac } from "../../../../provider/values/mac";
import { sentences } from "./sentences";

describe("parseMac", () => {
  it.each(["04:3f:72:aa:00:01", "04:3F:72:AA:00:01", "04-3F-72-AA-00-01", "043f.72aa.0001", "043f72aa0001"])(
    "reads %s as 04:3f:72:aa:00:01",
    (text) => {
      expect(parseMac(text).value).toBe("04:3f:72:aa:00:01");
    },
  );

  it.each([
    [
      "52:54:00:12:34",
      '"52:54:00:12:34" is no hardware address: it has 5 octets; write six pairs of hex digits, as in "52:54:00:12:34:56"',
    ],
    [
      "52:54:00:12:34:56:78",
      '"52:54:00:12:34:56:78" is no hardware address: it has 7 octets; write six pairs of hex digits, as in "52:54:00:12:34:56"',
    ],
    [
      "52:54:00:12:34:5",
      '"52:54:00:12:34:5" is no hardware address; write six pairs of hex digits, as in "52:54:00:12:34:56"',
    ],
    [
      "52:54-00:12:34:56",
      '"52:54-00:12:34:56" is no hardware address; write six pairs of hex digits, as in "52:54:00:12:34:56"',
    ],
    [
      "xx:xx:xx:xx:xx:xx",
      '"xx:xx:xx:xx:xx:xx" is no hardware address; write six pairs of hex digits, as in "52:54:00:12:34:56"',
    ],
    [
      "52:54:00:12:34:56\n",
      '"52:54:00:12:34:56\\n" is no hardware address; write six pairs of hex digits, as in "52:54:00:12:34:56"',
    ],
    ["", '"" is no hardware address; write six pairs of hex digits, as in "52:54:00:12:34:56"'],
    [
      "01:00:5e:00:00:01",
      '"01:00:5e:00:00:01" is a multicast address, its first octet is odd; write one machine\'s, such as "00:00:5e:00:00:01"',
    ],
    [
      "00:00:00:00:00:00",
      '"00:00:00:00:00:00" is no machine\'s hardware address, all of it is zero; write six pairs of hex digits, as in "52:54:00:12:34:56"',
    ],
    [
      "ff:ff:ff:ff:ff:ff",
      '"ff:ff:ff:ff:ff:ff" is the broadcast address, not one machine\'s; write six pairs of hex digits, as in "52:54:00:12:34:56"',
    ],
    [42, '42 is no text; write six pairs of hex digits, as in "52:54:00:12:34:56"'],
    ["undefined", '"undefined" holds undefined, so something that it is made of is not there'],
    [undefined, 'is required; write six pairs of hex digits, as in "52:54:00:12:34:56"'],
  ])("refuses %j", (value, sentence) => {
    expect(sentences(parseMac(value))).toEqual([sentence]);
  });

  it("gives every spelling of an address the same value, which it reads as itself", () => {
    const octet = fc.integer({ min: 0, max: 255 }).map((number) => number.toString(16).padStart(2, "0"));
    const first = fc.integer({ min: 1, max: 127 }).map((number) => (number * 2).toString(16).padStart(2, "0"));
    fc.assert(
      fc.property(first, fc.array(octet, { minLength: 5, maxLength: 5 }), (head, tail) => {
        const mac = [head, ...tail].join(":");
        for (const spelling of [mac, mac.toUpperCase(), mac.replaceAll(":", "-"), mac.replaceAll(":", "")]) {
          expect(parseMac(spelling).value).toBe(mac);
        }
      }),
    );
  });
});
