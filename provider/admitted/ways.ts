import type { Iptables, IptablesTable } from "../facts/iptables";
import { type Links, linksBelow } from "../facts/links";
import type { Nftables, NftChain, NftHook } from "../facts/nftables";
import { ruleOfIptables } from "./iptablesRule";
import { rulesOfNft } from "./nftRule";
import type { Packet } from "./packet";
import type { Way } from "./walk";

/** Hooks of the kernel, as nftables names them. */
export type Hook = "ingress" | "prerouting" | "input" | "output" | "postrouting" | "egress";

/** A way through the rules of a hook, as a packet of an interface meets it. */
export interface WayThere extends Way {
  /** What the packet looks like there, where that is not as everywhere. */
  readonly seen: Partial<Packet>;
  /** Whether it translates addresses: then it sees the first packet of a flow only. */
  readonly translates: boolean;
  /** Whether a Firewall opens it: rules of ours stand at the head of such chains. */
  readonly isOpened: boolean;
}

/** Everything that a packet of an interface has to pass at a hook. */
export function waysThrough(
  hook: Hook,
  nic: string,
  { nftables, iptables, links }: { readonly nftables: Nftables; readonly iptables: Iptables; readonly links: Links },
): readonly WayThere[] {
  const builtIn = hook.toUpperCase();
  const tables = iptables.tables.filter((table) => table.chains.has(builtIn) && !isByHand(table, nftables.chains));
  const chains = nftables.chains.filter((chain) => !tables.some((table) => isChainOf(table, chain, builtIn)));
  return [
    ...chains.flatMap((chain) => wayOfNft(chain, hook, nic, nftables.chains, links)),
    ...tables.map((table) => wayOfIptables(table, builtIn)),
  ];
}

function isChainOf({ kind, table }: IptablesTable, chain: NftChain, builtIn: string): boolean {
  return kind === "iptables-nft" && chain.family === "ip" && chain.table === table && chain.name === builtIn;
}

/**
 * Whether somebody wrote this table of iptables-nft with nft(8): it prints what iptables has no words for as if it were not
 * there. Each rule that iptables-nft makes itself counts.
 */
function isByHand({ kind, table }: IptablesTable, chains: readonly NftChain[]): boolean {
  return (
    kind === "iptables-nft" &&
    chains.some(
      (chain) =>
        chain.family === "ip" &&
        chain.table === table &&
        chain.rules.some(({ statements }) => !statements.some(isCounter)),
    )
  );
}

function isCounter(statement: unknown): boolean {
  return typeof statement === "object" && statement !== null && "counter" in statement;
}

function wayOfNft(
  chain: NftChain,
  hook: Hook,
  nic: string,
  chains: readonly NftChain[],
  links: Links,
): readonly WayThere[] {
  const { family, table, name } = chain;
  if (chain.hook?.hook !== hook) return [];
  const seen = seenBy(family, chain.hook, nic, links);
  if (seen === undefined) return [];
  return [
    {
      name: `chain ${family} ${table} ${name}`,
      policy: chain.hook.policy === "drop" ? "dropped" : "accepted",
      rules: chain.rules.flatMap(rulesOfNft),
      chain: (other) =>
        chains
          .find((each) => each.name === other && each.table === table && each.family === family)
          ?.rules.flatMap(rulesOfNft),
      seen,
      translates: chain.hook.type === "nat",
      isOpened: hook === "input" && chain.hook.type === "filter" && (family === "ip" || family === "inet"),
    },
  ];
}

/** How a chain of nftables sees a packet of this interface; nothing if it does not see it. */
function seenBy(
  family: string,
  { priority, devices }: NftHook,
  nic: string,
  { links }: Links,
): Partial<Packet> | undefined {
  // Before the kernel knows of which flow it is, every packet is of none.
  const flow: Partial<Packet> = priority < -200 || family === "netdev" ? { state: "invalid" } : {};
  if (devices.length > 0) {
    const met = [nic, ...linksBelow(links, nic)].filter((name) => devices.includes(name));
    const [device] = met;
    if (device === undefined) return undefined;
    // On which of several a packet comes nobody knows.
    return met.length === 1 ? { ...flow, incoming: device, outgoing: device } : { ...flow, somewhere: true };
  }
  if (family === "ip" || family === "inet") return flow;
  // In a bridge it is one of the ports.
  const isBridge = links.some(({ name, isBridge }) => name === nic && isBridge);
  return family === "bridge" && isBridge ? { ...flow, somewhere: true } : undefined;
}

function wayOfIptables(table: IptablesTable, builtIn: string): WayThere {
  const rulesOf = (name: string) => table.chains.get(name)?.rules.flatMap((text) => ruleOfIptables(text) ?? []);
  return {
    name: `chain ${builtIn} of ${table.kind}${table.table === "filter" ? "" : `, table ${table.table}`}`,
    policy: table.chains.get(builtIn)?.policy === "DROP" ? "dropped" : "accepted",
    rules: rulesOf(builtIn) ?? [],
    chain: rulesOf,
    seen: table.table === "raw" ? { state: "invalid" } : {},
    translates: table.table === "nat",
    isOpened: builtIn === "INPUT" && table.table === "filter",
  };
}
