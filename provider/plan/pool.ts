import { addressNumber } from "../values/ipv4";
import { inOrderOfIds, listed } from "./placed";
import { type Held, heldOf, type Machine, nicsOf, type Placed, type Register, stackNow } from "./records";
import type { Refusal } from "./refusal";
import type { Warning } from "./warning";

/** How many machines a sentence names. */
const namedAtMost = 10;

/**
 * Machines without an address of their own, of all stacks, need one of the pool for each NIC. Those of the server's own
 * stack that are not in this change may be about to get one, or to go, later in the same run. `pooled`: some such machines, to be
 * named; they are counted by the register.
 */
export function whyPoolIsTooSmall(
  { after }: Register,
  puts: ReadonlySet<string>,
  pooled: readonly Placed[],
): Refusal | undefined {
  const [server] = heldOf(after, "serve");
  if (server === undefined) return undefined;
  const counts = (id: string): boolean => puts.has(id) || stackNow(after, id) !== stackNow(after, server.id);
  const waiting = [...after.values()].filter(({ id, pooled: count }) => count > 0 && counts(id));
  const needed = waiting.reduce((sum, { pooled: count }) => sum + count, 0);
  const concerned = [...waiting.map(({ id }) => id).toSorted(), server.id].find((id) => puts.has(id));
  if (needed === 0 || concerned === undefined) return undefined;
  const pool = poolOf(server.held.pool);
  const size = pool === undefined ? 0 : pool.last - pool.first + 1;
  if (needed <= size) return undefined;
  const named = inOrderOfIds(pooled)
    .filter(({ id, machine }) => machine.address === undefined && counts(id))
    .slice(0, namedAtMost);
  const names = named.map(({ id, machine }) => `${machine.hostname} (${id})`).join(", ");
  const more = nicsOf(named.map(({ machine }) => machine)) < needed ? " and more" : "";
  return {
    code: "CLASH",
    id: concerned,
    message: `machines without an address of their own get one of the pool for each NIC, ${needed} in all, and it has ${size}: ${names}${more}; give some of them an address, or make the pool larger`,
  };
}

/**
 * dhcpd says nothing of a machine whose address lies in the pool, and may give that address to another one. `inPool`: the
 * machines that have one.
 */
export function whyAddressesArePooled(
  { after }: Register,
  puts: ReadonlySet<string>,
  inPool: readonly Placed[],
): Refusal | undefined {
  const [server] = heldOf(after, "serve");
  const pool = poolOf(server?.held.pool);
  if (server === undefined || pool === undefined) return undefined;
  const inside = inOrderOfIds(inPool).filter(({ id, machine }) => {
    const number = addressNumber(machine.address ?? "");
    return after.has(id) && number !== undefined && number >= pool.first && number <= pool.last;
  });
  const mine = inside.find(({ id }) => puts.has(id));
  if (mine !== undefined) {
    const { hostname, address } = mine.machine;
    const message = `${hostname}: ${address} lies in the pool of ${server.id}, whose addresses go to other machines; take one outside it`;
    return { code: "CLASH", id: mine.id, message };
  }
  if (!puts.has(server.id)) return undefined;
  const others = inside.filter(({ id }) => stackNow(after, id) !== stackNow(after, server.id));
  if (others.length === 0) return undefined;
  return {
    code: "IN_USE",
    id: server.id,
    message: `machines of other stacks have addresses in the new pool: ${listed(others)}; move them first`,
  };
}

type Serve = Extract<Held, { readonly want: "serve" }>;

/** Whether there is an address for a machine: its own, or one of the pool. A release before this one did not write the pool down. */
export function hasAddress({ address }: Pick<Machine, "address">, { pool, unknownMachines }: Serve): boolean {
  return address !== undefined || pool !== undefined || unknownMachines === undefined;
}

/** The machines that wait for their own change after the pool is gone of which they had their addresses. */
export function warnOfLostPool({ after }: Register, puts: ReadonlySet<string>): Warning | undefined {
  const [server] = heldOf(after, "serve");
  if (server === undefined || !puts.has(server.id) || hasAddress({ address: undefined }, server.held)) return undefined;
  const waiting = [...after.values()].filter(({ id, pooled }) => pooled > 0 && !puts.has(id));
  if (waiting.length === 0) return undefined;
  const counted = waiting.map(({ id, pooled }) => `${pooled} ${pooled === 1 ? "NIC" : "NICs"} of ${id}`).toSorted();
  const text = `without a pool no machine has an address that is not its own: not served until their own change, or gone by then: ${counted.join(", ")}`;
  return { id: server.id, text };
}

/** The numbers of `192.168.1.2-192.168.1.5`, both ends included. */
function poolOf(text: string | undefined): { readonly first: number; readonly last: number } | undefined {
  const [first, last] = (text ?? "").split("-").map(addressNumber);
  return first === undefined || last === undefined ? undefined : { first, last };
}
