import type { IpsecPolicy, Route, Routing, RoutingRule } from "../facts/routing";
import { addressText } from "../values/ipv4";
import { type Holds, parseAddresses, type Range, turned } from "./packet";
import type { NotAdmitted, Path } from "./whyNotAdmitted";

type Network = Pick<Path, "interface" | "address" | "cidr">;

const nowhere: Range = { first: -1, last: -1 };
const rangeOf = (text: string): Range => parseAddresses(text) ?? nowhere;

/**
 * Why what node 0 sends to machines would not leave by their interface, or what they send would not reach it: rules and routes
 * of another program, or IPsec. Node 0's own question goes the short way, over the loopback, and meets none of them.
 *
 * Asked for the addresses that it is about, for a way may be wrong for one machine; without them, for all of the network.
 */
export function whyNotRouted(routing: Routing, network: Network): (whom?: readonly Range[]) => NotAdmitted | undefined {
  const whole = rangeOf(network.cidr);
  const [heard, encrypted] = [whyNotHeard(routing, network), whyEncrypted(routing, network)];
  const isClear = clearWays(routing, network);
  return (whom = [whole]) => {
    const elsewhere = whom.map((range) => (isClear(range) ? undefined : whyElsewhere(routing, network, range)));
    const reasons = [heard, ...elsewhere, encrypted];
    return reasons.find((reason) => reason?.sure) ?? reasons.find((reason) => reason !== undefined);
  };
}

/** Whether nothing is wrong with the way to a machine. Between two borders all have one, so ten thousand ask for a few. */
function clearWays(routing: Routing, network: Network): (whom: Range) => boolean {
  const hosts = hostsOf(network);
  const borders = bordersIn(routing, hosts);
  const isClear = borders.map((at) => whyElsewhere(routing, network, { first: at, last: at }) === undefined);
  return ({ first, last }) =>
    first === last && first <= hosts.last && isClear[borders.findLastIndex((at) => at <= first)] === true;
}

/** The addresses that hosts may have there. */
function hostsOf({ cidr }: Network): Range {
  const { first, last } = rangeOf(cidr);
  return { first: first + 1, last: last - 1 };
}

/** The addresses, in their order, from which on the way may be another one. */
function bordersIn({ routes, rules }: Routing, { first, last }: Range): readonly number[] {
  const ends = [...routes, ...rules]
    .map(({ destination }) => rangeOf(destination))
    .flatMap((range) => [range.first, range.last + 1]);
  const within = [first, ...ends].filter((at) => at >= first && at <= last);
  return [...new Set(within)].toSorted((one, other) => one - other);
}

const holds = ({ first, last }: Range, address: number): boolean => first <= address && address <= last;
const overlaps = (one: Range, other: Range): boolean => one.first <= other.last && one.last >= other.first;

/** A packet that looks for its way. */
interface Looking {
  readonly from: number;
  readonly to: number;
  /** Where it came in; undefined of what node 0 sends. */
  readonly incoming?: string;
}

interface Way {
  /** Undefined where no route is there. */
  readonly route: Route | undefined;
  /** What decided, where that was no route. */
  readonly rule: RoutingRule | undefined;
  /** Whether each rule on the way is about this packet for certain. */
  readonly isSure: boolean;
}

/** The first rule with an answer decides, as the kernel asks them. */
function wayOf({ rules, routes }: Routing, looking: Looking): Way {
  let isSure = true;
  let from = 0;
  for (const rule of rules) {
    const meant = rule.priority < from ? "no" : isMeant(rule, looking);
    if (meant === "no") continue;
    if (rule.goto !== undefined) {
      if (meant === "yes") from = rule.goto;
      else isSure = false;
      continue;
    }
    if (rule.action === "nop") continue;
    const route = rule.table === undefined ? undefined : routeIn(routes, rule, looking.to);
    if (rule.table !== undefined && (route === undefined || route.type === "throw")) continue;
    if (meant === "maybe") {
      isSure = false;
      continue;
    }
    return { route, rule, isSure };
  }
  return { route: undefined, rule: undefined, isSure };
}

function isMeant(rule: RoutingRule, { from, to, incoming }: Looking): Holds {
  const is = [
    holds(rangeOf(rule.source), from) || from < 0,
    holds(rangeOf(rule.destination), to),
    rule.incoming === undefined || rule.incoming === (incoming ?? "lo"),
    // Only a socket that is bound to an interface asks so, and in.tftpd is bound to an address.
    rule.outgoing === undefined,
    rule.mark === 0,
  ];
  const meant: Holds = is.includes(false) ? "no" : rule.asksMore ? "maybe" : "yes";
  return rule.isNegated ? turned[meant] : meant;
}

/** The narrowest route to an address, of several the one with the smallest metric. */
function routeIn(routes: readonly Route[], { table, suppresses = -1 }: RoutingRule, to: number): Route | undefined {
  const length = ({ destination }: Route): number => Number(destination.split("/")[1]);
  return routes
    .filter((route) => route.table === table && holds(rangeOf(route.destination), to) && length(route) > suppresses)
    .toSorted((one, other) => length(other) - length(one) || one.metric - other.metric)[0];
}

/** What machines send to node 0 must be for node 0. */
function whyNotHeard(routing: Routing, { interface: nic, address, cidr }: Network): NotAdmitted | undefined {
  const own = rangeOf(address).first;
  const { route, rule, isSure } = wayOf(routing, { from: rangeOf(cidr).first + 1, to: own, incoming: nic });
  if (route?.type === "local" && isSure) return undefined;
  if (route?.type === "local") {
    const text = `it can't be told whether node 0 takes what machines on ${nic} send to ${address}, because of its rules of ip-rule(8)`;
    return { sure: false, text: `${text}; take those off that nobody needs, or reboot one machine first` };
  }
  const by = rule === undefined ? "it has no route there" : `by the rule \`${rule.text}\``;
  return { sure: isSure, text: `node 0 does not take what machines on ${nic} send to ${address}: ${by}` };
}

/** What node 0 sends to each of these addresses must leave by its interface. */
function whyElsewhere(routing: Routing, network: Network, whom: Range): NotAdmitted | undefined {
  const { interface: nic, address } = network;
  const hosts = hostsOf(network);
  const isMachine = whom.first === whom.last;
  const from = rangeOf(address).first;
  const within = { first: Math.max(whom.first, hosts.first), last: Math.min(whom.last, hosts.last) };
  let doubt: NotAdmitted | undefined;
  for (const to of bordersIn(routing, within)) {
    const way = wayOf(routing, { from, to });
    const { route } = way;
    if (route?.type === "local" && to !== from && isMachine) {
      const where = `\`ip address show to ${addressText(to)}\` there shows where`;
      const text = `files for ${addressText(to)} stay on node 0, which has that address itself: ${where}; take it off`;
      doubt ??= { sure: false, text };
    }
    // Another address of node 0's own is no machine's, and a broadcast is none.
    if (route?.type === "local" || route?.type === "broadcast") continue;
    const isByNic = route?.type === "unicast" && !route.hasGateway && route.interfaces.every((name) => name === nic);
    if (isByNic && way.isSure) continue;
    const found = inWords(way, isByNic, addressText(to), nic);
    if (found.sure) return found;
    doubt ??= found;
  }
  return doubt;
}

function inWords({ route, rule, isSure }: Way, isByNic: boolean, to: string, nic: string): NotAdmitted {
  if (isByNic) {
    const text = `it can't be told whether what node 0 sends to ${to} leaves by ${nic}, because of its rules of ip-rule(8)`;
    return { sure: false, text: `${text}; take those off that nobody needs, or reboot one machine first` };
  }
  const by =
    route === undefined
      ? rule === undefined
        ? "it has no route there"
        : `by the rule \`${rule.text}\``
      : `by the route \`${route.type === "unicast" ? "" : `${route.type} `}${route.destination}\` of table ${route.table}`;
  if (route?.type === "unicast") {
    const text = `it can't be told whether files reach a machine at ${to}: node 0 sends what is for it to ${route.hasGateway ? "a gateway on " : ""}${route.interfaces.join(", ")}, not straight to ${nic}, ${by}`;
    return { sure: false, text: `${text}; take it away, or give that network other addresses` };
  }
  return {
    sure: isSure,
    text: `node 0 sends nothing to a machine at ${to}: ${by}; mend its routes (\`ip route get ${to}\`)`,
  };
}

/** What IPsec blocks or encrypts no machine gets that boots. */
function whyEncrypted({ policies }: Routing, { address, cidr }: Network): NotAdmitted | undefined {
  const own = rangeOf(address);
  const theirs = rangeOf(cidr);
  const found = (["in", "out"] as const).map((direction) =>
    whyPolicy(
      policies.filter((policy) => policy.direction === direction),
      direction === "in" ? { source: theirs, destination: own } : { source: own, destination: theirs },
      direction === "in" ? "what machines send" : "what node 0 sends to machines",
    ),
  );
  return found.find((reason) => reason?.sure) ?? found.find((reason) => reason !== undefined);
}

/** The first policy that is about a packet decides. */
function whyPolicy(
  policies: readonly IpsecPolicy[],
  packets: { readonly source: Range; readonly destination: Range },
  what: string,
): NotAdmitted | undefined {
  for (const { text, source, destination, blocks, encrypts, isPartial } of policies) {
    const [from, to] = [rangeOf(source), rangeOf(destination)];
    if (!overlaps(from, packets.source) || !overlaps(to, packets.destination)) continue;
    const isWhole = !isPartial && isWithin(packets.source, from) && isWithin(packets.destination, to);
    if (blocks || encrypts) {
      const does = blocks ? "blocks" : "wants encrypted";
      const help = "let it pass in clear before that (`ip xfrm policy` shows all), or reboot one machine first";
      return isWhole
        ? { sure: true, text: `IPsec on node 0 ${does} ${what}, by the policy \`${text}\`; ${help}` }
        : {
            sure: false,
            text: `it can't be told whether IPsec on node 0 ${does} ${what}, because of the policy \`${text}\`; ${help}`,
          };
    }
    if (isWhole) return undefined;
  }
  return undefined;
}

function isWithin(inner: Range, outer: Range): boolean {
  return outer.first <= inner.first && inner.last <= outer.last;
}
