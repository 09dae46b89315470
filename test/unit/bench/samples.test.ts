import { describe, expect, it } from "vitest";
import { alternate, compare, samplesOf } from "../../../bench/samples.mts";

describe("samplesOf", () => {
  it.each([
    [[3, 1, 2], 2],
    [[4, 1, 3, 2], 2.5],
    [[7], 7],
  ])("finds the middle of %j", (values, median) => {
    expect(samplesOf(values)).toEqual({ values, median, min: Math.min(...values), max: Math.max(...values) });
  });
});

describe("compare", () => {
  it("compares pair by pair, so that a slow minute is in both", () => {
    const { difference, ratio } = compare([2, 12, 3], [1, 10, 2]);
    expect(difference.values).toEqual([1, 2, 1]);
    expect(ratio.median).toBe(1.5);
  });
});

describe("alternate", () => {
  it("takes turns, and neither always goes first", async () => {
    const order: string[] = [];
    const cost = { seconds: 1, processorSeconds: 1 };
    const run = (name: string) => async () => {
      order.push(name);
      return cost;
    };
    await alternate(3, run("ours"), run("theirs"));
    expect(order).toEqual(["ours", "theirs", "theirs", "ours", "ours", "theirs"]);
  });
});
