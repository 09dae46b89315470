import { kindOf } from "../kinds";
import type { Want } from "../kinds/want";
import { isUnknown } from "../values/unknown";

/** What `pulumi preview` writes in the place of a secret. */
const secret = "[secret]";

/** What is said in the place of a secret. */
export const secretWords = "a secret, which is not shown";

/** Whether a value is a secret that a preview does not show. */
export function isSecret(value: unknown): boolean {
  return value === secret;
}

/** Why a value is not known, if a part of it is a placeholder. */
export function whyHidden(value: unknown): string | undefined {
  if (isUnknown(value)) return "known only in the up";
  if (value === secret) return secretWords;
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return undefined;
  for (const inner of Object.values(value)) {
    const why = whyHidden(inner);
    if (why !== undefined) return why;
  }
  return undefined;
}

/** Texts for people, of which nothing on node 0 depends. */
const forPeople: ReadonlySet<string> = new Set(["nextBoot", "chains"]);

/** The inputs of which nothing can be planned, with why; a file's whole text may be hidden. */
export function whyUnplannable(kind: string, inputs: Readonly<Record<string, unknown>>): string | undefined {
  const { inputKeys } = kindOf(kind);
  const missing = inputKeys.filter((key) => !forPeople.has(key) && whyHidden(inputs[key]) !== undefined);
  if (missing.length === 0) return undefined;
  const texts = new Set(
    wantsIfAny(kind, inputs)?.flatMap((want) =>
      want.want === "file" && want.input !== undefined && whyHidden(want.content) !== undefined ? [want.input] : [],
    ),
  );
  const others = missing.filter((key) => !texts.has(key));
  const byReason = Map.groupBy(others, (key) => whyHidden(inputs[key]));
  const reasons = [...byReason].map(([why, keys]) => `${keys.join(", ")}: ${why}`);
  return reasons.length === 0 ? undefined : reasons.join("; ");
}

/** A machine of a fleet of which a preview shows nothing. */
interface HiddenRow {
  readonly name: string;
  readonly why: string;
}

/**
 * The rows of a fleet that can be planned: in the place of one that a preview hides that of the state, where it has one, so
 * that its machine does not seem to go.
 */
export function plannableRows(
  rows: Readonly<Record<string, unknown>>,
  inState: Readonly<Record<string, unknown>>,
): { readonly rows: Readonly<Record<string, unknown>>; readonly hidden: readonly HiddenRow[] } {
  const hidden = Object.entries(rows).flatMap(([name, row]) => {
    const why = whyHidden(row);
    if (why === undefined) return [];
    return [{ name, why: Object.hasOwn(inState, name) ? `${why}; planned as the stack has it until now` : why }];
  });
  const names = new Set(hidden.map(({ name }) => name));
  const known = Object.entries(rows).flatMap(([name, row]) => {
    if (!names.has(name)) return [[name, row]];
    return Object.hasOwn(inState, name) ? [[name, inState[name]]] : [];
  });
  return { rows: Object.fromEntries(known), hidden };
}

function wantsIfAny(kind: string, inputs: Readonly<Record<string, unknown>>): readonly Want[] | undefined {
  try {
    return kindOf(kind).wants(inputs as never);
  } catch {
    // A row that can't be read, because it is a placeholder.
    return undefined;
  }
}
