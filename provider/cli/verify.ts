import { proveNow } from "../conversation/look";
import type { ProofBesides, Provable } from "../plan/proof";
import { hidden } from "../values/hidden";
import { byHost, openStackHost, type StackResource } from "./stack";

/** What the proof said of one machine. */
export interface Verified {
  readonly host: string;
  /** The resource that declares it. */
  readonly resource: string;
  /** `-` for a resource of which node 0 knows nothing. */
  readonly machine: string;
  readonly served: boolean;
  /** What was seen, or what is wrong. */
  readonly seen: string;
}

/**
 * Proves all machines of a stack, now: both DHCP stages from each of their MACs, and every file that they meet. Changes
 * nothing, on node 0 or in the stack.
 *
 * @throws a `NetbootError` when a node 0 can't be reached
 */
export async function verify(resources: readonly StackResource[]): Promise<readonly Verified[]> {
  const seen: Verified[] = [];
  for (const on of byHost(resources.filter(declaresMachines)).values()) seen.push(...(await verifyHost(on)).machines);
  return seen.sort((one, other) => (one.machine < other.machine ? -1 : 1));
}

/** Whether a resource declares machines. */
export function declaresMachines({ kind }: StackResource): boolean {
  return kind === "OlaNode" || kind === "OlaFleet";
}

/** The same for resources of one node 0, with what the proof found there beside the machines. */
export async function verifyHost(
  on: readonly StackResource[],
): Promise<{ readonly machines: readonly Verified[]; readonly besides?: ProofBesides }> {
  const [first] = on;
  if (first === undefined) return { machines: [] };
  const host = await openStackHost(first);
  const machine = first.outputs[hidden.machine];
  const { proof, besides } = await proveNow(host, on.map(provable), typeof machine === "string" ? machine : undefined);
  const machines = [...proof].flatMap(([resource, told]): readonly Verified[] => {
    const about = { host: host.name, resource };
    if (told === "gone") return [{ ...about, machine: noMachine, served: false, seen: goneWords }];
    return [...told].map(([name, seen]) => ({ ...about, machine: name, served: seen.startsWith("served: "), seen }));
  });
  return { machines, besides };
}

/** In the place of the machines of a resource that is gone. */
const noMachine = "-";
const goneWords = "is not on node 0; run `pulumi up --refresh`";

function provable({ id, outputs }: StackResource): Provable {
  const generation = outputs[hidden.generation];
  return { id, generation: typeof generation === "string" ? generation : undefined };
}

/** The machines as people read them: a line each, and a last one that counts. */
export function renderVerified(machines: readonly Verified[]): string {
  const nameOf = ({ machine, resource }: Verified): string => (machine === noMachine ? resource : machine);
  const width = Math.max(0, ...machines.map((each) => nameOf(each).length));
  const bad = machines.filter(({ served }) => !served).length;
  return [
    ...machines.map((each) => `${each.served ? "ok     " : "FAILED "} ${nameOf(each).padEnd(width)}  ${each.seen}`),
    "",
    `${machines.length} ${machines.length === 1 ? "machine" : "machines"}, ${bad === 0 ? "all served" : `${bad} not served`}`,
  ].join("\n");
}
