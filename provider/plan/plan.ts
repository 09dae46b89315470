import type { Held, Machine } from "./records";

/** The resources whose rows are concerned, by id. */
type Id = string;

/**
 * All that node 0 does in one transaction, decided before its first write. It can be read aloud; node 0 stages, keeps what
 * was there, swaps, restarts, asks what is expected, and commits, or puts all back.
 */
export interface Plan {
  /** What the register will hold of the resources that come or change. */
  readonly records: readonly RecordPlan[];
  /** What it will hold of others of the same stack, of which something was taken over. */
  readonly stripped: readonly Pick<RecordPlan, "id" | "held">[];
  /** Machines that are written anew, because another DHCP server reads them. */
  readonly machines: readonly MachinesPlan[];
  readonly folders: readonly { readonly path: string; readonly mode: string }[];
  readonly paths: readonly PathPlan[];
  readonly joins: readonly JoinPlan[];
  readonly units: readonly UnitPlan[];
  /** Units that nobody wants any more: they do again what they did before us. */
  readonly stops: readonly { readonly unit: string }[];
  readonly checks: readonly CheckerPlan[];
  readonly expectations: readonly Expectation[];
  /** The chains that will count as proved, without those that fail, if they are asked for. */
  readonly proves: { readonly chains: readonly string[]; readonly if?: readonly string[] } | undefined;
  /** Lines for node 0's log, each if a path changed. */
  readonly log: readonly { readonly path: string; readonly text: string }[];
  /** The sockets of units as they were before, by which an undoing is looked at. */
  readonly socketsBefore: readonly { readonly unit: string; readonly sockets: readonly Socket[] }[];
  /** Rows that hear of a restart beside those of the units. */
  readonly tell: readonly Id[];
}

export interface RecordPlan {
  readonly id: Id;
  readonly held: readonly Held[];
}

/** All machines of a resource. */
export interface MachinesPlan {
  readonly id: Id;
  readonly machines: readonly Machine[];
}

/** What is to be at a path. */
export interface PathPlan {
  readonly path: string;
  readonly id: Id;
  readonly to:
    | { readonly is: "file"; readonly mode: string; readonly sha256: string; readonly content: string | Uint8Array }
    /** The bytes lie on node 0 already, or are what the path has. */
    | { readonly is: "file"; readonly mode: string; readonly sha256: string; readonly from: string }
    | { readonly is: "link"; readonly target: string }
    | { readonly is: "absent" }
    /** What was there before us. */
    | { readonly is: "original" };
  /** Only ever ours: nothing is kept of what was there. */
  readonly isOurs: boolean;
  /** Ours since an earlier change; the hash that was written then. */
  readonly had: boolean;
  readonly recorded?: string;
}

/** A file that is joined on node 0 from the machines of all stacks, which do not travel. */
export interface JoinPlan {
  readonly path: string;
  readonly id: Id;
  /** `gone`: nobody wants it any more. */
  readonly is: "file" | "gone";
  /** The blocks of the machines below their resource's name, or lines of hosts(5) in the order of the addresses. */
  readonly of: "blocks" | "names";
  readonly before: string;
  readonly after: string;
  /** Between the blocks of two machines; absent: nothing. */
  readonly separator?: string;
  readonly domain: string;
  /** A block between these lines in a file of somebody else's. */
  readonly between?: { readonly begin: string; readonly end: string };
  readonly had: boolean;
  /** What it was joined with before. */
  readonly domainBefore: string;
  readonly afterBefore: string;
}

export interface UnitPlan {
  readonly unit: string;
  readonly id: Id;
  readonly restartedBy: readonly string[];
  readonly reloadedBy: readonly string[];
  /** It must run, because its resource is in the change. */
  readonly isPut: boolean;
  /** It runs with what was there when it was started, and not with what is: it is started anew. */
  readonly isStale: boolean;
  readonly had: boolean;
}

/** How a daemon's own checker reads a candidate before anything is swapped. */
export interface CheckerPlan {
  readonly argv: readonly string[];
  /** If one of these paths changes. */
  readonly if: readonly string[];
  /** A copy of this file is read, in which staged files stand for the `includes`; `@staged:path@` is a staged file itself. */
  readonly candidate?: {
    readonly path: string;
    readonly file: string;
    readonly includes: readonly string[];
    readonly before: string;
  };
  /** The program, and whose row it is; none if it may be anybody's. */
  readonly program: string;
  readonly id?: Id;
}

/** `packet eno2`, `udp 192.168.1.1 69`. */
export type Socket = string;

/** Something that must be seen after the swap. */
export type Expectation = {
  /** Only if one of these changed: paths, `unit:name` that was restarted, `firewall`; `*` at the end for all that begins so. */
  readonly if?: readonly string[];
  /** A wrong answer undoes the change only if one of these changed; absent: always. */
  readonly undoIf?: readonly string[];
  readonly id: Id;
} & (
  | { readonly ask: "unit"; readonly unit: string; readonly sockets: readonly Socket[] }
  | {
      readonly ask: "tftp";
      readonly address: string;
      readonly name: string;
      readonly path?: string;
      readonly sha256?: string;
      readonly chain?: string;
      readonly script?: string;
      readonly stands?: boolean;
      /** Why nobody answers, where that is known. It does not travel. */
      readonly silent?: string;
    }
  | { readonly ask: "ntp"; readonly address: string; readonly unit: string }
  | {
      readonly ask: "dns";
      readonly server: string;
      readonly name: string;
      readonly type: 1 | 12;
      readonly how: "udp" | "tcp";
      readonly has?: string;
      readonly lacks?: string;
      /** What is right, in words. */
      readonly wanted: string;
    }
  | DhcpExpectation
  /** The rules at the head of each chain, as the plan's text has them. */
  | { readonly ask: "heads"; readonly heads: string }
  | {
      readonly ask: "run";
      readonly argv: readonly string[];
      readonly matches: readonly string[];
      readonly what: string;
    }
);

/** Another node 0 on the private network, and the boot server to which it is right to send machines. */
export interface Peer {
  readonly address: string;
  readonly next: string;
}

/** The node 0 that answers, or stands by, while this one does the other; which of the two it is, this one's server says there. */
export interface Partner {
  readonly address: string;
  /** Where it listens for this one, by tcp. */
  readonly port: number;
  readonly controlSocket: string;
}

/** Both stages of machines, from each of their MACs; whoever else answers; a machine that nobody declared. */
export interface DhcpExpectation {
  readonly ask: "dhcp";
  readonly interface: string;
  /** The boot server that is right. */
  readonly next: string;
  readonly script: string;
  readonly loaders: Readonly<Record<string, string>>;
  /** Resources of the change: their machines that are new or changed, and one of each chain; with `every`, all. */
  readonly puts: readonly Id[];
  readonly every: boolean;
  /** Machines that stand for all with their chain, and when a wrong answer undoes the change. */
  readonly stands: readonly { readonly id: Id; readonly machine: Machine; readonly undoIf: readonly string[] }[];
  /** A machine that nobody declared must get nothing. */
  readonly stranger: boolean;
  readonly othersAllowed: boolean;
  /** Other node 0s, which may answer, each with the same but for the boot server. */
  readonly peers?: readonly Peer[];
  readonly partner?: Partner;
  /** Why nobody answers, where that is known. It does not travel. */
  readonly silent?: string;
}
