import { describe, expect, it } from "vitest";
import { refuseClash } from "../../../../provider/plan/clashes";

describe("refuseClash", () => {
  it("says what both want, and who has it", () => {
    const clash = { claim: "the MAC 52:54:00:00:00:02", id: "OlaNode/p/two/b", other: "OlaNode/p/one/mine" };
    expect(refuseClash(clash)).toEqual({
      code: "CLASH",
      id: "OlaNode/p/two/b",
      message:
        "the MAC 52:54:00:00:00:02 belongs to OlaNode/p/one/mine already; take it out of one of the two programs",
    });
  });
});
