import { addressNumber, addressText } from "../values/ipv4";
import { inOrderOfIds, listed } from "./placed";
import { heldOf, type Placed, type Register, stackNow } from "./records";
import type { Refusal } from "./refusal";
import type { Warning } from "./warning";

/** Whether a machine with this address, or with one of the pool, can be served on the network. */
export function isInNetwork(address: string | undefined, cidr: string): boolean {
  if (address === undefined) return true;
  const [subnet = "", prefixLength = ""] = cidr.split("/");
  const number = addressNumber(address) ?? 0;
  return number - (number % 2 ** (32 - Number(prefixLength))) === addressNumber(subnet);
}

/** The first and the last address of a network. */
export function rangeOf(cidr: string): { readonly first: string; readonly last: string } {
  const [subnet = "", prefixLength = ""] = cidr.split("/");
  const first = addressNumber(subnet) ?? 0;
  return { first: subnet, last: addressText(first + 2 ** (32 - Number(prefixLength)) - 1) };
}

/**
 * A network that moves away from machines: those of its own stack follow in the same run, another stack's would be lost.
 * `outside`: the machines whose addresses are outside the network.
 */
export function whyNetworkStays(
  register: Register,
  puts: ReadonlySet<string>,
  outside: readonly Placed[],
): Refusal | undefined {
  const left = leftBehind(register, puts, outside);
  if (left === undefined) return undefined;
  const others = left.machines.filter(
    ({ id }) => stackNow(register.after, id) !== stackNow(register.after, left.server),
  );
  if (others.length === 0) return undefined;
  return {
    code: "IN_USE",
    id: left.server,
    message: `machines of other stacks are outside the new network ${left.cidr}: ${listed(others)}; move them first`,
  };
}

/** The machines that wait for their own change after their network has moved. */
export function warnOfMovedNetwork(
  register: Register,
  puts: ReadonlySet<string>,
  outside: readonly Placed[],
): Warning | undefined {
  const left = leftBehind(register, puts, outside);
  if (left === undefined || left.machines.length === 0) return undefined;
  const text = `outside the new network ${left.cidr}, and not served until their own change in this up: ${listed(left.machines)}`;
  return { id: left.server, text };
}

/** The machines that this change does not move with the network; nothing if it is not about the network. */
function leftBehind(
  { after }: Register,
  puts: ReadonlySet<string>,
  outside: readonly Placed[],
): { readonly server: string; readonly cidr: string; readonly machines: readonly Placed[] } | undefined {
  const [server] = heldOf(after, "serve");
  if (server === undefined || !puts.has(server.id)) return undefined;
  const { cidr } = server.held;
  const left = outside.filter(
    ({ id, machine }) => after.has(id) && !puts.has(id) && !isInNetwork(machine.address, cidr),
  );
  return { server: server.id, cidr, machines: inOrderOfIds(left) };
}
