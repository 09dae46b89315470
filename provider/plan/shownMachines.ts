import type { HostAnswers } from "../facts/question";
import { type Change, machinesOf } from "./change";
import type { Plan } from "./plan";
import type { Machine } from "./records";

/** A machine that DHCP answers, or answered. */
export interface ShownMachine {
  readonly hostname: string;
  readonly id: string;
  readonly how: "comes" | "changes" | "goes";
  /** Its host name until now, where it gets another one. */
  readonly hostnameBefore?: string;
  /** The resource that declared it until now, where that is another. */
  readonly idBefore?: string;
  /** What somebody made of its lines on node 0: this change puts them back as they are declared. */
  readonly found?: "missing" | "changed";
  /** Whether DHCP tells it the same as before; then only who declares it, or its comment, is another. */
  readonly staysAsTold?: true;
  readonly before?: MachineInWords;
  readonly after?: MachineInWords;
}

export interface MachineInWords {
  readonly address: string;
  readonly macs: string;
  readonly firmware: string;
  readonly loader: string;
}

/** What is known of machines when a plan is shown. */
export interface MachinesPlanned {
  readonly change: Change;
  /** The machines that the register has of the change's resources. */
  readonly machinesBefore: ReadonlyMap<string, readonly Machine[]>;
  readonly plan: Plan;
  readonly answers: HostAnswers;
}

/** The key of the question what the joined file at a path is against what it should be. */
export function joinedKey(path: string): string {
  return `plan.joined ${path}`;
}

/** Host name → its machine, and the resource that declares it. */
type Placed = Map<string, { readonly id: string; readonly machine: Machine }>;
type ReadonlyPlaced = ReadonlyMap<string, { readonly id: string; readonly machine: Machine }>;

/** The machines that a change tells something else, or whose lines somebody changed on node 0. */
export function showMachines({ change, machinesBefore, plan, answers }: MachinesPlanned): readonly ShownMachine[] {
  const found = foundOtherwise(plan, answers);
  const before: Placed = new Map();
  const after: Placed = new Map();
  for (const [id, machines] of machinesBefore)
    for (const machine of machines) before.set(machine.hostname, { id, machine });
  for (const put of change.puts.values()) {
    for (const machine of machinesOf(put)) after.set(machine.hostname, { id: put.id, machine });
  }
  const shown: ShownMachine[] = [];
  const names = renames(before, after);
  for (const hostname of [...new Set([...before.keys(), ...after.keys()])].toSorted()) {
    if (names.has(hostname)) continue;
    const hostnameBefore = [...names].find(([, to]) => to === hostname)?.[0];
    const [was, is] = [before.get(hostnameBefore ?? hostname), after.get(hostname)];
    const isSame =
      was !== undefined && is !== undefined && was.machine.blocks === is.machine.blocks && was.id === is.id;
    const other = was === undefined ? undefined : found.get(`${was.id} ${was.machine.hostname}`);
    if (isSame && other === undefined) continue;
    const how = was === undefined ? "comes" : is === undefined ? "goes" : "changes";
    const staysAsTold = was !== undefined && is !== undefined && told(was.machine) === told(is.machine);
    shown.push({
      hostname,
      id: (is ?? was)?.id ?? "",
      how,
      ...(hostnameBefore === undefined ? {} : { hostnameBefore }),
      ...(was === undefined || is === undefined || was.id === is.id ? {} : { idBefore: was.id }),
      ...(other === undefined || is === undefined ? {} : { found: other }),
      ...(staysAsTold && { staysAsTold }),
      ...(was === undefined ? {} : { before: inWords(was.machine) }),
      ...(is === undefined ? {} : { after: inWords(is.machine) }),
    });
  }
  return shown;
}

/** What DHCP tells a machine: its blocks without the comment above them. */
function told({ blocks }: Machine): string {
  return blocks.replace(/^#[^\n]*\n/, "");
}

/** The machines of this change whose lines the DHCP server's file has otherwise, or not, as `<resource> <host name>`. */
function foundOtherwise({ joins }: Plan, answers: HostAnswers): ReadonlyMap<string, "missing" | "changed"> {
  const lacks = joins.flatMap(({ path, had }) => (had ? (answers.joined(joinedKey(path))?.lacks ?? []) : []));
  return new Map(lacks.map(({ id, hostname, how }) => [`${id} ${hostname}`, how] as const));
}

/** The host names of machines that get another one: the same NICs, declared by the same resource. */
function renames(before: ReadonlyPlaced, after: ReadonlyPlaced): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const [to, { id, machine }] of after) {
    if (before.has(to)) continue;
    const macs = machine.macs.join();
    const was = [...before].find(
      ([from, each]) => each.id === id && !after.has(from) && each.machine.macs.join() === macs,
    );
    if (was !== undefined) names.set(was[0], to);
  }
  return names;
}

function inWords({ address, macs, firmware, loader }: Machine): MachineInWords {
  return {
    address: address ?? "an address of the pool",
    macs: macs.join(", "),
    firmware,
    loader: loader ?? "the loader of all",
  };
}

/** Of a fleet those that are new or changed, or that somebody changed, and one of each chain; of one machine always it. */
export function machinesAsked(
  { change, machinesBefore, plan, answers }: MachinesPlanned,
  id: string,
): readonly string[] {
  const found = foundOtherwise(plan, answers);
  const put = change.puts.get(id);
  const machines = put === undefined ? [] : machinesOf(put).filter(({ proof }) => proof !== false);
  const before = new Map((machinesBefore.get(id) ?? []).map((machine) => [machine.hostname, machine] as const));
  const chains = new Set<string>();
  return machines.flatMap((machine) => {
    const was = before.get(machine.hostname);
    const isAsRecorded = was !== undefined && was.blocks === machine.blocks && was.proof === machine.proof;
    const isKnown = isAsRecorded && !found.has(`${id} ${machine.hostname}`);
    const chain = `${machine.firmware} ${machine.loader ?? ""}`;
    if (machines.length > 1 && isKnown && chains.has(chain)) return [];
    chains.add(chain);
    return [machine.hostname];
  });
}
