import * as z from "../zod";
import { readJson } from "./links";
import type { Answers, Fact, Question } from "./question";

/** A rule of ip-rule(8): which table decides about which packets. */
export interface RoutingRule {
  readonly priority: number;
  /** What it does, as ip(8) writes it: `from all to 192.168.1.0/28 prohibit`. */
  readonly text: string;
  readonly source: string;
  readonly destination: string;
  readonly incoming: string | undefined;
  readonly outgoing: string | undefined;
  readonly isNegated: boolean;
  /** The mark that packets must have, which those of a daemon have not: 0 stands for none. */
  readonly mark: number;
  /** Whether it asks for more: a user, a port, a type of service, a VRF. */
  readonly asksMore: boolean;
  readonly table: string | undefined;
  /** `blackhole`, `prohibit`, `unreachable` or `nop`, in the place of a table. */
  readonly action: string | undefined;
  /** Routes of the table with a prefix of this length or a shorter one do not count. */
  readonly suppresses: number | undefined;
  readonly goto: number | undefined;
}

/** A route of one of the tables. */
export interface Route {
  readonly table: string;
  /** `unicast`, `local`, `broadcast`, `blackhole`, `prohibit`, `unreachable`, `throw` … */
  readonly type: string;
  /** `default` is `0.0.0.0/0`. */
  readonly destination: string;
  readonly interfaces: readonly string[];
  /** Whether a gateway is asked to bring packets on. */
  readonly hasGateway: boolean;
  readonly metric: number;
}

/** A policy of ip-xfrm(8): what IPsec makes of packets. */
export interface IpsecPolicy {
  readonly text: string;
  readonly direction: string;
  readonly source: string;
  readonly destination: string;
  readonly priority: number;
  readonly blocks: boolean;
  /** Whether packets must be, or will be, encrypted. */
  readonly encrypts: boolean;
  /** Whether it is about some packets of UDP only. */
  readonly isPartial: boolean;
}

/** By which way what node 0 sends to a network leaves, and whether what comes from there reaches it. */
export interface Routing {
  readonly rules: readonly RoutingRule[];
  /** Those that concern the network that was asked for. */
  readonly routes: readonly Route[];
  readonly policies: readonly IpsecPolicy[];
}

const ruleList = z.array(
  z.looseObject({
    priority: z.number(),
    src: z.string().optional(),
    srclen: z.number().optional(),
    dst: z.string().optional(),
    dstlen: z.number().optional(),
    iif: z.string().optional(),
    oif: z.string().optional(),
    fwmark: z.string().optional(),
    fwmask: z.string().optional(),
    table: z.string().optional(),
    action: z.string().optional(),
    suppress_prefixlen: z.number().optional(),
    goto: z.number().optional(),
  }),
);

const routeList = z.array(
  z.looseObject({
    type: z.string().optional(),
    dst: z.string(),
    dev: z.string().optional(),
    gateway: z.string().optional(),
    nexthops: z.array(z.looseObject({ dev: z.string().optional(), gateway: z.string().optional() })).optional(),
    table: z.string().optional(),
    metric: z.number().optional(),
    flags: z.array(z.string()).optional(),
  }),
);

/** What is understood of a rule, and what says nothing of whom it is about. */
const ruleKeys = new Set([
  ...["priority", "src", "srclen", "dst", "dstlen", "iif", "oif", "fwmark", "fwmask", "table", "action", "goto"],
  ...["suppress_prefixlen", "not", "protocol", "iif_detached", "oif_detached", "to_tbl", "unresolved"],
]);

/** The questions about a network: `192.168.1.0/28`. */
export function routingQuestions(cidr: string): Readonly<Record<string, Question>> {
  return {
    "routing.rules": { ask: "run", argv: ["ip", "-j", "-4", "rule", "show"] },
    "routing.inside": { ask: "run", argv: ["ip", "-j", "-4", "route", "show", "table", "all", "root", cidr] },
    "routing.around": { ask: "run", argv: ["ip", "-j", "-4", "route", "show", "table", "all", "match", cidr] },
    "routing.policies": { ask: "run", argv: ["ip", "xfrm", "policy"] },
  };
}

/** The rules, routes and IPsec policies that concern the network of the machines; undefined where nobody asked, or none could be read. */
export const routing: Fact<Routing | undefined> = {
  questions: routingQuestions("@held:serve:3@"),

  read(answers: Answers): Routing | undefined {
    const rules = readJson("ip rule show", ruleList, answers.ran("routing.rules")).value;
    const found = ["routing.inside", "routing.around"].map(
      (key) => readJson("ip route show", routeList, answers.ran(key)).value,
    );
    const policies = answers.ran("routing.policies");
    // A kernel without policy routing has no rules at all.
    if (rules === undefined || rules.length === 0 || found.includes(undefined)) return undefined;
    const routes = found.flatMap((list) => list ?? []).filter(({ flags = [] }) => !flags.includes("dead"));
    return {
      // That of VRFs is only about their members, of which is told elsewhere.
      rules: rules
        .filter((rule) => !("l3mdev" in rule))
        .map(ruleOf)
        .toSorted((one, other) => one.priority - other.priority),
      // The network's own route is inside it and around it.
      routes: [...new Map(routes.map(routeOf).map((route) => [JSON.stringify(route), route])).values()],
      policies: policies?.status === 0 ? parsePolicies(policies.said) : [],
    };
  },
};

function ruleOf(rule: z.infer<typeof ruleList>[number]): RoutingRule {
  const { priority, src = "all", srclen, dst = "all", dstlen, iif, oif, fwmark, table, action, goto } = rule;
  const prefix = (address: string, length: number | undefined): string =>
    address === "all" ? "0.0.0.0/0" : `${address}/${length ?? 32}`;
  const [source, destination] = [prefix(src, srclen), prefix(dst, dstlen)];
  const more = Object.keys(rule).filter((key) => !ruleKeys.has(key));
  const words = [
    ...("not" in rule ? ["not"] : []),
    `from ${src === "all" ? src : source}`,
    ...(dst === "all" ? [] : [`to ${destination}`]),
    ...(iif === undefined ? [] : [`iif ${iif}`]),
    ...(oif === undefined ? [] : [`oif ${oif}`]),
    ...(fwmark === undefined ? [] : [`fwmark ${fwmark}`]),
    ...more,
    ...(table === undefined ? [] : [`lookup ${table}`]),
    ...(action === undefined ? [] : [action]),
  ];
  return {
    priority,
    text: `${priority}: ${words.join(" ")}`,
    source,
    destination,
    incoming: iif,
    outgoing: oif,
    isNegated: "not" in rule,
    mark: Number(fwmark?.split("/")[0] ?? 0),
    asksMore: more.length > 0,
    table,
    action,
    suppresses: rule.suppress_prefixlen,
    goto,
  };
}

function routeOf(route: z.infer<typeof routeList>[number]): Route {
  const { type = "unicast", dst, dev, gateway, nexthops = [], table = "main", metric = 0 } = route;
  return {
    table,
    type,
    destination: dst === "default" ? "0.0.0.0/0" : dst.includes("/") ? dst : `${dst}/32`,
    interfaces: [dev, ...nexthops.map((hop) => hop.dev)].filter((name) => name !== undefined),
    hasGateway: [gateway, ...nexthops.map((hop) => hop.gateway)].some((each) => each !== undefined),
    metric,
  };
}

/** What `ip xfrm policy` prints: a line that says whom a policy is about, and indented ones that say what it does. */
export function parsePolicies(said: string): readonly IpsecPolicy[] {
  return said
    .split(/\n(?=src )/)
    .flatMap((text): readonly IpsecPolicy[] => {
      const [, source, destination, more = ""] = /^src (\S+) dst (\S+)(.*)/.exec(text) ?? [];
      const [, direction, action, priority] = /^\s+dir (\w+)(?: action (\w+))?.*? priority (\d+)/m.exec(text) ?? [];
      // Those of a socket are a key daemon's own.
      if (source === undefined || destination === undefined || direction === undefined) return [];
      const [, protocol] = /\bproto (\S+)/.exec(more) ?? [];
      if (protocol !== undefined && protocol !== "udp" && protocol !== "17") return [];
      const isPartial = /\b(?:sport|dport|dev|uid)\b/.test(more) || /^\s+(?:mark|if_id) /m.test(text);
      const encrypts = /^\s+tmpl /m.test(text) && !/\blevel use\b/.test(text);
      const blocks = action === "block";
      const words = `src ${source} dst ${destination}${more} dir ${direction}${blocks ? " action block" : ""}`;
      return [
        {
          text: words.replace(/\s+/g, " "),
          direction,
          source,
          destination,
          priority: Number(priority),
          blocks,
          encrypts,
          isPartial,
        },
      ];
    })
    .toSorted((one, other) => one.priority - other.priority);
}
