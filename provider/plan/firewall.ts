import type { Firewalld } from "../facts/firewalld";
import type { FirewallUnit } from "../facts/firewallUnit";
import type { Iptables, IptablesTable } from "../facts/iptables";
import type { UfwRule } from "../facts/ufw";
import { firewallUnit } from "../os/paths";
import { closedInFirewalld, type FirewalldPlan, firewalldAnswers, ourFirewalldFiles, planFirewalld } from "./firewalld";
import { type FirewallFile, foldersOf, planFiles, unitText } from "./firewallFiles";
import {
  type FirewallFacts,
  type FirewallHeads,
  type FirewallManager,
  isMarkedIptables,
  isRight,
  observe,
} from "./firewallHeads";
import { anyRules, type FirewallRules, parseFirewallRules } from "./firewallRules";
import type { Refusal } from "./refusal";
import { literal, planUfw, ufwCommands, ufwFilePattern, ufwWords } from "./ufw";

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
    warnings: [
      ...(zones?.warnings ?? []),
      ...(any ? [] : warningsOfSaved(iptables)),
      ...(seen.manager === "none" && rules.drops.length > 0 ? [confinedByNobody] : []),
    ],
  };
}

const confinedByNobody =
  "nothing is confined as yet: node 0 has no firewall, and what is to be dropped on the other interfaces is dropped as soon as it has one";

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
