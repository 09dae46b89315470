import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { hands, loader } from "../../../../provider/embedded";

/** The program without its texts and comments, so that a word in a sentence is no call. */
const code = hands.replaceAll(/^\s*#(?!line).*$/gm, "").replaceAll(/'(?:[^'\\\n]|\\.)*'/g, "''");

describe("hands", () => {
  it("has each subroutine and each variable of a file once: a second one would silently take the first one's place", () => {
    const subs = [...hands.matchAll(/^\s*sub (\w+)/gm)].map(([, name = ""]) => `sub ${name}`);
    const variables = [...hands.matchAll(/^my (\([^)]*\)|[$@%]\w+)/gm)].flatMap(
      ([, names = ""]) => names.match(/[$@%]\w+/g) ?? [],
    );
    const named = [...subs, ...variables];
    expect(subs.length).toBeGreaterThan(120);
    expect(variables.length).toBeGreaterThan(15);
    expect(named.filter((name, index) => named.indexOf(name) !== index)).toEqual([]);
  });

  it("has every subroutine that it calls, which Perl itself would miss only when it comes to the call", () => {
    const subs = new Set([...hands.matchAll(/^\s*sub (\w+)/gm)].map(([, name]) => name));
    const ofSocket = ["inet_aton", "inet_ntoa", "pack_sockaddr_in", "unpack_sockaddr_in", "sockaddr_in"];
    const ofLoader = [...loader.matchAll(/^sub (\w+)/gm)].map(([, name]) => name);
    const called = [
      ...[...code.matchAll(/(?<![\w$@%>&{:-])([a-z]\w*_\w+)\(/g)].map(([, name = ""]) => name),
      ...[...code.matchAll(/\\&(\w+)/g)].map(([, name = ""]) => name),
    ];
    expect(called.length).toBeGreaterThan(200);
    const known = new Set([...subs, ...ofSocket, ...ofLoader]);
    expect([...new Set(called)].filter((name) => !known.has(name))).toEqual([]);
  });

  it("calls every subroutine that it has, or keeps it for the other side's sake", () => {
    const subs = [...hands.matchAll(/^\s*sub (\w+)/gm)].map(([, name = ""]) => name);
    const unused = subs.filter((name) => [...code.matchAll(new RegExp(`\\b${name}\\b`, "g"))].length < 2);
    // The client understands `warn`, though nothing says it now.
    expect(unused).toEqual([]);
  });

  it.each([
    ["hands", hands],
    ["loader", loader],
  ])("is a program that Perl can read, without a word of warning: %s", (_name, text) => {
    // The loader defines what the hands take from it.
    const { status, stderr } = spawnSync("perl", ["-c", "-"], { input: text, encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "- syntax OK\n" });
  });
});
