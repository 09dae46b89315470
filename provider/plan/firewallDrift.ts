import type { Seen } from "../facts/question";
import type { Ufw, UfwRule } from "../facts/ufw";
import type { Drift } from "../kinds/drift";
import { firewallUnit } from "../os/paths";
import { closedInFirewalld, ourFirewalldFiles, planFirewalld } from "./firewalld";
import { type FirewallFile, headsFile, planFiles } from "./firewallFiles";
import { type FirewallFacts, type Head, isRight, observe } from "./firewallHeads";
import { anyRules, parseFirewallRules, renderIptablesRules, renderNftRules } from "./firewallRules";
import { isSameUfwRule, ourTuples, planUfw, renderUfwRules, ufwIsRight } from "./ufw";

/** The firewall of one resource, as the register has it. */
export interface OwnFirewall {
  readonly id: string;
  /** With the interface's name in them: `allow in on eno2 udp 67`. */
  readonly rules: readonly string[];
  /** As they were declared, in the same order: the interface may be `@interface@` in them. */
  readonly declared: readonly string[];
  /** Who managed the firewall when they were put in. */
  readonly manager: string | undefined;
}

/**
 * What of a resource's firewall is not as it was put in: rules, who manages it, files. `words` are the rules of all stacks, and `seen`
 * says what is at `firewallPaths`, with content.
 */
export function driftOfFirewall(
  own: OwnFirewall,
  words: readonly string[],
  facts: FirewallFacts,
  seen: (path: string) => Seen | undefined,
): readonly Drift[] {
  const rules = parseFirewallRules(words);
  const observed = observe(facts, rules);
  const { manager } = observed;
  const wrong = observed.heads.filter((head) => !isRight(head));
  const ufwRules = observed.ufw === undefined ? [] : planUfw(rules, facts.ufw, own.id);
  const inUfw =
    observed.ufw === undefined || "code" in ufwRules || ufwIsRight(ufwRules, facts.ufw) ? undefined : ufwRules;
  const zones = facts.firewalld.active && anyRules(rules) ? planFirewalld(rules, facts.firewalld, own.id) : undefined;
  const closed = zones === undefined || "code" in zones ? [] : closedInFirewalld(rules, zones, facts.firewalld);
  const isUnwritten = (word: string): boolean =>
    (inUfw !== undefined && ufwLacks(inUfw, word, facts.ufw)) || closed.includes(word);
  // Of a manager that came since, the kernel may have our rules all the same: our unit has put them in before what it has.
  const isOther = own.manager !== undefined && own.manager !== manager;
  const isHeld =
    isOther && facts.unit.runs && own.rules.every((word) => observed.heads.some((head) => holds(head, word)));
  const missing = own.rules.flatMap((word, at) => {
    const isMissing = !isHeld && (wrong.some((head) => lacks(head, word)) || isUnwritten(word));
    return isMissing ? [own.declared[at] ?? word] : [];
  });
  const byUnit =
    isHeld && own.rules.some(isUnwritten) ? `; until it has these rules itself, ${firewallUnit} holds them` : "";
  const isReordered = missing.length === 0 && !isHeld && (wrong.length > 0 || inUfw !== undefined);
  return [
    ...(isOther
      ? [
          {
            what: "the firewall",
            how: "became",
            seen: manager === "none" ? "managed by nobody" : `managed by ${manager}${byUnit}`,
          } as const,
        ]
      : []),
    ...missing.map((what) => ({ what, how: "missing", seen: "" }) as const),
    ...(isReordered ? [{ what: "the order of the rules", how: "changed", seen: "" } as const] : []),
    ...(anyRules(rules) && !facts.unit.runs
      ? [{ what: firewallUnit, how: "stopped", seen: "nothing puts the rules back if somebody loads others" } as const]
      : []),
    ...(own.manager === manager
      ? driftOfFiles(
          planFiles(observed, anyRules(rules), zones !== undefined && "code" in zones ? undefined : zones, facts),
          facts,
          seen,
        )
      : []),
  ];
}

function lacks(head: Head, word: string): boolean {
  const text = textIn(head, word);
  return head.wanted.length > 0 && text !== undefined && !head.ours.includes(text);
}

function holds(head: Head, word: string): boolean {
  const text = textIn(head, word);
  return text !== undefined && head.ours.includes(text);
}

function textIn({ by }: Head, word: string): string | undefined {
  const one = parseFirewallRules([word]);
  return (by === "nft" ? renderNftRules(one) : renderIptablesRules(one))[0];
}

function ufwLacks(wanted: readonly UfwRule[], word: string, ufw: Ufw): boolean {
  const [one] = renderUfwRules(parseFirewallRules([word]));
  if (one === undefined) return false;
  const rule = wanted.find(
    (each) =>
      each.action === one.action &&
      each.protocol === one.protocol &&
      each.interface === one.interface &&
      each.ports.split(",").includes(one.ports),
  );
  return rule !== undefined && !ourTuples(ufw).some((tuple) => isSameUfwRule(tuple, rule));
}

function driftOfFiles(
  files: readonly FirewallFile[],
  { firewalld }: FirewallFacts,
  seen: (path: string) => Seen | undefined,
): readonly Drift[] {
  const inFirewalld = ourFirewalldFiles(firewalld);
  return files.flatMap(({ path, to }) => {
    if (to.is === "absent") return [];
    // A release before this one had none; node 0 gets it before anything else is done there.
    if (path === headsFile && (seen(path)?.type ?? "absent") === "absent") return [];
    const { type, target, content } = path.startsWith("/etc/firewalld/")
      ? { type: inFirewalld.has(path) ? "file" : "absent", target: undefined, content: inFirewalld.get(path) }
      : (seen(path) ?? { type: "absent", target: undefined, content: undefined });
    const isAsPlanned = to.is === "link" ? type === "link" && target === to.target : content === to.content;
    return isAsPlanned ? [] : [{ what: path, how: type === "absent" ? "missing" : "changed", seen: "" } as const];
  });
}
