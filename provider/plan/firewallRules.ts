/** Our mark on each rule of ours, whoever manages the firewall. */
export const mark = "pulumi-netboot";

/** What all stacks want of node 0's firewall, each rule once. */
export interface FirewallRules {
  readonly accepts: readonly Accept[];
  readonly drops: readonly Drop[];
}

export interface Accept {
  readonly interface: string;
  readonly protocol: string;
  /** A port, or `established`. */
  readonly port: string;
}

/** Dropped on all interfaces but one. */
export interface Drop {
  readonly interface: string;
  readonly protocol: string;
  readonly port: string;
}

/** Reads rules in words: `allow in on eno2 udp 67`, `drop in on all but eno2 udp 67`. */
export function parseFirewallRules(words: readonly string[]): FirewallRules {
  const accepts = new Map<string, Accept>();
  const drops = new Map<string, Drop>();
  for (const word of words) {
    const [, drop, nic = "", protocol = "", port = ""] =
      /^(?:allow in on|(drop in on all but)) (\S+) (\w+) (\w+)$/.exec(word) ?? [];
    const rule = { interface: nic, protocol, port };
    if (nic === "") continue;
    if (drop === undefined) accepts.set(word, accepts.get(word) ?? rule);
    // The accepts come before it, so whose interface it spares makes no difference.
    else drops.set(`${protocol} ${port}`, drops.get(`${protocol} ${port}`) ?? rule);
  }
  return { accepts: [...accepts.values()], drops: [...drops.values()] };
}

export function anyRules({ accepts, drops }: FirewallRules): boolean {
  return accepts.length + drops.length > 0;
}

/** The interfaces that they name, in the order of their names. */
export function interfacesOf({ accepts, drops }: FirewallRules): readonly string[] {
  return [...new Set([...accepts, ...drops].map((rule) => rule.interface))].toSorted();
}

/** As `nft list` prints them. The accepts come first, so "everywhere else" needs no list of interfaces. */
export function renderNftRules({ accepts, drops }: FirewallRules): readonly string[] {
  return [
    ...accepts.map(({ interface: nic, protocol, port }) => {
      const packets =
        port === "established" ? `meta l4proto ${protocol} ct state established` : `${protocol} dport ${port}`;
      return `iifname "${nic}" ${packets} accept comment "${mark}"`;
    }),
    ...drops.map(({ protocol, port }) => `iifname != "lo" ${protocol} dport ${port} drop comment "${mark}"`),
  ];
}

/** As `iptables -S` prints them. */
export function renderIptablesRules({ accepts, drops }: FirewallRules): readonly string[] {
  const comment = `-m comment --comment ${mark}`;
  return [
    ...accepts.map(({ interface: nic, protocol, port }) => {
      const packets = port === "established" ? "-m conntrack --ctstate ESTABLISHED" : `-m ${protocol} --dport ${port}`;
      return `-i ${nic} -p ${protocol} ${packets} ${comment} -j ACCEPT`;
    }),
    ...drops.map(({ protocol, port }) => `! -i lo -p ${protocol} -m ${protocol} --dport ${port} ${comment} -j DROP`),
  ];
}

/** What nft would say of them in JSON, rule by rule (libnftables-json(5)). */
export function statementsOfNft({ accepts, drops }: FirewallRules): readonly (readonly unknown[])[] {
  const match = (left: unknown, right: unknown, op = "==") => ({ match: { op, left, right } });
  const meta = (key: string) => ({ meta: { key } });
  // As in a chain of iptables-nft, each of whose rules counts; elsewhere it says nothing.
  const counted = { counter: null };
  const toPort = (protocol: string, port: string) => match({ payload: { protocol, field: "dport" } }, Number(port));
  return [
    ...accepts.map(({ interface: nic, protocol, port }) => [
      match(meta("iifname"), nic),
      ...(port === "established"
        ? [match(meta("l4proto"), protocol), match({ ct: { key: "state" } }, "established", "in")]
        : [toPort(protocol, port)]),
      counted,
      { accept: null },
    ]),
    ...drops.map(({ protocol, port }) => [
      match(meta("iifname"), "lo", "!="),
      toPort(protocol, port),
      counted,
      { drop: null },
    ]),
  ];
}
