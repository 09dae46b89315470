import { NetbootError } from "../errors";
import { quoted } from "./problem";

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
  const control = /\p{Cc}/u.exec(text);
  if (control) {
    throw new NetbootError(
      "ARGUMENTS_INVALID",
      `dhcpd.conf cannot hold ${quoted(text)}: ${quoted(control[0])} is a control character; leave it out`,
    );
  }
  if (text.length > 255) {
    throw new NetbootError(
      "ARGUMENTS_INVALID",
      `dhcpd.conf cannot hold ${quoted(text)}: it is longer than 255 characters`,
    );
  }
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
