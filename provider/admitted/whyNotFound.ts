import { type Link, vrfOf } from "../facts/links";
import type { Neighbours } from "../facts/neighbours";
import { parseAddresses } from "./packet";
import type { NotAdmitted, Path } from "./whyNotAdmitted";

/** A machine with an address of its own, and the Ethernet addresses that it may boot by. */
export interface Placement {
  readonly address: string;
  readonly macs: readonly string[];
}

type Network = Pick<Path, "interface" | "address" | "cidr">;

/**
 * Why node 0 and machines would not find each other by ARP. Its own question needs none, nor do DHCP's answers, for dhcpd makes its
 * frames itself.
 */
export function whyNotFound(
  neighbours: Neighbours,
  links: readonly Link[],
  path: Network,
  machines: readonly Placement[],
): NotAdmitted | undefined {
  const link = links.find(({ name }) => name === path.interface);
  const reasons = [
    whyMember(link, links),
    whyNotAsked(neighbours, link, path),
    whyAnotherMachine(neighbours, path, machines),
  ];
  return reasons.find((reason) => reason?.sure) ?? reasons.find((reason) => reason !== undefined);
}

/** Why nothing comes or goes by the interface at all. Node 0's own question does not leave it. */
export function whyNoLink(links: readonly Link[], nic: string): NotAdmitted | undefined {
  const link = links.find(({ name }) => name === nic);
  if (link === undefined && nic !== "" && links.length > 0) {
    return {
      sure: false,
      text: `node 0 has no interface ${nic} any more (it has ${links.map(({ name }) => name).join(", ")}), so that no DHCP server would start again on it, and nothing can be asked there: give it that name back, or declare the one that it has now`,
    };
  }
  if (link?.isUp === false) {
    return {
      sure: true,
      text: `${nic} is down, so that nothing comes or goes by it: \`ip link set ${nic} up\` switches it on, and the host's own network configuration says who switched it off`,
    };
  }
  if (link?.hasCarrier !== false) return undefined;
  return {
    sure: true,
    text: `${nic} has no carrier, so that no machine is reached by it now: look at its cable and at the port of its switch, or, where it is a bridge or a bond, at its members`,
  };
}

/** A member of a VRF keeps its addresses, which is told of it. */
function whyMember(link: Link | undefined, links: readonly Link[]): NotAdmitted | undefined {
  if (link?.master === undefined || vrfOf(links, link.name) !== undefined) return undefined;
  const { name, master } = link;
  return {
    sure: false,
    text: `${name} is a member of ${master}, which gets what comes in by it: give ${master} the address in the host's own network configuration, and serve ${master}`,
  };
}

function whyNotAsked(
  { ignored }: Neighbours,
  link: Link | undefined,
  { interface: nic, address }: Network,
): NotAdmitted | undefined {
  if (link?.hasArp === false) {
    return {
      sure: true,
      text: `no machine finds ${address}, and node 0 finds none: ${nic} has no ARP; \`ip link set ${nic} arp on\` gives it back, and the host's own network configuration says who took it`,
    };
  }
  const name = [nic, "all"].find((each) => (ignored.get(each) ?? 0) >= 8);
  if (name === undefined) return undefined;
  return {
    sure: true,
    text: `no machine finds ${address}: net.ipv4.conf.${name}.arp_ignore is ${ignored.get(name)}, so that node 0 does not answer who has it; a sysctl of 0 to 2 lets it`,
  };
}

/** Where an Ethernet address is fixed, nobody is asked who has the address now. */
function whyAnotherMachine(
  { fixed }: Neighbours,
  { interface: nic, cidr }: Network,
  machines: readonly Placement[],
): NotAdmitted | undefined {
  const theirs = parseAddresses(cidr) ?? { first: 0, last: -1 };
  for (const each of fixed) {
    const range = parseAddresses(each.address);
    if (each.interface !== nic || range === undefined || range.first < theirs.first || range.last > theirs.last)
      continue;
    const machine = machines.find(({ address }) => address === each.address);
    const other = machine?.macs.find((mac) => mac.toLowerCase() !== each.mac.toLowerCase());
    if (other === undefined) continue;
    return {
      sure: false,
      text: `files for ${each.address} go to ${each.mac}, which somebody fixed for it on ${nic}, and the machine may boot by ${other}: \`ip neigh del ${each.address} dev ${nic}\` takes that away`,
    };
  }
  return undefined;
}
