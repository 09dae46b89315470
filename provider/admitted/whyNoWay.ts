import type { Link } from "../facts/links";
import type { Leg, Routes } from "../facts/routes";
import { parseAddresses } from "./packet";
import type { NotAdmitted, Path } from "./whyNotAdmitted";

/** A machine with an address of its own, and the Ethernet addresses that it may boot by. */
export interface Placement {
  readonly address: string;
  readonly macs: readonly string[];
}

type Network = Pick<Path, "interface" | "address" | "cidr">;

/**
 * Why the files would go another way than to the machines, or find nobody there: node 0's own question goes by none of these ways.
 * DHCP's answers do not either, for dhcpd makes its frames itself.
 */
export function whyNoWay(
  routes: Routes,
  links: readonly Link[],
  path: Network,
  machines: readonly Placement[],
): NotAdmitted | undefined {
  const link = links.find(({ name }) => name === path.interface);
  // A member of a VRF has its routes elsewhere, which is told of it.
  const isInVrf = links.some(({ name, isVrf }) => isVrf && name === link?.master);
  const reasons = [
    whyMember(link, isInVrf),
    isInVrf ? undefined : whyRoutedElsewhere(routes.legs, path),
    whyNotFound(routes, link, path),
    whyAnotherMachine(routes, path, machines),
  ];
  return reasons.find((reason) => reason?.sure) ?? reasons.find((reason) => reason !== undefined);
}

function whyMember(link: Link | undefined, isInVrf: boolean): NotAdmitted | undefined {
  if (link?.master === undefined || isInVrf) return undefined;
  const { name, master } = link;
  return {
    sure: false,
    text: `${name} is a member of ${master}, which gets what comes in by it: give ${master} the address in the host's own network configuration, and serve ${master}`,
  };
}

// ---- Routes ----

function whyRoutedElsewhere(legs: readonly Leg[], { interface: nic, address, cidr }: Network): NotAdmitted | undefined {
  const lost = legs.filter(({ out }) => !leadsTo(nic, out));
  const [leg] = lost;
  if (leg !== undefined) {
    if (leg.out.startsWith("local ")) {
      const text = `files for ${leg.first} stay on node 0, which has that address itself: \`ip address show to ${leg.first}\` there shows where; take it off`;
      return { sure: false, text };
    }
    const isAll = lost.length === legs.length;
    const how = `\`ip route get ${leg.first} from ${address}\` there says: ${leg.out || "nothing"}`;
    return {
      sure: isAll && lost.every(({ out }) => deviceOf(out) !== undefined && deviceOf(out) !== nic),
      text: `files for ${isAll ? `the machines of ${cidr}` : shownLegs(lost)} do not leave by ${nic} to them: ${how}; node 0 needs a route to ${cidr} by ${nic}, before which no other route or rule comes (\`ip rule\` and \`ip route show table all\` list them)`,
    };
  }
  const refused = legs.find(({ back }) => !back.startsWith("local "));
  if (refused === undefined) return undefined;
  const why = refused.back.includes("cross-device") ? " (rp_filter: the way back is another one)" : "";
  return {
    sure: false,
    text: `node 0 would not take in what comes from ${shownLegs([refused])} by ${nic}: \`ip route get ${address} from ${refused.first} iif ${nic}\` there says: ${refused.back || "nothing"}${why}`,
  };
}

/** Straight to whoever is meant: not by a gateway, and not to this host itself. */
function leadsTo(nic: string, out: string): boolean {
  return /^\d/.test(out) && deviceOf(out) === nic && !/ via /.test(out);
}

function deviceOf(out: string): string | undefined {
  return / dev (\S+)/.exec(out)?.[1];
}

function shownLegs(legs: readonly Leg[]): string {
  const shown = legs.slice(0, 3).map(({ first, last }) => (first === last ? first : `${first}-${last}`));
  return `${shown.join(", ")}${legs.length > 3 ? " and others" : ""}`;
}

// ---- ARP ----

function whyNotFound(
  { ignored }: Routes,
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
  { fixed }: Routes,
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
