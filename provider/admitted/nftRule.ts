import type { NftRule } from "../facts/nftables";
import * as z from "../zod";
import type { Condition, Property, Rule, Verdict } from "./rule";

/**
 * Reads a rule of nftables by what nft says of it in JSON (libnftables-json(5)). A map of verdicts makes several rules; one
 * without a verdict makes none, since the packet goes on in any case.
 */
export function rulesOfNft({ text, statements }: Pick<NftRule, "text" | "statements">): readonly Rule[] {
  const conditions: Condition[] = [];
  for (const statement of statements) {
    const { name, value } = named(statement);
    if (name === "vmap") {
      return verdictsOf(value).map(([holds, verdict]) => ({ text, conditions: [...conditions, ...holds], verdict }));
    }
    const verdict = verdictOf(name, value);
    if (verdict === "goes on") return [];
    if (verdict !== undefined) return [{ text, conditions, verdict }];
    conditions.push(...conditionsOf(name, value));
  }
  return [];
}

/** A statement or an expression is an object with one name: `{ "drop": null }`. */
const one = z.record(z.string(), z.unknown());

function named(value: unknown): { readonly name: string; readonly value: unknown } {
  const [entry] = Object.entries(one.safeParse(value).data ?? {});
  return entry === undefined ? { name: "", value: undefined } : { name: entry[0], value: entry[1] };
}

const target = z.looseObject({ target: z.string() });

/** A packet that is translated or not tracked is another one for all that comes after. */
const unclear: ReadonlySet<string> = new Set([
  "queue",
  "dnat",
  "snat",
  "redirect",
  "tproxy",
  "notrack",
  "synproxy",
  "fwd",
  "dup",
]);

function verdictOf(name: string, value: unknown): Verdict | "goes on" | undefined {
  switch (name) {
    case "accept":
    case "drop":
    case "return":
    case "masquerade":
      return { verdict: name };
    case "reject":
      return { verdict: "drop" };
    case "continue":
      return "goes on";
    case "jump":
    case "goto": {
      const chain = target.safeParse(value).data?.target;
      return chain === undefined ? { verdict: "unclear" } : { verdict: name, chain };
    }
    case "xt":
      return verdictOfIptables(value);
    // Another address or port makes another packet; a mark does not.
    case "mangle":
      return named(keyOf.safeParse(value).data?.key).name === "payload" ? { verdict: "unclear" } : undefined;
    default:
      return unclear.has(name) ? { verdict: "unclear" } : undefined;
  }
}

const keyOf = z.looseObject({ key: z.unknown() });

const extension = z.looseObject({ type: z.string(), name: z.string() });

/** A part of a rule that iptables-nft made, of which nft tells no more than the name. */
function verdictOfIptables(value: unknown): Verdict | undefined {
  const { type, name } = extension.safeParse(value).data ?? { type: "", name: "" };
  if (type === "match") return undefined;
  if (type !== "target") return { verdict: "unclear" };
  if (name === "REJECT" || name === "DROP") return { verdict: "drop" };
  if (name === "MASQUERADE") return { verdict: "masquerade" };
  return /^(?:LOG|NFLOG|MARK|CONNMARK|TRACE|CHECKSUM|CLASSIFY|TCPMSS|DSCP|TOS|TTL)$/.test(name)
    ? undefined
    : { verdict: "unclear" };
}

const mapOfVerdicts = z.looseObject({
  key: z.unknown(),
  data: z.looseObject({ set: z.array(z.tuple([z.unknown(), z.unknown()])) }),
});

/** What a map of verdicts says for each of its keys; nobody knows what a map with a name holds. */
function verdictsOf(value: unknown): readonly (readonly [readonly Condition[], Verdict])[] {
  const map = mapOfVerdicts.safeParse(value).data;
  if (map === undefined) return [[[], { verdict: "unclear" }]];
  return map.data.set.flatMap(([element, verdict]) => {
    const said = named(verdict);
    const of = verdictOf(said.name, said.value);
    if (of === "goes on") return [];
    return [[comparison(map.key, false, element), of ?? { verdict: "unclear" }] as const];
  });
}

const match = z.looseObject({ op: z.string().optional(), left: z.unknown(), right: z.unknown() });

const nobodyKnows: readonly Condition[] = [{ of: "nobody knows" }];

function conditionsOf(name: string, value: unknown): readonly Condition[] {
  if (name === "counter" || name === "log" || name === "mangle" || name === "comment") return [];
  if (name === "xt" && /^(?:comment|LOG|NFLOG|.*MARK|TRACE)$/.test(extension.safeParse(value).data?.name ?? ""))
    return [];
  const { op = "==", left, right } = (name === "match" ? match.safeParse(value).data : undefined) ?? { op: "" };
  return /^(?:==|in|!=)$/.test(op) ? comparison(left, op === "!=", right) : nobodyKnows;
}

/** Protocols that are not UDP by IPv4: whatever is compared of theirs, the packet has none of it. */
const others: ReadonlySet<string> = new Set(["tcp", "sctp", "dccp", "icmp", "icmpv6", "igmp", "esp", "ah", "ip6"]);

const leftSides = z.looseObject({
  meta: z.looseObject({ key: z.string() }).optional(),
  ct: z.looseObject({ key: z.string() }).optional(),
  payload: z.looseObject({ protocol: z.string().optional(), field: z.string().optional() }).optional(),
  fib: z.looseObject({ result: z.string(), flags: z.union([z.string(), z.array(z.string())]) }).optional(),
  "&": z.tuple([z.unknown()], z.unknown()).optional(),
});

const properties: Readonly<Record<string, Property>> = {
  "meta iif": "incoming interface",
  "meta iifname": "incoming interface",
  "meta oif": "outgoing interface",
  "meta oifname": "outgoing interface",
  "meta l4proto": "protocol",
  "meta nfproto": "family",
  "meta protocol": "family",
  "meta pkttype": "packet type",
  "ip protocol": "protocol",
  "ip saddr": "source address",
  "ip daddr": "destination address",
  "udp sport": "source port",
  "udp dport": "destination port",
  "th sport": "source port",
  "th dport": "destination port",
  "ct state": "state",
  "fib daddr type": "address type",
};

function comparison(left: unknown, not: boolean, right: unknown): readonly Condition[] {
  const sides = leftSides.safeParse(left).data;
  if (sides === undefined) return nobodyKnows;
  const { meta, ct, payload, fib, "&": masked } = sides;
  if (masked !== undefined) {
    const { protocol = "" } = leftSides.safeParse(masked[0]).data?.payload ?? {};
    return others.has(protocol) ? [{ of: "never" }] : nobodyKnows;
  }
  if (payload !== undefined && others.has(payload.protocol ?? "")) return [{ of: "never" }];
  const flags = [fib?.flags ?? []].flat();
  if (fib?.result === "oif" && !not) return wayBack(flags, right);
  const values = valuesOf(right);
  // Nothing of what machines and node 0 say to each other is translated.
  if (ct?.key === "status" && !not && values.every((value) => value === "dnat" || value === "snat")) {
    return [{ of: "never" }];
  }
  const words =
    meta !== undefined
      ? `meta ${meta.key}`
      : ct !== undefined
        ? `ct ${ct.key}`
        : payload !== undefined
          ? `${payload.protocol} ${payload.field}`
          : `fib ${flags.join(" . ")} ${fib?.result}`;
  const of = properties[words];
  if (of === undefined) return nobodyKnows;
  return [{ of, not, values: words === "meta protocol" ? values.map(familyOf) : values }];
}

/** Whether there is a way back to where the packet comes from: to machines of the network there is. */
function wayBack(flags: readonly string[], right: unknown): readonly Condition[] {
  const known =
    flags.includes("saddr") && flags.includes("iif") && flags.every((flag) => /^(?:saddr|iif|mark)$/.test(flag));
  if (!known) return nobodyKnows;
  if (right === true) return [];
  return right === false || right === 0 || right === "0" ? [{ of: "never" }] : nobodyKnows;
}

function familyOf(protocol: string): string {
  return protocol === "ip" ? "ipv4" : protocol === "ip6" ? "ipv6" : protocol;
}

const rightSides = z.looseObject({
  set: z.union([z.array(z.unknown()), z.string()]).optional(),
  range: z.tuple([z.unknown(), z.unknown()]).optional(),
  prefix: z.looseObject({ addr: z.string(), len: z.number() }).optional(),
  elem: z.looseObject({ val: z.unknown() }).optional(),
});

/** What no rule here understands: nobody knows whether it holds. */
const notUnderstood = "@";

function valuesOf(right: unknown): readonly string[] {
  if (typeof right === "string" || typeof right === "number") return [String(right)];
  if (Array.isArray(right)) return right.flatMap(valuesOf);
  const { set, range, prefix, elem } = rightSides.safeParse(right).data ?? {};
  if (set !== undefined) return typeof set === "string" ? [notUnderstood] : set.flatMap(valuesOf);
  if (range !== undefined) return [range.flatMap(valuesOf).join("-")];
  if (prefix !== undefined) return [`${prefix.addr}/${prefix.len}`];
  if (elem !== undefined) return valuesOf(elem.val);
  return [notUnderstood];
}
