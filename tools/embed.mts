/**
 * Compiles the files that the library carries into modules, so that it needs no file of its own at run time: the Handlebars
 * templates of `provider/formats` (precompiled), the Perl programs that run on node 0 (as text) and its version; and, apart
 * from them, for no run of the engine needs it, the script and the style of `provider/view/page`.
 */
import { createHash } from "node:crypto";
import { existsSync, globSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import Handlebars from "handlebars";
import { ModuleKind, ScriptTarget, transpile } from "typescript";

const root = join(import.meta.dirname, "..");
const folder = join(root, "provider/hands");

const templates = globSync("provider/formats/*/*.hbs", { cwd: root })
  .sort()
  .map((path) => {
    const source = readFileSync(join(root, path), "utf8");
    const compiled = Handlebars.precompile(source, { strict: true, noEscape: true, knownHelpersOnly: true });
    return `  ${JSON.stringify(basename(path, ".hbs"))}: ${compiled},`;
  });
const loader = readFileSync(join(folder, "loader.pl"), "utf8");

/** The packages of the hands by their names, `Netboot::Files` from files.pl. */
const packages = new Map(
  readdirSync(folder)
    .sort()
    .filter((file) => file !== "loader.pl")
    .map((file) => {
      const source = readFileSync(join(folder, file), "utf8");
      return [/^package ([\w:]+);$/m.exec(source)?.[1] ?? file, { file, source }] as const;
    }),
);

/** A package after all that it uses, each once. */
function inOrder(name: string, seen: Set<string>): readonly string[] {
  const { source } = packages.get(name) ?? { source: "" };
  if (seen.has(name)) return [];
  seen.add(name);
  const used = [...source.matchAll(/^use (Netboot::\w+)/gm)].flatMap(([, other = ""]) => inOrder(other, seen));
  return [...used, name];
}

/**
 * One program out of its files: each a module that `use` finds loaded already, and known by its file in Perl's own
 * messages. The last one is what runs. (Two that used each other would not compile: the names of one come too late.)
 */
const program = inOrder("Netboot::Main", new Set())
  .map((name) => {
    const { file, source } = packages.get(name) ?? { file: "", source: "" };
    const text = `#line 1 "hands/${file}"\n${source}`;
    const key = `${name.replaceAll("::", "/")}.pm`;
    return name === "Netboot::Main" ? text : `BEGIN { $INC{'${key}'} = 1;\n${text}}\n`;
  })
  .join("");

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string };

const text = `// @ts-nocheck
// Made by tools/embed.mts from provider/formats/**/*.hbs and provider/hands/*.pl; do not edit.
type TemplateSpecification = object;

export const templates: Readonly<Record<string, TemplateSpecification>> = {
${templates.join("\n")}
};

/** The program that reads a whole request on node 0, and then runs the hands. */
export const loader: string = ${JSON.stringify(loader)};

/** The program that asks and acts on node 0. */
export const hands: string = ${JSON.stringify(program)};

/** Of this package. */
export const version: string = ${JSON.stringify(version)};
`;

put("provider/embedded.ts", text);

/** The modules of the page, each after those that it imports, as one script without types. They share their names. */
function scriptOf(file: string, seen: Set<string>): string {
  if (seen.has(file)) return "";
  seen.add(file);
  const source = readFileSync(join(root, "provider/view/page", file), "utf8");
  const options = { target: ScriptTarget.ES2023, module: ModuleKind.ESNext, removeComments: true };
  const plain = transpile(source, options);
  const imported = [...plain.matchAll(/^import .* from "\.\/(\w+)";$/gm)];
  const before = imported.map(([, name = ""]) => scriptOf(`${name}.ts`, seen)).join("");
  return before + plain.replaceAll(/^import .*\n/gm, "").replaceAll(/^export (?:\{\};\n)?/gm, "");
}

const script = `"use strict";${scriptOf("main.ts", new Set())}`;
const style = readFileSync(join(root, "provider/view/page/page.css"), "utf8");
const hashOf = (part: string): string => `sha256-${createHash("sha256").update(part).digest("base64")}`;
put(
  "provider/view/embedded.ts",
  `// Made by tools/embed.mts from provider/view/page; do not edit.

/** What runs in the page, and how it looks; with their hashes, by which a browser knows that it may have them. */
export const script: string = ${JSON.stringify(script)};
export const scriptHash: string = ${JSON.stringify(hashOf(script))};
export const style: string = ${JSON.stringify(style)};
export const styleHash: string = ${JSON.stringify(hashOf(style))};
`,
);

function put(path: string, content: string): void {
  const target = join(root, path);
  if (!existsSync(target) || readFileSync(target, "utf8") !== content) writeFileSync(target, content);
}
