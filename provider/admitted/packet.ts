import { addressNumber } from "../values/ipv4";
import type { Condition, Property, Rule } from "./rule";

/** Numbers from the first to the last, both included: addresses or ports. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

/** A packet of UDP by IPv4, as a machine of the private network or node 0 would send it. */
export interface Packet {
  /** Absent where there is none; `unknown` where it is one of several. */
  readonly incoming?: string | undefined;
  readonly outgoing?: string | undefined;
  /** On which of several interfaces it is, nobody knows. */
  readonly somewhere?: boolean;
  readonly source: Range;
  readonly destination: Range;
  readonly sourcePorts: Range;
  readonly destinationPorts: Range;
  readonly state: "new" | "established" | "related" | "invalid";
  /** What the destination is to this host: `local`, `unicast`. */
  readonly addressTypes: readonly string[];
  /** To whom it is sent on the wire; unknown for what node 0 sends. */
  readonly packetTypes: readonly string[] | undefined;
  /** Whether the interface has one address only, which is then what masquerading makes of it. */
  readonly onlyAddress: boolean;
}

export type Holds = "yes" | "no" | "maybe";

/** Whether a rule's conditions hold for a packet. */
export function conditionsHold(packet: Packet, { conditions }: Rule): Holds {
  const all = conditions.map((condition) => conditionHolds(packet, condition));
  if (all.includes("no")) return "no";
  return all.includes("maybe") ? "maybe" : "yes";
}

export const turned: Readonly<Record<Holds, Holds>> = { yes: "no", no: "yes", maybe: "maybe" };

function conditionHolds(packet: Packet, condition: Condition): Holds {
  if (condition.of === "nobody knows") return "maybe";
  if (condition.of === "never") return "no";
  const { of, not, values } = condition;
  const holds = values.some((value) => value.startsWith("@") || !/\w/.test(value))
    ? "maybe"
    : isOneOf(packet, of, values);
  return not ? turned[holds] : holds;
}

function isOneOf(packet: Packet, property: Property, values: readonly string[]): Holds {
  switch (property) {
    case "incoming interface":
      return interfaceIs(packet.incoming, packet.somewhere, values);
    case "outgoing interface":
      return interfaceIs(packet.outgoing, packet.somewhere, values);
    case "protocol":
      return sure(values.some((value) => value === "udp" || value === "17"));
    case "family":
      return sure(values.includes("ipv4"));
    case "state":
      return sure(values.some((value) => value.toLowerCase() === packet.state));
    case "address type":
      return sure(values.some((value) => packet.addressTypes.includes(value.toLowerCase())));
    case "packet type": {
      const { packetTypes } = packet;
      return packetTypes === undefined
        ? "maybe"
        : sure(values.some((value) => packetTypes.includes(value.toLowerCase())));
    }
    case "source address":
      return rangeIs(packet.source, values.map(parseAddresses));
    case "destination address":
      return rangeIs(packet.destination, values.map(parseAddresses));
    case "source port":
      return rangeIs(packet.sourcePorts, values.map(parsePorts));
    case "destination port":
      return rangeIs(packet.destinationPorts, values.map(parsePorts));
  }
}

function sure(holds: boolean): Holds {
  return holds ? "yes" : "no";
}

/** Names may end in what stands for any: `eth*` in nftables, `eth+` in iptables. */
function interfaceIs(nic: string | undefined, somewhere: boolean | undefined, values: readonly string[]): Holds {
  if (somewhere) return "maybe";
  if (nic === undefined) return "no";
  return sure(
    values.some((value) => (/[*+]$/.test(value) ? nic.startsWith(value.replace(/[*+]$/, "")) : nic === value)),
  );
}

/** Whether all packets of a range are in one of these, or none is, or some are. */
export function rangeIs(range: Range, values: readonly (Range | undefined)[]): Holds {
  let overlaps = false;
  for (const value of values) {
    if (value === undefined) return "maybe";
    if (value.first <= range.first && range.last <= value.last) return "yes";
    if (value.first <= range.last && range.first <= value.last) overlaps = true;
  }
  return overlaps ? "maybe" : "no";
}

/** `69`, `60-70`, `60:70`. */
function parsePorts(text: string): Range | undefined {
  const [, first, last = first] = /^(\d+)(?:[-:](\d+))?$/.exec(text) ?? [];
  return first === undefined ? undefined : { first: Number(first), last: Number(last) };
}

/** `10.20.0.0/22`, `10.20.0.1-10.20.0.9` or `10.20.0.1`. */
export function parseAddresses(text: string): Range | undefined {
  const [, from, length, to] = /^([\d.]+)(?:\/(\d+)|-([\d.]+))?$/.exec(text) ?? [];
  const first = from === undefined ? undefined : addressNumber(from);
  if (first === undefined) return undefined;
  if (to !== undefined) {
    const last = addressNumber(to);
    return last === undefined ? undefined : { first, last };
  }
  const size = 2 ** (32 - Number(length ?? 32));
  const start = first - (first % size);
  return { first: start, last: start + size - 1 };
}
