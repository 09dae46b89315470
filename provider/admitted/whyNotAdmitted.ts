import type { Iptables } from "../facts/iptables";
import { type Links, linksBelow, vrfOf } from "../facts/links";
import type { Nftables } from "../facts/nftables";
import type { TrafficControl } from "../facts/trafficControl";
import { upMends } from "../values/mending";
import { type Packet, parseAddresses, type Range } from "./packet";
import { type Walked, walk } from "./walk";
import { type Hook, type WayThere, waysThrough } from "./ways";

/** All on node 0 that decides which packets come through. */
export interface Rulesets {
  readonly nftables: Nftables;
  readonly iptables: Iptables;
  readonly trafficControl: TrafficControl;
  readonly links: Links;
}

/** The way between the machines of a network and node 0's TFTP server. */
export interface Path {
  readonly interface: string;
  /** Node 0's own on it. */
  readonly address: string;
  /** The network of the machines: `192.168.1.0/28`. */
  readonly cidr: string;
  /** The address of the machine that it is about; without it, it is about all of them. */
  readonly machine?: string | undefined;
  /** The ports from which the server sends the data of a file, where the acknowledgements go to. */
  readonly dataPorts: Range;
  /** Whether the kernel gives every flow the helper that fits it, without a rule (net.netfilter.nf_conntrack_helper). */
  readonly givesHelpers: boolean;
  /** The mark on the rules of the Firewall that is declared for it; undefined if there is none. */
  readonly firewall?: string | undefined;
}

/** Why files might not be had by a machine. */
export interface NotAdmitted {
  /** Whether they certainly can't; else it can't be told. */
  readonly sure: boolean;
  readonly text: string;
}

/**
 * Why files might not be had by a machine; nothing if its requests and its acknowledgements come in, and what is sent to it goes
 * out. A question from node 0 itself does not meet these rules, so they are read as the kernel would go through them, with
 * packets as a machine would send them. What a rule says beyond what is understood here may hold or not, and then nothing is
 * said to be proved.
 */
export function whyNotAdmitted(rulesets: Rulesets, path: Path): NotAdmitted | undefined {
  const hasHelper = path.givesHelpers || setsHelper(rulesets) || whyUnread(rulesets) !== undefined;
  let doubt: string | undefined;
  for (const journey of journeysOn(path, rulesets.links)) {
    for (const way of journey.hooks.flatMap((hook) => waysThrough(hook, path.interface, rulesets))) {
      const found = whyHeldUp(journey, way, path, hasHelper);
      if (found?.sure) return found;
      doubt ??= found?.text;
    }
  }
  doubt ??=
    whyUnread(rulesets) ??
    whyOutside(rulesets, path.interface) ??
    whyUnheard(rulesets, path.interface) ??
    whyAnotherWay(rulesets, path);
  return doubt === undefined ? undefined : { sure: false, text: doubt };
}

/**
 * Which rule node 0's own question may not come through, as it goes over the loopback: then a file that does not come says nothing of
 * machines.
 */
export function whyOwnIsKept(rulesets: Rulesets, { address, dataPorts }: Path): string | undefined {
  const own = parseAddresses(address) ?? nowhere;
  const [port, data] = [anyPort, dataPorts];
  const packets: readonly (readonly [Range, Range, Packet["state"]])[] = [
    [port, tftp, "new"],
    [data, port, "new"],
    [data, port, "established"],
    [port, data, "established"],
  ];
  const common = { source: own, destination: own, onlyAddress: false, addressTypes: ["local"] } as const;
  for (const [sourcePorts, destinationPorts, state] of packets) {
    const out: Packet = { ...common, outgoing: "lo", sourcePorts, destinationPorts, state, packetTypes: undefined };
    const { outgoing: _, ...rest } = out;
    const back: Packet = { ...rest, incoming: "lo", packetTypes: ["host", "unicast"] };
    for (const [hooks, packet] of [
      [["output", "postrouting"], out],
      [["prerouting", "input"], back],
    ] as const) {
      for (const way of hooks.flatMap((hook) => waysThrough(hook, "lo", rulesets))) {
        if (way.translates && state !== "new") continue;
        const walked = walk(way, { ...packet, ...way.seen });
        if (isAlways(walked, "accepted")) continue;
        const rule = walked.doubtful ?? walked.drops;
        const by = rule === undefined ? `the policy of ${way.name}` : `\`${rule}\` in ${way.name}`;
        return `node 0's own question, which goes over lo, meets ${by}, which a machine's need not: let what goes over lo pass before that`;
      }
    }
  }
  return undefined;
}

/** A packet that must come through, and the hooks that it meets in their order. */
interface Journey {
  readonly what: string;
  readonly direction: "in" | "out";
  readonly hooks: readonly Hook[];
  readonly packet: Packet;
}

const tftp: Range = { first: 69, last: 69 };

/** Firmware and iPXE ask from ports of their own, as every client does. */
const anyPort: Range = { first: 1024, last: 65535 };

const nowhere: Range = { first: -1, last: -1 };

function journeysOn(
  { interface: nic, address, cidr, machine = cidr, dataPorts }: Path,
  { links }: Links,
): readonly Journey[] {
  const own = parseAddresses(address) ?? nowhere;
  const theirs = parseAddresses(machine) ?? nowhere;
  const onlyAddress = links.find(({ name }) => name === nic)?.addresses.length === 1;
  const comesIn = (destinationPorts: Range, state: Packet["state"], what: string): Journey => ({
    what,
    direction: "in",
    hooks: ["ingress", "prerouting", "input"],
    packet: {
      incoming: nic,
      source: theirs,
      destination: own,
      sourcePorts: anyPort,
      destinationPorts,
      state,
      addressTypes: ["local"],
      packetTypes: ["host", "unicast"],
      onlyAddress,
    },
  });
  const goesOut = (state: Packet["state"], what: string): Journey => ({
    what,
    direction: "out",
    hooks: ["output", "postrouting", "egress"],
    packet: {
      outgoing: nic,
      source: own,
      destination: theirs,
      sourcePorts: dataPorts,
      destinationPorts: anyPort,
      state,
      addressTypes: ["unicast"],
      packetTypes: undefined,
      onlyAddress,
    },
  });
  return [
    comesIn(tftp, "new", "requests for files (udp 69)"),
    comesIn(dataPorts, "established", "acknowledgements of files (established udp)"),
    goesOut("new", "the first packet of a file (udp from a port of its own)"),
    goesOut("established", "the packets of a file (established udp)"),
  ];
}

function whyHeldUp(
  { what, direction, packet }: Journey,
  way: WayThere,
  path: Path,
  hasHelper: boolean,
): NotAdmitted | undefined {
  const { interface: nic } = path;
  // What translates addresses sees the first packet of a flow only.
  if (way.translates && packet.state !== "new") return undefined;
  const met: Packet = { ...packet, ...way.seen };
  const walked = walk(way, met);
  if (isAlways(walked, "accepted")) return undefined;
  // The kernel goes through such a chain only while something else makes it know of flows.
  const sure = isAlways(walked, "dropped") && !way.translates && !(hasHelper && mayBeRelated(direction, way, met));
  const rule = sure ? walked.drops : (walked.doubtful ?? walked.drops);
  const by = rule === undefined ? `the policy of ${way.name}` : `\`${rule}\` in ${way.name}`;
  const where = direction === "in" ? `of machines on ${nic}` : `to machines on ${nic}`;
  const help = direction === "in" ? helpIn(packet, way, path) : `let udp out on ${nic}`;
  return sure
    ? { sure, text: `node 0's firewall drops ${what} ${where}, by ${by}; ${help}` }
    : {
        sure,
        text: `it can't be told whether node 0's firewall lets through ${what} ${where}, because of ${by}; ${help}`,
      };
}

/** What lets machines in at such a way. */
function helpIn({ state }: Packet, way: WayThere, { firewall, interface: nic }: Path): string {
  if (way.isOpened && firewall === undefined) {
    return "declare a Firewall for it (a NetbootServer has one), or let it in yourself";
  }
  // ufw has the rules of its users in a chain of its own.
  const texts = [...way.rules, ...(way.chain("ufw-user-input") ?? [])].map(({ text }) => text);
  const opening = state === "new" ? /\b69\b/ : /\bestablished\b/i;
  const isThere = (mark: string) => texts.some((text) => text.includes(mark) && opening.test(text));
  if (way.isOpened && firewall !== undefined && !isThere(firewall)) {
    return `the rules of the Firewall that is declared for it are gone from there, because somebody loaded others: ${upMends("puts them back")}`;
  }
  return `a Firewall opens nothing there: let udp in on ${nic} there yourself, before that`;
}

function isAlways({ outcomes }: Walked, outcome: "accepted" | "dropped"): boolean {
  return outcomes.size === 1 && outcomes.has(outcome);
}

/** Where the kernel's helper for TFTP is used, it takes the first packet for one that belongs to the request. */
function mayBeRelated(direction: "in" | "out", way: WayThere, met: Packet): boolean {
  return direction === "out" && met.state === "new" && !isAlways(walk(way, { ...met, state: "related" }), "dropped");
}

/** Whether a rule gives flows a helper, be it TFTP's or another's. */
function setsHelper({ nftables, iptables }: Rulesets): boolean {
  return (
    nftables.chains.some(({ rules }) => rules.some(({ text }) => /\bct helper set\b/.test(text))) ||
    iptables.tables.some(({ chains }) =>
      [...chains.values()].some(({ rules }) => rules.some((text) => / -j CT .*--helper /.test(text))),
    )
  );
}

/** Tables of iptables, which its own programs read, and of what is neither IPv4 nor all. */
const notForNft = /^(?:ip6|arp) |^ip (?:raw|mangle|nat|security|filter)$/;

function whyUnread({ nftables, iptables, trafficControl, links }: Rulesets): string | undefined {
  const hidden = nftables.program ? [] : nftables.tables.filter((table) => !notForNft.test(table));
  const unread = [
    ...(nftables.unread === undefined ? [] : [nftables.unread]),
    ...iptables.unread,
    ...hidden.map((table) => `no program nft is there to read table ${table}`),
    ...trafficControl.unread,
    ...links.unread,
  ];
  if (unread.length === 0) return undefined;
  return `it can't be told what node 0's firewall lets through: ${unread.join(", ")}; mend that (install nftables), or reboot one machine first`;
}

/** What else decides about packets, in ways that can't be read from outside. */
function whyOutside({ trafficControl, links: { links } }: Rulesets, nic: string): string | undefined {
  const vrf = vrfOf(links, nic);
  if (vrf !== undefined) {
    return `it can't be told what node 0's firewall lets through on ${nic}, a member of the VRF ${vrf}: rules see ${vrf} in its place; reboot one machine first`;
  }
  for (const name of [nic, ...linksBelow(links, nic)]) {
    const programs = links.some((link) => link.name === name && link.hasXdp)
      ? `XDP programs on ${name}`
      : trafficControl.filtered.includes(name)
        ? `filters of tc(8) on ${name}`
        : trafficControl.attached.includes(name)
          ? `programs of BPF (tcx) on ${name}`
          : undefined;
    if (programs !== undefined) {
      return `it can't be told what ${programs} let through; take them off, or reboot one machine first`;
    }
    const shaper = trafficControl.shaped.get(name);
    if (shaper !== undefined) {
      return `it can't be told whether files go out by ${name} whole and in time, for a queue of tc(8) limits it (${shaper}); take it off (\`tc qdisc show dev ${name}\` tells of it), or reboot one machine first`;
    }
  }
  return undefined;
}

/** Rules for ARP: without it neither finds the other. A chain that has none, and lets all through, is as good as none. */
function whyUnheard({ nftables }: Rulesets, nic: string): string | undefined {
  const chain = nftables.chains.find(
    ({ family, hook, rules }) =>
      family === "arp" &&
      hook !== undefined &&
      (hook.policy === "drop" || rules.some(({ text }) => !/^accept\b/.test(text))),
  );
  return chain === undefined
    ? undefined
    : `it can't be told whether ARP comes through on ${nic}, by which machines and node 0 find each other: chain arp ${chain.table} ${chain.name} has rules for it; take them away, or reboot one machine first`;
}

/** Two interfaces in one network: answers go out by the one that the routing table has first, whichever the question came by. */
function whyAnotherWay({ links: { links } }: Rulesets, { interface: nic, cidr }: Path): string | undefined {
  const theirs = parseAddresses(cidr) ?? nowhere;
  const length = Number(cidr.split("/")[1]);
  for (const { name, addresses } of links) {
    // A single address brings no route to others with it, and that to itself is read where routes are.
    const other = addresses.find((each) => {
      const own = Number(each.split("/")[1]);
      return own >= length && own < 32 && overlaps(parseAddresses(each), theirs);
    });
    if (name === nic || other === undefined) continue;
    return `it can't be told whether files leave by ${nic}: ${name} has ${other}, which is in ${cidr} too; take it off, or give ${name} another network`;
  }
  return undefined;
}

function overlaps(range: Range | undefined, other: Range): boolean {
  return range !== undefined && range.first <= other.last && range.last >= other.first;
}
