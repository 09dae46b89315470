import { parseHostBlocks } from "../values/node";
import { proofOf, type Verify } from "../values/verify";
import type { Want } from "./want";

/** What the program hands over for one machine. */
export interface OlaNodeInputs {
  /** Its host blocks for dhcpd, from which all else is read. Absent where only a look is wanted. */
  readonly hostBlocks?: string;
  /** What its next boot will do, in words for people. */
  readonly nextBoot: string;
  /** Only when it is not `x64`. */
  readonly firmware?: string;
  /** Only when it is not `true`. */
  readonly verify?: Verify;
  /** Only when it is `true`. */
  readonly history?: boolean;
}

/** A machine that the DHCP server knows. */
export function planOlaNode({ hostBlocks, firmware = "x64", verify, history }: OlaNodeInputs): readonly Want[] {
  if (hostBlocks === undefined) return [{ want: "registered" }];
  const nodes = parseHostBlocks(hostBlocks).map(({ hostname, address, macs, loader }) => ({
    want: "node" as const,
    hostname,
    address,
    macs,
    firmware,
    loader,
    proof: proofOf(verify),
    blocks: hostBlocks,
  }));
  return history === true ? [...nodes, { want: "history" }] : nodes;
}
