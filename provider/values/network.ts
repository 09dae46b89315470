import * as z from "../zod";
import { parseHostname } from "./hostname";
import { addressNumber, addressSchema, addressText, cidrSchema, holdsHost, movedInto, type Subnet } from "./ipv4";
import { macSchema } from "./mac";
import { bad, type Checked, good, type Problem, quoted, readFields, textBy, within } from "./problem";

/** The private network that node 0 serves, with everything that follows from its cidr worked out. */
export interface Network {
  /** The private NIC, by its name or by its hardware address; nothing else is ever served. */
  readonly interface: NetworkInterface;
  readonly cidr: string;
  /** The network's own address, the first word of dhcpd's `subnet` statement. */
  readonly subnet: string;
  readonly netmask: string;
  readonly prefixLength: number;
  readonly broadcast: string;
  /** Node 0's own address in it. */
  readonly address: string;
  readonly router?: string;
  readonly domain?: string;
  readonly dnsServers: readonly string[];
  readonly ntpServers: readonly string[];
  readonly leaseSeconds: number;
  readonly mtu?: number;
  /** The addresses for machines that have none of their own, both ends included. */
  readonly pool?: Pool;
  /** What the program has for its pool, where two node 0s lend one half of it each. */
  readonly sharedPool?: Pool;
}

/** How long an address is lent unless a program says otherwise: two hours, as in the guide. */
export const defaultLeaseSeconds = 7200;

/** A NIC of node 0. */
export type NetworkInterface = { readonly name: string } | { readonly mac: string };

/** A range of addresses, both ends included. */
export interface Pool {
  readonly from: string;
  readonly to: string;
}

/** How a NIC that is known by its hardware address is written until the transaction, on node 0, knows its name. */
export const interfacePlaceholder = "@interface@";

/** The NIC as a text names it: its name, or the placeholder that the transaction fills in. */
export function interfaceWord(nic: NetworkInterface): string {
  return "name" in nic ? nic.name : interfacePlaceholder;
}

/** The NIC and node 0's address on it, as a resource's inputs hold them: `name:eno2`, `192.168.1.1/28`. */
export function nicInputs({ interface: nic, address, prefixLength }: Network): {
  readonly interface: string;
  readonly address: string;
} {
  return {
    interface: "name" in nic ? `name:${nic.name}` : `mac:${nic.mac}`,
    address: `${address}/${prefixLength}`,
  };
}

const interfaceRule = 'write the private NIC\'s name, as in "eno2", or { mac: "52:54:00:12:34:56" }';

function parseInterfaceName(text: string): Checked<{ readonly name: string }> {
  const wrong = (why: string): Checked<never> => bad({ path: "", message: `${quoted(text)} ${why}; ${interfaceRule}` });
  // The kernel's own rule (dev_valid_name): 1 to 15 bytes, no "/", no ":", no space, neither "." nor "..".
  if (text.length > 15) return wrong(`is no interface name: it has ${text.length} characters, and Linux allows 15`);
  if (/^[^:]+:[^:]+$/.test(text)) return wrong("is a label of an address, not an interface");
  // Stricter than the kernel: a name goes into a command line of systemd, where "%", "$" and quotes mean something.
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(text)) return wrong("is no interface name");
  if (text === "lo") return wrong("is node 0's loopback, and no machine is on it");
  return good({ name: text });
}

/**
 * Reads a NIC: its name, or `{ mac }`.
 *
 * @internal
 */
export const interfaceSchema: z.ZodType<NetworkInterface> = z
  .unknown()
  .transform((value, context): NetworkInterface => {
    const problem = (message: string, path: PropertyKey[] = []): never => {
      context.issues.push({ code: "custom", message, path, input: value });
      return z.NEVER;
    };
    if (typeof value === "string") {
      const { value: nic, problems } = parseInterfaceName(value);
      return nic ?? problem(problems[0]?.message ?? interfaceRule);
    }
    if (value === undefined) return problem(`is required; ${interfaceRule}`);
    if (typeof value !== "object" || value === null || !("mac" in value) || Object.keys(value).length > 1) {
      return problem(`${quoted(value)} is no interface; ${interfaceRule}`);
    }
    const mac = macSchema.safeParse(value.mac);
    return mac.success ? { mac: mac.data } : problem(mac.error.issues[0]?.message ?? interfaceRule, ["mac"]);
  });

const poolExample = '{ from: "192.168.1.2", to: "192.168.1.5" }';

const addressList: z.ZodType<string[]> = z
  .array(addressSchema, { error: (issue) => `${quoted(issue.input)} is no list; write it as ["192.168.1.1"]` })
  .max(16);

const domainSchema = textBy(parseHostname, 'write a domain name, as in "example.net"');

/**
 * 576 is what every IPv4 host must take (RFC 791), 9216 the largest frame that switches carry.
 *
 * @internal
 */
export const mtuSchema: z.ZodType<number> = z.int().min(576).max(9216);

const shape = {
  interface: interfaceSchema,
  cidr: cidrSchema,
  address: addressSchema,
  router: addressSchema.optional(),
  domain: domainSchema.optional(),
  dnsServers: addressList.optional(),
  ntpServers: addressList.optional(),
  // Below a minute a machine would ask for its lease again while it boots; above a year dhcpd's dates run out.
  leaseSeconds: z.int().min(60).max(31_536_000).optional(),
  mtu: mtuSchema.optional(),
  pool: z.unknown().optional(),
};

/**
 * Reads the `network` argument and works out what follows from it.
 *
 * @example
 * ```ts
 * parseNetwork({ interface: "eno2", cidr: "192.168.1.0/28", address: "192.168.1.1" }).value?.broadcast; // "192.168.1.15"
 * ```
 */
export function parseNetwork(args: unknown): Checked<Network> {
  const { fields, problems } = readFields(
    shape,
    args,
    '{ interface: "eno2", cidr: "192.168.1.0/28", address: "192.168.1.1" }',
  );
  const pool = parsePool(fields.pool, problems);
  const subnet = fields.cidr;
  if (subnet !== undefined) {
    const own = checkHost("address", fields.address, subnet, problems);
    const router = checkHost("router", fields.router, subnet, problems);
    if (pool !== undefined) checkPool(pool, subnet, own, router, problems);
  }
  if (pool !== undefined) {
    checkOutsidePool("dnsServers", fields.dnsServers ?? [], pool, problems);
    checkOutsidePool("ntpServers", fields.ntpServers ?? [], pool, problems);
  }
  const { address } = fields;
  if (problems.length > 0 || subnet === undefined || address === undefined || fields.interface === undefined) {
    return bad(...problems);
  }
  return good({
    interface: fields.interface,
    cidr: `${addressText(subnet.first)}/${subnet.prefixLength}`,
    subnet: addressText(subnet.first),
    netmask: addressText(2 ** 32 - 2 ** (32 - subnet.prefixLength)),
    prefixLength: subnet.prefixLength,
    broadcast: addressText(subnet.last),
    address,
    ...(fields.router === undefined ? {} : { router: fields.router }),
    ...(fields.domain === undefined ? {} : { domain: fields.domain }),
    dnsServers: fields.dnsServers ?? [],
    ntpServers: fields.ntpServers ?? [],
    leaseSeconds: fields.leaseSeconds ?? defaultLeaseSeconds,
    ...(fields.mtu === undefined ? {} : { mtu: fields.mtu }),
    ...(pool === undefined ? {} : { pool: { from: addressText(pool.from), to: addressText(pool.to) } }),
  });
}

/** The network's numbers, for checks of many addresses. */
export function subnetOf(network: Network): Subnet {
  const first = addressNumber(network.subnet) ?? 0;
  return { first, last: first + 2 ** (32 - network.prefixLength) - 1, prefixLength: network.prefixLength };
}

/** The pool's numbers. */
export function poolOf(network: Network): { readonly from: number; readonly to: number } | undefined {
  if (network.pool === undefined) return undefined;
  return { from: addressNumber(network.pool.from) ?? 0, to: addressNumber(network.pool.to) ?? 0 };
}

/**
 * One half of a pool that two node 0s share, so that no address is lent twice; undefined where there is none for it. What is no
 * pool is left for whoever says so.
 */
export function halfOf(pool: Pool | undefined, isFirst: boolean): Pool | undefined {
  const [from, to] = [addressNumber(pool?.from ?? ""), addressNumber(pool?.to ?? "")];
  if (from === undefined || to === undefined || from > to) return pool;
  const middle = Math.ceil((from + to) / 2);
  if (isFirst) return { from: addressText(from), to: addressText(Math.max(from, middle - 1)) };
  return from === to ? undefined : { from: addressText(middle), to: addressText(to) };
}

function parsePool(args: unknown, problems: Problem[]): { from: number; to: number } | undefined {
  if (args === undefined) return undefined;
  const read = readFields({ from: addressSchema, to: addressSchema }, args, poolExample);
  problems.push(...within("pool", read.problems));
  const { from, to } = read.fields;
  if (read.problems.length > 0 || from === undefined || to === undefined) return undefined;
  return { from: addressNumber(from) ?? 0, to: addressNumber(to) ?? 0 };
}

/** Says so if a host of the network can't have the address, which is not below another; else its number. */
function checkHost(
  path: string,
  text: string | undefined,
  subnet: Subnet,
  problems: Problem[],
  least = subnet.first,
): number | undefined {
  if (text === undefined) return undefined;
  const number = addressNumber(text) ?? 0;
  const message = whyNoHost(text, number, subnet, least);
  if (message === undefined) return number;
  problems.push({ path, message });
  return undefined;
}

/** Why no host of the network can have this address; undefined if one can. */
export function whyNoHost(
  text: string,
  number: number,
  subnet: Subnet,
  least: number = subnet.first,
  isFree: (number: number) => boolean = () => true,
): string | undefined {
  if (holdsHost(subnet, number)) return undefined;
  const cidr = `${addressText(subnet.first)}/${subnet.prefixLength}`;
  const span = `hosts have ${addressText(subnet.first + 1)} to ${addressText(subnet.last - 1)}`;
  if (number === subnet.first) return `${text} is the address of the network ${cidr} itself; ${span}`;
  if (number === subnet.last) return `${text} is the broadcast address of ${cidr}; ${span}`;
  const inside = movedInto(subnet, number);
  const isBelow = inside !== undefined && (addressNumber(inside) ?? 0) < least;
  const moved = isBelow ? addressText(subnet.last - 1) : inside;
  const isGuess = moved !== undefined && isFree(addressNumber(moved) ?? 0);
  return `${text} is outside the subnet ${cidr}; ${isGuess ? `did you mean ${moved}?` : span}`;
}

function checkPool(
  pool: { from: number; to: number },
  subnet: Subnet,
  own: number | undefined,
  router: number | undefined,
  problems: Problem[],
): void {
  const from = checkHost("pool.from", addressText(pool.from), subnet, problems);
  const to = checkHost("pool.to", addressText(pool.to), subnet, problems, from);
  if (from === undefined || to === undefined) return;
  const shown = `${addressText(from)} to ${addressText(to)}`;
  if (from > to) {
    const turned = `{ from: "${addressText(to)}", to: "${addressText(from)}" }`;
    problems.push({ path: "pool", message: `${shown} runs backwards; write ${turned}` });
    return;
  }
  const taken = [
    { number: own, whose: "node 0's own address" },
    { number: router, whose: "the router's address" },
  ];
  for (const { number, whose } of taken) {
    if (number === undefined || number < from || number > to) continue;
    if (whose !== taken[0]?.whose && number === own) continue;
    problems.push({
      path: "pool",
      message: `${shown} holds ${whose}, ${addressText(number)}; ${poolWithout(from, to, number)}`,
    });
  }
}

/** The larger part of the pool that is left when an address is taken out. */
function poolWithout(from: number, to: number, number: number): string {
  const below = number - from;
  const above = to - number;
  if (below === 0 && above === 0) return `write it with other addresses, as in ${poolExample}`;
  const [first, last] = above >= below ? [number + 1, to] : [from, number - 1];
  return `write { from: "${addressText(first)}", to: "${addressText(last)}" }`;
}

function checkOutsidePool(
  path: string,
  servers: readonly string[],
  pool: { from: number; to: number },
  problems: Problem[],
): void {
  servers.forEach((server, index) => {
    const number = addressNumber(server) ?? 0;
    if (number < pool.from || number > pool.to) return;
    const span = `${addressText(pool.from)} to ${addressText(pool.to)}`;
    problems.push({
      path: `${path}[${index}]`,
      message: `${server} lies in the pool ${span}, so a machine could be given it; take it out of the pool`,
    });
  });
}
