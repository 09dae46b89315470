import type { Question } from "../facts/question";
import { type DhcpBackend, dhcpBackends } from "../formats/dhcpBackend";
import { dhcpLanguages } from "../formats/dhcpLanguage";
import { registerFile } from "../os/packages";
import { machinesOf } from "./change";
import { backendIn } from "./dhcpServer";
import type { Ground } from "./ground";
import type { MachinesPlan } from "./plan";
import { heldOf, type Machine } from "./records";

/** Ten thousand machines with two NICs each are some 4 MB. */
const mostBytes = 64_000_000;

/** The key by which all that the register has of a resource is asked. */
export function recordKey(id: string): string {
  return `record ${id}`;
}

/** The question for it. */
export function recordQuestion(id: string): Question {
  return { ask: "path", path: registerFile(id), bytes: mostBytes };
}

/**
 * Where one DHCP server takes another's place, the machines of all stacks are written anew for it, in the same transaction: so
 * they come up here, for once.
 */
export function machineQuestions({ change, register }: Ground): Readonly<Record<string, Question>> {
  const { before, after } = register;
  if (heldOf(after, "serve").length === 0) return {};
  if (heldOf(before, "serve").length > 0 && backendIn(before) === backendIn(after)) return {};
  return Object.fromEntries(
    [...after.values()].flatMap(({ id, machines }) =>
      machines === 0 || change.puts.has(id) ? [] : [[recordKey(id), recordQuestion(id)] as const],
    ),
  );
}

/** The machines that the DHCP server would not understand as they are written: of other stacks, or of a program that does not know it. */
export function planMachines({ change, register, facts }: Ground): readonly MachinesPlan[] {
  if (heldOf(register.after, "serve").length === 0) return [];
  const backend = backendIn(register.after);
  return [...register.after.keys()].flatMap((id): readonly MachinesPlan[] => {
    const put = change.puts.get(id);
    const machines = put === undefined ? (facts.answers.recorded(recordKey(id)) ?? []) : machinesOf(put);
    if (machines.every(({ blocks }) => backend.isMachine(blocks))) return [];
    return [{ id, machines: machines.map((machine) => writtenFor(backend, machine)) }];
  });
}

/** A machine as another DHCP server reads it. */
export function writtenFor(backend: DhcpBackend, machine: Machine): Machine {
  const { blocks, hostname, address, macs, firmware, loader } = machine;
  const from = dhcpBackends.find((each) => each.isMachine(blocks));
  if (from === undefined || from === backend) return machine;
  const row = {
    name: hostname,
    hostname,
    macs,
    firmware,
    ...(address !== undefined && { address }),
    ...(loader !== undefined && { loader: loader as "ipxe.efi" }),
    ...dhcpLanguages[from.daemon].readMachine(blocks),
  };
  return { ...machine, blocks: backend.renderMachine(row) };
}
