import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Arena, arena } from "../system/faults/round.mts";

/** Node 0 as an emulated machine, whose drive forgets at a power cut what was not flushed. */
describe("a node 0 whose power is cut for real", () => {
  let place: Arena;

  beforeAll(async () => {
    place = await arena({ node0: "machine" });
  });

  afterAll(() => place?.remove());

  it("has lost some sectors of what its drive was not told to flush, and nothing else", async () => {
    const { node0 } = place.lab;
    await node0.run(`cd /root
      for letter in a b; do head -c 1048576 /dev/zero | tr '\\0' $letter > $letter; done
      cp a flushed; cp a unflushed; sync
      write='dd bs=64k conv=notrunc oflag=direct status=none of=unflushed'
      (while $write if=b && $write if=a; do echo; done) > /dev/shm/rounds 2> /dev/null &
      until [ "$(wc -l < /dev/shm/rounds)" -ge 3 ]; do sleep 0.2; done`);
    await node0.powerCut();
    await node0.powerOn();
    const { stdout } = await node0.run("cd /root; cmp a flushed && fold -b -w 512 unflushed | cut -c 1 | uniq | wc -l");
    expect(Number(stdout), "how often the old and the new take turns in what was being written").toBeGreaterThan(5);
  });

  it.each([
    ["power cut of a machine", 3],
    ["power cut of a machine whose clock jumps", 5],
  ])("serves one whole state when it is back, and the next up reaches the goal: %s", async (fault, seed) => {
    const { violations, output } = await place.round(seed, fault);
    expect(violations, output).toEqual([]);
  });
});
