import { describe, expect, it } from "vitest";
import { olaNode } from "../../../../provider/kinds/olaNode";

const machine = { hostname: "db-1", macs: ["04:3f:72:aa:00:01"], address: "10.20.0.11" };
const inputs = { hostBlocks: "host …\n", machine, nextBoot: "10.20.0.11 db-1" };

describe("olaNode", () => {
  it("takes the machine from its value, and the blocks as they are", () => {
    expect(olaNode.wants(inputs)).toEqual([
      { want: "node", ...machine, firmware: "x64", loader: undefined, proof: true, blocks: "host …\n" },
    ]);
  });

  it.each([
    [true, true],
    [false, false],
    [{ again: "2026-11-22" }, "2026-11-22"],
    [{}, true],
  ])("asks for the proof that `verify: %j` means", (verify, proof) => {
    expect(olaNode.wants({ ...inputs, verify })).toMatchObject([{ proof }]);
  });

  it("asks for the boots of a machine only where its history is wanted", () => {
    expect(olaNode.wants({ ...inputs, history: true })).toContainEqual({ want: "history" });
  });

  it("needs no more than what a state holds for a look, also that of the release before", () => {
    expect(olaNode.wants({ verify: false } as never)).toEqual([{ want: "registered" }]);
  });

  it("says in the place of what the state does not hold how the host differs", () => {
    const drift = [{ what: "db-1", how: "missing", seen: "" }] as const;
    const seen = "not as declared: db-1 is missing";
    expect(olaNode.live(inputs, drift)).toEqual({ hostBlocks: seen, machine: seen, nextBoot: seen });
  });
});
