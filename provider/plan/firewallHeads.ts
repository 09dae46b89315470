import type { Firewalld } from "../facts/firewalld";
import type { FirewallUnit } from "../facts/firewallUnit";
import type { Iptables, IptablesTable } from "../facts/iptables";
import type { Nftables, NftChain } from "../facts/nftables";
import type { Ufw } from "../facts/ufw";
import { type FirewallRules, mark, parseFirewallRules, renderIptablesRules, renderNftRules } from "./firewallRules";

/** Who is in charge of node 0's firewall; none where no chain of it decides about what comes in. */
export type FirewallManager = "firewalld" | "ufw" | "nftables" | "iptables" | "none";

/** Everything on node 0 that a firewall's plan depends on. */
export interface FirewallFacts {
  readonly nftables: Nftables;
  readonly iptables: Iptables;
  readonly ufw: Ufw;
  readonly firewalld: Firewalld;
  readonly unit: FirewallUnit;
}

/** What is at the head of each chain that nobody keeps for us, and which chains those are not. */
export interface FirewallHeads {
  /** As nft(8) takes and prints them. */
  readonly nft: readonly string[];
  /** As `iptables -S` prints them, after `-A INPUT`. */
  readonly iptables: readonly string[];
  /** Tables of nftables whose manager puts in our rules itself. */
  readonly notInTables: readonly string[];
  /** Nor in an INPUT of iptables that jumps to one of these chains. */
  readonly notBeforeJumpsTo: readonly string[];
}

/** The head of a chain that nobody keeps for us. */
export interface Head {
  readonly by: "nft" | "iptables";
  /** `the chain inet mine input`. */
  readonly what: string;
  readonly wanted: readonly string[];
  /** Our rules in it, wherever they stand. */
  readonly ours: readonly string[];
  /** As many of its first rules as are wanted. */
  readonly first: readonly string[];
}

export function isRight({ wanted, ours, first }: Head): boolean {
  return isSame(wanted, ours) && isSame(wanted, first);
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((text, at) => text === other[at]);
}

/** The chains that have our rules at their head, by ourselves, and whether all is so already. */
export function chainsWithHeads(
  words: readonly string[],
  facts: FirewallFacts,
): readonly { readonly chain: string; readonly isRight: boolean }[] {
  return observe(facts, parseFirewallRules(words))
    .heads.filter(({ wanted, ours }) => wanted.length + ours.length > 0)
    .map((head) => ({ chain: head.what, isRight: isRight(head) }));
}

export interface Observed {
  readonly manager: FirewallManager;
  readonly wanted: FirewallHeads;
  readonly heads: readonly Head[];
  /** The table that ufw has its rules in, if it is active. */
  readonly ufw: IptablesTable | undefined;
}

export function observe(facts: FirewallFacts, rules: FirewallRules): Observed {
  const filters = facts.iptables.tables.filter(({ table, chains }) => table === "filter" && chains.has("INPUT"));
  const ufw = facts.ufw.enabled ? filters.find((table) => jumpsTo(table, "ufw-before-input")) : undefined;
  const { active } = facts.firewalld;
  const wanted: FirewallHeads = {
    nft: renderNftRules(rules),
    iptables: renderIptablesRules(rules),
    notInTables: active ? ["firewalld"] : [],
    notBeforeJumpsTo: [...(ufw === undefined ? [] : ["ufw-before-input"]), ...(active ? ["INPUT_direct"] : [])],
  };
  const nft = inputChains(facts.nftables, filters, wanted).map((chain) => headOfNft(chain, wanted));
  const iptables = filters.map((table) => headOfIptables(table, wanted));
  const manager = active
    ? "firewalld"
    : ufw !== undefined
      ? "ufw"
      : nft.length > 0
        ? "nftables"
        : iptables.length > 0
          ? "iptables"
          : "none";
  return { manager, wanted, heads: [...nft, ...iptables], ufw };
}

/** The chains of nftables at the hook of what comes in, but for those that others keep. */
function inputChains(
  { chains }: Nftables,
  filters: readonly IptablesTable[],
  { notInTables }: FirewallHeads,
): readonly NftChain[] {
  const byIptables = filters.some(({ kind }) => kind === "iptables-nft");
  return chains.filter(({ family, table, name, hook }) => {
    if (hook?.hook !== "input" || hook.type !== "filter" || !/^(?:ip|inet)$/.test(family)) return false;
    return !notInTables.includes(table) && !(byIptables && family === "ip" && table === "filter" && name === "INPUT");
  });
}

function headOfNft({ family, table, name, rules }: NftChain, { nft }: FirewallHeads): Head {
  return {
    by: "nft",
    what: `the chain ${family} ${table} ${name}`,
    wanted: nft,
    ours: rules.map(({ text }) => text).filter((text) => text.endsWith(` comment "${mark}"`)),
    first: rules.slice(0, nft.length).map(({ text }) => text),
  };
}

function headOfIptables(table: IptablesTable, { iptables, notBeforeJumpsTo }: FirewallHeads): Head {
  const rules = table.chains.get("INPUT")?.rules ?? [];
  const wanted = notBeforeJumpsTo.some((chain) => jumpsTo(table, chain)) ? [] : iptables;
  return {
    by: "iptables",
    what: `the chain INPUT of ${table.kind}`,
    wanted,
    ours: rules.filter(isMarkedIptables),
    first: rules.slice(0, wanted.length),
  };
}

export function isMarkedIptables(text: string): boolean {
  return new RegExp(`--comment "?${mark}"? `).test(text);
}

function jumpsTo({ chains }: IptablesTable, chain: string): boolean {
  return (chains.get("INPUT")?.rules ?? []).some(
    (rule) => rule.endsWith(`-j ${chain}`) || rule.endsWith(`-g ${chain}`),
  );
}

/** The heads as lines of a word and what it says. */
export function renderHeads({ nft, iptables, notInTables, notBeforeJumpsTo }: FirewallHeads): string {
  return [
    ...notInTables.map((table) => `not-in-table ${table}`),
    ...notBeforeJumpsTo.map((chain) => `not-before-jump-to ${chain}`),
    ...nft.map((rule) => `nft ${rule}`),
    ...iptables.map((rule) => `iptables ${rule}`),
  ]
    .map((line) => `${line}\n`)
    .join("");
}
