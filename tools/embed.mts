/**
 * Compiles the files that the library carries into one module, so that it needs no file of its own at run time:
 * the Handlebars templates of `provider/formats` (precompiled) and the Perl programs that run on node 0 (as text).
 */
import { existsSync, globSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import Handlebars from "handlebars";

const root = join(import.meta.dirname, "..");
const hands = join(root, "provider/hands");

const templates = globSync("provider/formats/*/*.hbs", { cwd: root })
  .sort()
  .map((path) => {
    const source = readFileSync(join(root, path), "utf8");
    const compiled = Handlebars.precompile(source, { strict: true, noEscape: true, knownHelpersOnly: true });
    return `  ${JSON.stringify(basename(path, ".hbs"))}: ${compiled},`;
  });
const loader = readFileSync(join(hands, "loader.pl"), "utf8");

/** One program out of its files, each known by its name in Perl's own messages. What runs at once comes first and last. */
const subjects = readdirSync(hands)
  .map((name) => basename(name, ".pl"))
  .filter((name) => !["constants", "main", "loader"].includes(name))
  .sort();
const agent = ["constants", ...subjects, "main"]
  .map((name) => `#line 1 "hands/${name}.pl"\n${readFileSync(join(hands, `${name}.pl`), "utf8")}`)
  .join("\n");

const text = `// @ts-nocheck
// Made by tools/embed.mts from provider/formats/**/*.hbs and provider/hands/*.pl; do not edit.
type TemplateSpecification = object;

export const templates: Readonly<Record<string, TemplateSpecification>> = {
${templates.join("\n")}
};

/** The program that reads a whole request on node 0, and then runs the agent. */
export const loader: string = ${JSON.stringify(loader)};

/** The program that carries out a transaction on node 0. */
export const agent: string = ${JSON.stringify(agent)};
`;

const target = join(root, "provider/embedded.ts");
if (!existsSync(target) || readFileSync(target, "utf8") !== text) writeFileSync(target, text);
