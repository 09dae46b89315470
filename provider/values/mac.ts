import type * as z from "../zod";
import { bad, type Checked, good, quoted, read, textBy } from "./problem";
import { isUnknown } from "./unknown";

const example = "52:54:00:12:34:56";
const rule = `write six pairs of hex digits, as in "${example}"`;

/** Six pairs with colons, with dashes, or with nothing between; or three groups of four with dots, as switches print them. */
const spellings: readonly RegExp[] = [
  /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/,
  /^[0-9a-f]{2}(-[0-9a-f]{2}){5}$/,
  /^[0-9a-f]{4}(\.[0-9a-f]{4}){2}$/,
  /^[0-9a-f]{12}$/,
];

/**
 * A hardware address as a schema.
 *
 * @internal
 */
export const macSchema: z.ZodType<string> = textBy(parseText, rule);

/**
 * Reads a hardware address in any usual spelling into the one good one: lower-case, with colons.
 *
 * @example
 * ```ts
 * parseMac("04-3F-72-AA-00-01").value; // "04:3f:72:aa:00:01"
 * ```
 */
export function parseMac(value: unknown): Checked<string> {
  return read(macSchema, value);
}

function parseText(text: string): Checked<string> {
  if (isUnknown(text)) return good(text);
  const lower = text.toLowerCase();
  const wrong = (why: string): Checked<string> => bad({ path: "", message: `${quoted(text)} ${why}` });
  if (!spellings.some((spelling) => spelling.test(lower))) {
    const octets = lower.split(/[:-]/);
    const short = octets.length !== 6 && octets.length > 1 && octets.every((octet) => /^[0-9a-f]{2}$/.test(octet));
    return wrong(`is no hardware address${short ? `: it has ${octets.length} octets` : ""}; ${rule}`);
  }
  const digits = lower.replace(/[^0-9a-f]/g, "");
  const mac = digits.replace(/..(?!$)/g, "$&:");
  if (digits === "0".repeat(12)) return wrong(`is no machine's hardware address, all of it is zero; ${rule}`);
  if (digits === "f".repeat(12)) return wrong(`is the broadcast address, not one machine's; ${rule}`);
  // The lowest bit of the first octet marks a group of machines (IEEE 802), so no NIC has such an address.
  if (Number.parseInt(digits.slice(0, 2), 16) & 1) {
    const unicast = mac.replace(/^../, (octet) => (Number.parseInt(octet, 16) & 0xfe).toString(16).padStart(2, "0"));
    return wrong(`is a multicast address, its first octet is odd; write one machine's, such as "${unicast}"`);
  }
  return good(mac);
}
