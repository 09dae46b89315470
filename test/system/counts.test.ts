import { expect, it } from "vitest";
import { knownCounts, measureCounts, whyGrown } from "../../bench/counts.mts";

/** A count is the same on each machine, so it can fail a change where a time can't: `npm run bench -- --counts --accept`. */
it("needs no more connections, bytes, restarts, files and modules than it did", async () => {
  expect(whyGrown(await measureCounts(), knownCounts())).toEqual([]);
});
