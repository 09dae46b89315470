import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pairArena, pairFaults } from "../system/faults/pair.mts";
import type { Arena } from "../system/faults/round.mts";

/** A round of each fault that `npm run test:faults -- --pair` plays by the hundred. */
describe("two node 0s, whatever goes wrong while a change rolls,", () => {
  let place: Arena;

  beforeAll(async () => {
    place = await pairArena();
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
