import { spawn } from "node:child_process";

/** What a program of the machine, of the segment or of node 0 said. */
export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  /** Throw when it ends with another code than 0. @defaultValue `true` */
  readonly check?: boolean;
  /** It is ended after this time, and that is always an error. @defaultValue five minutes */
  readonly timeoutMs?: number;
  /** What it reads on its standard input. */
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** What an error shows as the command. @defaultValue the whole of it */
  readonly shown?: string;
  /** Called with each line it prints, as soon as it is there. */
  readonly onLine?: (line: string) => void;
  /** Ends it, and all that it started. @defaultValue SIGKILL to the program alone */
  readonly end?: (pid: number) => void;
}

/** Runs a program to its end. An error shows the command, the code and what it said. */
export async function run(argv: readonly string[], options: ProgramOptions = {}): Promise<Answer> {
  const { check = true, timeoutMs = 300_000, input, env, onLine } = options;
  const [file = "", ...args] = argv;
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"], env: env ?? process.env });
  const said = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    let rest = "";
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      said[stream] += text;
      if (onLine === undefined) return;
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      lines.forEach(onLine);
    });
  }
  // A program that ends without reading its input breaks the pipe; its exit code says all there is to say.
  child.stdin.on("error", () => undefined).end(input ?? "");

  let late = false;
  const timer = setTimeout(() => {
    late = true;
    if (options.end && child.pid !== undefined) options.end(child.pid);
    child.kill("SIGKILL");
    // Something that the program left behind may hold the pipes open for ever.
    for (const stream of [child.stdout, child.stderr]) stream.destroy();
  }, timeoutMs);
  const code = await new Promise<number>((resolve, reject) => {
    child.on("error", (cause) => reject(new Error(`${file} cannot be started: ${cause.message}`, { cause })));
    child.on("close", (exit, signal) => resolve(exit ?? (signal === null ? 1 : 128)));
  }).finally(() => clearTimeout(timer));

  if (late)
    throw new Error(describeFailure(options.shown ?? argv.join(" "), `did not end within ${timeoutMs / 1000} s`, said));
  if (check && code !== 0)
    throw new Error(describeFailure(options.shown ?? argv.join(" "), `failed with exit code ${code}`, said));
  return { code, ...said };
}

function describeFailure(shown: string, how: string, said: { stdout: string; stderr: string }): string {
  const words = `${said.stdout}\n${said.stderr}`.split("\n").filter((line) => line.trim() !== "");
  return [
    `a command ${how}`,
    `  $ ${shown.length > 400 ? `${shown.slice(0, 400)} …` : shown}`,
    ...words.slice(-20).map((line) => `  ${line}`),
  ].join("\n");
}

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly everyMs?: number;
  /** What to say on failure. */
  readonly seen?: () => string;
  readonly signal?: AbortSignal | undefined;
}

/** Asks until there is an answer; at the end of the time it fails with what was seen last. */
export async function waitFor<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  { timeoutMs, everyMs = 50, seen = () => "nothing", signal }: WaitOptions,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const answer = await look();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new Error(`${what} did not happen within ${timeoutMs / 1000} s; last seen: ${seen()}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
