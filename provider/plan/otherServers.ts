import type { OtherServer } from "../facts/question";
import { backendIn } from "./dhcpServer";
import type { Partner, Peer } from "./plan";
import { type Held, heldOf, type Register } from "./records";

/** Who may answer DHCP beside node 0's own server. */
export function othersOf(register: Pick<Register, "before" | "after" | "peers">): {
  readonly othersAllowed: boolean;
  readonly peers?: readonly Peer[];
  readonly partner?: Partner;
} {
  const othersAllowed = heldByServer(register.after).some(({ want }) => want === "otherServers");
  const peers = peersOf(register).map((address) => ({ address, next: nextOf(address, register.after) }));
  const partner = partnerOf(register.after);
  return {
    othersAllowed,
    ...(peers.length > 0 && { peers }),
    ...(partner !== undefined && { partner }),
  };
}

/** The other one of two of which one answers. */
function partnerOf(entries: Register["after"]): Partner | undefined {
  const held = heldByServer(entries);
  const { partner } = backendIn(entries);
  const [address] = held.flatMap((each) => (each.want === "peers" ? each.addresses : []));
  if (partner === undefined || address === undefined || !held.some(({ want }) => want === "hotStandby"))
    return undefined;
  return { address, ...partner };
}

/** The addresses of the other node 0s that the program names; one that it names no more goes at the end of the same run. */
export function peersOf({
  before,
  after,
  peers = [],
}: Pick<Register, "before" | "after" | "peers">): readonly string[] {
  const named = [...heldByServer(after), ...heldByServer(before)];
  return [...new Set([...named.flatMap((held) => (held.want === "peers" ? held.addresses : [])), ...peers])];
}

function heldByServer(entries: Register["after"]): readonly Held[] {
  const [server] = heldOf(entries, "serve");
  return entries.get(server?.id ?? "")?.held ?? [];
}

/** A node 0 sends machines to itself; where this one sends them elsewhere, so do the others. */
function nextOf(peer: string, after: Register["after"]): string {
  const [server] = heldOf(after, "serve");
  const own = heldByServer(after).find((held) => held.want === "interface")?.address;
  const bootServer = server?.held.bootServer;
  return bootServer === undefined || bootServer === own ? peer : bootServer;
}

/** Why nobody else may answer DHCP where node 0 does. */
export function whyOtherServers(nic: string, others: readonly OtherServer[]): string {
  return (
    `another DHCP server answers on ${nic}: ${namesOfServers(others)}; which of the two a machine takes is chance. ` +
    'Switch it off, or say otherDhcpServers: "allow" if it leaves these machines alone; or its address there if it is a node 0 of yours for them'
  );
}

/** As many are named: a machine that forges answers can be thousands. */
const mostNamed = 5;

/** `192.168.1.9 (52:54:00:00:00:09)`. */
export function namesOfServers(others: readonly OtherServer[]): string {
  const named = others.slice(0, mostNamed).map(({ server, hardware }) => `${server} (${hardware})`);
  return `${named.join(", ")}${others.length > mostNamed ? " and others" : ""}`;
}
