import { NetbootError } from "../errors";
import { backendOf, type DhcpDaemon } from "../formats/dhcpBackend";
import { type Hidden, hidden } from "../values/hidden";
import { linesByKey, type NodeRow, parseRow, rowsAsCompared } from "../values/nodeRow";
import type { Verify } from "../values/verify";
import type { Kind } from "./kind";
import { nodeWant } from "./node";

/** What the program hands over for a fleet. A state has the number of machines in their place. */
export interface OlaFleetInputs extends Pick<Hidden, typeof hidden.count> {
  /** The DHCP server that reads its machines; absent where it is ISC's. */
  readonly daemon?: Exclude<DhcpDaemon, "isc">;
  /**
   * A line for each: its key, address, host name, MACs, and what differs from the standard. A map of them where one is a secret or
   * known only later. Absent where only a look is wanted.
   */
  readonly rows?: string | Readonly<Record<string, string>>;
  /** What the machines' next boots do, once for each kind of machine. */
  readonly chains: Readonly<Record<string, string>>;
  /** Only when it is not `true`. */
  readonly verify?: Verify;
  /** Of machines on two servers, where the program says it. */
  readonly whileOneIsDown?: "fail" | "go on";
}

/** Machines that the DHCP server knows. */
export const olaFleet: Kind<OlaFleetInputs> = {
  inputKeys: ["rows", "chains", "verify", "daemon", "whileOneIsDown"],
  outputKeys: ["verified"],
  notEchoed: ["rows", "chains"],
  comparedAs: { rows: rowsAsCompared },
  made: ({ rows, daemon }) =>
    Object.entries(linesByKey(rows))
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, text]) => {
        const row = parseRow(name, text);
        return row === undefined ? "" : backendOf(daemon).renderMachine(row);
      })
      .join(""),
  count: ({ rows }) => Object.keys(linesByKey(rows)).length,
  wants: ({ rows, verify, daemon, [hidden.count]: machines }) => {
    if (rows === undefined) return [{ want: "registered", ...(machines !== undefined && { machines }) }];
    return Object.entries(linesByKey(rows)).map(([name, text]) => {
      const row = rowOf(name, text);
      return nodeWant(row, backendOf(daemon).renderMachine(row), verify);
    });
  },
  // With other inputs than before, the preview that mends a fleet would draw all of its machines as new.
  live: () => undefined,
};

function rowOf(name: string, text: string): NodeRow {
  const row = parseRow(name, text);
  if (row !== undefined) return row;
  // A machine that is passed over would lose its boot without a word.
  throw new NetbootError("BUG", `this is a bug in pulumi-netboot: the row of "${name}" can't be read: ${text}`);
}
