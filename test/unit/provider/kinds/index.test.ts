import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { kindOf } from "../../../../provider/kinds";
import { kindNames } from "../../../support/kindNames";

describe("kindOf", () => {
  it.each(kindNames)("knows %s, whose outputs leave out nothing but inputs", (name) => {
    const { inputKeys, notEchoed } = kindOf(name);
    expect(inputKeys).toEqual(expect.arrayContaining([...notEchoed]));
    expect(new Set(inputKeys).size).toBe(inputKeys.length);
  });

  it.each(["", "Machine", "constructor"])("says that %j is a mistake of ours", (name) => {
    expect(() => kindOf(name)).toThrow(/there is no kind/);
  });
});

/** The packages that a file needs at run time, through all that it imports. */
function packagesOf(file: string, seen: Set<string> = new Set()): readonly string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const source = readFileSync(file, "utf8");
  return [...source.matchAll(/^(?:import|export) (?!type )([^;]*? from )?"([^"]+)";$/gms)].flatMap(
    ([, what, name = ""]) => {
      // Where all names of an import are types, the compiler leaves it out.
      const names = /\{(.*)\}/s.exec(what ?? "")?.[1]?.split(",") ?? [];
      if (names.length > 0 && names.every((each) => each.trim() === "" || each.trim().startsWith("type "))) return [];
      if (!name.startsWith(".")) return [name];
      const path = join(dirname(file), name);
      return packagesOf(existsSync(`${path}.ts`) ? `${path}.ts` : join(path, "index.ts"), seen);
    },
  );
}

describe("what each run of the engine loads for check and diff", () => {
  it("is quick to load: nothing but parts of Node", () => {
    const packages = new Set(packagesOf("provider/lifecycle/comparison.ts"));
    expect([...packages].sort()).toEqual(["node:crypto", "node:util"]);
  });
});

describe("what each program loads of Pulumi's SDK", () => {
  it("is what it needs, and not the whole with TypeScript and the Automation API", () => {
    const files = globSync("sdk/**/*.ts").filter((file) => file !== join("sdk", "testing.ts"));
    const whole = files.filter((file) =>
      /from "@pulumi\/pulumi(\/(runtime|automation|dynamic|index))?"/.test(readFileSync(file, "utf8")),
    );
    expect(files.length).toBeGreaterThan(20);
    expect(whole).toEqual([]);
  });
});
