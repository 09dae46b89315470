import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Arena, arena } from "./faults/round.mts";

/** A few rounds of what `npm run test:faults` plays by the hundred. */
describe("node 0, whatever goes wrong in an up,", () => {
  let place: Arena;

  beforeAll(async () => {
    place = await arena();
  });

  afterAll(() => place?.remove());

  it.each([
    ["TCP cut after some bytes", 7],
    ["provider killed", 11],
    ["engine killed", 13],
    ["power cut", 17],
    ["disk full", 19],
    ["dhcpd starts and does not serve", 23],
    ["another stack at the same time", 29],
  ])("serves one whole state, and the next up reaches the goal: %s", async (fault, seed) => {
    const { violations, output } = await place.round(seed, fault);
    expect(violations, output).toEqual([]);
  });
});

describe("a node 0 on which somebody lives, whatever goes wrong in an up,", () => {
  let place: Arena;

  beforeAll(async () => {
    place = await arena({ release: "trixie" }, true);
  });

  afterAll(() => place?.remove());

  it.each([
    // systemd 257 starts nothing in a control group that was killed as a whole, so nothing undid the transaction.
    ["agent killed", 91438],
    ["a human with an editor", 91440],
  ])("serves one whole state, and so do they: %s", async (fault, seed) => {
    const { violations, output } = await place.round(seed, fault);
    expect(violations, output).toEqual([]);
  });

  it("is as it was before when the program goes", async () => {
    expect(await place.leave()).toEqual([]);
  });
});
