import { addressNumber } from "../../values/ipv4";

/** An address and the name that it has. */
export interface HostsEntry {
  readonly address: string;
  readonly hostname: string;
  readonly domain?: string | undefined;
}

/**
 * Lines of /etc/hosts, in the order of the addresses. With a domain each name stands first as a whole, so that an address
 * leads to it, and then alone.
 *
 * @example
 * ```
 * 192.168.1.11 db-1.example.net db-1
 * ```
 * @see hosts(5)
 */
export function renderHostsTable(entries: readonly HostsEntry[]): string {
  return [...entries]
    .sort((one, other) => {
      const distance = (addressNumber(one.address) ?? 0) - (addressNumber(other.address) ?? 0);
      return distance !== 0 ? distance : one.hostname < other.hostname ? -1 : 1;
    })
    .map((entry) => `${entry.address} ${namesOf(entry)}\n`)
    .join("");
}

/**
 * Lines as hosts(5) has them, whoever wrote them: each address with its names.
 *
 * @example
 * ```
 * { address: "192.168.1.11", names: ["db-1.example.net", "db-1"] }
 * ```
 */
export function readHostsTable(
  text: string,
): readonly { readonly address: string; readonly names: readonly string[] }[] {
  return text.split("\n").flatMap((line) => {
    const [address, ...names] = line
      .replace(/#[^\n]*/, "")
      .split(/\s+/)
      .filter((word) => word !== "");
    return address === undefined ? [] : [{ address, names }];
  });
}

function namesOf({ hostname, domain }: HostsEntry): string {
  return spellingsOf(hostname, domain).join(" ");
}

/** The names that are served of a machine: `name.domain` and the name alone, or what has a dot already as it is. */
export function spellingsOf(hostname: string, domain: string | undefined): readonly string[] {
  return domain === undefined || hostname.includes(".") ? [hostname] : [`${hostname}.${domain}`, hostname];
}
