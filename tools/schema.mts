/**
 * Writes schema/fleet.schema.json, by which an editor knows a fleet's YAML: made of the schemas that read a machine's
 * arguments, and of the words that stand above them in sdk/olaFleet.ts.
 *
 *     node tools/schema.mts        after the build
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { z } from "zod";

const root = join(import.meta.dirname, "..");
const octet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
const target = join(root, "schema/fleet.schema.json");

/** The schemas of a machine. */
export interface NodeSchemas {
  readonly shape: Readonly<Record<string, z.ZodType>>;
  readonly mac: z.ZodType;
  readonly address: z.ZodType;
  readonly hostname: z.ZodType;
}

/** The text of the JSON schema: a fleet, machines by their names. */
export function renderFleetSchema({ shape, mac, address, hostname }: NodeSchemas): string {
  // What is more than JSON schema can say is checked by the program; an editor marks what nobody could mean.
  const texts = new Map<unknown, object>([
    [
      mac,
      { type: "string", pattern: "^([0-9A-Fa-f]{2}([:-]?[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{4}(\\.[0-9A-Fa-f]{4}){2})$" },
    ],
    [address, { type: "string", pattern: `^${octet}(\\.${octet}){3}$` }],
    [hostname, { type: "string", pattern: "^[0-9A-Za-z]([0-9A-Za-z.-]*[0-9A-Za-z])?$", maxLength: 253 }],
  ]);
  const written = z.toJSONSchema(z.strictObject(shape), {
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      Object.assign(jsonSchema, texts.get(zodSchema));
    },
  });
  // A program finds problems; a file has none to tell.
  const { problems: _problems, ...properties } = written.properties as Record<string, object>;
  const described = Object.entries(properties).map(([name, schema]) => [
    name,
    { description: wordsAbove(name), ...schema },
  ]);
  const macs = { minItems: 1, maxItems: 8, uniqueItems: true };
  const machine = {
    type: "object",
    properties: Object.fromEntries(
      described.map(([name, schema]) => [name, name === "macs" ? { ...(schema as object), ...macs } : schema]),
    ),
    required: written.required,
    additionalProperties: false,
  };
  const schema = {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "A fleet of pulumi-netboot",
    description: "Machines by name, as the argument `nodes` of an OlaFleet takes them.",
    type: "object",
    additionalProperties: machine,
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/** The docstring of a property of FleetNodeArgs, as one line. */
function wordsAbove(name: string): string {
  const source = readFileSync(join(root, "sdk/olaFleet.ts"), "utf8").split("export interface FleetNodeArgs")[1] ?? "";
  const above = new RegExp(`/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\s+readonly ${name}\\??:`).exec(source)?.[1];
  if (above === undefined) throw new Error(`FleetNodeArgs.${name} has no docstring`);
  return above
    .replace(/^\s*\*/gm, "")
    .replace("@defaultValue", "Default:")
    .replace(/\s+/g, " ")
    .trim();
}

if (import.meta.main) {
  const built = createRequire(import.meta.url);
  const from = (subject: string) => built(join(root, "dist/provider/values", subject));
  mkdirSync(join(root, "schema"), { recursive: true });
  const text = renderFleetSchema({
    shape: from("node").nodeShape,
    mac: from("mac").macSchema,
    address: from("ipv4").addressSchema,
    hostname: from("hostname").hostnameSchema,
  });
  writeFileSync(target, text);
}
