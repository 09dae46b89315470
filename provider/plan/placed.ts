import type { Placed } from "./records";

/** In the order of the resources' ids, and of the machines within one. */
export function inOrderOfIds(machines: readonly Placed[]): readonly Placed[] {
  return machines.toSorted((one, other) => (one.id === other.id ? 0 : one.id < other.id ? -1 : 1));
}

/** Machines with their addresses, as a sentence names them: `db-1 (192.168.1.2, OlaNode/project/stack/db-1)`. */
export function listed(machines: readonly Placed[]): string {
  return machines.map(({ id, machine }) => `${machine.hostname} (${machine.address}, ${id})`).join(", ");
}
