import { describe, expect, it } from "vitest";
import { renderSamples, renderSection, withSections } from "../../../bench/report.mts";
import { samplesOf } from "../../../bench/samples.mts";

describe("renderSamples", () => {
  it("shows the middle, the least and the most", () => {
    expect(renderSamples(samplesOf([0.1, 0.333, 0.2]), " s")).toBe("0.20 s (0.10 to 0.33)");
  });

  it("shows one value where they do not differ", () => {
    expect(renderSamples(samplesOf([2, 2]))).toBe("2.00");
  });
});

describe("renderSection", () => {
  it("has the columns that its rows have", () => {
    const rows = [
      { stage: "restart", whose: "dhcpd", "3 OlaNodes": "45 ms" },
      { stage: "proof", whose: "ours", "3 OlaNodes": "445 ms" },
    ];
    expect(renderSection({ title: "Where", intro: "What.", rows, notes: ["Why."] }, "When.")).toBe(
      "## Where\n\nWhat.\n\nWhen.\n\n| stage | whose | 3 OlaNodes |\n|---|---|---|\n" +
        "| restart | dhcpd | 45 ms |\n| proof | ours | 445 ms |\n\nWhy.",
    );
  });
});

describe("withSections", () => {
  it("replaces those that were measured anew and leaves the others", () => {
    const page = "# Page\n\nhead\n\n## One\n\nold\n\n## Two\n\nstays\n";
    expect(withSections(page, ["## One\n\nnew", "## Three\n\nnew"])).toBe(
      "# Page\n\nhead\n\n## One\n\nnew\n\n## Two\n\nstays\n\n## Three\n\nnew\n",
    );
  });
});
