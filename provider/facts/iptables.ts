import { inWords, nftables } from "./nftables";
import type { Answers, Fact } from "./question";

export interface IptablesChain {
  /** `ACCEPT` or `DROP`; empty for a chain that others jump to. */
  readonly policy: string;
  /** As `iptables -S` prints them, after `-A <chain>`. */
  readonly rules: readonly string[];
}

/** A table of one of the kernel's two iptables. */
export interface IptablesTable {
  readonly kind: "iptables-nft" | "iptables-legacy";
  /** `filter`, `nat`, `raw`, `mangle` or `security`. */
  readonly table: string;
  readonly chains: ReadonlyMap<string, IptablesChain>;
}

/** What iptables holds of IPv4. */
export interface Iptables {
  readonly tables: readonly IptablesTable[];
  /** What could not be read, each with the program's own words. */
  readonly unread: readonly string[];
  /** Whether netfilter-persistent, which loads saved rules at boot, has its folder of plugins. */
  readonly pluginsFolder: boolean;
  /** The rules that somebody saved for netfilter-persistent. */
  readonly saved: string;
}

/** In the order in which a packet that comes in meets them. */
const names = ["raw", "mangle", "nat", "security", "filter"] as const;

const nftTable = `(?:^|\\n)ip (?:${names.join("|")})\\n`;

/**
 * The rules of iptables. Only tables that are there are read, by the programs that print all of them and load none. To be
 * asked after `nftables`, whose list of tables says whether iptables-nft has any.
 */
export const iptables: Fact<Iptables> = {
  questions: {
    "iptables.nft": { when: { key: "nftables.tables", matches: nftTable }, ask: "run", argv: ["iptables-nft-save"] },
    "iptables.legacyNames": { ask: "run", argv: ["cat", "/proc/net/ip_tables_names"] },
    "iptables.legacy": {
      when: { key: "iptables.legacyNames", matches: `(?:^|\\n)(?:${names.join("|")})\\n` },
      ask: "run",
      argv: ["iptables-legacy-save"],
    },
    "iptables.plugins": { ask: "path", path: "/usr/share/netfilter-persistent/plugins.d" },
    "iptables.saved": { ask: "path", path: "/etc/iptables/rules.v4", bytes: 1_000_000 },
  },

  read(answers: Answers): Iptables {
    const { program, tables } = nftables.read(answers);
    const present = {
      "iptables-nft": names.filter((name) => tables.includes(`ip ${name}`)),
      "iptables-legacy": legacyNames(answers),
    };
    const read = [
      readKind(answers, "iptables-nft", "iptables.nft", present["iptables-nft"], program),
      readKind(answers, "iptables-legacy", "iptables.legacy", present["iptables-legacy"], false),
    ];
    return {
      tables: read.flatMap((kind) => kind.tables),
      unread: read.flatMap((kind) => kind.unread),
      pluginsFolder: answers.path("iptables.plugins")?.type === "folder",
      saved: answers.path("iptables.saved")?.content ?? "",
    };
  },
};

function legacyNames(answers: Answers): readonly string[] {
  const lines = (answers.ran("iptables.legacyNames")?.said ?? "").split("\n");
  return names.filter((name) => lines.includes(name));
}

/** `readByNft`: what this program does not print, nft reads. */
function readKind(
  answers: Answers,
  kind: IptablesTable["kind"],
  key: string,
  present: readonly string[],
  readByNft: boolean,
): Pick<Iptables, "tables" | "unread"> {
  const answer = answers.ran(key);
  if (present.length === 0 || (readByNft && answer?.status !== 0)) return { tables: [], unread: [] };
  if (answer === undefined || answer.status === 127) {
    return { tables: [], unread: present.map((name) => `no program ${kind} is there for its table ${name}`) };
  }
  if (answer.status !== 0) return { tables: [], unread: [inWords(`${kind}-save`, answer.said)] };
  const tables = parseSaved(kind, answer.said).filter(({ table }) => present.includes(table));
  const missing = present.filter((name) => !tables.some(({ table }) => table === name));
  return { tables, unread: readByNft ? [] : missing.map((name) => `${kind}-save does not print the table ${name}`) };
}

/** Reads what `iptables-save` prints, in the order of a packet's way. */
function parseSaved(kind: IptablesTable["kind"], said: string): readonly IptablesTable[] {
  const tables = new Map<string, Map<string, { policy: string; rules: string[] }>>();
  // Of a table that iptables-nft can't show whole, it prints what it can; nft reads that one.
  const partly = new Set([...said.matchAll(/^# Table `(\S+)' /gm)].map(([, name]) => name));
  let chains = new Map<string, { policy: string; rules: string[] }>();
  for (const line of said.split("\n")) {
    const [, table] = /^\*(\S+)$/.exec(line) ?? [];
    const [, declared, policy] = /^:(\S+) (\S+)/.exec(line) ?? [];
    const [, chain, rule] = /^-A (\S+) (.*)$/.exec(line) ?? [];
    if (table !== undefined) {
      chains = new Map();
      tables.set(table, chains);
    } else if (declared !== undefined)
      chains.set(declared, { policy: policy === "-" ? "" : (policy ?? ""), rules: [] });
    else if (chain !== undefined && rule !== undefined) chains.get(chain)?.rules.push(rule);
  }
  return names.flatMap((name) => {
    const found = partly.has(name) ? undefined : tables.get(name);
    return found === undefined ? [] : { kind, table: name, chains: found };
  });
}
