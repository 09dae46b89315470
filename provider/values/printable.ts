/**
 * A text in which another machine had a hand, so that a terminal only shows it: each character that would move the cursor,
 * hide or reorder what stands there becomes its escape, `\u001b`. Ends of lines and tabs stay, and JSON stays the same JSON.
 *
 * @remarks
 * `<{%` begins a colour in what Pulumi's engine displays; one that it does not know ends the engine, and leaves the stack locked.
 */
export function printable(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(/[^\P{C}\n\t]|[\u2028\u2029]|(?<=<\{)%/gu, escaped);
}

function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

/** The same for every text in plain objects and lists. */
export function printableValue<T>(value: T): T {
  if (typeof value === "string") return printable(value) as T;
  if (Array.isArray(value)) return value.map(printableValue) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, printableValue(inner)])) as T;
}
