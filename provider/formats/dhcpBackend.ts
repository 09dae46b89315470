import type { NodeRow } from "../values/nodeRow";
import { isc } from "./isc/backend";
import { kea } from "./kea/backend";

/** The DHCP servers that node 0 can have. */
export type DhcpDaemon = "isc" | "kea";

/**
 * What a DHCP server of node 0's must be able to say: where it is, how a machine is written for it, how a candidate is checked,
 * and what its changes cost. What a program needs to write
 * for it, `dhcpLanguages`, is apart from this, for it takes long to load.
 */
export interface DhcpBackend {
  readonly daemon: DhcpDaemon;
  /** The daemon itself, in the words of an error. */
  readonly program: string;
  readonly package: string;
  /** The first release of Debian that has it, where not all of ours have. */
  readonly since?: string;
  /** A unit of ours under the name that Debian uses. */
  readonly unit: string;
  /** Its configuration, from the program. */
  readonly conf: string;
  readonly folder: string;
  /** Whose port 67 it opens beside its raw socket. That of all addresses it shares, that of its own with nobody. */
  readonly opens: "all addresses" | "its address";
  /** Joined on node 0 from the machines of every stack; `conf` includes it. */
  readonly machines: JoinedMachines;
  /** How one of two is asked which of them answers, and where it hears the other one; absent of what knows no partners. */
  readonly partner?: { readonly controlSocket: string; readonly port: number };
  /** Whether it reads `conf` and the machines anew when its unit is reloaded; else it is restarted for them. */
  readonly readsAnew: boolean;
  /** For about how long it gives no answer when they change, with so many machines: as seen on a lab's node 0. */
  silentSeconds(machines: number): number;
  /** A machine as it reads it. */
  renderMachine(row: NodeRow): string;
  /** Whether a text is a machine as it reads it. */
  isMachine(text: string): boolean;
  readonly checker: Checker;
}

/** A file of all machines, and what stands around them. */
export interface JoinedMachines {
  readonly path: string;
  readonly before: string;
  readonly after: string;
  /** Between two machines; absent: nothing. */
  readonly separator?: string;
}

/** The daemon's own checker of a whole configuration. */
export interface Checker {
  /** The words before the path of the candidate. */
  readonly argv: readonly string[];
  /** Where a copy of `conf` lies for it: where the daemon may read. */
  readonly candidate: string;
  /** What it has to say, without what it always says. */
  wordsOf(said: string): readonly string[];
}

export const dhcpBackends: readonly DhcpBackend[] = [isc, kea];

/** The one that a program or the register names; without a name it is ISC's. */
export function backendOf(daemon: DhcpDaemon = "isc"): DhcpBackend {
  return dhcpBackends.find((backend) => backend.daemon === daemon) ?? isc;
}
