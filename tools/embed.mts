/**
 * Compiles the files that the library carries into one module, so that it needs no file of its own at run time:
 * the Handlebars templates of `provider/formats` (precompiled) and the Perl programs that run on node 0 (as text).
 */
import { existsSync, globSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import Handlebars from "handlebars";

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

/** One program out of its files, each known by its name in Perl's own messages. What runs at once comes first and last. */
const subjects = readdirSync(folder)
  .map((name) => basename(name, ".pl"))
  .filter((name) => !["constants", "main", "loader"].includes(name))
  .sort();
const program = ["constants", ...subjects, "main"]
  .map((name) => `#line 1 "hands/${name}.pl"\n${readFileSync(join(folder, `${name}.pl`), "utf8")}`)
  .join("\n");

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
`;

const target = join(root, "provider/embedded.ts");
if (!existsSync(target) || readFileSync(target, "utf8") !== text) writeFileSync(target, text);
