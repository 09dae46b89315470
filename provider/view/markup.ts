import { printable } from "../values/printable";

/**
 * A text for HTML or SVG. What a host said may be hostile, so all that has a meaning there loses it; what neither can hold, a
 * control character, or would be hidden, is shown as its escape.
 */
export function escaped(text: string): string {
  return printable(text).replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A value as the content of a `<script type="application/json">`, which only `</script` and `<!--` could end. */
export function renderData(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}
