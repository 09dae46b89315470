import * as pulumi from "./pulumi";

/** Whether nothing in a value is still to come, so that it needs no output, of which each costs a dozen promises. */
export function isPlain(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (pulumi.Output.isInstance(value) || value instanceof Promise) return false;
  return Object.values(value).every(isPlain);
}
