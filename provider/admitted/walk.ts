import { conditionsHold, type Packet } from "./packet";
import type { Rule } from "./rule";

/** What may become of a packet in a chain: it is let through or dropped there, or comes to the chain's end. */
export type Outcome = "accepted" | "dropped" | "goes on";

/** The chains that a packet meets at one hook of the kernel, from one that the kernel goes through by itself. */
export interface Way {
  /** `chain inet mine input`, `chain INPUT of iptables-nft`. */
  readonly name: string;
  /** What becomes of a packet at the end. */
  readonly policy: "accepted" | "dropped";
  readonly rules: readonly Rule[];
  /** The rules of another chain that these jump to. */
  readonly chain: (name: string) => readonly Rule[] | undefined;
}

/** What may become of a packet, and because of which rules. */
export interface Walked {
  readonly outcomes: ReadonlySet<Outcome>;
  /** The first rule, as it is printed, of which nobody knows whether or what it decides. */
  readonly doubtful: string | undefined;
  /** The first rule that may drop it. */
  readonly drops: string | undefined;
}

const anything: ReadonlySet<Outcome> = new Set(["accepted", "dropped", "goes on"]);

/** More jumps than the kernel allows, which are a circle that it does not allow either. */
const deepest = 32;

/** Goes with a packet through all of a way, and its policy at the end. */
export function walk(way: Way, packet: Packet): Walked {
  const noted: Noted = { doubtful: undefined, drops: undefined };
  const outcomes = outcomesOf(way, way.rules, packet, noted, 0);
  return { ...noted, outcomes: outcomes.has("goes on") ? withPolicy(outcomes, way.policy) : outcomes };
}

interface Noted {
  doubtful: string | undefined;
  drops: string | undefined;
}

function withPolicy(outcomes: ReadonlySet<Outcome>, policy: "accepted" | "dropped"): ReadonlySet<Outcome> {
  return new Set([...[...outcomes].filter((outcome) => outcome !== "goes on"), policy]);
}

function outcomesOf(
  way: Way,
  rules: readonly Rule[],
  packet: Packet,
  noted: Noted,
  depth: number,
): ReadonlySet<Outcome> {
  const outcomes = new Set<Outcome>();
  for (const rule of rules) {
    const holds = conditionsHold(packet, rule);
    if (holds === "no") continue;
    const become = outcomesOfVerdict(way, rule, packet, noted, depth);
    if (holds === "maybe" || isUnclear(rule, packet)) noted.doubtful ??= rule.text;
    if (rule.verdict.verdict === "drop") noted.drops ??= rule.text;
    // What comes back from a jump goes on here; from all else it leaves the chain.
    const comesBack = rule.verdict.verdict === "jump" && become.has("goes on");
    for (const outcome of become) if (!comesBack || outcome !== "goes on") outcomes.add(outcome);
    if (holds === "yes" && !comesBack) return outcomes;
  }
  return outcomes.add("goes on");
}

/** An address that is the only one is what it was after masquerading, too. */
function isUnclear({ verdict: { verdict } }: Rule, { onlyAddress }: Packet): boolean {
  return verdict === "unclear" || (verdict === "masquerade" && !onlyAddress);
}

function outcomesOfVerdict(way: Way, rule: Rule, packet: Packet, noted: Noted, depth: number): ReadonlySet<Outcome> {
  const { verdict } = rule;
  if (isUnclear(rule, packet)) return anything;
  switch (verdict.verdict) {
    case "accept":
    case "masquerade":
      return new Set(["accepted"]);
    case "drop":
      return new Set(["dropped"]);
    case "return":
      return new Set(["goes on"]);
    case "jump":
    case "goto": {
      const rules = way.chain(verdict.chain);
      return rules === undefined || depth >= deepest ? anything : outcomesOf(way, rules, packet, noted, depth + 1);
    }
    case "unclear":
      return anything;
  }
}
