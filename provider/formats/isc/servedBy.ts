import { tokensOf } from "./extraConfig";

/** What a dhcpd.conf serves, or goes on with, that a text for one network would not have. */
export interface ServedBy {
  /** The addresses of the networks that it gives something to: a block with nothing in it only keeps dhcpd quiet. */
  readonly subnets: readonly string[];
  /** What else reaches beyond a network, as it stands there: `include "/etc/dhcp/more.conf"`, `failover peer "b"`. */
  readonly others: readonly string[];
}

/** Reads somebody's dhcpd.conf; what dhcpd would not understand is passed over. */
export function parseServedBy(text: string): ServedBy {
  const subnets: string[] = [];
  const others: string[] = [];
  const open: string[] = [];
  let words: string[] = [];
  for (const token of tokensOf(text)) {
    if (!/^[{};]$/.test(token)) {
      words.push(token);
      continue;
    }
    const [first = "", second = ""] = words.map((word) => word.toLowerCase());
    if (words.length > 0 && open.at(-1) !== undefined) subnets.push(...open.splice(-1, 1, ""));
    if (first === "include" || (first === "failover" && second === "peer" && token === "{") || first === "omapi-port")
      others.push(words.slice(0, 3).join(" "));
    if (token === "{") open.push(first === "subnet" ? (words[1] ?? "") : "");
    if (token === "}") open.pop();
    words = [];
  }
  return { subnets: [...new Set(subnets.filter((subnet) => subnet !== ""))], others: [...new Set(others)] };
}
