import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client, ClientChannel } from "ssh2";
import { NetbootError } from "../errors";
import { connectionSecrets } from "../values/connection";
import { address, DialFailure, inWords } from "./dial";
import { redact } from "./redact";
import { Slots } from "./slots";
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
  /** Gives the command up, whatever becomes of it. */
  readonly signal?: AbortSignal;
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
   * @throws CONNECTION_LOST when the connection breaks or the command runs out of time ({@link NotEnded}), the signal's reason
   * when the command is given up; what became of it is then unknown
   */
  run(command: string, options: RunOptions): Promise<RunResult>;
}

/** Three unanswered questions, five seconds apart, and the connection counts as broken. */
export const keepaliveIntervalMs = 5000;
export const keepaliveCount = 3;
/** sshd allows ten sessions in one connection (MaxSessions) unless it is told otherwise; others want some too. */
const channelLimit = 4;
/** A log of years, or the records of ten thousand machines, are some ten MB. */
const mostBytesSaid = 256_000_000;
const mostStderr = 65_536;
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
        else throw this.#lost(`it opens no session (${openFailure(error)}); its sshd's MaxSessions may forbid it`);
      } finally {
        this.#slots.free();
      }
    }
  }

  // node-ssh's execCommand turns the output into text chunk by chunk and trims it; we need the bytes as they are.
  #runNow(command: string, options: RunOptions): Promise<RunResult> {
    const { stdin, timeoutMs, onStdin, onStdout, signal: given, mostBytes = mostBytesSaid } = options;
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
      const giveUp = (reason: unknown): void => {
        settle(() => reject(reason));
        channel?.close();
      };
      const clock = setTimeout(() => {
        const { code, message } = this.#lost(`a command did not end within ${timeoutMs / 1000} s`);
        giveUp(new NotEnded(code, message));
      }, timeoutMs);
      given?.addEventListener("abort", () => giveUp(given.reason), { once: true });
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
          const words = openFailure(error);
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

/** A command did not end in the time that it had. */
export class NotEnded extends NetbootError {}

/** The host has no session left for us now. */
class NoRoom extends Error {}

/** What a host says of a channel that it does not open, without what ssh2 puts before it. */
function openFailure({ message }: Error): string {
  return message.replace("(SSH) Channel open failure: ", "");
}

function isNoRoom(error: Error): boolean {
  return "reason" in error;
}
