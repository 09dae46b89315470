import { connect } from "node:net";

/**
 * Where the engine of this run listens, `127.0.0.1:45123`. A dynamic provider is not told, but it is the last argument of
 * its process; anything else where the process is none.
 */
export function engineAddress(): string {
  return process.argv.at(-1) ?? "";
}

/**
 * Whether the engine that started this process has died. Its provider lives on, and would go on with what waits; the stack
 * would never hear of it.
 */
export async function engineIsGone(address: string = engineAddress()): Promise<boolean> {
  const { host, port } = /^(?<host>127\.0\.0\.1|localhost):(?<port>\d+)$/.exec(address)?.groups ?? {};
  if (host === undefined) return false;
  return await new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) });
    const answer = (isGone: boolean): void => {
      socket.destroy();
      resolve(isGone);
    };
    socket.once("connect", () => answer(false));
    socket.once("error", ({ code }: NodeJS.ErrnoException) => answer(code === "ECONNREFUSED"));
  });
}
