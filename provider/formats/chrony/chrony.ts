import { parseHostname } from "../../values/hostname";
import { addressNumber } from "../../values/ipv4";
import { type Network, parseNetwork } from "../../values/network";
import { bad, type Checked, good, quoted, readFields, textBy, within } from "../../values/problem";
import * as z from "../../zod";
import { fill } from "../template";

/** What the time server serves, and from whom it has the time. */
export interface ChronySettings {
  readonly network: Network;
  /** Time servers beside those of the distribution's own configuration. */
  readonly upstreams: readonly string[];
  /** Another time daemon of this host may go, or a chrony of the user's be configured. */
  readonly replace: boolean;
}

const upstreamRule = 'write an address or a name, as in "192.0.2.1" or "ntp.example.net"';

const upstreamSchema = textBy((text): Checked<string> => {
  if (addressNumber(text) !== undefined) return good(text);
  const { value } = parseHostname(text);
  if (value !== undefined) return good(value);
  return bad({ path: "", message: `${quoted(text)} is no time server; ${upstreamRule}` });
}, upstreamRule);

const shape = {
  network: z.unknown().optional(),
  upstreams: z.array(upstreamSchema).max(16).optional(),
  replace: z.boolean().optional(),
};

/** Reads the arguments of a time server: `network`, `upstreams`, `replace`. */
export function parseChronySettings(args: unknown): Checked<ChronySettings> {
  const example = '{ network: { interface: "eno2", cidr: "192.168.1.0/28", address: "192.168.1.1" } }';
  const { fields, problems } = readFields(shape, args, example);
  const isObject = typeof args === "object" && args !== null && !Array.isArray(args);
  const network = isObject ? parseNetwork(fields.network) : bad<Network>();
  problems.push(...within("network", network.problems));
  const { upstreams = [], replace = false } = fields;
  if (network.value !== undefined) {
    const own = upstreams.indexOf(network.value.address);
    if (own >= 0) {
      const message = `${network.value.address} is node 0's own address, and no clock sets itself; leave it out`;
      problems.push({ path: `upstreams[${own}]`, message });
    }
  }
  if (problems.length > 0 || network.value === undefined) return bad(...problems);
  return good({ network: network.value, upstreams, replace });
}

/**
 * The whole of /etc/chrony/conf.d/netboot.conf, which Debian's chrony.conf includes.
 *
 * @see chrony.conf(5)
 */
export function renderChronyConf({ network, upstreams }: ChronySettings): string {
  return fill("chrony.conf", { cidr: network.cidr, address: network.address, upstreams });
}
