import type * as z from "../zod";
import { isHostname, isLabel } from "./nodeRow";
import { bad, type Checked, good, quoted, textBy } from "./problem";
import { isUnknown } from "./unknown";

/**
 * Reads a host name (RFC 1123): labels of letters, digits and hyphens with dots between. Upper and lower case are the
 * same name, so it is written in lower case.
 */
export function parseHostname(text: string): Checked<string> {
  if (isUnknown(text)) return good(text);
  const name = text.toLowerCase();
  const wrong = (why: string): Checked<string> =>
    bad({
      path: "",
      message: `${quoted(text)} is no host name${why}; use letters, digits and hyphens, as in "${suggestion(name)}"`,
    });
  if (name === "") return wrong(", it is empty");
  if (name.length > 253) return wrong(`: it has ${name.length} characters and may have 253`);
  const labels = name.split(".");
  const long = labels.find((part) => part.length > 63);
  if (long !== undefined) return wrong(`: ${quoted(long)} has ${long.length} characters and may have 63`);
  if (!labels.every(isLabel)) return wrong("");
  return isHostname(name) ? good(name) : wrong(": a name that ends in a number is read as an address");
}

/** What a person probably meant by a text that is no host name. */
function suggestion(text: string): string {
  const name = text
    .replace(/[^a-z0-9.-]+/g, "-")
    .split(".")
    .map((part) => part.slice(0, 63).replace(/^-+|-+$/g, ""))
    .filter((part) => part !== "")
    .join(".")
    .slice(0, 63)
    .replace(/[-.]+$/, "");
  if (name === "") return "db-1";
  return /(^|\.)\d+$/.test(name) ? `node-${name.replaceAll(".", "-")}` : name;
}

/**
 * A host name as a schema.
 *
 * @internal
 */
export const hostnameSchema: z.ZodType<string> = textBy(
  parseHostname,
  'write a host name of letters, digits and hyphens, as in "db-1"',
);
