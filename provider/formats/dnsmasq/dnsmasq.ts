import { parseHostname } from "../../values/hostname";
import { addressSchema } from "../../values/ipv4";
import { type Network, parseNetwork } from "../../values/network";
import { bad, type Checked, good, type Problem, quoted, read, readFields, within } from "../../values/problem";
import * as z from "../../zod";
import { fill } from "../template";

/** A server for names, or lines in node 0's own /etc/hosts. */
export type NamesMode = "dnsmasq" | "hosts";

/** What is known by name, and where the rest is asked. */
export interface DnsmasqSettings {
  readonly network: Network;
  readonly mode: NamesMode;
  /** Where other names are asked; nowhere, if there are none. */
  readonly upstreams: readonly string[];
  /** Names beside those of the machines, each with its addresses. */
  readonly records: readonly NameRecord[];
}

/** A name of the user's own. */
export interface NameRecord {
  readonly name: string;
  readonly addresses: readonly string[];
}

const recordsExample = '{ "storage": "192.168.1.14" }';

const shape = {
  network: z.unknown().optional(),
  mode: z.enum(["dnsmasq", "hosts"]).optional(),
  upstreams: z.array(addressSchema).max(16).optional(),
  records: z.unknown().optional(),
};

/** Reads the arguments of a name server: `network`, `mode`, `upstreams`, `records`. */
export function parseDnsmasqSettings(args: unknown): Checked<DnsmasqSettings> {
  const example = '{ network: { interface: "eno2", cidr: "192.168.1.0/28", address: "192.168.1.1" } }';
  const { fields, problems } = readFields(shape, args, example);
  const isObject = typeof args === "object" && args !== null && !Array.isArray(args);
  const network = isObject ? parseNetwork(fields.network) : bad<Network>();
  problems.push(...within("network", network.problems));
  const { mode = "dnsmasq", upstreams = [] } = fields;
  const records = parseRecords(fields.records, problems);
  if (mode === "hosts" && upstreams.length > 0) {
    const message = 'with mode "hosts" node 0 serves no names, so it asks nobody; leave upstreams out';
    problems.push({ path: "upstreams", message });
  }
  const own = upstreams.indexOf(network.value?.address ?? "");
  if (own >= 0) {
    const message = `${network.value?.address} is node 0's own address, which would ask itself for ever; leave it out`;
    problems.push({ path: `upstreams[${own}]`, message });
  }
  if (problems.length > 0 || network.value === undefined) return bad(...problems);
  return good({ network: network.value, mode, upstreams, records });
}

function parseRecords(given: unknown, problems: Problem[]): readonly NameRecord[] {
  if (given === undefined) return [];
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    problems.push({ path: "records", message: `${quoted(given)} is no object; write it as ${recordsExample}` });
    return [];
  }
  const records = new Map<string, readonly string[]>();
  for (const [key, value] of Object.entries(given)) {
    const path = `records[${JSON.stringify(key)}]`;
    const name = parseHostname(key);
    const addresses = read(z.array(addressSchema).min(1), Array.isArray(value) ? value : [value]);
    problems.push(...within(path, name.problems));
    problems.push(
      ...within(
        path,
        Array.isArray(value) ? addresses.problems : addresses.problems.map(({ message }) => ({ path: "", message })),
      ),
    );
    if (name.value === undefined || addresses.value === undefined) continue;
    if (records.has(name.value)) problems.push({ path, message: `"${name.value}" stands here twice; write it once` });
    records.set(name.value, addresses.value);
  }
  return [...records]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, addresses]) => ({ name, addresses }));
}

/**
 * The whole of /etc/netboot-names/dnsmasq.conf.
 *
 * @see dnsmasq(8)
 */
export function renderDnsmasqConf({ network, upstreams }: DnsmasqSettings): string {
  return fill("dnsmasq.conf", { address: network.address, domain: network.domain, upstreams });
}

/** The unit netboot-names.service: dnsmasq in the foreground, started again whenever it ends, its names read anew by a reload. */
export function renderDnsmasqUnit(): string {
  return fill("dnsmasqUnit.service", {});
}
