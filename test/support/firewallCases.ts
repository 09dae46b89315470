import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { firewalld } from "../../provider/facts/firewalld";
import { firewallUnit } from "../../provider/facts/firewallUnit";
import { iptables } from "../../provider/facts/iptables";
import { links } from "../../provider/facts/links";
import { nftables } from "../../provider/facts/nftables";
import type { Answers, Ran, Seen } from "../../provider/facts/question";
import { trafficControl } from "../../provider/facts/trafficControl";
import { ufw } from "../../provider/facts/ufw";

/** What a real host answered, by the questions' keys. */
export type Recorded = Readonly<Record<string, unknown>>;

/** A host with a ruleset, as `test/support/captureFirewallCases.mts` found it. */
export interface FirewallCase {
  readonly answers: Recorded;
  /** Whether a machine on eno2 got a file by TFTP; absent where none was asked for. */
  readonly truth?: boolean;
  /** What is said of it: `admitted`, `kept out: …`, `in doubt: …`. */
  readonly said: string;
}

export function answersOf(recorded: Recorded): Answers {
  return {
    ran: (key) => recorded[key] as Ran | undefined,
    ranFor: (key) => {
      const byInterface = recorded[key] as Readonly<Record<string, Ran>> | undefined;
      return byInterface && new Map(Object.entries(byInterface));
    },
    path: (key) => recorded[key] as Seen | undefined,
    folder: (key) => recorded[key] as readonly Seen[] | undefined,
    holders: () => undefined,
    packetSockets: () => undefined,
  };
}

/** Everything about a firewall that the answers say. */
export function factsOf(recorded: Recorded) {
  const answers = answersOf(recorded);
  return {
    nftables: nftables.read(answers),
    iptables: iptables.read(answers),
    trafficControl: trafficControl.read(answers),
    links: links.read(answers),
    ufw: ufw.read(answers),
    firewalld: firewalld.read(answers),
    unit: firewallUnit.read(answers),
  };
}

const folder = "test/cases/firewall";

export const firewallCaseNames: readonly string[] = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .map((name) => name.slice(0, -".json".length))
  .toSorted();

export function firewallCase(name: string): FirewallCase {
  return JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as FirewallCase;
}

/** The way that all cases are about: a lab's node 0, with the ports that its kernel sends from. */
export const labPath = {
  interface: "eno2",
  address: "192.168.1.1",
  cidr: "192.168.1.0/28",
  dataPorts: { first: 32768, last: 60999 },
  // The lab's kernels have no such setting any more.
  givesHelpers: false,
} as const;
