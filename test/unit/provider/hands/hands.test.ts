import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { describe, expect, it } from "vitest";
import { hands, loader } from "../../../../provider/embedded";

const files = globSync("provider/hands/*.pl").map((path) => {
  const source = readFileSync(path, "utf8");
  // Without comments and texts, so that a word in a sentence is no call.
  const code = source
    .replaceAll(/^\s*#.*$/gm, "")
    .replaceAll(/<<"UNIT";\n[\s\S]*?\nUNIT\n/g, '"";\n')
    .replaceAll(/'(?:[^'\\\n]|\\.)*'/g, "''");
  const words = (list: string): readonly string[] => list.split(/\s+/).filter((word) => word !== "");
  const used = [...code.matchAll(/^use ([\w:]+) qw\(([^)]*)\);/gm)].map(([, from = "", list = ""]) => ({
    from,
    names: words(list),
  }));
  return {
    name: /^package ([\w:]+);$/m.exec(source)?.[1] ?? basename(path),
    lines: source.split("\n").length - 1,
    subs: [...code.matchAll(/^\s*sub (\w+)/gm)].map(([, name = ""]) => name),
    variables: [...code.matchAll(/^(?:my|our) (?:\(([^)]*)\)|([$@%]\w+))/gm)].flatMap(
      ([, list = "", one = ""]) => `${list} ${one}`.match(/[$@%]\w+/g) ?? [],
    ),
    gives: words(/^use Netboot::Perl gives => qw\(([^)]*)\);/m.exec(code)?.[1] ?? ""),
    taken: used.flatMap(({ from, names }) =>
      from.startsWith("Netboot::") ? names.map((name) => ({ from, name })) : [],
    ),
    known: used.flatMap(({ names }) => names),
    body: code.replaceAll(/^use [^;]*;/gm, ""),
  };
});
const packages = files.filter(({ name }) => name !== "loader.pl" && name !== "Netboot::Perl");

/** Whether a name stands in a text more often than so. */
const stands = (name: string, body: string, times = 1): boolean =>
  [...body.matchAll(new RegExp(`${name.startsWith("$") ? "\\" : "(?<![\\w$])"}${name}\\b`, "g"))].length >= times;

describe("hands", () => {
  it("have each subroutine once, so that a name means one thing", () => {
    const subs = packages.flatMap((each) => each.subs);
    expect(subs.length).toBeGreaterThan(180);
    expect(subs.filter((name, index) => subs.indexOf(name) !== index)).toEqual([]);
  });

  it("keep nothing from one call to the next but who listens", () => {
    const state = packages.flatMap(({ variables }) => variables.filter((name) => !/^[$@%][A-Z][A-Z_]*$/.test(name)));
    expect(packages.flatMap(({ variables }) => variables).length).toBeGreaterThan(15);
    expect(state).toEqual(["$nonce"]);
  });

  it("call only what their package has or takes, which Perl itself would miss only when it comes to the call", () => {
    const calls = packages.flatMap(({ name, body, subs, known }) =>
      [
        ...[...body.matchAll(/(?<![\w$@%>&{:]|->|sub )([a-z]\w*_\w+) ?\(/g)].map(([, called = ""]) => called),
        ...[...body.matchAll(/(?<!\\)\\&(\w+)/g)].map(([, called = ""]) => called),
        // What stands anywhere is known, if any other package has it.
        ...packages.flatMap((other) =>
          other.subs.filter((sub) => new RegExp(`(?<![\\w$@%>&{:'=-])${sub}\\(`).test(body)),
        ),
      ].map((called) => ({ name, called, isKnown: subs.includes(called) || known.includes(called) })),
    );
    expect(calls.length).toBeGreaterThan(400);
    expect(calls.filter(({ isKnown }) => !isKnown)).toEqual([]);
  });

  it("use every subroutine that they have", () => {
    const unused = packages.flatMap(({ subs, gives, body }) =>
      subs.filter((sub) => !gives.includes(sub) && !stands(sub, body, 2)),
    );
    expect(unused).toEqual([]);
  });

  it.each(packages)("$name gives what it has and another takes, and takes what it uses", ({ name, gives, ...own }) => {
    expect(gives.filter((each) => !own.subs.includes(each) && !own.variables.includes(each))).toEqual([]);
    const isTaken = (given: string): boolean =>
      packages.some(({ taken }) => taken.some((each) => each.from === name && each.name === given));
    expect(gives.filter((each) => !isTaken(each))).toEqual([]);
    expect(own.known.filter((each) => !each.startsWith(":") && !stands(each, own.body))).toEqual([]);
  });

  it("have no more lines than they had, and no line over 120 columns (tools/lintPerl.mts)", () => {
    expect(files.reduce((sum, { lines }) => sum + lines, 0)).toBeLessThanOrEqual(2738);
  });

  it.each([
    ["hands", hands],
    ["loader", loader],
  ])("are a program that Perl can read, without a word of warning: %s", (_name, text) => {
    const { status, stderr } = spawnSync("perl", ["-c", "-"], { input: text, encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "- syntax OK\n" });
  });
});
