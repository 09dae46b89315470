import type { WireChunk } from "../lab/wire.mts";

/** One SSH message, in the words of ssh2: `Outbound: Sending CHANNEL_OPEN (r:0, session)`. */
export interface Message {
  /** Nanoseconds on the machine's monotonic clock, which all its processes share. */
  readonly at: bigint;
  readonly text: string;
}

/** What happened on a connection after the server had let the user in. */
export interface AfterAuthentication {
  /** How often the client said something for whose answer it waited. */
  readonly roundTrips: number;
  /** How often the client sent after the server had, as counted on the wire: all of the above and of `besides`, or fewer. */
  readonly turnsOnTheWire: number;
  /** What the client sent that waits for no answer, and is no round trip: message → how often. */
  readonly besides: Readonly<Record<string, number>>;
  /** The messages of both sides in their order, for those who doubt it. */
  readonly messages: readonly string[];
}

/**
 * Nobody waits for what these are answered, if they are: a window's size, a sign of life, the end, and the GLOBAL_REQUEST
 * by which ssh2 of its own accord has the server prove its other host keys, beside whatever else goes on.
 */
const asksNothing = [
  "CHANNEL_WINDOW_ADJUST",
  "ping",
  "CHANNEL_CLOSE",
  "DISCONNECT",
  "REQUEST_FAILURE",
  "GLOBAL_REQUEST",
];
/** These answer nothing: they come when the server likes. */
const answersNothing = ["CHANNEL_WINDOW_ADJUST", "GLOBAL_REQUEST", "REQUEST_FAILURE", "REQUEST_SUCCESS", "DEBUG"];

/**
 * Counts by two witnesses: the messages by name, as the client's ssh2 saw them before encryption, and the changes of
 * direction on the wire after the moment when it read USERAUTH_SUCCESS.
 */
export function countAfterAuthentication(
  messages: readonly Message[],
  chunks: readonly WireChunk[],
): AfterAuthentication {
  const letIn = messages.findIndex(({ text }) => text === "Inbound: Received USERAUTH_SUCCESS");
  if (letIn < 0)
    throw new Error("the trace has no USERAUTH_SUCCESS: nobody was let in, or ssh2 words it in another way");
  const after = messages.slice(letIn + 1).map(({ text }) => ({
    isOurs: text.startsWith("Outbound: "),
    word: /^\w+: (?:Received |Sending )?(\w+)/.exec(text)?.[1] ?? text,
  }));

  let roundTrips = 0;
  let isAsking = false;
  const besides: Record<string, number> = {};
  for (const { isOurs, word } of after) {
    if (!isOurs) isAsking &&= answersNothing.includes(word);
    else if (asksNothing.includes(word)) besides[word] = (besides[word] ?? 0) + 1;
    else {
      if (!isAsking) roundTrips++;
      isAsking = true;
    }
  }

  const since = messages[letIn]?.at ?? 0n;
  const directions = ["server", ...chunks.filter(({ at }) => at > since).map(({ from }) => from)];
  const turnsOnTheWire = directions.filter((from, index) => from === "client" && directions[index - 1] === "server");
  return {
    roundTrips,
    turnsOnTheWire: turnsOnTheWire.length,
    besides,
    messages: after.map(({ isOurs, word }) => `${isOurs ? ">" : "<"} ${word}`),
  };
}
