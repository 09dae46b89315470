import { describe, expect, it } from "vitest";
import { whyGrown } from "../../../bench/counts.mts";

describe("whyGrown", () => {
  const known = { "a line: connections": 1, "a line: bytes sent": 1000 };

  it("tells each count that is larger than what was accepted, of bytes those that are much larger", () => {
    expect(whyGrown({ "a line: connections": 2, "a line: bytes sent": 1049 }, known)).toEqual([
      "a line: connections: 2, where it was 1",
    ]);
    expect(whyGrown({ "a line: connections": 1, "a line: bytes sent": 1051 }, known)).toEqual([
      "a line: bytes sent: 1051, where it was 1000",
    ]);
  });

  it("is content with less, and not with what nobody has accepted, or could not be counted", () => {
    expect(whyGrown({ "a line: connections": 0 }, known)).toEqual([]);
    expect(whyGrown({ "a fleet: files written": 3 }, known)).toEqual([
      "a fleet: files written: 3, and nobody has accepted a number yet",
    ]);
    expect(whyGrown({ "a line: connections": Number.NaN }, known)).toEqual([
      "a line: connections: NaN, where it was 1",
    ]);
  });
});
