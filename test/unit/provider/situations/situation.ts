import type { NetbootError } from "../../../../provider/errors";
import type { Refusal } from "../../../../provider/plan/refusal";

/** A refusal, as the plan gives it; an error, which names the host itself; or, as a text, what holds nothing up. */
export type Said = Refusal | NetbootError | string | undefined;

/** What happened, and what is said of it. */
export interface Situation {
  readonly what: string;
  /** A function where something must be listened to first: a server of the test, which ends with it. */
  readonly said: Said | (() => Promise<Said>);
  /** What became of node 0, where the change had begun. */
  readonly undone?: string;
}
