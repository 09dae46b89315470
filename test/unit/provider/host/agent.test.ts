import { describe, expect, it } from "vitest";
import { agent } from "../../../../provider/embedded";

describe("the agent", () => {
  it("has each subroutine and each variable of a file once: a second one would silently take the first one's place", () => {
    const named = [...agent.matchAll(/^(sub|my) ([\w$@%]+)/gm)].map(([, word, name]) => `${word} ${name}`);
    expect(named.length).toBeGreaterThan(150);
    expect(named.filter((name, index) => named.indexOf(name) !== index)).toEqual([]);
  });
});
