import { describe, expect, it } from "vitest";
import { endingNames } from "../../../../sdk/program/printableErrors";

describe("endingNames", () => {
  it("gives the name of each package an end, by which Node finds it, and leaves other frames as they are", () => {
    const frames = [
      "Error: oops",
      "    at applyHelperAsync (/home/me/shop/node_modules/@pulumi/output.ts:519:31)",
      "    at /home/me/shop/node_modules/@pulumi/output.ts:379:13",
      "    at C:\\shop\\node_modules\\@pulumi\\output.ts:379:13",
      "    at check (/home/me/shop/node_modules/@pulumi/pulumi/runtime/rpc.js:1:2)",
      "    at /home/me/shop/index.ts:1:2",
    ];
    expect(endingNames(frames.join("\n")).split("\n")).toEqual([
      frames[0],
      "    at applyHelperAsync (/home/me/shop/node_modules/@pulumi/./output.ts:519:31)",
      "    at /home/me/shop/node_modules/@pulumi/./output.ts:379:13",
      "    at C:\\shop\\node_modules\\@pulumi\\.\\output.ts:379:13",
      ...frames.slice(4),
    ]);
  });
});
