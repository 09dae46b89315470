import type { Rulesets } from "../admitted/whyNotAdmitted";
import { firewalld } from "../facts/firewalld";
import { firewallUnit } from "../facts/firewallUnit";
import { iptables } from "../facts/iptables";
import { type NftChain, nftables } from "../facts/nftables";
import type { HostAnswers, Question } from "../facts/question";
import { ufw } from "../facts/ufw";
import { firewallUnit as watchingUnit } from "../os/paths";
import { type Change, wantsOf } from "./change";
import { type FirewallPlan, planFirewall } from "./firewall";
import { headsFile } from "./firewallFiles";
import { type FirewallFacts, renderHeads } from "./firewallHeads";
import { mark, parseFirewallRules, statementsOfNft } from "./firewallRules";
import type { Expectation, PathPlan } from "./plan";
import { firewallQuestions, lookKey } from "./questions";
import { type Held, heldOf, type Register } from "./records";
import type { Refusal } from "./refusal";
import type { Warning } from "./warning";

/** What a change makes of node 0's firewall, as a part of its transaction. */
export interface FirewallPart {
  readonly plan: FirewallPlan;
  /** The resources of the change that want rules, and those that go. */
  readonly puts: readonly string[];
  readonly ids: readonly string[];
  readonly paths: readonly PathPlan[];
  readonly expectations: readonly Expectation[];
  readonly warnings: readonly Warning[];
  /** What the register holds besides of a resource that wants rules. */
  readonly held: readonly Held[];
  /** The rulesets as they will be. */
  predict(rulesets: Rulesets): Rulesets;
}

export function firewallFacts(answers: HostAnswers): FirewallFacts {
  return {
    nftables: nftables.read(answers),
    iptables: iptables.read(answers),
    ufw: ufw.read(answers),
    firewalld: firewalld.read(answers),
    unit: firewallUnit.read(answers),
  };
}

/** The rules of all stacks, in words. */
export function rulesHeld(entries: Register["after"]): readonly string[] {
  return heldOf(entries, "firewall").flatMap(({ held }) => held.rules);
}

/**
 * Whether node 0 has rules of ours, and not the file by which they are put in again: a release before this one worked them
 * out there.
 */
function lacksHeads(before: Register["before"], answers: HostAnswers): boolean {
  const isManaged = heldOf(before, "managed").some(({ held }) => held.manager !== "none");
  return isManaged && rulesHeld(before).length > 0 && answers.path(lookKey(headsFile))?.type === "absent";
}

/** What must be known of a host whose rules were put in by a release before this one. */
export function headsQuestions(before: Register["before"], answers: HostAnswers): Readonly<Record<string, Question>> {
  return lacksHeads(before, answers) ? firewallQuestions : {};
}

/** The heads as that release put them in; undefined where node 0 has them in a file. */
export function headsBefore(before: Register["before"], answers: HostAnswers): string | Refusal | undefined {
  if (!lacksHeads(before, answers)) return undefined;
  const [of] = heldOf(before, "firewall");
  const plan = planFirewall(rulesHeld(before), firewallFacts(answers), of?.id ?? "-");
  return "code" in plan ? plan : renderHeads(plan.heads);
}

/** Plans the firewall's part of a change; nothing if the change is not about it. */
export function planFirewallPart(
  change: Change,
  { before, after }: Register,
  answers: HostAnswers,
): FirewallPart | Refusal | undefined {
  const puts = wantsOf(change.puts, "firewall").map(({ id }) => id);
  const gone = heldOf(before, "firewall")
    .map(({ id }) => id)
    .filter((id) => !after.has(id));
  const ids = [...puts, ...gone];
  const [id] = ids;
  if (id === undefined) return undefined;
  const plan = planFirewall(rulesHeld(after), firewallFacts(answers), id);
  if ("code" in plan) return plan;
  return {
    plan,
    puts,
    ids,
    paths: plan.files.map(({ path, to }) => ({ path, id, to: withSum(to), isOurs: true, had: false })),
    expectations: [
      ...(plan.watches ? [{ ask: "unit", id, unit: watchingUnit, sockets: [] } as const] : []),
      { ask: "heads", id, heads: renderHeads(plan.heads) },
      ...plan.answers.map(({ argv, matches, what }) => ({ ask: "run", id, argv, matches, what }) as const),
    ],
    warnings: plan.warnings.map((text) => ({ id, text })),
    held: [
      { want: "managed", manager: plan.manager },
      ...plan.folders.map((path): Held => ({ want: "dir", path, mode: "0755" })),
    ],
    predict: (rulesets) => predicted(rulesets, plan, rulesHeld(after)),
  };
}

/** The hash of such a file is worked out where it is rendered: node 0 knows it by its content. */
function withSum(to: FirewallPlan["files"][number]["to"]): PathPlan["to"] {
  return to.is === "file" ? { ...to, sha256: "" } : to;
}

/**
 * With our rules where they will be: at the head of every chain at the hook, and with a manager that keeps them itself at the
 * head of its own chain for what its users let in. What the manager really makes of them is looked at after the change.
 */
function predicted(rulesets: Rulesets, { heads }: FirewallPlan, words: readonly string[]): Rulesets {
  const statements = statementsOfNft(parseFirewallRules(words));
  const ours = heads.nft.map((text, index) => ({
    ...{ text, comment: mark, handle: 0 },
    statements: statements[index] ?? [],
  }));
  const isOurs = (text: string): boolean => text.includes(mark);
  const inNft = (chain: NftChain): NftChain => {
    const isAtHook = chain.hook?.hook === "input" && chain.hook.type === "filter" && /^(?:ip|inet)$/.test(chain.family);
    return isAtHook ? { ...chain, rules: [...ours, ...chain.rules.filter(({ text }) => !isOurs(text))] } : chain;
  };
  return {
    ...rulesets,
    nftables: { ...rulesets.nftables, chains: rulesets.nftables.chains.map(inNft) },
    iptables: {
      ...rulesets.iptables,
      tables: rulesets.iptables.tables.map((table) => {
        // ufw goes through its own rules first, and only then through those of its users.
        const isUfw = heads.notBeforeJumpsTo.includes("ufw-before-input") && table.chains.has("ufw-user-input");
        const place = isUfw ? "ufw-user-input" : "INPUT";
        const chain = table.chains.get(place);
        if (table.table !== "filter" || chain === undefined) return table;
        const rules = [...heads.iptables, ...chain.rules.filter((rule) => !isOurs(rule))];
        return { ...table, chains: new Map([...table.chains, [place, { ...chain, rules }]]) };
      }),
    },
  };
}
