import type * as z from "../zod";
import { bad, type Checked, good, quoted, textBy } from "./problem";
import { isUnknown } from "./unknown";

const octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
const dotted = new RegExp(`^${octet}(?:\\.${octet}){3}$`);

/** The number of an IPv4 address, so that ten thousand of them compare quickly; undefined if it is none. */
export function addressNumber(text: string): number | undefined {
  if (!dotted.test(text)) return undefined;
  return text.split(".").reduce((number, octet) => number * 256 + Number(octet), 0);
}

/** The address of a number. */
export function addressText(number: number): string {
  return [24, 16, 8, 0].map((bits) => Math.floor(number / 2 ** bits) % 256).join(".");
}

/** An IPv4 network, by numbers: `first` is its own address, `last` the broadcast's. */
export interface Subnet {
  readonly first: number;
  readonly last: number;
  readonly prefixLength: number;
}

/** Whether a host of the network can have the address: it is inside, and neither the network's nor the broadcast's. */
export function holdsHost(subnet: Subnet, address: number): boolean {
  return address > subnet.first && address < subnet.last;
}

/** The address with the same host part inside the network, if a host can have it. */
export function movedInto(subnet: Subnet, address: number): string | undefined {
  const size = subnet.last - subnet.first + 1;
  const moved = subnet.first + (address % size);
  return holdsHost(subnet, moved) ? addressText(moved) : undefined;
}

const addressRule = 'write four numbers with dots, as in "192.168.1.1"';

/**
 * An IPv4 address as a schema; a name is refused, because dhcpd would ask a DNS server for it while it starts.
 *
 * @internal
 */
export const addressSchema: z.ZodType<string> = textBy((text): Checked<string> => {
  if (addressNumber(text) !== undefined || isUnknown(text)) return good(text);
  if (text.includes(":")) return bad({ path: "", message: `${quoted(text)} is no IPv4 address; ${addressRule}` });
  const slash = /^([\d.]+)\/\d+$/.exec(text)?.[1];
  if (slash !== undefined && addressNumber(slash) !== undefined) {
    return bad({ path: "", message: `${quoted(text)} is a network, and one address belongs here; write "${slash}"` });
  }
  return bad({ path: "", message: `${quoted(text)} is no IPv4 address; ${addressRule}` });
}, addressRule);

const cidrRule = 'write the network and its prefix length, as in "192.168.1.0/28"';

/**
 * A network in CIDR notation: its host bits are zero, and it has room for node 0 and a machine.
 *
 * @internal
 */
export const cidrSchema: z.ZodType<Subnet> = textBy((text): Checked<Subnet> => {
  const wrong = (why: string): Checked<Subnet> => bad({ path: "", message: `${quoted(text)} ${why}` });
  const [, address = "", length = ""] = /^([\d.]+)\/(\d|[1-9]\d)$/.exec(text) ?? [];
  const number = addressNumber(address);
  const prefixLength = Number(length);
  if (number === undefined || prefixLength > 32) return wrong(`is no network; ${cidrRule}`);
  if (prefixLength > 30)
    return wrong(`has no room for node 0 and a machine; the smallest network is a /30, as in "192.168.1.0/30"`);
  if (prefixLength < 8) return wrong(`is larger than any private network; ${cidrRule}`);
  const size = 2 ** (32 - prefixLength);
  const first = number - (number % size);
  const octet = Math.floor(first / 2 ** 24);
  if (octet === 0 || octet === 127 || octet >= 224) return wrong(`is no network that machines can have; ${cidrRule}`);
  if (first !== number)
    return wrong(`is no network, its host bits are not zero; did you mean "${addressText(first)}/${prefixLength}"?`);
  return good({ first, last: first + size - 1, prefixLength });
}, cidrRule);
