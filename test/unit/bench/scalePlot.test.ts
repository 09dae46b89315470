import { describe, expect, it } from "vitest";
import { compare, samplesOf } from "../../../bench/samples.mts";
import { renderScalePlot } from "../../../bench/scalePlot.mts";

describe("renderScalePlot", () => {
  it("draws each tool's seconds over the sizes, larger ones higher", () => {
    const comparison = (ours: number, theirs: number) => compare([ours, ours + 1], [theirs, theirs]);
    const nothing = { resources: 3, cost: { clock: comparison(1, 1), processor: comparison(1, 1) }, logins: 0 };
    const scale = (machines: number, ours: number) => {
      const job = { pyinfra: comparison(ours, 5), ansible: comparison(ours, 11) };
      return { machines, jobs: { oneMore: job, nothing: job, preview: job }, floor: nothing };
    };
    const svg = renderScalePlot([scale(3, 3), scale(10_000, 8)]);
    expect(svg).toContain("10,000 machines");
    expect(svg).toContain(`pulumi-netboot ${samplesOf([8, 9]).median.toFixed(1)} s`);
    const heights = [...svg.matchAll(/<circle fill="(#\w+)" cx="[\d.]+" cy="([\d.]+)"/g)].map(([, colour, y]) => [
      colour,
      Number(y),
    ]);
    const [few, many] = heights.filter(([colour]) => colour === "#2f6fde").map(([, y]) => Number(y));
    expect(many).toBeLessThan(few ?? 0);
    expect(heights).toHaveLength(6);
    expect(Math.min(...heights.map(([, y]) => Number(y)))).toBeGreaterThanOrEqual(40);
  });
});
