import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { engineIsGone } from "../engine";
import { NetbootError } from "../errors";
import { type Connection, connectionSchema, connectionSecrets } from "../values/connection";
import { connect } from "./connect";
import type { Host, Link } from "./link";
import { redact } from "./redact";
import { ownSurroundings, type Surroundings } from "./sshConfig";
import { resolveTarget, type Target } from "./target";

export { redact };

/** Whom to tell what happens while a connection is opened. */
export interface OpenOptions {
  /** One line at a time, for the row of the resource that waits. */
  readonly say?: (line: string) => void;
  /** The user's home and environment. @defaultValue those of this process */
  readonly around?: Surroundings;
}

interface Entry {
  readonly link: Promise<Link>;
  /** How many jump hosts lie between. */
  readonly hops: number;
  /** Everybody who waits for this connection hears of it. */
  readonly listeners: Set<(line: string) => void>;
}

// The provider process is one for all resources of a run, so this is one connection per host and run.
const entries = new Map<string, Entry>();
const ended = new AbortController();

/** Tells that the run ends: what runs may finish, and nothing that could be left is begun. */
export const ending: AbortSignal = ended.signal;

/**
 * A host, ready to run commands: connected, its key verified, the user let in. There is one connection for each way
 * to a host; it is opened by the first who asks, shared by all, and opened anew if it has died.
 *
 * @remarks
 * After authentication nothing is sent but keepalives. A jump host's connection is shared in the same manner.
 *
 * @throws ARGUMENTS_INVALID, KEY_UNREADABLE, HOST_UNREACHABLE, HOST_KEY_UNKNOWN, HOST_KEY_CHANGED, AUTHENTICATION_FAILED
 */
export async function openHost(connection: Connection, options: OpenOptions = {}): Promise<Host> {
  installSignalHandler();
  const read = connectionSchema.safeParse(connection);
  if (!read.success) {
    const mistakes = read.error.issues.map(({ path, message }) => `${["connection", ...path].join(".")}: ${message}`);
    throw new NetbootError("ARGUMENTS_INVALID", redact(mistakes.join("\n"), connectionSecrets(connection)));
  }
  const secrets = connectionSecrets(read.data);
  const around = options.around ?? ownSurroundings();
  try {
    return await openLink(resolveTarget(read.data, around), around, options.say ?? (() => {}));
  } catch (error) {
    throw withoutSecrets(error, secrets);
  }
}

async function openLink(target: Target, around: Surroundings, say: (line: string) => void): Promise<Link> {
  const key = JSON.stringify(target);
  for (;;) {
    const isAlone = await engineIsGone();
    if (ending.aborted || isAlone) {
      throw new NetbootError("CONNECTION_LOST", `${target.name}: no connection is opened any more: the run ends`);
    }
    const known = entries.get(key);
    const entry = known ?? open(key, target, around);
    entry.listeners.add(say);
    try {
      const link = await entry.link;
      if (link.isOpen) return link;
      if (entries.get(key) === entry) entries.delete(key);
    } finally {
      entry.listeners.delete(say);
    }
  }
}

function open(key: string, target: Target, around: Surroundings): Entry {
  const listeners = new Set<(line: string) => void>();
  const say = (line: string): void => {
    for (const listener of listeners) listener(line);
  };
  const openVia = (via: Target): Promise<Link> =>
    openLink(via, around, say).catch((error: unknown) => {
      throw asJumpHost(error, via, target);
    });
  const link = connect(target, { around, say, openVia });
  const entry: Entry = { link, hops: hopsOf(target), listeners };
  entries.set(key, entry);
  // The next one who asks tries again; those who wait already are told by the promise itself.
  link.catch(() => {
    if (entries.get(key) === entry) entries.delete(key);
  });
  return entry;
}

function hopsOf({ via }: Target): number {
  return via === undefined ? 0 : 1 + hopsOf(via);
}

function asJumpHost(error: unknown, via: Target, target: Target): unknown {
  if (!NetbootError.is(error)) return error;
  const message = error.message.startsWith(`${via.name}: `) ? error.message : `${via.name}: ${error.message}`;
  return new NetbootError(
    error.code,
    message.replace(`${via.name}: `, `${via.name} (the jump host of ${target.name}): `),
    { cause: error.cause },
  );
}

function withoutSecrets(error: unknown, secrets: readonly string[]): unknown {
  if (!(error instanceof Error)) return error;
  const message = redact(error.message, secrets);
  if (NetbootError.is(error)) {
    return message === error.message ? error : new NetbootError(error.code, message, { cause: error.cause });
  }
  return new NetbootError("BUG", `this is a bug in pulumi-netboot, while a connection was opened: ${message}`);
}

/** Closes every connection; a command that still runs fails with CONNECTION_LOST. */
export async function closeHosts(): Promise<void> {
  const open = [...entries.values()];
  entries.clear();
  // A host before the jump host that it is reached by: its goodbye travels over that one.
  for (const { link } of open.sort((one, other) => other.hops - one.hops)) {
    const settled = await settledNow(link);
    if (settled !== undefined) await settled.close();
    else link.then((late) => late.close()).catch(() => {});
  }
}

/** What a promise holds already; nothing if it is under way or has failed. */
async function settledNow<T>(promise: Promise<T>): Promise<T | undefined> {
  return Promise.race([promise.catch(() => undefined), setImmediate(undefined)]);
}

/** The engine kills what is still there 5 s after its SIGINT. */
const graceMs = 4000;

/** Whether it is decided what a signal does to the connections. */
let isDecided = false;

/**
 * The engine ends a provider by SIGINT: what runs may finish, nothing new begins, and the connections are closed.
 * Whoever listens to the signal ends the process, so without another listener we let it have its usual effect.
 */
function installSignalHandler(): void {
  if (isDecided) return;
  isDecided = true;
  process.on("SIGINT", endOnSignal);
}

function endOnSignal(): void {
  if (ending.aborted) return;
  ended.abort();
  void finish().finally(() => {
    // Taken off only now: another copy of this package may be done before us, and must see that we are not.
    process.off("SIGINT", endOnSignal);
    if (process.listenerCount("SIGINT") === 0) process.kill(process.pid, "SIGINT");
  });
}

/** For a program that ends at the signal in its own way, and needs its connections for that. */
export function keepThroughSignals(): void {
  isDecided = true;
  process.off("SIGINT", endOnSignal);
}

async function finish(): Promise<void> {
  const end = Date.now() + graceMs;
  while (Date.now() < end && (await isBusy())) await sleep(50);
  await closeHosts();
}

async function isBusy(): Promise<boolean> {
  const links = await Promise.all([...entries.values()].map(({ link }) => settledNow(link)));
  return links.some((link) => link !== undefined && link.running > 0);
}
