import type { Condition, Property, Rule, Verdict } from "./rule";

const goesOn: ReadonlySet<string> = new Set(
  "LOG NFLOG ULOG MARK CONNMARK SECMARK CONNSECMARK TRACE CT SET AUDIT CHECKSUM CLASSIFY TCPMSS DSCP TOS TTL".split(
    " ",
  ),
);

const unclear: ReadonlySet<string> = new Set("NFQUEUE DNAT SNAT REDIRECT NETMAP TPROXY NOTRACK".split(" "));

/** Extensions of iptables whose words are all understood, or say nothing about whether the rule holds. */
const understood: ReadonlySet<string> = new Set("udp tcp comment conntrack state multiport addrtype".split(" "));

const properties: Readonly<Record<string, Property>> = {
  "-i": "incoming interface",
  "-o": "outgoing interface",
  "-p": "protocol",
  "-s": "source address",
  "-d": "destination address",
  "--sport": "source port",
  "--sports": "source port",
  "--dport": "destination port",
  "--dports": "destination port",
  "--ctstate": "state",
  "--state": "state",
  "--dst-type": "address type",
};

/** Reads a rule as `iptables -S` prints it; nothing if the packet goes on in any case. */
export function ruleOfIptables(text: string): Rule | undefined {
  const words = wordsOf(text);
  const at = words.findIndex((word) => word === "-j" || word === "-g");
  if (at < 0) return undefined;
  const verdict = verdictOf(words[at] === "-g" ? "goto" : "jump", words[at + 1] ?? "", words.slice(at + 2));
  return verdict && { text, conditions: conditionsOf(words.slice(0, at)), verdict };
}

/** A text of several words stands in quotes, in which a backslash may come before a quote. */
function wordsOf(text: string): readonly string[] {
  return [...text.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, inQuotes, bare]) => inQuotes ?? bare ?? "");
}

function verdictOf(how: "jump" | "goto", name: string, more: readonly string[]): Verdict | undefined {
  if (name === "CT" && more.includes("--notrack")) return { verdict: "unclear" };
  if (goesOn.has(name)) return undefined;
  switch (name) {
    case "ACCEPT":
      return { verdict: "accept" };
    case "DROP":
    case "REJECT":
      return { verdict: "drop" };
    case "RETURN":
      return { verdict: "return" };
    case "MASQUERADE":
      return { verdict: "masquerade" };
    default:
      return unclear.has(name) ? { verdict: "unclear" } : { verdict: how, chain: name };
  }
}

function conditionsOf(words: readonly string[]): readonly Condition[] {
  const conditions: Condition[] = [];
  const rest = [...words];
  while (rest.length > 0) {
    const not = rest[0] === "!";
    const [word = "", value = ""] = rest.splice(0, not ? 3 : 2).slice(not ? 1 : 0);
    if (word === "--comment") continue;
    if (word === "-m" && value === "rpfilter") {
      const options = rest.splice(0, wayBackOptions(rest));
      // The way back to a machine of the network is there.
      if (options.includes("--invert")) conditions.push({ of: "never" });
      continue;
    }
    if (word === "-m" && understood.has(value)) continue;
    const of = properties[word];
    if (of === undefined) return [...conditions, { of: "nobody knows" }];
    conditions.push({ of, not, values: value.split(",") });
  }
  return conditions;
}

/** How many of the next words belong to rpfilter. */
function wayBackOptions(words: readonly string[]): number {
  const end = words.findIndex((word) => !/^--(?:loose|validmark|accept-local|invert)$/.test(word));
  return end < 0 ? words.length : end;
}
