import { type ChildProcess, execFile, spawn } from "node:child_process";
import { promisify } from "node:util";
import { asRoot } from "./debianPackages.ts";

const run = promisify(execFile);

/**
 * A wire with two ends, each in a network namespace of its own: `server0` with an address, `client0` without.
 * Nothing on it reaches the machine that the test runs on.
 */
export interface Segment {
  /** Starts a daemon at the server's end and waits until it has written `ready`. */
  serve(command: readonly string[], ready: string): Promise<Daemon>;
  /** Runs a program at the client's end; answers with what it wrote. */
  client(command: readonly string[]): Promise<string>;
  remove(): Promise<void>;
}

/** A daemon of a test. */
export interface Daemon {
  /** All that it has written until now. */
  log(): string;
  stop(): Promise<void>;
}

let made = 0;

/** Makes a wire; the server's end has these addresses in their order, as in `192.168.1.1/28`. */
export async function makeSegment(...addresses: readonly string[]): Promise<Segment> {
  const name = `netboot-${process.pid}-${++made}`;
  const [server, client] = [`${name}-server`, `${name}-client`];
  const ip = async (...words: readonly string[]): Promise<void> => {
    const [command = "", ...rest] = [...asRoot(), "ip", ...words];
    await run(command, rest);
  };
  const remove = async (): Promise<void> => {
    for (const namespace of [server, client]) await ip("netns", "del", namespace).catch(() => undefined);
  };
  const inside = (namespace: string, command: readonly string[]): [string, string[]] => {
    const [first = "", ...words] = [...asRoot(), "ip", "netns", "exec", namespace, ...command];
    return [first, words];
  };

  try {
    await ip("netns", "add", server);
    await ip("netns", "add", client);
    await ip("link", "add", "server0", "netns", server, "type", "veth", "peer", "name", "client0", "netns", client);
    for (const address of addresses) await ip("-n", server, "address", "add", address, "dev", "server0");
    for (const [namespace, link] of [
      [server, "lo"],
      [server, "server0"],
      [client, "lo"],
      [client, "client0"],
    ] as const) {
      await ip("-n", namespace, "link", "set", link, "up");
    }
    // The client has no address, and its broadcasts must still find the wire.
    await ip("-n", client, "route", "add", "255.255.255.255/32", "dev", "client0");
  } catch (error) {
    await remove();
    throw error;
  }

  return {
    remove,
    serve: (command, ready) => startDaemon(spawn(...inside(server, command)), ready),
    client: async (command) => (await run(...inside(client, command))).stdout,
  };
}

async function startDaemon(child: ChildProcess, ready: string): Promise<Daemon> {
  let log = "";
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`the daemon did not say ${ready} in 20 s; it said:\n${log}`)),
      20_000,
    );
    const read = (part: Buffer): void => {
      log += part.toString();
      if (!log.includes(ready)) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    void ended.then(() => {
      clearTimeout(timer);
      reject(new Error(`the daemon ended; it said:\n${log}`));
    });
  });
  return {
    log: () => log,
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
