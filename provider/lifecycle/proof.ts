import { proveNow } from "../conversation/look";
import { NetbootError, renderError } from "../errors";
import { closeHosts, openHost } from "../ssh/pool";
import { connectionSchema } from "../values/connection";
import { printable } from "../values/printable";
import { asExpected } from "./told";

/**
 * Proves the machines of a resource now: both DHCP stages from each of their MACs, and every file that they meet. Changes
 * nothing. It is asked from a program, so no connection stays open, which would keep the program from ending.
 *
 * @throws `NOT_SERVING` with what was seen instead; whatever opening a connection throws
 */
export async function prove(connection: unknown, id: string): Promise<string> {
  running++;
  try {
    const host = await openHost(connectionSchema.parse(connection));
    const { proof } = await proveNow(host, [{ id }], undefined);
    const told = proof.get(id) ?? "gone";
    const seen = typeof told === "string" ? [told] : [...told.values()];
    const wrong = seen.filter((text) => !text.startsWith("served: "));
    if (told === "gone" || seen.length === 0) {
      throw new NetbootError("NOT_SERVING", `${host.name}: ${id} is not on node 0; run \`pulumi up --refresh\``);
    }
    if (wrong.length > 0) {
      throw new NetbootError("NOT_SERVING", `${host.name}: ${wrong.join("\n")}`);
    }
    return printable(seen.join("\n"));
  } catch (reason) {
    const expected = asExpected("a proof", reason);
    throw new NetbootError(expected.code, renderError(expected), { cause: reason });
  } finally {
    running--;
    if (running === 0) await closeHosts();
  }
}

/** Machines that are rebooted together are proved together, over one connection. */
let running = 0;
