import { type ErrorCode, NetbootError } from "../errors";
import type { Connection } from "../values/connection";
import { forgetting, isForgotten, placeOf } from "../values/place";
import type { Display } from "./display";

/** Of a host that does not answer any more, or that is another machine by now. One that lets nobody in still serves. */
const ofGone: ReadonlySet<ErrorCode> = new Set(["HOST_UNREACHABLE", "HOST_KEY_CHANGED", "OTHER_MACHINE"]);

/** Hosts that this run has found to be gone, and may forget. */
const forgotten = new Set<string>();

/**
 * Takes a resource off its host; or leaves it behind, where the host is gone and the operator has named it. A host that answers is never
 * passed over.
 *
 * @throws what `act` does, with the way out if the host may be gone
 */
export async function orForget(connection: Connection, display: Display, act: () => Promise<unknown>): Promise<void> {
  const host = placeOf(connection) ?? "";
  if (forgotten.has(host)) return;
  try {
    await act();
  } catch (reason) {
    if (!NetbootError.is(reason) || !ofGone.has(reason.code)) throw reason;
    if (!isForgotten(connection)) throw withWayOut(host, reason);
    if (forgotten.has(host)) return;
    forgotten.add(host);
    const port = connection.port === undefined ? "" : ` --port ${connection.port}`;
    display(
      "warning",
      `${host} is left behind, as ${forgetting} says: what this run deletes there goes from the state only. Should it come back, it serves what it served; ` +
        `\`npx pulumi-netboot records --host ${connection.host}${port}\` lists that, and clears it`,
    );
  }
}

function withWayOut(host: string, reason: NetbootError): NetbootError {
  const words = `If ${host} is gone for good, run the same command with ${forgetting}=${host.includes(" ") ? `"${host}"` : host} in its environment: what is deleted there then goes from the state only`;
  return new NetbootError(reason.code, `${reason.message}\n${words}`, { cause: reason });
}
