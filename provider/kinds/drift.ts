/** What a drift is about where node 0 has another record in the place of the resource's. */
export const wholeResource = "the resource";

/** One thing on the host that is not as it was declared. */
export interface Drift {
  /** A path, a unit, a package, a node's name, a rule of the firewall. */
  readonly what: string;
  readonly how: "missing" | "changed" | "owner" | "stopped" | "became" | "other";
  /** A changed text as it is now, or what else there is to say. */
  readonly seen: string;
  /** Somebody's file has it so, or another stack, which no `up` changes. */
  readonly isByHand?: boolean;
}

/** Says in a few words what is not as declared. */
export function renderDrift({ what, how, seen }: Drift): string {
  switch (how) {
    case "missing":
      return `${what} is missing`;
    case "changed":
      return `${what} was changed`;
    case "owner":
      return `${what} has another mode or owner: ${seen}`;
    case "stopped":
      return `${what} does not run: ${seen}`;
    case "became":
      return `${what} is now ${seen}`;
    case "other":
      return `${what}: ${seen}`;
  }
}
