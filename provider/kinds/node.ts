import type { Firmware, Loader } from "../values/bootChain";
import type { Verify } from "../values/verify";
import type { Want } from "./want";

/** A machine as the DHCP server must know it; what is usual may be left out. */
export interface NodeMachine {
  readonly hostname: string;
  /** All its NICs. */
  readonly macs: readonly string[];
  /** Without it, an address from the pool. */
  readonly address?: string | undefined;
  /** Without it, `x64`. */
  readonly firmware?: Firmware | undefined;
  /** Without it, what the DHCP server gives to all. */
  readonly loader?: Loader | undefined;
}

/** A machine that node 0 serves, with the blocks that the DHCP server reads of it. */
export function nodeWant(machine: NodeMachine, blocks: string, verify: Verify | undefined): Want {
  const { hostname, address, macs, firmware = "x64", loader } = machine;
  return { want: "node", hostname, address, macs, firmware, loader, proof: proofOf(verify), blocks };
}

/** Whether the machine must be seen served, or the text that asks for that anew. */
function proofOf(verify: Verify | undefined): boolean | string {
  if (typeof verify === "object") return verify.again === undefined ? true : String(verify.again);
  return verify ?? true;
}

/** Whether a resource declares machines. */
export function declaresMachines({ kind }: { readonly kind: string }): boolean {
  return kind === "OlaNode" || kind === "OlaFleet";
}
