import type { ErrorCode } from "../errors";

/**
 * Why a change can't be made, found before anything was touched. What state node 0 is in is not said here: whoever tells
 * the refusal adds that sentence, once.
 */
export interface Refusal {
  readonly code: ErrorCode;
  /** The resource that can't be as it is declared; absent if it is none of the change's own. */
  readonly id?: string;
  /** What is wrong, and what to do; never who or where: the host's name comes before it. */
  readonly message: string;
  /** The id is another resource's, which was made under its name: a create can take another one. */
  readonly isIdTaken?: true;
}
