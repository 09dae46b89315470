import { describe, expect, it } from "vitest";
import { inWhichOrder, type Second, whatSecondLeaves } from "../../../../provider/preview/onTwo";

const names = ["node0-a", "node0-b"] as const;
const seconds = new Map<string, Second>([
  ["rack@node0-b", { name: "rack", names }],
  ["web-1@node0-b", { name: "web-1", names }],
]);
const urn = (name: string) => `urn:pulumi:dev::shop::pulumi-nodejs:dynamic/netboot:OlaNode::${name}`;
const change = (name: string, more: object = {}) => {
  const on = name.includes("@") ? { on: "node0-b" } : {};
  return { urn: urn(name), name: "db-1", place: "one", isOnTwo: true, before: "as", after: "so", ...on, ...more };
};

describe("inWhichOrder", () => {
  const order = "node0-b is touched only after node0-a has committed and proved; until then it serves what it served";
  const of = (chainChanges: boolean, ...changes: ReturnType<typeof change>[]) =>
    inWhichOrder({ seconds, changes, chainChanges });

  it("is told once where both change, or what all boot by", () => {
    expect(of(false, change("rack"), change("rack@node0-b"), change("web-1"), change("web-1@node0-b"))).toEqual([
      order,
    ]);
    expect(of(true)).toEqual([order]);
  });

  it("is nothing to tell where one of them alone changes", () => {
    expect(of(false, change("rack"))).toEqual([]);
    expect(of(false, change("rack@node0-b"))).toEqual([]);
  });
});

describe("whatSecondLeaves", () => {
  const of = (...changes: ReturnType<typeof change>[]) => whatSecondLeaves({ seconds, changes });

  it("names the resources of which the first server alone changes", () => {
    expect(of(change("web-1"), change("rack"))).toEqual(["node0-b does not change in this run for rack, web-1"]);
    expect(of(change("web-1"), change("rack"), change("rack@node0-b"))).toEqual([
      "node0-b does not change in this run for web-1",
    ]);
  });

  it("says nothing where no boot of the first changes", () => {
    expect(of(change("rack", { after: "as" }))).toEqual([]);
    expect(of(change("rack@node0-b"))).toEqual([]);
  });
});
