import { describe, expect, it } from "vitest";
import { agent } from "../../../../provider/embedded";

describe("the agent", () => {
  it("has each subroutine and each variable of a file once: a second one would silently take the first one's place", () => {
    const named = [...agent.matchAll(/^(sub|my) ([\w$@%]+)/gm)].map(([, word, name]) => `${word} ${name}`);
    expect(named.length).toBeGreaterThan(150);
    expect(named.filter((name, index) => named.indexOf(name) !== index)).toEqual([]);
  });

  it("has every subroutine that it calls, which Perl itself would miss only when it comes to the call", () => {
    const subs = new Set([...agent.matchAll(/^sub (\w+)/gm)].map(([, name]) => name));
    const ofSocket = ["inet_aton", "inet_ntoa", "pack_sockaddr_in", "unpack_sockaddr_in"];
    const code = agent.replaceAll(/'(?:[^'\\]|\\.)*'/g, "");
    const called = [...code.matchAll(/(?<![\w$@%>&{-])([a-z]\w*_\w+)\(/g)].map(([, name = ""]) => name);
    expect(called.length).toBeGreaterThan(200);
    expect([...new Set(called)].filter((name) => !subs.has(name) && !ofSocket.includes(name))).toEqual([]);
  });
});
