import type { Clash } from "./records";
import type { Refusal } from "./refusal";

/** Two resources want what only one can have: the one that has it keeps it. */
export function refuseClash({ claim, id, other }: Clash): Refusal {
  return { code: "CLASH", id, message: `${claim} belongs to ${other} already; take it out of one of the two programs` };
}
