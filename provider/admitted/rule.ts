/**
 * A rule of a firewall as the kernel goes by it, whichever program printed it: all its conditions hold, and then the
 * verdict is said. What a program can say and this grammar can't is a condition of which nobody knows whether it holds.
 */
export interface Rule {
  /** As the program prints it. */
  readonly text: string;
  readonly conditions: readonly Condition[];
  readonly verdict: Verdict;
}

export type Verdict =
  | { readonly verdict: "accept" | "drop" | "return" }
  /** The packet gets an address of this host's. */
  | { readonly verdict: "masquerade" }
  /** It becomes another packet, or somebody else decides: all may come of it. */
  | { readonly verdict: "unclear" }
  | { readonly verdict: "jump" | "goto"; readonly chain: string };

export type Condition =
  | { readonly of: "nobody knows" }
  /** Never holds for a packet of UDP by IPv4 that belongs to no other flow. */
  | { readonly of: "never" }
  | {
      readonly of: Property;
      readonly not: boolean;
      /** One of them holds: `eno2`, `en*`, `69`, `60-70`, `192.168.1.0/28`, `established`; `@known` is a set that nobody reads. */
      readonly values: readonly string[];
    };

/** What a rule can compare of a packet. */
export type Property =
  | "incoming interface"
  | "outgoing interface"
  | "protocol"
  | "family"
  | "state"
  | "source address"
  | "destination address"
  | "source port"
  | "destination port"
  | "address type"
  | "packet type";
