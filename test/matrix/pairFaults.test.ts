import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pairArena, pairFaults, type Sharing } from "../system/faults/pair.mts";
import type { Arena } from "../system/faults/round.mts";

/** A round of each fault that `npm run test:faults -- --pair` plays by the hundred, and `-- --standby`. */
describe.each<[string, Sharing]>([
  ["two node 0s", "both"],
  ["two node 0s of which one stands by", "standby"],
])("%s, whatever goes wrong while a change rolls,", (_what, sharing) => {
  let place: Arena;

  beforeAll(async () => {
    place = await pairArena(sharing);
  });

  afterAll(() => place?.remove());

  it.each(Object.keys(pairFaults).map((fault, at) => [fault, 41 + at] as const))(
    "serve all the while, and the next up reaches the goal: %s",
    async (fault, seed) => {
      const { violations, output } = await place.round(seed, fault);
      expect(violations, output).toEqual([]);
    },
  );

  it("keep nothing of it when the program goes", async () => {
    expect(await place.leave()).toEqual([]);
  });
});
