import { createHash } from "node:crypto";

/** The sha256 of some bytes, in hexadecimal digits. */
export function sha256Of(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** A short digest of values, the same in whatever order a map has its keys: the engine hands one over in any. */
export function digestOf(values: readonly unknown[]): string {
  return sha256Of(JSON.stringify(values, sorted)).slice(0, 16);
}

function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([first], [second]) => (first < second ? -1 : 1)));
}
