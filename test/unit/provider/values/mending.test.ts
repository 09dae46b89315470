import { describe, expect, it } from "vitest";
import { asRefreshed, upMends } from "../../../../provider/values/mending";

describe("what mends what was found", () => {
  it.each(["mends what somebody changed", "starts it", "puts them back"] as const)(
    "is told of the run itself where it refreshes: it %s",
    (does) => {
      const [told, own] = [upMends(does), asRefreshed(`a; ${upMends(does)}; b`)];
      expect(told).toBe(`\`pulumi up --refresh\` ${does}`);
      expect(own).toBe(`a; the \`up\` of this run ${does}, where this stack declares it; b`);
    },
  );

  it("stays a later run where this one can't have seen it", () => {
    const taken = "node 0 does not serve it, and `pulumi up --refresh` declares it anew";
    expect(asRefreshed(taken)).toBe(taken);
  });
});
