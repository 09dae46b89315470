import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { renderReport } from "../../../tools/matrix.mts";
import { summary } from "../../../tools/test.mts";
import { type JsonReport, parseReport } from "../../../tools/vitest.mts";

function reportOf(status: string, ...tests: readonly string[]): JsonReport {
  const assertionResults = tests.map((outcome) => ({
    ancestorTitles: ["transact"],
    title: `ends as ${outcome}`,
    status: outcome,
    duration: 1500,
    failureMessages: outcome === "failed" ? ["AssertionError: no\n    at …"] : [],
  }));
  return {
    testResults: [{ name: join(process.cwd(), "test/a.test.ts"), status, message: "no such module", assertionResults }],
  };
}

describe("parseReport", () => {
  it("returns each test with its file, its whole name and its outcome", () => {
    expect(parseReport(reportOf("failed", "passed", "failed", "pending", "todo"))).toEqual([
      { file: "test/a.test.ts", name: "transact › ends as passed", outcome: "passed", seconds: 1.5, message: "" },
      expect.objectContaining({ outcome: "failed", message: "AssertionError: no\n    at …" }),
      expect.objectContaining({ outcome: "skipped" }),
      expect.objectContaining({ outcome: "skipped" }),
    ]);
  });

  it("counts a file that can't be loaded as a failure", () => {
    expect(parseReport(reportOf("failed"))).toEqual([
      { file: "test/a.test.ts", name: "the file itself", outcome: "failed", seconds: 0, message: "no such module" },
    ]);
  });
});

describe("summary", () => {
  it("is one plain line", () => {
    expect(summary(["passed", "skipped", "passed", "failed"])).toBe("2 passed, 1 failed, 1 skipped");
  });
});

describe("renderReport", () => {
  it("has a row for each test, and says of what it failed", () => {
    const tests = parseReport(reportOf("failed", "passed", "failed"));
    expect(renderReport(tests, { day: "2026-11-22", commit: "0123abc" })).toBe(`# Matrix of 2026-11-22

\`npm run test:matrix\` at commit 0123abc: 1 passed, 1 failed, 0 skipped.

| test | outcome | time |
|---|---|---|
| transact › ends as passed | passed | 1.5 s |
| transact › ends as failed | failed: AssertionError: no | 1.5 s |
`);
  });
});
