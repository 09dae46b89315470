import { withHashes } from "../preview/nextBoot";
import { placeOf } from "../values/place";
import type { Properties } from "./comparison";

// Every run asks for check and diff of every resource, so this file needs nothing that takes long to load.

/** Host and name of a boot file → its hash, which an update in this run leaves as it is. */
const hashes = new Map<string, string>();

function keyOf({ connection }: Properties, name: unknown): string {
  return `${placeOf(connection)} ${name}`;
}

/**
 * Notes that an update leaves a boot file as it is, as one that changes only how node 0 is reached. A preview knows no output
 * of what is updated, and would show each next boot as another.
 */
export function noteKept({ sha256 }: Properties, news: Properties): void {
  if (typeof sha256 === "string" && typeof news["name"] === "string") hashes.set(keyOf(news, news["name"]), sha256);
}

/** The inputs of machines, of which a preview said that a hash comes later: with the hashes of files that stay as they are. */
export function withKept(inputs: Properties): Properties {
  const texts = hashes.size === 0 ? [] : ["nextBoot", "chains"].filter((key) => inputs[key] !== undefined);
  if (texts.length === 0) return inputs;
  const known = (text: unknown): unknown => {
    if (typeof text === "string") return withHashes(text, (name) => hashes.get(keyOf(inputs, name)));
    if (typeof text !== "object" || text === null) return text;
    return Object.fromEntries(Object.entries(text).map(([key, inner]) => [key, known(inner)]));
  };
  return { ...inputs, ...Object.fromEntries(texts.map((key) => [key, known(inputs[key])])) };
}
