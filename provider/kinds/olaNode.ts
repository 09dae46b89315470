import type { Verify } from "../values/verify";
import { renderDrift } from "./drift";
import type { Kind } from "./kind";
import { type NodeMachine, nodeWant } from "./node";
import type { Want } from "./want";

/** What the program hands over for one machine. The first two are absent where a state is all there is, for a look. */
export interface OlaNodeInputs {
  /** Its host blocks for dhcpd: what a preview shows of a change. */
  readonly hostBlocks?: string;
  readonly machine?: NodeMachine;
  /** What its next boot will do, in words for people. */
  readonly nextBoot: string;
  /** Only when it is not `true`. */
  readonly verify?: Verify;
  /** Only when it is `true`. */
  readonly history?: boolean;
}

/** A machine that the DHCP server knows. */
export const olaNode: Kind<OlaNodeInputs> = {
  inputKeys: ["hostBlocks", "machine", "nextBoot", "verify", "history"],
  outputKeys: ["verified", "lastBoot"],
  notEchoed: ["hostBlocks", "nextBoot", "machine"],
  wants: ({ machine, hostBlocks, verify, history }) => {
    // The register knows the machines of an id, so a look needs no more; the release before kept nothing else in its state.
    const told: readonly Want[] = history === true ? [{ want: "history" }] : [];
    if (machine === undefined || hostBlocks === undefined) return [{ want: "registered" }, ...told];
    return [nodeWant(machine, hostBlocks, verify), ...told];
  },
  live: (_inputs, drift) => {
    const seen = drift.length === 0 ? "" : `not as declared: ${drift.map(renderDrift).join("; ")}`;
    return { hostBlocks: seen, nextBoot: seen, machine: seen };
  },
};
