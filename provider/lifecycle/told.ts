import { setTimeout as sleep } from "node:timers/promises";
import { ChangesTogether } from "../conversation/refused";
import { NetbootError, renderError } from "../errors";
import { asRefreshed } from "../values/mending";
import { allDisplayed } from "./display";
import { wasLookedAt } from "./lookedAt";

/** Whoever fails for the same reason does so at about the same time: the connection or the transaction is shared. */
const windowMs = 100;

/** Reasons that were told in this run, by their words: beside which resource, and how many others have the same. */
const told = new Map<string, { readonly beside: string; others: number }>();

/**
 * Does what the engine asks of a resource, and throws what went wrong as the engine should show it: printable, with its code, and
 * in full beside one resource only where several fail for the same reason. Of a host that this run has looked at by this
 * connection it does not say that a refresh mends.
 */
export async function tellingFailures<T>(
  kind: string,
  id: string,
  act: () => Promise<T>,
  connection?: unknown,
): Promise<T> {
  try {
    return await act();
  } catch (reason) {
    throw await failureOf(asExpected(kind, reason), id, wasLookedAt(connection) ? asRefreshed : asIs);
  } finally {
    await allDisplayed();
  }
}

/** Anything but an error of ours is a bug of ours. */
export function asExpected(kind: string, reason: unknown): NetbootError {
  if (NetbootError.is(reason)) return reason;
  const words = reason instanceof Error ? reason.message : String(reason);
  return new NetbootError("BUG", `this is a bug in pulumi-netboot, in ${kind}: ${words}`, { cause: reason });
}

const asIs = (text: string): string => text;

async function failureOf(reason: NetbootError, id: string, worded: (text: string) => string): Promise<Error> {
  // It says already beside which.
  if (reason instanceof ChangesTogether) return new ToldOnce(reason, worded(reason.message));
  const known = told.get(reason.message);
  if (known !== undefined) {
    known.others++;
    return new ToldOnce(reason, `not done, for the reason that is told beside ${known.beside}`);
  }
  const first = { beside: id, others: 0 };
  told.set(reason.message, first);
  await sleep(windowMs);
  const { others } = first;
  const count =
    others === 0 ? "" : `\nthe same holds for ${others} other ${others === 1 ? "resource" : "resources"} so far`;
  return new ToldOnce(reason, `${worded(reason.message)}${count}`);
}

const mark = "pulumi-netboot: told beside its resource";

/**
 * An error that the engine shows beside its resource, and nowhere else.
 *
 * @remarks
 * Of a delete and a refresh that fails the SDK writes the error to stderr as well, with its stack, and the engine shows that
 * beside the stack (cmd/dynamic-provider, `console.error`). That line is known by its beginning, and left out.
 */
class ToldOnce extends NetbootError {
  constructor(reason: NetbootError, words: string) {
    super(reason.code, "", { cause: reason });
    this.message = renderError(new NetbootError(reason.code, words));
    this.stack = "";
    leaveOutTold();
  }

  override toString(): string {
    return mark;
  }
}

let isLeftOut = false;

function leaveOutTold(): void {
  if (isLeftOut) return;
  isLeftOut = true;
  const write = console.error;
  console.error = (...words: readonly unknown[]) => {
    if (!(typeof words[0] === "string" && words[0].startsWith(mark))) write.apply(console, [...words]);
  };
}
