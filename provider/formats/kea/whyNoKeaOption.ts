import { quoted } from "../../values/problem";
import { keaNameOf } from "./optionNames";

/** Why Kea has no option of this name, which is dhcpd's. */
export function whyNoKeaOption(name: string): string | undefined {
  if (keaNameOf(name) !== undefined) return undefined;
  return `Kea has no option that dhcpd calls ${quoted(name)}; leave it out, or serve by dhcpd: leave dhcp.daemon out`;
}
