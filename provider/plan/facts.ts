import type { HostAnswers } from "../facts/question";
import type { Clash, RegisterEntry } from "./records";

/** What node 0 says of itself before anything is decided. */
export interface Facts {
  /** All of /etc/machine-id. */
  readonly machineId: string;
  /** An earlier transaction was cut short, and has been undone now. */
  readonly recovered: boolean;
  /** The register as it is; the machines of each entry are told as they will be. */
  readonly before: ReadonlyMap<string, RegisterEntry>;
  /** The same with resources that are new, of which nothing is held yet, and without those that go. */
  readonly after: ReadonlyMap<string, RegisterEntry>;
  /** What two resources both want, whether they may or not; of one that is made anew also what its own record has. */
  readonly clashes: readonly Clash[];
  /** The chains that the last proof saw. */
  readonly proved: readonly string[];
  /** Names of machines that come, go and stay, 32 of each at most. */
  readonly names: readonly NamedMachine[];
  readonly answers: HostAnswers;
}

/** A name of a machine that comes, goes, or is there. */
export interface NamedMachine {
  readonly how: "comes" | "goes" | "stays";
  readonly id: string;
  readonly hostname: string;
  readonly address: string;
}
