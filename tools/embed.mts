/**
 * Compiles the files that the library carries into one module, so that it needs no file of its own at run time:
 * the Handlebars templates of `provider/config` (precompiled) and the Perl programs that run on node 0 (as text).
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import Handlebars from "handlebars";

const root = join(import.meta.dirname, "..");
const configFolder = join(root, "provider/config");
const hostFolder = join(root, "provider/host");

const templates = readdirSync(configFolder)
  .filter((name) => name.endsWith(".hbs"))
  .sort()
  .map((name) => {
    const source = readFileSync(join(configFolder, name), "utf8");
    const compiled = Handlebars.precompile(source, { strict: true, noEscape: true, knownHelpersOnly: true });
    return `  ${JSON.stringify(basename(name, ".hbs"))}: ${compiled},`;
  });
const loader = readFileSync(join(hostFolder, "loader.pl"), "utf8");

/** One program out of its files, each known by its name in Perl's own messages. What runs at once comes first and last. */
const subjects = readdirSync(join(hostFolder, "agent"))
  .map((name) => basename(name, ".pl"))
  .filter((name) => name !== "constants" && name !== "main")
  .sort();
const agent = ["constants", ...subjects, "main"]
  .map((name) => `#line 1 "agent/${name}.pl"\n${readFileSync(join(hostFolder, "agent", `${name}.pl`), "utf8")}`)
  .join("\n");

const text = `// @ts-nocheck
// Made by tools/embed.mts from provider/config/*.hbs and provider/host/**/*.pl; do not edit.
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
