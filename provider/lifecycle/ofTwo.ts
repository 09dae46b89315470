import { ChangesTogether, Refused } from "../conversation/refused";
import { NetbootError } from "../errors";
import { notDone } from "../preview/nextBoot";
import { hidden, type Pair } from "../values/hidden";
import type { Properties } from "./comparison";
import type { Display } from "./display";

/** The servers that this run goes on without, by their names. */
const leftOut = new Set<string>();

/**
 * Does what a resource needs on one of two servers of the same machines, and says what stands on each where that fails.
 *
 * @returns nothing where this server is down, and the program goes on without it
 * @throws what `act` does
 */
export async function onOneOfTwo<T>(news: Properties, display: Display, act: () => Promise<T>): Promise<T | undefined> {
  const pair = news[hidden.pair] as Pair | undefined;
  if (pair === undefined) return await act();
  try {
    return await act();
  } catch (reason) {
    if (!NetbootError.is(reason) || reason instanceof ChangesTogether) throw reason;
    const isDown = reason.code === "HOST_UNREACHABLE";
    const [first, second] = pair.names;
    const isFirstOut = pair.is === "second" && leftOut.has(first);
    if (!isDown || news["whileOneIsDown"] !== "go on" || isFirstOut)
      throw withWords(reason, whatStands(pair, isDown, isFirstOut));
    const [own, other] = pair.is === "first" ? [first, second] : [second, first];
    leftOut.add(own);
    display(
      "warning",
      `${reason.message}\n${own} has the state of the last up that reached it, and ${other} alone follows this one, as whileOneIsDown says; the next \`pulumi up\` mends ${own}`,
    );
    return undefined;
  }
}

/** What a failure on one of two servers means for the machines. */
function whatStands({ is, names: [first, second] }: Pair, isDown: boolean, isFirstOut: boolean): string {
  if (isFirstOut) return `${first} was not reached either: nothing of this change stands on one of the two`;
  if (is === "first") {
    const how = isDown ? `; with whileOneIsDown: "go on" a run does not wait for ${first}` : "";
    return `${second} comes after ${first}, so it is not touched, and serves what it served${how}`;
  }
  return (
    `${first} has the new state, and has proved it; ${second} has the state of the last up that reached it. A machine that boots gets ` +
    `what this up declares from ${first}, and what it got before from ${second}, where that serves; one that is new gets nothing from ` +
    `${second}. ${isDown ? "The" : "When that is mended, the"} next \`pulumi up\` brings it to ${second}`
  );
}

function withWords(reason: NetbootError, words: string): NetbootError {
  const message = `${reason.message}\n${words}`;
  if (!(reason instanceof Refused)) return new NetbootError(reason.code, message, { cause: reason });
  return new Refused(reason.code, message, reason.culprit, reason.isIdTaken, reason.undone);
}

/** Why the last run did not do what outputs say: `node0-b was down`. */
export function whyUndone({ drift }: Properties): string | undefined {
  const words: unknown[] = Array.isArray(drift) ? drift : [];
  const told = words.find((each) => typeof each === "string" && each.startsWith(notDone));
  return told === undefined ? undefined : String(told).slice(notDone.length);
}

/** What the outputs say of a resource whose server was down, so that the next run does what this one did not. */
export function undoneOn(news: Properties): readonly string[] {
  const { is, names } = news[hidden.pair] as Pair;
  return [`${notDone}${names[is === "first" ? 0 : 1]} was down`];
}
