import { parseRow, renderHostBlocks } from "../values/node";
import { proofOf, type Verify } from "../values/verify";
import type { Want } from "./want";

/** What the program hands over for a fleet. */
export interface OlaFleetInputs {
  /** Name → one line: address, host name, MACs, and what differs from the standard. Absent where only a look is wanted. */
  readonly rows?: Readonly<Record<string, string>>;
  /** What the machines' next boots do, once for each kind of machine. */
  readonly chains: Readonly<Record<string, string>>;
  /** A hash of all host blocks, so that a release which writes them otherwise shows in a preview. */
  readonly hostBlocksSha256: string;
  /** Only when it is not `true`. */
  readonly verify?: Verify;
}

/** Machines that the DHCP server knows. */
export function planOlaFleet({ rows, verify }: OlaFleetInputs): readonly Want[] {
  if (rows === undefined) return [{ want: "registered" }];
  return Object.entries(rows).flatMap(([name, text]) => {
    const row = parseRow(name, text);
    if (row === undefined) return [];
    const { hostname, address, macs, firmware, loader } = row;
    const proof = proofOf(verify);
    return { want: "node", hostname, address, macs, firmware, loader, proof, blocks: renderHostBlocks(row) };
  });
}
