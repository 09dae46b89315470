import { backendOf, type DhcpDaemon } from "../formats/dhcpBackend";
import { chainKey, notAsDeclared, renderMachine } from "../preview/nextBoot";
import { type Hidden, hidden } from "../values/hidden";
import type { NodeRow } from "../values/nodeRow";
import type { Checked } from "../values/problem";
import { holdsUnknown, isUnknown, unknownText } from "../values/unknown";
import type { Verify } from "../values/verify";
import { renderDrift } from "./drift";
import type { Kind, Told } from "./kind";
import { type NodeMachine, nodeWant } from "./node";
import type { Want } from "./want";

/** What the program hands over for one machine. The first two are absent where a state is all there is, for a look. */
export interface OlaNodeInputs
  extends Partial<NodeMachine>,
    Pick<NodeRow, "options" | "comment">,
    Pick<Hidden, typeof hidden.chain> {
  /** The DHCP server that reads its blocks; absent where it is ISC's. */
  readonly daemon?: Exclude<DhcpDaemon, "isc">;
  /** Its host blocks for dhcpd, or its reservations for Kea: what a preview shows of a change. */
  readonly hostBlocks?: string;
  /** What its next boot will do, in words for people. */
  readonly nextBoot: string;
  /** Only when it is not `true`. */
  readonly verify?: Verify;
  /** Only when it is `true`. */
  readonly history?: boolean;
  /** Of machines on two servers, where the program says it. */
  readonly whileOneIsDown?: "fail" | "go on";
}

/** A machine that the DHCP server knows. */
export const olaNode: Kind<OlaNodeInputs> = {
  inputKeys: [
    "hostBlocks",
    "macs",
    "address",
    "hostname",
    "firmware",
    "loader",
    "options",
    "comment",
    "nextBoot",
    "verify",
    "history",
    "daemon",
    "whileOneIsDown",
  ],
  outputKeys: ["verified", "lastBoot"],
  notEchoed: ["hostBlocks", "nextBoot"],
  wants: ({ hostname, macs, address, firmware, loader, hostBlocks, verify, history }) => {
    // The register knows the machines of an id, so a look needs no more; a state has nothing else of the blocks.
    const told: readonly Want[] = history === true ? [{ want: "history" }] : [];
    if (hostname === undefined || macs === undefined || hostBlocks === undefined) {
      return [{ want: "registered", machines: 1 }, ...told];
    }
    return [nodeWant({ hostname, macs, address, firmware, loader }, hostBlocks, verify), ...told];
  },
  live: (_inputs, drift) => {
    const seen = drift.length === 0 ? "" : `${notAsDeclared}${drift.map(renderDrift).join("; ")}`;
    return { hostBlocks: seen, nextBoot: seen };
  },
  rendered: (inputs, told) => {
    const row = rowOf(inputs);
    if (row === undefined || isAsRendered(row, inputs, told)) return undefined;
    return readAnew(inputs, told);
  },
};

/** The machine as its inputs have it; nothing where the program found it wrong. */
function rowOf({
  hostname,
  macs,
  address,
  firmware = "x64",
  loader,
  options,
  comment,
}: OlaNodeInputs): NodeRow | undefined {
  if (hostname === undefined || macs === undefined) return undefined;
  return {
    name: hostname,
    hostname,
    macs,
    ...(address !== undefined && { address }),
    firmware,
    ...(loader !== undefined && { loader }),
    ...(options !== undefined && { options }),
    ...(comment !== undefined && { comment }),
  };
}

/** Whether the texts are those of the values, as the program made them. */
function isAsRendered(row: NodeRow, { daemon, hostBlocks, nextBoot }: OlaNodeInputs, { of }: Told): boolean {
  if (holdsUnknown(row)) return isUnknown(hostBlocks);
  if (!Array.isArray(row.macs) || chainKey(row) !== of) return false;
  if (hostBlocks !== backendOf(daemon).renderMachine(row)) return false;
  return typeof nextBoot !== "string" || isUnknown(nextBoot) || nextBoot.startsWith(`${renderMachine(row)}\n`);
}

/** The inputs of a machine of which something was changed on the way, checked and rendered as the program would have. */
async function readAnew(inputs: OlaNodeInputs, { of, chains }: Told): Promise<Checked<OlaNodeInputs>> {
  const { macs, address, hostname, firmware, loader, options, comment } = inputs;
  // What takes long to load is needed only then.
  const { parseNode } = await import("../values/node.js");
  const given = { macs, address, hostname, firmware, loader, options, comment };
  const read = parseNode(String(hostname), given);
  if (read.value === undefined) return { value: undefined, problems: read.problems };
  const row = read.value;
  // The lines about files stay as they are unless it meets others.
  const isSame = chainKey(row) === of;
  const other = chains === undefined ? unknownText : chains[chainKey(row)];
  const chain = isSame ? inputs.nextBoot.split("\n").slice(1).join("\n") : other;
  if (chain === undefined) {
    const message = `was made another than in the program, ${chainKey(row)} in place of ${of}, and what it boots then can't be told; write it in the program`;
    return { value: undefined, problems: [{ path: "loader", message }] };
  }
  const value = {
    ...inputs,
    macs: row.macs,
    hostname: row.hostname,
    ...(row.address !== undefined && { address: row.address }),
    hostBlocks: holdsUnknown(row) ? unknownText : backendOf(inputs.daemon).renderMachine(row),
  };
  const nextBoot = isUnknown(chain) || isUnknown(inputs.nextBoot) ? unknownText : `${renderMachine(row)}\n${chain}`;
  return { value: { ...value, nextBoot, [hidden.chain]: nextBoot }, problems: [] };
}
