import { NetbootError } from "../../errors";
import { quoted } from "../../values/problem";

/** Why no DHCP option can carry a text as it is; undefined if one can. */
export function whyNoOptionText(text: string): string | undefined {
  const control = /[\p{Cc}\p{Cs}]/u.exec(text)?.[0];
  // Half of a surrogate pair has no bytes in UTF-8: a machine would be told another text.
  if (control !== undefined && !control.isWellFormed()) return `${quoted(control)} is half a character; leave it out`;
  if (control !== undefined) return `${quoted(control)} is a control character; leave it out`;
  const bytes = new TextEncoder().encode(text).length;
  return bytes > 255 ? `it has ${bytes} bytes, and an option carries 255` : undefined;
}

/**
 * A text as dhcpd.conf writes it: in double quotes, with `"` and `\` escaped (dhcpd.conf(5); server's `read_string`).
 *
 * @throws ARGUMENTS_INVALID for what the file can't hold: control characters (a line end would begin a statement of its
 * own), and more than the 255 bytes that a DHCP option carries.
 *
 * @example
 * ```ts
 * dhcpdString('a "b"'); // "a \"b\""
 * ```
 */
export function dhcpdString(text: string): string {
  const why = whyNoOptionText(text);
  if (why !== undefined) {
    throw new NetbootError("ARGUMENTS_INVALID", `dhcpd.conf cannot hold ${quoted(text)}: ${why}`);
  }
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
