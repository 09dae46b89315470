import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";

const pages = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "AGENTS.md"]
  .concat(globSync("docs/**/*.md"), globSync("{examples,templates}/**/README.md"))
  .filter((page) => !page.includes("node_modules"));

/** What a page says outside of its blocks of code. */
const wordsOf = (page: string): string => readFileSync(page, "utf8").replace(/^```[\s\S]*?^```$/gm, "");

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(page: string): readonly string[] {
  return [...wordsOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, "")
      .trim()
      .replaceAll(" ", "-"),
  );
}

/** The links of a page that lead to another page, file or folder of this repository. */
function linksOf(page: string): readonly string[] {
  return [...wordsOf(page).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) =>
    /^[a-z]+:/.test(target) ? [] : [target],
  );
}

describe("a link of a page", () => {
  it.each(pages)("leads somewhere: %s", (page) => {
    const broken = linksOf(page).filter((link) => {
      const [path = "", anchor] = link.split("#");
      const target = path === "" ? page : join(dirname(page), path);
      if (!existsSync(target)) return true;
      return anchor !== undefined && !(statSync(target).isFile() && anchorsOf(target).includes(anchor));
    });
    expect(broken).toEqual([]);
  });

  it("leads to every page of docs from its index", () => {
    const linked = new Set(linksOf("docs/README.md").map((link) => join("docs", link.split("#")[0] ?? "")));
    const missed = globSync("docs/*.md").filter((page) => page !== "docs/README.md" && !linked.has(page));
    expect(missed.map((page) => relative("docs", page))).toEqual([]);
  });
});

describe("a link of an index", () => {
  it.each(["docs/decisions", "docs/reports"])("leads to every page of %s", (folder) => {
    const linked = new Set(linksOf(`${folder}/README.md`));
    const missed = globSync("*.md", { cwd: folder }).filter((page) => page !== "README.md" && !linked.has(page));
    expect(missed).toEqual([]);
  });
});

describe("the rows of docs/pulumi-options.md", () => {
  const rows = [...readFileSync("docs/pulumi-options.md", "utf8").matchAll(/^\| `.*\|$/gm)].map(([row]) =>
    row.split(" | ").map((cell) => cell.replace(/^\||\|$/g, "").trim()),
  );
  const test = readFileSync("test/system/pulumiOptions.test.ts", "utf8");
  const titles = [...test.matchAll(/ {2}it\("([^:"]+): /g)].flatMap(([, names = ""]) => names.split(", "));

  it.each(rows.map(([option = "", , heldBy = ""]) => [option, heldBy] as const))("%s: held by %s", (option, heldBy) => {
    for (const file of heldBy.split(", ")) {
      if (/^(not tried|tried by hand|unit tests of the program)$/.test(file)) continue;
      expect(
        ["test/system", "test/matrix"].some((folder) => existsSync(join(folder, file))),
        file,
      ).toBe(true);
    }
    if (!heldBy.includes("pulumiOptions.test.ts")) return;
    const names = option.split(", ").map((name) => name.replace(/^`(pulumi )?|`$/g, ""));
    expect(names.some((name) => titles.includes(name))).toBe(true);
  });

  it("are as many as the cases of their test", () => {
    expect(rows.length).toBeGreaterThan(20);
    expect(titles.filter((title) => !rows.some(([option]) => option?.includes(`\`${title}\``)))).toEqual([]);
  });
});

describe("the address of this repository", () => {
  const { homepage, bugs, repository } = JSON.parse(readFileSync("package.json", "utf8")) as {
    readonly homepage: string;
    readonly bugs: string;
    readonly repository: { readonly url: string };
  };
  const address = repository.url.replace(/^git\+|\.git$/g, "");

  it("is one in all of package.json", () => {
    expect([homepage, bugs]).toEqual([`${address}#readme`, `${address}/issues`]);
  });

  it("stands nowhere else, so that one place says where this is published", () => {
    const files = globSync("{sdk,provider,tools,docs,examples,templates,lab,schema}/**/*.{ts,mts,md,json,yaml}")
      .concat(pages, "CHANGELOG.md")
      .filter((file) => !file.includes("node_modules"));
    expect(files.filter((file) => readFileSync(file, "utf8").includes(address))).toEqual([]);
  });
});
