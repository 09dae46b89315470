import type { Drift } from "../kinds/drift";

/** What node 0 answered about one resource. */
export interface Answer {
  /** `changed`, `unchanged` or `dropped` after a transaction; `seen` or `gone` after a look. */
  readonly how: string;
  /** What only the host knows: `sha256`, `bytes`, `listening`, `verified`. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly drift: readonly Drift[];
}

/** The answers by resource, and the machine that gave them. */
export interface Report {
  readonly machine: string;
  readonly answers: ReadonlyMap<string, Answer>;
  /** The paths of a transaction that is neither committed nor undone; of a look. */
  readonly unfinished: readonly string[];
}
