import type { Firewalld } from "../facts/firewalld";
import type { FirewallUnit } from "../facts/firewallUnit";
import type { Iptables, IptablesTable } from "../facts/iptables";
import type { Nftables, NftChain } from "../facts/nftables";
import type { Seen } from "../facts/question";
import type { Ufw, UfwRule } from "../facts/ufw";
import type { Drift } from "../kinds/drift";
import { enablingLink, firewallUnit, unitFile } from "../os/paths";
import { closedInFirewalld, type FirewalldPlan, firewalldAnswers, ourFirewalldFiles, planFirewalld } from "./firewalld";
import {
  anyRules,
  type FirewallRules,
  mark,
  parseFirewallRules,
  renderIptablesRules,
  renderNftRules,
} from "./firewallRules";
import type { Refusal } from "./refusal";
import {
  isSameUfwRule,
  literal,
  ourTuples,
  planUfw,
  renderUfwRules,
  ufwCommands,
  ufwFilePattern,
  ufwIsRight,
  ufwWords,
} from "./ufw";

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

/**
 * All that becomes of node 0's firewall. An accept in a table of one's own opens nothing where another chain of the same
 * hook drops, so our rules stand at the head of each chain at the hook of what comes in, whether or not it drops. ufw and
 * firewalld keep rules themselves, so there they are put in by the manager's own means.
 */
export interface FirewallPlan {
  readonly manager: FirewallManager;
  readonly heads: FirewallHeads;
  readonly files: readonly FirewallFile[];
  /** The folders of these files. */
  readonly folders: readonly string[];
  /** Run in this order, once the files are there and before the heads are made right. */
  readonly commands: readonly FirewallCommand[];
  /** Files that these commands write, which the journal keeps. */
  readonly written: readonly string[];
  /** What makes the managers read their files again when those are as they were before. */
  readonly undoing: readonly (readonly string[])[];
  /** Whether our unit is to watch over the rules from now on. */
  readonly watches: boolean;
  /** Whether anything but the files is not as it should be. */
  readonly differs: boolean;
  /** What must be answered afterwards; the heads are looked at besides. */
  readonly answers: readonly FirewallAnswer[];
  readonly warnings: readonly string[];
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

export interface FirewallFile {
  readonly path: string;
  readonly to:
    | { readonly is: "file"; readonly mode: string; readonly content: string }
    | { readonly is: "link"; readonly target: string }
    | { readonly is: "absent" };
}

export interface FirewallCommand {
  readonly argv: readonly string[];
  /** What to say before the program's own words if it fails. */
  readonly refused: string;
}

/** A question to a program, and patterns (of Perl and JavaScript) of which each must be found in its answer. */
export interface FirewallAnswer {
  readonly argv: readonly string[];
  readonly matches: readonly string[];
  /** What is missing else. */
  readonly what: string;
}

const nftDropIn = "/etc/systemd/system/nftables.service.d/pulumi-netboot.conf";
const plugin = "/usr/share/netfilter-persistent/plugins.d/90-pulumi-netboot";
const state = "/var/lib/pulumi-netboot";
/** The heads, as node 0 reads them at boot and when a manager has loaded its own rules. */
export const headsFile: string = `${state}/firewall`;
const putIn = `/usr/bin/perl ${state}/agent.pl firewall`;

/** The files of ours that do not depend on who manages the firewall. */
export const firewallPaths: readonly string[] = [
  unitFile(firewallUnit),
  enablingLink(firewallUnit),
  nftDropIn,
  plugin,
  headsFile,
];

const unitText = `# Written by pulumi-netboot. Whoever loads a ruleset, whenever that is, flushes what it does not hold; this sees it and
# puts the rules of ours back.
[Unit]
Description=Keep the rules of pulumi-netboot in the firewall
After=pulumi-netboot-recovery.service nftables.service netfilter-persistent.service ufw.service firewalld.service network.target
ConditionPathExists=${headsFile}
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${putIn} watch
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
`;

const dropInText = `# Written by pulumi-netboot. Loading a ruleset flushes what it does not hold; this puts the rules of ours back.
[Service]
ExecStartPost=-${putIn}
ExecReload=-${putIn}
`;

const pluginText = `#!/bin/sh
# Written by pulumi-netboot. Loading saved rules flushes all others; this puts the rules of ours back.
[ "$1" != start ] || ${putIn} || true
`;

/**
 * How the firewall should be with the rules of all stacks, and what of it is not so yet. `words` are as in `allow in on eno2 udp 67`;
 * `id` is the resource that hears of what can't be.
 */
export function planFirewall(words: readonly string[], facts: FirewallFacts, id: string): FirewallPlan | Refusal {
  const { firewalld, ufw, iptables, nftables } = facts;
  const rules = parseFirewallRules(words);
  const any = anyRules(rules);
  if (firewalld.unread !== undefined) {
    return {
      code: "FIREWALL_REFUSED",
      id,
      message: `firewalld on node 0 does not say what it holds: ${firewalld.unread}; \`firewall-cmd --list-all-zones\` must answer there, or firewalld be stopped and disabled`,
    };
  }
  if (nftables.unread !== undefined) {
    return {
      code: "FIREWALL_REFUSED",
      id,
      message: `the firewall of node 0 can't be read: ${nftables.unread}; \`nft list ruleset\` must answer there`,
    };
  }
  const seen = observe(facts, rules);
  const zones = firewalld.active && any ? planFirewalld(rules, firewalld, id) : undefined;
  if (zones !== undefined && "code" in zones) return zones;
  const ufwRules = seen.ufw === undefined ? [] : planUfw(rules, ufw, id);
  if ("code" in ufwRules) return ufwRules;
  const files = planFiles(seen, any, zones, facts);
  const reloads = firewalld.active && firewalldDiffers(rules, zones, files, firewalld);
  const inUfw = seen.ufw !== undefined || (!any && ufw.program) ? ufwCommands(ufwRules, ufw) : [];
  const watch = planWatch(any, facts.unit);
  return {
    manager: seen.manager,
    heads: seen.wanted,
    files,
    folders: foldersOf(files),
    commands: [
      ...(reloads ? firewalldCommands(firewalld) : []),
      ...inUfw.map((argv) => ({ argv, refused: `ufw refused \`${argv.join(" ")}\`` })),
      ...watch.commands,
    ],
    written: inUfw.length > 0 ? ufw.files : [],
    undoing: [
      ...(reloads ? [["firewall-cmd", "--reload"]] : []),
      ...(seen.ufw !== undefined && inUfw.length > 0 ? [["ufw", "reload"]] : []),
      ...watch.undoing,
    ],
    watches: any,
    differs: reloads || inUfw.length > 0 || watch.commands.length > 0 || seen.heads.some((head) => !isRight(head)),
    answers: [
      ...(seen.ufw === undefined ? [] : ufwAnswers(rules, ufwRules, seen.ufw)),
      ...(zones === undefined ? [] : firewalldAnswers(rules, zones)),
    ],
    warnings: [...(zones?.warnings ?? []), ...(any ? [] : warningsOfSaved(iptables))],
  };
}

/** What makes our unit run with its present text, and what brings it back to what it did. It ends by itself with its file of rules. */
function planWatch(any: boolean, { text, runs }: FirewallUnit): Pick<FirewallPlan, "commands" | "undoing"> {
  const restart = ["systemctl", "restart", firewallUnit];
  if (!any) return { commands: [], undoing: runs ? [restart] : [] };
  if (runs && text === unitText) return { commands: [], undoing: [] };
  return {
    commands: [{ argv: restart, refused: `systemd refused \`${restart.join(" ")}\`` }],
    undoing: [runs ? restart : ["systemctl", "stop", firewallUnit]],
  };
}

function firewalldCommands({ checksNewZones }: Firewalld): readonly FirewallCommand[] {
  return [...(checksNewZones ? ["--check-config"] : []), "--reload"].map((word) => ({
    argv: ["firewall-cmd", word],
    refused: `firewalld refused its new configuration (\`firewall-cmd ${word}\`)`,
  }));
}

function warningsOfSaved({ saved }: Iptables): readonly string[] {
  return isMarkedIptables(saved)
    ? [
        "somebody saved our rules into /etc/iptables/rules.v4; they are out of the firewall now, but come back at boot until you save again (`netfilter-persistent save`)",
      ]
    : [];
}

/** The head of a chain that nobody keeps for us. */
interface Head {
  readonly by: "nft" | "iptables";
  /** `the chain inet mine input`. */
  readonly what: string;
  readonly wanted: readonly string[];
  /** Our rules in it, wherever they stand. */
  readonly ours: readonly string[];
  /** As many of its first rules as are wanted. */
  readonly first: readonly string[];
}

function isRight({ wanted, ours, first }: Head): boolean {
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

interface Observed {
  readonly manager: FirewallManager;
  readonly wanted: FirewallHeads;
  readonly heads: readonly Head[];
  /** The table that ufw has its rules in, if it is active. */
  readonly ufw: IptablesTable | undefined;
}

function observe(facts: FirewallFacts, rules: FirewallRules): Observed {
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

function isMarkedIptables(text: string): boolean {
  return new RegExp(`--comment "?${mark}"? `).test(text);
}

function jumpsTo({ chains }: IptablesTable, chain: string): boolean {
  return (chains.get("INPUT")?.rules ?? []).some(
    (rule) => rule.endsWith(`-j ${chain}`) || rule.endsWith(`-g ${chain}`),
  );
}

/** What of the firewall lies in files, and what of ours must not be there any more. */
function planFiles(
  { wanted }: Observed,
  any: boolean,
  zones: FirewalldPlan | undefined,
  { nftables, iptables, firewalld }: FirewallFacts,
): readonly FirewallFile[] {
  const files = new Map<string, FirewallFile["to"]>(
    [...firewallPaths, ...ourFirewalldFiles(firewalld).keys()].map((path) => [path, { is: "absent" }]),
  );
  if (any) {
    const file = (path: string, mode: string, content: string) => files.set(path, { is: "file", mode, content });
    file(unitFile(firewallUnit), "0644", unitText);
    files.set(enablingLink(firewallUnit), { is: "link", target: unitFile(firewallUnit) });
    if (nftables.unitKnown) file(nftDropIn, "0644", dropInText);
    if (iptables.pluginsFolder) file(plugin, "0755", pluginText);
    for (const [path, content] of zones?.files ?? []) file(path, "0644", content);
    file(headsFile, "0600", renderHeads(wanted));
  }
  return [...files].map(([path, to]) => ({ path, to })).toSorted((one, other) => (one.path < other.path ? -1 : 1));
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

function foldersOf(files: readonly FirewallFile[]): readonly string[] {
  const folders = files
    .filter(({ to }) => to.is === "file")
    .map(({ path }) => path.slice(0, path.lastIndexOf("/")))
    .filter((folder) => folder !== state);
  return [...new Set(folders)];
}

/** Whether firewalld must read its files anew: they differ, or it does not run what they say. */
function firewalldDiffers(
  rules: FirewallRules,
  zones: FirewalldPlan | undefined,
  files: readonly FirewallFile[],
  firewalld: Firewalld,
): boolean {
  const there = ourFirewalldFiles(firewalld);
  const changes = files
    .filter(({ path }) => path.startsWith("/etc/firewalld/"))
    .some(({ path, to }) => (to.is === "file" ? there.get(path) !== to.content : there.has(path)));
  return changes || (zones !== undefined && closedInFirewalld(rules, zones, firewalld).length > 0);
}

/** What ufw's file and the kernel must show when ufw has put in all of it. */
function ufwAnswers(rules: FirewallRules, wanted: readonly UfwRule[], table: IptablesTable): readonly FirewallAnswer[] {
  const argv = [table.kind, "-w", "5", "-t", "filter", "-S"];
  const inChain = "(?:^|\\n)-A ufw-(?:user|before)-input ";
  return [
    { argv: ["cat", "/etc/ufw/user.rules"], matches: [ufwFilePattern(wanted)], what: "ufw's user.rules" },
    ...wanted.map((rule) => {
      const on = rule.interface === "" ? "" : `-i ${literal(rule.interface)} `;
      return {
        argv,
        matches: [`${inChain}${on}-p ${rule.protocol} [^\\n]*--dports? ${rule.ports} `],
        what: `ufw-user-input, ${ufwWords(rule).join(" ")}`,
      };
    }),
    ...(rules.accepts.some(({ port }) => port === "established")
      ? [
          {
            argv,
            matches: [`${inChain}[^\\n]*ESTABLISHED[^\\n]* -j ACCEPT(?:\\n|$)`],
            what: "ufw-before-input, answers to established connections",
          },
        ]
      : []),
  ];
}

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
  const missing = own.rules.flatMap((word, at) => {
    const isMissing =
      wrong.some((head) => lacks(head, word)) ||
      (inUfw !== undefined && ufwLacks(inUfw, word, facts.ufw)) ||
      closed.includes(word);
    return isMissing ? [own.declared[at] ?? word] : [];
  });
  const isReordered = missing.length === 0 && (wrong.length > 0 || inUfw !== undefined);
  return [
    ...(own.manager !== undefined && own.manager !== manager
      ? [{ what: "manager", how: "became", seen: manager } as const]
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

function lacks({ by, wanted, ours }: Head, word: string): boolean {
  const one = parseFirewallRules([word]);
  const [text] = by === "nft" ? renderNftRules(one) : renderIptablesRules(one);
  return wanted.length > 0 && text !== undefined && !ours.includes(text);
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
