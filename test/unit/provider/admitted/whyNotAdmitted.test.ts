import { describe, expect, it } from "vitest";
import { whyNotAdmitted } from "../../../../provider/admitted/whyNotAdmitted";
import { factsOf, firewallCase, firewallCaseNames, labPath } from "../../../support/firewallCases";

const said = (name: string): string => {
  const why = whyNotAdmitted(factsOf(firewallCase(name).answers), labPath);
  return why === undefined ? "admitted" : `${why.sure ? "kept out" : "in doubt"}: ${why.text}`;
};

describe("whyNotAdmitted", () => {
  it.each(firewallCaseNames)("tells of %s what is right", (name) => {
    expect(said(name)).toBe(firewallCase(name).said);
  });

  it.each(firewallCaseNames.filter((name) => firewallCase(name).truth !== undefined))(
    "is never surer of %s than it is in truth",
    (name) => {
      const { truth } = firewallCase(name);
      if (said(name) === "admitted") expect(truth).toBe(true);
      if (said(name).startsWith("kept out")) expect(truth).toBe(false);
    },
  );
});
