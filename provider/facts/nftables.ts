import * as z from "../zod";
import type { Answers, Fact, Ran } from "./question";

/** Where the kernel goes through a chain by itself. */
export interface NftHook {
  /** `filter`, `nat` or `route`. */
  readonly type: string;
  /** `input`, `prerouting`, `ingress`, … */
  readonly hook: string;
  readonly priority: number;
  readonly policy: string;
  /** Of a chain at interfaces: their names. */
  readonly devices: readonly string[];
}

export interface NftRule {
  readonly handle: number;
  /** As `nft list` prints it, comment and all. */
  readonly text: string;
  readonly comment: string | undefined;
  /** What nft says of it in JSON, in order. */
  readonly statements: readonly unknown[];
}

export interface NftChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  /** Absent in a chain that others jump to, and in a table that sleeps. */
  readonly hook: NftHook | undefined;
  readonly rules: readonly NftRule[];
}

/** What nftables holds. */
export interface Nftables {
  /** Whether nft(8) is there. */
  readonly program: boolean;
  readonly chains: readonly NftChain[];
  /** The tables as the kernel itself names them, also where nft(8) is not there: `inet mine`. */
  readonly tables: readonly string[];
  /** Why the rules could not be read, with nft's own words. */
  readonly unread: string | undefined;
  /** Whether systemd knows nftables.service, which loads a ruleset at boot. */
  readonly unitKnown: boolean;
}

/** Asks the kernel by netlink which tables of nftables it has, and prints a line for each: `inet mine`. */
const listTables = String.raw`use strict; use warnings;
socket my $netlink, 16, 3, 12 or exit;
send $netlink, pack('L S S L L C C n', 20, 10 << 8 | 1, 0x301, 1, 0, 0, 0, 0), 0 or exit;
my %families = (1 => 'inet', 2 => 'ip', 3 => 'arp', 5 => 'netdev', 7 => 'bridge', 10 => 'ip6');
while (defined recv $netlink, my $said, 65536, 0) {
    while (length $said >= 20) {
        my ($length, $type, $family) = unpack 'L S x10 C', $said;
        exit if $type <= 3 || $length < 20;
        my $attributes = substr $said, 20, $length - 20;
        while (length $attributes >= 4) {
            my ($size, $kind) = unpack 'S S', $attributes;
            last if $size < 4;
            my $name = $families{$family} // $family;
            print "$name ", unpack('Z*', substr $attributes, 4, $size - 4), "\n" if $kind == 1;
            substr $attributes, 0, ($size + 3) & ~3, '';
        }
        substr $said, 0, ($length + 3) & ~3, '';
    }
}`;

/** The rules of nftables, by nft(8): their meaning in its JSON; what that does not say in its text. */
export const nftables: Fact<Nftables> = {
  questions: {
    "nftables.tables": { ask: "run", argv: ["perl", "-e", listTables] },
    "nftables.text": { ask: "run", argv: ["nft", "-a", "-t", "list", "ruleset"] },
    "nftables.json": { ask: "run", argv: ["nft", "-j", "-a", "-t", "list", "ruleset"] },
    "nftables.unit": { ask: "run", argv: ["systemctl", "show", "--property=LoadState", "--", "nftables.service"] },
  },

  read(answers: Answers): Nftables {
    const text = answers.ran("nftables.text");
    const program = text !== undefined && text.status !== 127;
    const { chains, unread } = program ? readRuleset(text, answers.ran("nftables.json")) : { chains: [] };
    return {
      program,
      chains,
      tables: (answers.ran("nftables.tables")?.said ?? "").split("\n").filter((line) => line !== ""),
      unread,
      unitKnown: /^LoadState=loaded$/m.test(answers.ran("nftables.unit")?.said ?? ""),
    };
  },
};

interface Ruleset {
  readonly chains: readonly NftChain[];
  readonly unread?: string;
}

function readRuleset(text: Ran, json: Ran | undefined): Ruleset {
  const failed = [text, json].find((answer) => answer !== undefined && answer.status !== 0);
  if (failed !== undefined) return { chains: [], unread: inWords("nft list ruleset", failed.said) };
  const entries = entriesOf(json?.said ?? "");
  if (entries === undefined) return { chains: [], unread: inWords("nft -j list ruleset", json?.said ?? "") };
  return { chains: joined(entries, parseListing(text.said)) };
}

/** What a program says, as far as its first line: `nft list ruleset said: …`. */
export function inWords(what: string, said: string): string {
  const [first = ""] = said.split("\n");
  return first === "" ? what : `${what} said: ${first.slice(0, 200)}`;
}

const chainEntry = z.looseObject({
  family: z.string(),
  table: z.string(),
  name: z.string(),
  type: z.string().optional(),
  hook: z.string().optional(),
  prio: z.number().optional(),
  policy: z.string().optional(),
});

const ruleEntry = z.looseObject({
  family: z.string(),
  table: z.string(),
  chain: z.string(),
  handle: z.number(),
  comment: z.string().optional(),
  expr: z.array(z.unknown()),
});

/** Of each entry only what is known here: a chain or a rule; tables, sets and what comes one day are left out. */
const rulesetEntries = z.looseObject({
  nftables: z.array(z.looseObject({ chain: chainEntry.optional(), rule: ruleEntry.optional() })),
});

type Entry = z.infer<typeof rulesetEntries>["nftables"][number];

/** Beside its JSON nft may warn of tables that iptables-nft manages. */
function entriesOf(said: string): readonly Entry[] | undefined {
  const line = said.split("\n").find((each) => each.startsWith("{"));
  if (line === undefined) return undefined;
  try {
    return rulesetEntries.safeParse(JSON.parse(line)).data?.nftables;
  } catch {
    return undefined;
  }
}

/** What only the listing says: in JSON nft 1.0.6 tells neither the interfaces of a chain nor that a table sleeps. */
interface Listing {
  /** By `family table`. */
  readonly sleeping: ReadonlySet<string>;
  /** By `family table chain`. */
  readonly devices: ReadonlyMap<string, readonly string[]>;
  /** By `family table handle`. */
  readonly texts: ReadonlyMap<string, string>;
}

/** Reads what `nft -a list ruleset` prints: a rule ends with its handle, and may go over several lines. */
function parseListing(said: string): Listing {
  const sleeping = new Set<string>();
  const devices = new Map<string, readonly string[]>();
  const texts = new Map<string, string>();
  let table = "";
  let chain: string | undefined;
  let text = "";
  for (const line of said.split("\n")) {
    const [, family, name] = /^table (\S+) (\S+) \{/.exec(line) ?? [];
    const begun = /^\tchain (\S+) \{/.exec(line)?.[1];
    if (family !== undefined) {
      table = `${family} ${name}`;
      chain = undefined;
    } else if (/^\tflags .*\bdormant\b/.test(line)) sleeping.add(table);
    else if (begun !== undefined) chain = `${table} ${begun}`;
    else if (/^\t?\}/.test(line)) chain = undefined;
    else if (chain === undefined) continue;
    else if (/^\t\ttype \w+ hook /.test(line)) {
      const [, listed = ""] = / hook \w+ devices? (?:= )?(\{[^}]*\}|\S+) /.exec(line) ?? [];
      devices.set(chain, listed.split(/[{}",\s]+/).filter(Boolean));
    } else {
      text += ` ${line.trimStart()}`;
      const [whole, handle] = / # handle (\d+)$/.exec(text) ?? [];
      if (whole === undefined) continue;
      texts.set(`${table} ${handle}`, text.slice(1, -whole.length));
      text = "";
    }
  }
  return { sleeping, devices, texts };
}

function joined(entries: readonly Entry[], listing: Listing): readonly NftChain[] {
  const rules = Map.groupBy(
    entries.flatMap(({ rule }) => (rule === undefined ? [] : [rule])),
    ({ family, table, chain }) => `${family} ${table} ${chain}`,
  );
  return entries.flatMap(({ chain }) => {
    if (chain === undefined) return [];
    const { family, table, name } = chain;
    const key = `${family} ${table} ${name}`;
    return {
      family,
      table,
      name,
      hook: hookOf(chain, listing, key),
      rules: (rules.get(key) ?? []).map(({ handle, comment, expr }) => ({
        handle,
        text: listing.texts.get(`${family} ${table} ${handle}`) ?? `rule ${handle}`,
        comment,
        statements: expr,
      })),
    };
  });
}

function hookOf(chain: z.infer<typeof chainEntry>, listing: Listing, key: string): NftHook | undefined {
  const { family, table, type, hook } = chain;
  if (type === undefined || hook === undefined || listing.sleeping.has(`${family} ${table}`)) return undefined;
  return {
    type,
    hook,
    priority: chain.prio ?? 0,
    policy: chain.policy ?? "",
    devices: listing.devices.get(key) ?? [],
  };
}
