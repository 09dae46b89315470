/** What stands for a value that only the up will know: Pulumi's own text, by which its engine knows such a value again. */
export const unknownText = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** What is said in the place of such a value. */
export const afterUp = "after this up";

/** Whether a value is still to come. */
export function isUnknown(value: unknown): boolean {
  return value === unknownText;
}

/** Whether a value or a part of it is still to come. */
export function holdsUnknown(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return isUnknown(value);
  return Object.values(value).some(holdsUnknown);
}
