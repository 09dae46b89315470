import type { Problem } from "../../provider/values/problem";
import type { DhcpServer } from "../dhcpServer";
import type * as pulumi from "./pulumi";

/** Two servers of the same machines. */
export interface Pair {
  readonly first: DhcpServer;
  readonly second: DhcpServer;
  /** What declares machines on both, as far as the program has come. */
  readonly machines: pulumi.Resource[];
}

const pairs = new WeakMap<DhcpServer, Pair>();

/** Notes that two servers have the same machines, or says why they can't: a change comes to one of two first, always the same. */
export function rememberPair(first: DhcpServer, second: DhcpServer): Pair | Problem {
  const known = pairs.get(first) ?? pairs.get(second) ?? { first, second, machines: [] };
  const wrong = (message: string): Problem => ({ path: "server", message });
  if (known.first === second && known.second === first) {
    return wrong(
      "other machines name the same two in the other order, and a change comes to the first one first; name them in one order",
    );
  }
  if (known.first !== first || known.second !== second) {
    return wrong("other machines name one of these two with a third; a node 0 is one of two, or alone");
  }
  for (const server of [first, second]) pairs.set(server, known);
  return known;
}

/**
 * The pair that a server is one of, when the program has come to its end, or first waits for something: until then its parts
 * are not handed to the engine.
 */
export async function pairOf(server: () => DhcpServer | undefined): Promise<Pair | undefined> {
  await new Promise((resolve) => setImmediate(resolve));
  const known = server();
  return known && pairs.get(known);
}

/** The other one of the two. */
export function otherOf(pair: Pair | undefined, server: DhcpServer | undefined): DhcpServer | undefined {
  return pair?.first === server ? pair?.second : pair?.first;
}
