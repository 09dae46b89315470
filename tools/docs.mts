/**
 * The site of the docs: the pages and every public symbol, as HTML in output/docs, which needs no network to be read. What
 * typedoc warns of, and a link that leads nowhere, ends it with an error.
 *
 *     node tools/docs.mts
 */
import { existsSync, globSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { Application, Converter, ReflectionKind } from "typedoc";

const root = join(import.meta.dirname, "..");
const out = join(root, "output/docs");

/** Where this is published, which package.json alone says. */
const { homepage } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly homepage: string };
const repository = homepage.replace(/#.*/, "");

/** Page → the heading of the index below which it stands, in the order of the index; then those that it leaves to others. */
function pages(): ReadonlyMap<string, string> {
  const found = new Map<string, string>([["docs/README.md", "Begin"]]);
  for (const part of readFileSync(join(root, "docs/README.md"), "utf8").split(/^## /m).slice(1)) {
    const [heading = ""] = part.split("\n", 1);
    for (const [, target = ""] of part.matchAll(/\]\(([\w./-]+\.md)\)/g)) found.set(join("docs", target), heading);
  }
  const all = globSync(["docs/**/*.md", "examples/**/README.md"], { cwd: root }).sort();
  for (const page of all.filter((each) => !each.includes("node_modules") && !found.has(each))) {
    found.set(
      page,
      page.startsWith("examples/") ? "Examples" : page.startsWith("docs/reports") ? "Reports" : "Decisions",
    );
  }
  return found;
}

const headingOf = (page: string): string | undefined => /^# (.+)$/m.exec(page)?.[1];

/** Where links of the built pages lead to nothing, as `page: link`. */
export function brokenLinks(site: string): readonly string[] {
  const ids = new Map<string, ReadonlySet<string>>();
  const idsOf = (page: string): ReadonlySet<string> => {
    const known =
      ids.get(page) ?? new Set([...readFileSync(page, "utf8").matchAll(/\bid="([^"]+)"/g)].map(([, id = ""]) => id));
    ids.set(page, known);
    return known;
  };
  return globSync("**/*.html", { cwd: site }).flatMap((page) => {
    const links = readFileSync(join(site, page), "utf8").matchAll(/\b(?:href|src)="([^"]*)"/g);
    return [...links].flatMap(([, link = ""]) => {
      if (/^[a-z]+:/.test(link) || link.startsWith("//")) return [];
      const [path = "", anchor = ""] = link.split("#");
      const target =
        path === "" ? join(site, page) : join(site, dirname(page), decodeURIComponent(path.split("?")[0] ?? ""));
      const found =
        existsSync(target) &&
        (anchor === "" || !target.endsWith(".html") || idsOf(target).has(decodeURIComponent(anchor)));
      return found ? [] : [`${page}: ${link}`];
    });
  });
}

async function main(): Promise<number> {
  rmSync(out, { recursive: true, force: true });
  const grouped = pages();
  const app = await Application.bootstrapWithPlugins({
    name: "pulumi-netboot",
    out,
    cleanOutputDir: false,
    entryPoints: ["sdk/index.ts", "sdk/testing.ts"].map((file) => join(root, file)),
    tsconfig: join(root, "tsconfig.json"),
    readme: join(root, "README.md"),
    projectDocuments: [...grouped.keys()].map((page) => join(root, page)),
    groupOrder: [...new Set(grouped.values()), "Modules", "Classes", "*"],
    customCss: join(import.meta.dirname, "docs/site.css"),
    // What Pulumi's own classes bring is in Pulumi's own docs.
    excludeExternals: true,
    excludeInternal: true,
    excludePrivate: true,
    includeVersion: true,
    // They stand in types, and are no names that a program would write.
    intentionallyNotExported: ["firmwares", "LoaderFor", "Connection", "DhcpdSettings"],
    highlightLanguages: ["ts", "json", "yaml", "csv", "shellscript", "sh", "ini", "text", "console"],
    navigation: { includeGroups: true },
    treatWarningsAsErrors: true,
    sourceLinkTemplate: `${repository}/blob/main/{path}#L{line}`,
    gitRevision: "main",
  });
  const imported: Readonly<Record<string, string>> = { index: "pulumi-netboot", testing: "pulumi-netboot/testing" };
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (_context, declaration) => {
    if (declaration.kindOf(ReflectionKind.Module)) declaration.name = imported[declaration.name] ?? declaration.name;
  });
  // A page is called as its own heading says, and stands where the index has it.
  app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_context, document) => {
    const heading = headingOf(document.content.map(({ text }) => text).join(""));
    if (heading === undefined) return;
    document.name = heading.replaceAll("`", "");
    const [, group] =
      [...grouped].find(([page]) => headingOf(readFileSync(join(root, page), "utf8")) === heading) ?? [];
    if (group !== undefined) document.frontmatter["group"] = group;
  });
  const project = await app.convert();
  if (project === undefined) return 1;
  await app.generateOutputs(project);
  const broken = app.logger.hasErrors() ? [] : brokenLinks(out);
  for (const link of broken) console.error(`leads nowhere: ${link}`);
  if (app.logger.hasErrors() || app.logger.hasWarnings() || broken.length > 0) return 1;
  console.log(
    `${globSync("**/*.html", { cwd: out }).length} pages in ${relative(process.cwd(), join(out, "index.html"))}`,
  );
  return 0;
}

if (import.meta.main) process.exitCode = await main();
