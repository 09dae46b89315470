import { isDeepStrictEqual } from "node:util";

// Every run asks for check and diff of every resource, so this file needs nothing that takes long to load.

const connections: unknown[] = [];

/** Notes that this run has looked at a host: a connection to it is open, and was asked for. */
export function noteLook(connection: unknown): void {
  if (!wasLookedAt(connection)) connections.push(connection);
}

/** Whether this run refreshes what is on the host that one reaches so. */
export function wasLookedAt(connection: unknown): boolean {
  return connections.some((known) => isDeepStrictEqual(known, connection));
}
