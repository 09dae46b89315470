import { bad, type Checked, good, quoted } from "./problem";

/** Whether node 0 must show that it serves a machine, and what asks for that anew. */
export type Verify = boolean | { readonly again?: string | number | null | undefined };

/** Reads a `verify` argument; what is asked for by default is `undefined`, so that the state does not grow by it. */
export function parseVerify(value: unknown): Checked<Verify | undefined> {
  if (value === undefined || value === null || value === true) return good(undefined);
  if (value === false) return good(false);
  if (typeof value === "object" && !Array.isArray(value)) {
    const { again, ...others } = value as Record<string, unknown>;
    if (Object.keys(others).length === 0) {
      if (again === undefined || again === null || again === "") return good(undefined);
      if (typeof again === "string" || typeof again === "number") return good({ again: String(again) });
    }
  }
  return bad({
    path: "verify",
    message: `${quoted(value)} is no way to verify; write true, false, or a value that asks for it anew: { again: "2026-11-22" }`,
  });
}
