import { getCiphers } from "node:crypto";
import type { LookupAddress } from "node:dns";
import { lookup } from "node:dns/promises";
import { connect as connectTcp, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { NodeSSH } from "node-ssh";
import type { Algorithms, CipherAlgorithm, Client, ClientChannel } from "ssh2";
import { NetbootError } from "../errors";
import { connectionSecrets } from "../values/connection";
import { Authentication } from "./authentication";
import { expectHostKey } from "./hostKey";
import { redact } from "./redact";
import { Slots } from "./slots";
import type { Surroundings } from "./sshConfig";
import type { Target } from "./target";

/** How one command is run. */
export interface RunOptions {
  /** What the command reads first; then its standard input ends, unless somebody talks on. */
  readonly stdin?: Buffer;
  /** Is given the command's standard input once it runs, and ends it. */
  readonly onStdin?: (stdin: Pick<ClientChannel, "write" | "end">) => void;
  /** How long the command may take, from the moment when its turn has come. */
  readonly timeoutMs: number;
  /** Is given the output as it arrives, which then is not kept. */
  readonly onStdout?: (chunk: Buffer) => void;
  /** How much the command may say; more ends the connection. @defaultValue 256 MB */
  readonly mostBytes?: number;
}

/** How a command ended, and what it said. */
export interface RunResult {
  /** Nothing if a signal ended the command, or the host closed the channel without a word. */
  readonly code: number | undefined;
  /** `SIGTERM`, … */
  readonly signal?: string;
  readonly stdout: Buffer;
  /** Its first 64 kB. */
  readonly stderr: string;
}

/** A host, reached over SSH. */
export interface Host {
  /** As an operator calls it: the alias, or host and port. */
  readonly name: string;
  readonly user: string;
  /** Whether the user is root; whoever is not works through `sudo -n`. */
  readonly isRoot: boolean;
  /**
   * Runs a command in a channel of its own, as it is given.
   *
   * @throws CONNECTION_LOST when the connection breaks or the command runs out of time; what became of the command is
   * then unknown
   */
  run(command: string, options: RunOptions): Promise<RunResult>;
}

/**
 * What is offered to a server besides host keys (hostKey.ts). Out are all SHA-1 (key exchange, MAC, signatures), CBC,
 * MD5, RC4, DSA and compression; OpenSSH 7.2 (2016) and later have all that is left.
 */
const algorithms: Algorithms = {
  kex: [
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
  ],
  cipher: [
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
    // An OpenSSL in FIPS mode has no ChaCha20, and ssh2 refuses a list with an algorithm that it can't do.
    ...(getCiphers().includes("chacha20") ? (["chacha20-poly1305@openssh.com"] satisfies CipherAlgorithm[]) : []),
  ],
  hmac: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512"],
  compress: ["none"],
};

/** A person may have to touch a key or confirm in the agent; sshd itself waits for two minutes (LoginGraceTime). */
const authenticationMs = 60_000;
/** Three unanswered questions, five seconds apart, and the connection counts as broken. */
const keepaliveIntervalMs = 5000;
const keepaliveCount = 3;
/** sshd allows ten sessions in one connection (MaxSessions) unless it is told otherwise; others want some too. */
const channelLimit = 4;
/** A log of years, or the records of ten thousand machines, are some ten MB. */
const mostBytesSaid = 256_000_000;
const mostStderr = 65_536;
/** The end of "for ever" (dialErrorLimit -1): a host that boots is up by then. */
const dialForeverMs = 30 * 60_000;

/** What opening a connection needs besides the target. */
export interface ConnectOptions {
  readonly around: Surroundings;
  readonly say: (line: string) => void;
  /** Opens the jump host of a target, or gives the one that is open already. */
  readonly openVia: (target: Target) => Promise<Link>;
}

/** A failure that may pass by itself: nobody has answered yet. */
class DialFailure extends Error {}

/**
 * Opens a connection: the network, the host key, the user. Tries again only while nobody answers; a refused key or a
 * wrong host key is final.
 */
export async function connect(target: Target, options: ConnectOptions): Promise<Link> {
  const secrets = connectionSecrets(target.given);
  const end = Date.now() + dialForeverMs;
  for (let failures = 0; ; ) {
    const authentication = await Authentication.prepare(target, options.around);
    const via = target.via === undefined ? undefined : await options.openVia(target.via);
    try {
      return await handshake(target, via, authentication);
    } catch (error) {
      if (!(error instanceof DialFailure)) throw error;
      failures++;
      const limit = target.dialErrorLimit;
      const where = via === undefined ? address(target) : `${address(target)} from ${via.name}`;
      if ((limit !== -1 && failures > limit) || Date.now() > end) {
        const tries = failures === 1 ? "" : `, after ${failures} attempts`;
        throw new NetbootError(
          "HOST_UNREACHABLE",
          redact(
            [
              `${target.name}: no connection to ${where}${tries}: ${error.message}`,
              ...target.notes.map((note) => `  ${note}`),
              ...adviceFor(error.message, target),
            ].join("\n"),
            secrets,
          ),
          { cause: error.cause },
        );
      }
      const pauseMs = Math.min(5000, 250 * 1.5 ** (failures - 1));
      const most = limit === -1 ? "" : ` of ${limit + 1}`;
      options.say(`${target.name}: ${error.message}; attempt ${failures + 1}${most} follows`);
      await sleep(pauseMs);
    }
  }
}

function address({ host, port }: Target): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function adviceFor(message: string, { port }: Target): readonly string[] {
  if (/no such name/.test(message)) return ["  give connection.host an address, or a name that can be looked up"];
  if (/refused/.test(message)) return [`  does sshd run there, and listen on port ${port}?`];
  if (/in time|timed out|within/.test(message)) {
    return [
      "  is it up, and does a firewall between let SSH through? perDialTimeout says how long an attempt may take",
    ];
  }
  return [];
}

/** What a system error means, in words; the code stays for those who look it up. */
const meanings: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused (ECONNREFUSED)",
  ECONNRESET: "the connection was reset (ECONNRESET)",
  EPIPE: "the connection was reset (EPIPE)",
  ETIMEDOUT: "the connection timed out (ETIMEDOUT)",
  EHOSTUNREACH: "there is no way to that host (EHOSTUNREACH)",
  ENETUNREACH: "there is no way to that network (ENETUNREACH)",
  EHOSTDOWN: "the host is down (EHOSTDOWN)",
  EAI_AGAIN: "the name service does not answer (EAI_AGAIN)",
  ENOTFOUND: "there is no such name (ENOTFOUND)",
};

function inWords(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return meanings[code ?? ""] ?? message;
}

/** How long an address is waited for alone; then the next one is tried beside it (RFC 8305). */
const headStartMs = 250;

async function dial(target: Target, via: Link | undefined): Promise<Duplex> {
  if (via !== undefined) return via.forward(target);
  const addresses = await addressesOf(target);
  const sockets = new Set<Socket>();
  const failures = new Map<string, string>();
  return new Promise<Socket>((resolve, reject) => {
    let next = 0;
    let headStart: NodeJS.Timeout | undefined;
    const end = (act: () => void): void => {
      clearTimeout(timer);
      clearTimeout(headStart);
      next = addresses.length;
      act();
    };
    const giveUp = (rest: string): void =>
      end(() => {
        for (const socket of sockets) socket.destroy();
        const words = addresses.map((each) => [each.address, failures.get(each.address) ?? rest] as const);
        const [[, only = ""] = []] = words;
        const all = words.map(([each, why]) => `${each}: ${why}`).join("; ");
        reject(new DialFailure(words.length === 1 ? only : all));
      });
    const timer = setTimeout(() => giveUp(`no answer within ${target.dialTimeoutMs / 1000} s`), target.dialTimeoutMs);
    const tryNext = (): void => {
      const chosen = addresses[next++];
      if (chosen === undefined) return;
      clearTimeout(headStart);
      headStart = setTimeout(tryNext, headStartMs);
      const { localAddress } = target;
      const socket = connectTcp({
        host: chosen.address,
        port: target.port,
        noDelay: true,
        ...(localAddress === undefined ? {} : { localAddress }),
      });
      sockets.add(socket);
      // It stays: an 'error' without a listener would end the whole provider.
      socket.on("error", (error) => {
        sockets.delete(socket);
        failures.set(chosen.address, inWords(error));
        if (failures.size === addresses.length) giveUp("");
        else tryNext();
      });
      socket.once("connect", () => {
        sockets.delete(socket);
        end(() => resolve(socket));
        for (const other of sockets) other.destroy();
      });
    };
    tryNext();
  });
}

/** The addresses of a name, each once, in the order in which the system would try them. */
async function addressesOf(target: Target): Promise<readonly LookupAddress[]> {
  try {
    const found = await Promise.race([
      lookup(target.host, { all: true, order: "verbatim", family: target.family ?? 0 }),
      sleep(target.dialTimeoutMs, undefined, { ref: false }).then(() => {
        throw new Error(`the name service gave no answer within ${target.dialTimeoutMs / 1000} s`);
      }),
    ]);
    return found.filter(({ address }, at) => found.findIndex((other) => other.address === address) === at);
  } catch (error) {
    const words = inWords(error);
    if ((error as NodeJS.ErrnoException).code !== "ENOTFOUND") throw new DialFailure(words, { cause: error });
    throw new NetbootError(
      "HOST_UNREACHABLE",
      [`${target.name}: ${words}: ${target.host}`, ...adviceFor(words, target)].join("\n"),
    );
  }
}

/** Dials once and lets SSH begin: key exchange, host key, authentication. */
async function handshake(target: Target, via: Link | undefined, authentication: Authentication): Promise<Link> {
  const expectation = expectHostKey({
    name: target.name,
    host: target.host,
    port: target.port,
    alias: target.hostKeyAlias,
    hostKey: target.given.hostKey,
    files: target.knownHostsFiles,
    revokedFiles: target.revokedHostKeys,
  });
  const begun = Date.now();
  const socket = await dial(target, via);

  const state: { refusal?: NetbootError; isEncrypted: boolean; isLate?: string; words?: string } = {
    isEncrypted: false,
  };
  const ssh = new NodeSSH();
  const ready = ssh.connect({
    username: target.user,
    sock: socket,
    algorithms: { ...algorithms, serverHostKey: expectation.algorithms as NonNullable<Algorithms["serverHostKey"]> },
    hostVerifier: (key: Buffer): boolean => {
      const refusal = expectation.judge(key);
      if (refusal !== undefined) state.refusal = refusal;
      return refusal === undefined;
    },
    authHandler: authentication.handler,
    keepaliveInterval: keepaliveIntervalMs,
    keepaliveCountMax: keepaliveCount,
    // Two clocks of our own instead: the network's and the person's are different ones.
    readyTimeout: 0,
  });
  // node-ssh has made its client before its first await. It takes its own listener off when the connection is ready,
  // and an 'error' without one would end the whole provider.
  const client = ssh.connection as Client;
  client.on("error", (error) => {
    state.words ??= inWords(error);
  });
  client.on("change password", () => {
    authentication.note("it is right, and has expired: log in once and change it");
    socket.destroy();
  });

  const late = (words: string) => () => {
    state.isLate = words;
    socket.destroy();
  };
  const left = Math.max(100, target.dialTimeoutMs - (Date.now() - begun));
  let clock = setTimeout(late(`no SSH handshake within ${target.dialTimeoutMs / 1000} s`), left);
  client.once("handshake", () => {
    state.isEncrypted = true;
    clearTimeout(clock);
    clock = setTimeout(late(`authentication took longer than ${authenticationMs / 1000} s`), authenticationMs);
  });

  try {
    await ready;
  } catch (error) {
    socket.destroy();
    if (state.refusal !== undefined) throw state.refusal;
    const words = state.isLate ?? state.words ?? inWords(error);
    if (state.isEncrypted) {
      const exhausted = words.startsWith("All configured authentication methods failed");
      throw authentication.failure(exhausted ? undefined : words);
    }
    if (/signature verification failed/.test(words)) {
      throw new NetbootError(
        "HOST_KEY_CHANGED",
        `${target.name}: it showed the right host key, and could not prove that it has the private half of it`,
      );
    }
    if (/no matching/i.test(words)) {
      throw new NetbootError(
        "HOST_UNREACHABLE",
        `${target.name}: its sshd and we have no algorithm in common: ${words}\n` +
          "  SHA-1, CBC and DSA are not offered; an OpenSSH of 7.2 or later has what is needed",
      );
    }
    throw new DialFailure(/before handshake/.test(words) ? "it closed the connection at once" : words, {
      cause: error,
    });
  } finally {
    clearTimeout(clock);
  }
  return new Link(target, client, socket);
}

/** An open connection. */
export class Link implements Host {
  readonly name: string;
  readonly user: string;
  readonly isRoot: boolean;
  readonly #client: Client;
  readonly #socket: Duplex;
  readonly #slots: Slots = new Slots(channelLimit);
  readonly #secrets: readonly string[];
  readonly #closed: Promise<void>;
  #why: string | undefined;
  #isOpen = true;

  constructor(target: Target, client: Client, socket: Duplex) {
    this.name = target.name;
    this.user = target.user;
    this.isRoot = target.user === "root";
    this.#client = client;
    this.#socket = socket;
    this.#secrets = connectionSecrets(target.given);
    client.on("error", (error) => {
      this.#why ??=
        error.message === "Keepalive timeout"
          ? `the host has not answered for ${(keepaliveIntervalMs * keepaliveCount) / 1000} s`
          : inWords(error);
    });
    client.on("end", () => {
      this.#isOpen = false;
    });
    this.#closed = new Promise((resolve) => {
      client.on("close", () => {
        this.#isOpen = false;
        resolve();
      });
    });
  }

  /** Whether commands can still be run. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** How many commands are running. */
  get running(): number {
    return this.#slots.taken;
  }

  async run(command: string, options: RunOptions): Promise<RunResult> {
    for (let refusals = 0; ; ) {
      await this.#slots.take();
      try {
        return await this.#runNow(command, options);
      } catch (error) {
        // sshd's MaxSessions is smaller than we thought: as many as there are now fit, and this one comes later.
        if (!(error instanceof NoRoom)) throw error;
        const others = this.#slots.taken - 1;
        if (others > 0) this.#slots.narrow(others);
        // Alone, and the last session may not be cleared away yet over there.
        else if (++refusals < 4) await sleep(100 * refusals);
        else
          throw this.#lost(`it opens no session: ${error.message}; sshd's MaxSessions or ForceCommand may forbid it`);
      } finally {
        this.#slots.free();
      }
    }
  }

  // node-ssh's execCommand turns the output into text chunk by chunk and trims it; we need the bytes as they are.
  #runNow(command: string, options: RunOptions): Promise<RunResult> {
    const { stdin, timeoutMs, onStdin, onStdout, mostBytes = mostBytesSaid } = options;
    return new Promise((resolve, reject) => {
      let channel: ClientChannel | undefined;
      let isSettled = false;
      const settle = (act: () => void): void => {
        if (isSettled) return;
        isSettled = true;
        clearTimeout(clock);
        act();
      };
      const fail = (why: string): void => settle(() => reject(this.#lost(why)));
      const clock = setTimeout(() => {
        fail(`a command did not end within ${timeoutMs / 1000} s`);
        channel?.close();
      }, timeoutMs);
      void this.#closed.then(() => fail(`the connection broke while a command ran: ${this.#whyClosed()}`));
      if (!this.#isOpen) {
        fail(`the connection is closed: ${this.#whyClosed()}`);
        return;
      }

      const started = (error: Error | undefined, opened: ClientChannel): void => {
        if (error) {
          // The clean-up of a broken connection answers here too. The command may have begun: its reply was still to come.
          if (!this.#isOpen) fail(`the connection broke while a command ran: ${this.#whyClosed()}`);
          else settle(() => reject(isNoRoom(error) ? new NoRoom(error.message) : this.#lost(error.message)));
          return;
        }
        channel = opened;
        if (isSettled) {
          opened.close();
          return;
        }
        const stdout: Buffer[] = [];
        const stderr: Buffer[] = [];
        let bytes = 0;
        let errorBytes = 0;
        const isTooMuch = (chunk: Buffer): boolean => {
          bytes += chunk.length;
          if (bytes <= mostBytes) return false;
          fail(`a command said more than ${Math.ceil(mostBytes / 1e6)} MB, and did not stop`);
          // Not the channel alone: whoever goes on talking there fills the connection of all others.
          this.#socket.destroy();
          return true;
        };
        let code: number | undefined;
        let signal: string | undefined;
        let open = 2;
        const closed = (): void => {
          if (--open > 0) return;
          if (!this.#isOpen && code === undefined && signal === undefined) return;
          settle(() =>
            resolve({
              code,
              ...(signal === undefined ? {} : { signal }),
              stdout: Buffer.concat(stdout),
              stderr: Buffer.concat(stderr).toString("utf8"),
            }),
          );
        };
        opened.on("data", (chunk: Buffer) => {
          if (isTooMuch(chunk) || isSettled) return;
          if (onStdout === undefined) stdout.push(chunk);
          try {
            onStdout?.(chunk);
          } catch (problem) {
            // Thrown into ssh2's parser it would break the connection of all others.
            settle(() => reject(problem));
            opened.close();
          }
        });
        opened.stderr.on("data", (chunk: Buffer) => {
          if (isTooMuch(chunk) || errorBytes >= mostStderr) return;
          errorBytes += chunk.length;
          stderr.push(chunk);
        });
        opened.on("exit", (status: number | null, name?: string) => {
          if (status === null) signal = name;
          else code = status;
        });
        opened.once("close", closed);
        opened.stderr.once("close", closed);
        // A command that ends before it has read everything is not an error: its exit code and words tell.
        opened.on("error", () => {});
        opened.stderr.on("error", () => {});
        if (onStdin === undefined) opened.end(stdin);
        else {
          opened.write(stdin ?? "");
          onStdin(opened);
        }
      };
      try {
        this.#client.exec(command, started);
      } catch (error) {
        fail(`the connection is closed: ${inWords(error)}`);
      }
    });
  }

  /** Opens a TCP connection from this host to another one: what a jump host is for. */
  forward(target: Target): Promise<Duplex> {
    const { host, port, dialTimeoutMs: timeoutMs } = target;
    return new Promise((resolve, reject) => {
      const clock = setTimeout(
        () => reject(new DialFailure(`${this.name} reached nothing within ${timeoutMs / 1000} s`)),
        timeoutMs,
      );
      const opened = (error: Error | undefined, channel: ClientChannel): void => {
        clearTimeout(clock);
        if (error) {
          const words = error.message.replace("(SSH) Channel open failure: ", "");
          const isForbidden = (error as { readonly reason?: unknown }).reason === 1;
          reject(
            isForbidden
              ? new NetbootError(
                  "HOST_UNREACHABLE",
                  `${target.name}: its jump host ${this.name} forbids the way to ${address(target)}: ${words}\n` +
                    "  the jump host's sshd decides that by AllowTcpForwarding, PermitOpen and DisableForwarding",
                )
              : new DialFailure(`${this.name} says: ${words}`, { cause: error }),
          );
          return;
        }
        channel.on("error", () => {});
        resolve(channel);
      };
      try {
        this.#client.forwardOut("127.0.0.1", 0, host, port, opened);
      } catch (error) {
        clearTimeout(clock);
        reject(new DialFailure(`${this.name}: the connection is closed: ${inWords(error)}`));
      }
    });
  }

  /** Says goodbye, and does not wait long for an answer. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#why ??= "we closed it, as the run ends";
    this.#client.end();
    const clock = setTimeout(() => this.#socket.destroy(), 500);
    await this.#closed;
    clearTimeout(clock);
  }

  #whyClosed(): string {
    return this.#why ?? "the host closed it";
  }

  #lost(why: string): NetbootError {
    return new NetbootError("CONNECTION_LOST", redact(`${this.name}: ${why}`, this.#secrets));
  }
}

/** The host has no session left for us now. */
class NoRoom extends Error {}

function isNoRoom(error: Error): boolean {
  return "reason" in error;
}
