import type Handlebars from "handlebars";
import runtime from "handlebars/runtime";
import { templates } from "../embedded";

// The package's own types leave the runtime module empty; it holds what the whole one does, but for the compiler.
const { template } = runtime as unknown as Pick<typeof Handlebars, "template">;

/**
 * Fills in the template of that name. Nothing is escaped, so each value is checked or quoted before it comes here, and a
 * value that the template names and nobody gave is an error.
 */
export function fill(name: string, values: Readonly<Record<string, unknown>>): string {
  const compiled = templates[name];
  if (compiled === undefined) throw new Error(`there is no template ${name}.hbs; this is a bug in pulumi-netboot`);
  return template(compiled)(values);
}
