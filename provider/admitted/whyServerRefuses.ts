import type { TftpPeers, WrapperFile, WrapperRule } from "../facts/tftpPeers";
import { type Holds, parseAddresses, type Range, rangeIs, turned } from "./packet";
import type { NotAdmitted, Path } from "./whyNotAdmitted";

type Network = Pick<Path, "interface" | "address" | "cidr" | "machine">;

const none = ({ cidr, machine }: Network): string =>
  machine === undefined ? `no machine of ${cidr}` : `no machine at ${machine}`;
const those = ({ cidr, machine }: Network): string =>
  machine === undefined ? `the machines of ${cidr}` : `the machine at ${machine}`;

/**
 * Why in.tftpd, or the kernel for it, would not answer machines though node 0's own question is answered: hosts.allow and
 * hosts.deny, which it reads at each request, and what its unit may hear.
 */
export function whyServerRefuses(peers: TftpPeers, path: Network): NotAdmitted | undefined {
  const reasons = [whyUnitHearsNot(peers, path), whyWrapped(peers, path)];
  return reasons.find((reason) => reason?.sure) ?? reasons.find((reason) => reason !== undefined);
}

// ---- TCP wrappers: hosts_access(5), hosts_options(5) ----

const daemon = "in.tftpd";

interface Decision {
  readonly lets: Holds;
  readonly by: { readonly file: WrapperFile; readonly rule: WrapperRule } | undefined;
}

function whyWrapped({ allow, deny }: TftpPeers, network: Network): NotAdmitted | undefined {
  const { address, cidr, machine = cidr } = network;
  const rules = [allow, deny].flatMap((file) =>
    file.rules.map((rule) => ({ file, rule, lets: whatRuleLets(rule, file === allow) })),
  );
  const decide = (at: number): Decision => {
    const next = rules[at];
    if (next === undefined) return { lets: "yes", by: undefined };
    const { file, rule, lets } = next;
    const holds = and(
      isInList(rule.daemons, (word) => isDaemon(word, address)),
      isInList(rule.clients, (word) => isClient(word, machine)),
    );
    if (holds === "no") return decide(at + 1);
    if (holds === "yes") return { lets, by: { file, rule } };
    const otherwise = decide(at + 1);
    return otherwise.lets === lets ? otherwise : { lets: "maybe", by: { file, rule } };
  };
  const { lets, by } = decide(0);
  if (lets === "yes" || by === undefined) return undefined;
  const where = `${by.file.path}, line ${by.rule.line} (${by.rule.text})`;
  const help = `put \`${daemon}: ${maskedOf(cidr)}\` first in ${allow.path}`;
  return lets === "no"
    ? { sure: true, text: `${daemon} answers ${none(network)}, by ${where}; ${help}` }
    : {
        sure: false,
        text: `it can't be told whether ${daemon} answers ${those(network)}, because of ${where}; ${help}`,
      };
}

/** `192.168.1.0/255.255.255.240`, which every libwrap reads. */
function maskedOf(cidr: string): string {
  const [network = "", length = ""] = cidr.split("/");
  const mask = [0, 1, 2, 3].map((octet) => 256 - 2 ** (8 - Math.min(8, Math.max(0, Number(length) - 8 * octet))));
  return `${network}/${mask.join(".")}`;
}

/** What a rule does with whom it is about. Most options only tell somebody, or set something. */
function whatRuleLets({ options }: WrapperRule, isAllowing: boolean): Holds {
  const words = options.map((option) => option.split(/[\s=]/)[0]?.toLowerCase() ?? "");
  if (words.includes("allow")) return "yes";
  if (words.includes("deny")) return "no";
  const harmless = ["", "severity", "spawn", "setenv", "nice", "umask", "keepalive", "linger", "rfc931", "banners"];
  if (words.some((word) => !harmless.includes(word))) return "maybe";
  return isAllowing ? "yes" : "no";
}

/** A list with what it leaves out: `ALL EXCEPT 192.168.1.5`. */
function isInList(words: readonly string[], isMeant: (word: string) => Holds): Holds {
  const except = words.findIndex((word) => word.toUpperCase() === "EXCEPT");
  const named = or((except < 0 ? words : words.slice(0, except)).map(isMeant));
  return except < 0 ? named : and(named, turned[isInList(words.slice(except + 1), isMeant)]);
}

function and(...all: readonly Holds[]): Holds {
  return all.includes("no") ? "no" : all.includes("maybe") ? "maybe" : "yes";
}

function or(all: readonly Holds[]): Holds {
  return all.includes("yes") ? "yes" : all.includes("maybe") ? "maybe" : "no";
}

function isDaemon(word: string, address: string): Holds {
  const [name = "", server] = word.toLowerCase().split("@");
  const isNamed: Holds = name === "all" || name === daemon ? "yes" : /[*?]/.test(name) ? "maybe" : "no";
  return server === undefined ? isNamed : and(isNamed, isClient(server, `${address}/32`));
}

/** Whether a pattern means the addresses of a network. By name it may, for who a machine is, its name server says. */
function isClient(word: string, cidr: string): Holds {
  const user = /^(.+)@([^@]+)$/.exec(word);
  if (user !== null) return and(user[1]?.toUpperCase() === "ALL" ? "yes" : "maybe", isClient(user[2] ?? "", cidr));
  if (word.toUpperCase() === "ALL" || word === "*") return "yes";
  // Of IPv6.
  if (word.startsWith("[")) return "no";
  const range = rangeOf(word);
  const theirs = parseAddresses(cidr);
  if (range === undefined || theirs === undefined) return /^[\d./]+$/.test(word) ? "no" : "maybe";
  return rangeIs(theirs, [range]);
}

/** `192.168.1.`, `192.168.1.*`, `192.168.1.5`, `192.168.1.0/28`, `192.168.1.0/255.255.255.240`. */
function rangeOf(word: string): Range | undefined {
  const begins = /^((?:\d+\.){1,3})\*?$/.exec(word)?.[1];
  if (begins !== undefined) {
    const octets = begins.split(".").slice(0, -1);
    return parseAddresses(`${[...octets, "0", "0", "0"].slice(0, 4).join(".")}/${8 * octets.length}`);
  }
  const [network = "", mask] = word.split("/");
  if (mask === undefined || !mask.includes(".")) return aligned(word);
  const bits = mask
    .split(".")
    .map((octet) => Number(octet).toString(2).padStart(8, "0"))
    .join("");
  return /^1*0*$/.test(bits) && bits.length === 32
    ? aligned(`${network}/${bits.indexOf("0") < 0 ? 32 : bits.indexOf("0")}`)
    : undefined;
}

/** A network whose address has bits behind its mask means nobody. */
function aligned(text: string): Range | undefined {
  const range = parseAddresses(text);
  return range?.first === parseAddresses(text.replace(/\/.*/, ""))?.first ? range : undefined;
}

// ---- The unit: systemd.resource-control(5) ----

function whyUnitHearsNot(
  { allowed, denied, interfaces, filters, isContained }: TftpPeers,
  network: Network,
): NotAdmitted | undefined {
  const { interface: nic, cidr, machine = cidr } = network;
  const look = "`systemctl cat tftpd-hpa.service system.slice` shows where that is set";
  const doubt = (by: string): NotAdmitted => {
    const text = `it can't be told whether tftpd-hpa.service hears ${those(network)}, because of ${by}; ${look}`;
    return { sure: false, text };
  };
  const unlessContained = (sure: string, by: string): NotAdmitted =>
    isContained
      ? doubt(`${by}, which systemd does not carry out in most containers, and node 0 is one`)
      : { sure: true, text: `${sure}, by ${by}; ${look}` };
  const deaf = interfaces.find((list) => {
    const isExcepting = list.startsWith("~");
    return list.replace(/^~/, "").split(" ").includes(nic) === isExcepting;
  });
  if (deaf !== undefined) {
    return unlessContained(`tftpd-hpa.service hears no machine on ${nic}`, `RestrictNetworkInterfaces=${deaf}`);
  }
  const theirs = parseAddresses(machine) ?? { first: -1, last: -1 };
  // Those of IPv6 are about nobody here.
  const among = (networks: readonly string[]): Holds =>
    rangeIs(
      theirs,
      networks.flatMap((network) => parseAddresses(network) ?? []),
    );
  const kept = and(among(denied), turned[among(allowed)]);
  if (kept === "no" && filters.length === 0) return undefined;
  const by = kept === "no" ? `the filter ${filters.join(", ")}` : `IPAddressDeny=${denied.join(" ")}`;
  return kept === "yes" ? unlessContained(`tftpd-hpa.service hears ${none(network)}`, by) : doubt(by);
}
