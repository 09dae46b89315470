import { spawn, spawnSync } from "node:child_process";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { converse, type Reply } from "../../../../provider/conversation/conversation";
import { shellReads } from "../../../../provider/conversation/notStarted";
import { loader } from "../../../../provider/embedded";
import type { Question } from "../../../../provider/facts/question";
import type { Host, RunOptions, RunResult } from "../../../../provider/ssh/link";

vi.setConfig({ testTimeout: 60_000 });

/** This machine, on which the hands run as they run on node 0, but for the lock and whatever would change it. */
function here(change: (stdin: Buffer) => Buffer = (stdin) => stdin): Host {
  const run = (_command: string, { stdin, onStdin, onStdout }: RunOptions): Promise<RunResult> =>
    new Promise((resolve, reject) => {
      const child = spawn("perl", ["-"], { stdio: "pipe" });
      const stderr: Buffer[] = [];
      child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
      child.stdout.on("data", (chunk: Buffer) => onStdout?.(chunk));
      child.on("error", reject);
      child.on("close", (code) =>
        resolve({ code: code ?? undefined, stdout: Buffer.alloc(0), stderr: Buffer.concat(stderr).toString() }),
      );
      child.stdin.write(change(stdin ?? Buffer.alloc(0)));
      onStdin?.(child.stdin as unknown as Parameters<NonNullable<RunOptions["onStdin"]>>[0]);
    });
  return { name: "here", user: "root", isRoot: true, run };
}

const echo = (text: string): Readonly<Record<string, Question>> => ({ echo: { ask: "run", argv: ["printf", text] } });
const opening = { locks: false, puts: [], drops: [], questions: echo("first ü") };

describe("loader", () => {
  it("ends a shell that gets to read it, at its first line", () => {
    const { stdout, stderr } = spawnSync("sh", { input: `${loader}touch /nowhere/was-run\n`, encoding: "utf8" });
    expect({ stdout, stderr }).toEqual({ stdout: `${shellReads} if 0\n`, stderr: "" });
  });

  it("runs the hands that came with a request, and they answer it, and what is asked later", async () => {
    const heard: (string | undefined)[] = [];
    const { failure, wasComplete } = await converse(here(), opening, ({ answers }): Reply => {
      heard.push(answers.ran("echo")?.said);
      return heard.length === 1 ? { reply: "ask", questions: echo("second\\n") } : { reply: "stop" };
    });
    expect([failure, wasComplete, heard]).toEqual([undefined, false, ["first ü", "second\n"]]);
  });

  it("runs them in a locale whose messages nobody translates", async () => {
    vi.stubEnv("LANGUAGE", "de_DE:de");
    onTestFinished(() => void vi.unstubAllEnvs());
    const questions = { env: { ask: "run", argv: ["sh", "-c", 'echo "$LC_ALL,$LANGUAGE"'] } } as const;
    const { facts } = await converse(here(), { ...opening, questions }, () => ({ reply: "stop" }));
    expect(facts.answers.ran("env")?.said).toBe("C.UTF-8,\n");
  });

  it("runs nothing of a request that did not arrive as it was sent", async () => {
    const spoil = (stdin: Buffer): Buffer =>
      Buffer.concat([stdin.subarray(0, -1), Buffer.from([stdin.at(-1) === 0 ? 1 : 0])]);
    const talk = await converse(here(spoil), opening, () => ({ reply: "stop" }));
    expect(talk).toMatchObject({
      failure: { code: "TRANSACTION_FAILED", text: "the request did not arrive complete" },
      wasComplete: false,
    });
    expect(talk.facts.machineId).toBe("");
  });
});
