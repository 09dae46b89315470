import { describe, expect, it } from "vitest";
import { parseNode } from "../../../../provider/values/node";
import { quoted, whyMadeWrong } from "../../../../provider/values/problem";

const output = "Calling [toString] on an [Output<T>] is not supported.\n\nTo get the value of an Output<T> …";
const macs = ["52:54:00:12:34:56"];
const said = (name: string, args: object) =>
  parseNode(name, args).problems.map(({ path, message }) => `${path}: ${message}`);

describe("a text that a program made of something else", () => {
  it("says that an output stands in a template, and how it is written", () => {
    expect(said("db-1", { macs, address: `192.168.1.${output}` })).toEqual([
      "address: holds an output, which is no text yet; write pulumi.interpolate before the template: pulumi.interpolate`…`",
    ]);
    expect(said(`db-${output}`, { macs, address: "192.168.1.3" })[0]).toMatch(
      /^hostname: the name of the resource holds an output/,
    );
  });

  it("says what is not there", () => {
    expect(said("db-1", { macs: ["undefined"], address: "192.168.1.NaN" })).toEqual([
      'macs[0]: "undefined" holds undefined, so something that it is made of is not there',
      'address: "192.168.1.NaN" holds NaN, so something that it is made of is not there',
    ]);
    expect(said("db-1", { macs, address: "[object Object]" })[0]).toMatch(/holds \[object Object\], so/);
    for (const text of ["192.168.1.3", "banana", "nan-1", "db-undefinedly"]) expect(whyMadeWrong(text)).toBeUndefined();
  });

  it("says of a name that is a number that it is none", () => {
    expect(said(7 as never, { macs, address: "192.168.1.3" })).toEqual([
      "hostname: the name 7 is no text; write it in quotes",
    ]);
  });
});

describe("quoted", () => {
  it("says of what JSON has nothing of what it is", () => {
    expect([new Map([["a", 1]]), new Set([1])].map(quoted)).toEqual(["a Map", "a Set"]);
  });
});
