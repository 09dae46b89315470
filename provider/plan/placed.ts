import type { Placed } from "./records";

/** In the order of the resources' ids, and of the machines within one. */
export function inOrderOfIds(machines: readonly Placed[]): readonly Placed[] {
  return machines.toSorted((one, other) => (one.id === other.id ? 0 : one.id < other.id ? -1 : 1));
}

const mostListed = 20;

/** Machines with their addresses, as a sentence names them: `db-1 (192.168.1.2, OlaNode/project/stack/db-1)`. */
export function listed(machines: readonly Placed[]): string {
  const named = machines
    .slice(0, mostListed)
    .map(({ id, machine }) => `${machine.hostname} (${machine.address}, ${id})`);
  const more = machines.length - named.length;
  return `${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
