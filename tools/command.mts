import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Called with each line as it comes, from either stream. */
  readonly onLine?: (line: string, stream: "stdout" | "stderr") => void;
  /** After so long it gets SIGINT, and ten seconds later SIGKILL. */
  readonly timeoutSeconds?: number;
  /** Called with the running process, for those who want to disturb it. */
  readonly onStart?: (process: ChildProcess) => void;
}

export interface CommandResult {
  /** 128 + signal number if a signal ended it, 127 if there is no such program, 124 if it ran out of time. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, line by line as they came. */
  readonly output: string;
}

const { signals } = constants;

/** Runs a program to its end and keeps what it said; fails in its result only, never by throwing. */
export async function runCommand(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [program = "", ...args] = command;
  const { cwd, env, onLine, timeoutSeconds, onStart } = options;
  const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const all: string[] = [];
  const hear = (stream: "stdout" | "stderr") => (line: string) => {
    all.push(line);
    onLine?.(line, stream);
  };
  const stdout = collect(child.stdout, hear("stdout"));
  const stderr = collect(child.stderr, hear("stderr"));
  onStart?.(child);

  let outOfTime = false;
  const timers: NodeJS.Timeout[] = [];
  if (timeoutSeconds !== undefined) {
    timers.push(
      setTimeout(() => {
        outOfTime = true;
        child.kill("SIGINT");
        timers.push(setTimeout(() => child.kill("SIGKILL"), 10_000));
      }, timeoutSeconds * 1000),
    );
  }
  const { code, problem = "" } = await new Promise<{ code: number; problem?: string }>((resolve) => {
    child.on("error", (error) => resolve({ code: 127, problem: `${program}: ${error.message}\n` }));
    // "exit", not "close": a provider that outlives its engine may hold our pipe for long.
    child.on("exit", (code, signal) => resolve({ code: code ?? (signal === null ? 1 : 128 + signals[signal]) }));
  });
  for (const timer of timers) clearTimeout(timer);
  if (child.pid !== undefined) await Promise.race([Promise.all([stdout.end, stderr.end]), settle()]);
  return {
    code: outOfTime ? 124 : code,
    stdout: stdout.text(),
    stderr: problem + stderr.text(),
    output: problem + textOf(all),
  };
}

/**
 * Runs a program that talks to the terminal itself; returns its exit code as in `CommandResult`. Ctrl-C goes to both:
 * the program tidies up, and when it has ended, so do we.
 */
export function runInherited(command: readonly string[], options: Pick<CommandOptions, "cwd" | "env"> = {}): number {
  const [program = "", ...args] = command;
  const ignore = () => {};
  process.on("SIGINT", ignore);
  const { status, signal, error } = spawnSync(program, args, { ...options, stdio: "inherit" });
  process.off("SIGINT", ignore);
  if (error) process.stderr.write(`${program}: ${error.message}\n`);
  if (signal === "SIGINT" || status === 130) process.exit(130);
  return error ? 127 : (status ?? 128 + signals[signal ?? "SIGTERM"]);
}

function collect(stream: Readable, onLine: (line: string) => void) {
  const lines: string[] = [];
  const reader = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  reader.on("line", (line) => {
    lines.push(line);
    onLine(line);
  });
  const end = new Promise<void>((resolve) => reader.once("close", resolve));
  return { end, text: () => textOf(lines) };
}

function textOf(lines: readonly string[]): string {
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

/** What a dead program still has in its pipes arrives within this. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2000));
}

/** One shell word. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
