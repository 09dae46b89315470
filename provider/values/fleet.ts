import type { DhcpDaemon } from "../formats/dhcpBackend";
import { dhcpLanguages } from "../formats/dhcpLanguage";
import type { NameRecord } from "../formats/dnsmasq/dnsmasq";
import { spellingsOf } from "../formats/hosts/hostsTable";
import type { UnknownMachines } from "../formats/isc/dhcpdConf";
import type { ExtraHosts } from "../formats/isc/extraConfig";
import { addressNumber, addressText, holdsHost } from "./ipv4";
import { type Network, poolOf, subnetOf, whyNoHost } from "./network";
import type { NodeRow } from "./node";
import type { Problem } from "./problem";
import { isUnknown } from "./unknown";

/** A machine and the place in the program that declares it: `OlaNode "db-1"`. */
export interface PlacedNode {
  readonly row: NodeRow;
  readonly place: string;
}

/** A problem of one of several machines. */
export type PlacedProblem = Problem & { readonly place: string };

/**
 * What is wrong with machines beside each other and in their network. Each of them was read by `parseNode`.
 *
 * A thing that stands twice is reported at the later place and names the earlier one.
 */
export function checkNodes(
  network: Network,
  unknownMachines: UnknownMachines,
  hasIa32: boolean,
  nodes: readonly PlacedNode[],
  beside?: KnownBeside,
): readonly PlacedProblem[] {
  return nodeChecker(network, unknownMachines, hasIa32, beside)(nodes);
}

/** Tells of each machine in turn what is wrong with it beside those that it was asked about before. */
export type NodeChecker = (nodes: readonly PlacedNode[]) => readonly PlacedProblem[];

/** What a server knows beside its machines: hosts of dhcpd's own, and names of the name server's own. */
export interface KnownBeside {
  readonly extra?: ExtraHosts;
  readonly records?: readonly NameRecord[];
  /** Absent where it is ISC's. */
  readonly daemon?: DhcpDaemon | undefined;
}

/** As {@link checkNodes}, for machines that become known one after another, beside what the server knows anyway. */
export function nodeChecker(
  network: Network,
  unknownMachines: UnknownMachines,
  hasIa32: boolean,
  { extra = { macs: [], addresses: [], options: [] }, records = [], daemon = "isc" }: KnownBeside = {},
): NodeChecker {
  const ofExtra = (value: string): [string, string] => [value, "a host of the DHCP server's extraConfig"];
  const addresses = new Map(extra.addresses.map(ofExtra));
  const hostnames = new Map<string, string>();
  const macs = new Map(extra.macs.map(ofExtra));
  const recorded = new Map(records.map(({ name, addresses }) => [name.toLowerCase(), addresses]));
  const fromPool: string[] = [];
  const why = addressRules(network, addresses);

  return (nodes) => {
    const problems: PlacedProblem[] = [];
    const before = fromPool.length;
    for (const { row, place } of nodes) {
      const problem = (path: string, message: string): void => void problems.push({ place, path, message });

      row.macs.forEach((mac, index) => {
        if (isUnknown(mac)) return;
        const path = `macs[${index}]`;
        const other = macs.get(mac);
        if (other !== undefined) problem(path, `"${mac}" is already used by ${other}; each NIC belongs to one machine`);
        else macs.set(mac, `${place} (${path})`);
      });

      const namesake = isUnknown(row.hostname) ? undefined : hostnames.get(row.hostname);
      if (namesake !== undefined)
        problem("hostname", `"${row.hostname}" is already the name of ${namesake}; give one of them another hostname`);
      else hostnames.set(row.hostname, place);

      const contradiction = isUnknown(row.hostname) ? undefined : whyRecordContradicts(row, network.domain, recorded);
      if (contradiction !== undefined) problem("hostname", contradiction);

      // The pool has an address for each NIC: a DHCP server knows no machines.
      if (row.address === undefined) fromPool.push(...row.macs.map(() => place));
      else if (!isUnknown(row.address)) {
        const message = why(row.address);
        if (message !== undefined) problem("address", message);
        if (!addresses.has(row.address)) addresses.set(row.address, place);
      }

      for (const option of Object.keys(row.options ?? {})) {
        const message = dhcpLanguages[daemon].whyUnknownOption(option, extra.options);
        if (message !== undefined) problem(`options[${JSON.stringify(option)}]`, message);
      }

      if (row.firmware === "ia32" && !hasIa32) {
        problem(
          "firmware",
          '"ia32" needs an iPXE for 32-bit UEFI, which no package holds; give ipxe32: { file: "./ipxe32.efi" } to the boot artifacts, or write "x64"',
        );
      }
    }
    return [...problems, ...checkPoolRoom(network, unknownMachines, fromPool, before)];
  };
}

/** A record that says of a machine's name another address would be a second answer to the same question. */
function whyRecordContradicts(
  { hostname, address }: NodeRow,
  domain: string | undefined,
  recorded: ReadonlyMap<string, readonly string[]>,
): string | undefined {
  // A machine without an address of its own has no name on node 0.
  if (address === undefined || isUnknown(address) || recorded.size === 0) return undefined;
  for (const name of spellingsOf(hostname, domain)) {
    const others = recorded.get(name.toLowerCase())?.filter((each) => each !== address) ?? [];
    if (others.length > 0) {
      return `"${name}" stands in the name server's records, with ${others.join(" and ")}; give the machine another hostname, or take the record out`;
    }
  }
  return undefined;
}

/** A function that says why a machine can't have an address; undefined if it can. `taken` grows while it is used. */
function addressRules(network: Network, taken: ReadonlyMap<string, string>): (address: string) => string | undefined {
  const subnet = subnetOf(network);
  const pool = poolOf(network);

  const isFree = (number: number): boolean => {
    const text = addressText(number);
    return text !== network.address && text !== network.router && !taken.has(text);
  };
  // What is taken stays taken, so a search goes on where the last one ended: ten thousand mistakes cost one walk.
  let next = subnet.first + 1;
  const free = (): string => {
    for (; next < subnet.last; next++) {
      if (pool !== undefined && next >= pool.from && next <= pool.to) next = pool.to;
      else if (isFree(next)) return `, as in ${addressText(next)}`;
    }
    return `; ${network.cidr} has none left, so it needs a larger network or a smaller pool`;
  };

  return (address) => {
    const number = addressNumber(address) ?? 0;
    const outside = whyNoHost(address, number, subnet, subnet.first, isFree);
    if (outside !== undefined) return outside;
    if (address === network.address) return `${address} is node 0's own address; take another${free()}`;
    if (address === network.router) return `${address} is the router's address; take another${free()}`;
    const other = taken.get(address);
    if (other !== undefined) return `${address} is already the address of ${other}; take another${free()}`;
    if (pool !== undefined && holdsHost({ first: pool.from - 1, last: pool.to + 1, prefixLength: 0 }, number)) {
      return `${address} lies in the pool ${addressText(pool.from)} to ${addressText(pool.to)}, whose addresses go to other machines; take one outside it${free()}`;
    }
    return undefined;
  };
}

/** What is wrong with the machines from the pool, each as often as it has NICs, of which the first `before` were checked already. */
function checkPoolRoom(
  network: Network,
  unknownMachines: UnknownMachines,
  fromPool: readonly string[],
  before: number,
): readonly PlacedProblem[] {
  if (fromPool.length === before) return [];
  const pool = poolOf(network);
  const { first, last } = subnetOf(network);
  const example = `{ from: "${addressText(Math.ceil((first + last) / 2))}", to: "${addressText(last - 1)}" }`;
  if (pool === undefined) {
    return [...new Set(fromPool.slice(before))].map((place) => ({
      place,
      path: "address",
      message: `is required, because the network has no pool; write one of ${network.cidr}, or give the network a pool, as in ${example}`,
    }));
  }
  const room = pool.to - pool.from + 1;
  // The first for which there is no room; if it was told before, the others need not be.
  const place = room < before ? undefined : fromPool[room];
  if (place === undefined) return [];
  const others = unknownMachines === "serve" ? ", and machines that nobody declared take addresses from it too" : "";
  const span = `${addressText(pool.from)} to ${addressText(pool.to)}`;
  const { sharedPool: whole } = network;
  const lent =
    whole === undefined
      ? `the pool ${span}`
      : `each of two node 0s lends one half of the pool ${whole.from} to ${whole.to}; that of this one, ${span},`;
  const message = `${lent} has room for ${room}, and machines without an address of their own get one for each NIC, ${fromPool.length} in all${others}; write an address here, or make the pool larger`;
  return [{ place, path: "address", message }];
}
