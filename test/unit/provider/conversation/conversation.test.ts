import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { converse, type Opening, type Reply } from "../../../../provider/conversation/conversation";
import { line, renderMessage, type Value } from "../../../../provider/conversation/protocol";
import { hands, loader } from "../../../../provider/embedded";
import type { Facts } from "../../../../provider/plan/facts";
import { type Host, NotEnded, type RunOptions, type RunResult } from "../../../../provider/ssh/link";

/** What the other side hears and says; it answers as soon as it is spoken to. */
interface Node0 {
  /** What it was told: the opening first, without the hands. */
  readonly heard: string[];
  readonly stdinEnded: () => boolean;
  say(word: string, values?: Readonly<Record<string, Value>>): void;
  print(text: string | Buffer): void;
}

/** A host on which `play` is node 0. */
function played(
  play: (node0: Node0) => Partial<RunResult> | undefined,
  { isRoot = true, echo = {} }: { readonly isRoot?: boolean; readonly echo?: Partial<RunResult> } = {},
): { readonly host: Host; readonly commands: string[]; readonly options: RunOptions[] } {
  const commands: string[] = [];
  const all: RunOptions[] = [];
  const run = async (command: string, options: RunOptions): Promise<RunResult> => {
    if (command === "cat") return { code: 0, stdout: options.stdin ?? Buffer.alloc(0), stderr: "", ...echo };
    commands.push(command);
    all.push(options);
    const { nonce, body } = opened(options.stdin ?? Buffer.alloc(0));
    let ended = false;
    const heard = [body];
    options.onStdin?.({
      write: (bytes: Buffer) => {
        if (ended) throw new Error("written to a standard input that was ended");
        heard.push(message(bytes));
        return true;
      },
      end: () => {
        ended = true;
      },
    } as unknown as Parameters<NonNullable<RunOptions["onStdin"]>>[0]);
    const print = (text: string | Buffer): void => options.onStdout?.(Buffer.from(text));
    const say: Node0["say"] = (word, values) => print(`\n${nonce} ${Buffer.from(renderMessage([line(word, values)]))}`);
    const result = play({ heard, stdinEnded: () => ended, say, print });
    return { code: 0, stdout: Buffer.alloc(0), stderr: "", ...result };
  };
  return { host: { name: "pxe1.example", user: isRoot ? "root" : "operator", isRoot, run }, commands, options: all };
}

/** The request behind the loader, checked as the loader checks it. */
function opened(stdin: Buffer): { readonly nonce: string; readonly body: string } {
  expect(stdin.subarray(0, loader.length).toString()).toBe(loader);
  const rest = stdin.subarray(Buffer.byteLength(loader));
  const end = rest.indexOf(10);
  const [word, nonce = "", program, bytes, sum] = rest.subarray(0, end).toString().split(" ");
  const packed = rest.subarray(end + 1);
  expect([word, Number(bytes), sum]).toEqual(["netboot", packed.length, sha256(packed)]);
  const whole = gunzipSync(packed);
  expect(whole.subarray(0, Number(program)).toString()).toBe(hands);
  return { nonce, body: whole.subarray(Number(program)).toString() };
}

function message(bytes: Buffer): string {
  const end = bytes.indexOf(10);
  const [word, length, sum] = bytes.subarray(0, end).toString().split(" ");
  const packed = bytes.subarray(end + 1);
  expect([word, Number(length), sum]).toEqual(["message", packed.length, sha256(packed)]);
  return gunzipSync(packed).toString();
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

const nothing: Opening = { locks: false, puts: [], drops: [], questions: {} };
const stop = (): Reply => ({ reply: "stop" });

const machine = "node a 192.168.1.2 52:54:00:00:00:01 x64 - + %";

describe("converse", () => {
  it("opens with the resources, their machines, and the questions", async () => {
    const { host, options } = played(({ heard, say }) => {
      expect(heard).toEqual([
        [
          "request lock=1",
          `put id=OlaNode/p/s/a generation=0a bytes=${machine.length + 1}`,
          machine,
          "drop id=OlaNode/p/s/b%20c generation=0b",
          "question key=k ask=path path=/etc/a hashed=1",
          "",
        ].join("\n"),
      ]);
      say("end");
      return undefined;
    });
    await converse(
      host,
      {
        locks: true,
        puts: [{ id: "OlaNode/p/s/a", generation: "0a", machines: [machine] }],
        drops: [{ id: "OlaNode/p/s/b c", generation: "0b" }],
        questions: { k: { ask: "path", path: "/etc/a", hashed: true } },
      },
      stop,
    );
    expect(options).toHaveLength(1);
  });

  it("gives what node 0 says of itself to whoever decides", async () => {
    const { host } = played(({ say }) => {
      say("machineId", { text: "c0ffee" });
      say("recovered");
      const head = "unit a.service %\nsomething newer\nfile /etc/a 0644 aa";
      const examples = `${machine}\n${machine.replace("x64", "ia32")}`;
      say("entry", { id: "OlaNode/p/s/a", generation: "1", head, machines: 3, macs: 4, pooled: 1, examples });
      say("entry", { id: "OlaNode/p/s/gone", generation: "2", head: "purge", gone: true });
      say("new", { id: "OlaNode/p/s/new", machines: 1, macs: 1, pooled: 0, examples: machine });
      say("clash", { claim: "the MAC 52:54:00:00:00:01", id: "OlaNode/p/s/a", other: "OlaNode/p/t/a" });
      say("proved", { chains: "x64 ipxe.efi\nia32 \n" });
      say("name", { how: "comes", id: "OlaNode/p/s/new", hostname: "n", address: "192.168.1.3" });
      say("ran", { key: "k", status: 0, said: "yes" });
      say("asked");
      say("end");
      return undefined;
    });
    const seen: Facts[] = [];
    await converse(host, nothing, (facts) => {
      seen.push(facts);
      return { reply: "stop" };
    });
    const [facts] = seen;
    expect(facts).toMatchObject({
      machineId: "c0ffee",
      recovered: true,
      clashes: [{ claim: "the MAC 52:54:00:00:00:01", id: "OlaNode/p/s/a", other: "OlaNode/p/t/a" }],
      proved: ["x64 ipxe.efi", "ia32 "],
      names: [{ how: "comes", id: "OlaNode/p/s/new", hostname: "n", address: "192.168.1.3" }],
    });
    expect([...(facts?.before.keys() ?? [])]).toEqual(["OlaNode/p/s/a", "OlaNode/p/s/gone"]);
    expect([...(facts?.after.keys() ?? [])]).toEqual(["OlaNode/p/s/a", "OlaNode/p/s/new"]);
    expect(facts?.after.get("OlaNode/p/s/a")).toMatchObject({
      generation: "1",
      held: [
        { want: "unit", name: "a.service" },
        { want: "file", path: "/etc/a", mode: "0644", sha256: "aa" },
      ],
      machines: 3,
      macs: 4,
      pooled: 1,
      examples: [
        { hostname: "a", firmware: "x64" },
        { hostname: "a", firmware: "ia32" },
      ],
    });
    expect(facts?.after.get("OlaNode/p/s/new")).toMatchObject({ generation: "", held: [], machines: 1 });
    expect(facts?.answers.ran("k")).toEqual({ status: 0, said: "yes" });
  });

  it("asks and brings for as long as it is told to, and ends its standard input with the plan", async () => {
    const order: string[] = [];
    const { host } = played(({ heard, say, stdinEnded }) => {
      say("asked");
      expect(heard.at(-1)).toBe("ask\nquestion key=a ask=roster\n");
      say("roster", { key: "a", machines: "x" });
      say("asked");
      expect(heard.at(-1)).toBe("bring\nwords list=install are=chrony\nquestion key=b ask=roster\n");
      expect(stdinEnded()).toBe(false);
      say("apt", { status: 0, said: "done" });
      say("asked");
      expect(heard.at(-1)).toBe("transact\nstop unit=a.service\nquestion key=c ask=roster\n");
      expect(stdinEnded()).toBe(true);
      say("complete");
      say("done", { id: "x", how: "changed" });
      say("end");
      return undefined;
    });
    const replies: readonly Reply[] = [
      { reply: "ask", questions: { a: { ask: "roster" } } },
      {
        reply: "bring",
        lines: [line("words", { list: "install", are: ["chrony"] })],
        questions: { b: { ask: "roster" } },
      },
      { reply: "transact", lines: [line("stop", { unit: "a.service" })], questions: { c: { ask: "roster" } } },
    ];
    const talk = await converse(host, nothing, (facts, said) => {
      order.push(`${facts.answers.roster("a") ?? "-"} ${said.map(({ word }) => word).join(",")}`);
      return replies[order.length - 1] ?? { reply: "stop" };
    });
    expect(order).toEqual(["- ", "x ", "x apt"]);
    expect(talk).toMatchObject({ wasComplete: true, said: [{ word: "apt" }, { word: "done", values: { id: "x" } }] });
    expect(talk).not.toHaveProperty("failure");
  });

  it("looks with its last word, too", async () => {
    const { host } = played(({ heard, say, stdinEnded }) => {
      say("asked");
      expect(heard.at(-1)).toBe("see\nexpect n=0\n");
      expect(stdinEnded()).toBe(true);
      say("end");
      return undefined;
    });
    const talk = await converse(host, nothing, () => ({ reply: "see", lines: [line("expect", { n: 0 })] }));
    expect(talk.wasComplete).toBe(false);
  });

  it("ends its standard input when nothing is to be done, and says nothing more", async () => {
    const { host } = played(({ heard, say, stdinEnded }) => {
      expect(stdinEnded()).toBe(false);
      say("asked");
      expect([heard.length, stdinEnded()]).toEqual([1, true]);
      say("end");
      return undefined;
    });
    expect((await converse(host, nothing, stop)).wasComplete).toBe(false);
  });

  it("stops where deciding throws, and throws that", async () => {
    const reason = new Error("another machine");
    const ended: boolean[] = [];
    const { host } = played(({ heard, say, stdinEnded }) => {
      say("asked");
      ended.push(stdinEnded(), heard.length === 1);
      say("end");
      return undefined;
    });
    const thrown = converse(host, nothing, () => {
      throw reason;
    });
    await expect(thrown).rejects.toBe(reason);
    expect(ended).toEqual([true, true]);
  });

  it("tells of progress and of warnings, and counts neither as something said", async () => {
    const { host } = played(({ say }) => {
      say("say", { id: "a", text: "apt: Unpacking…" });
      say("warn", { id: "b", text: "one\ntwo" });
      say("end");
      return undefined;
    });
    const told: (readonly [string, string, string])[] = [];
    const talk = await converse(host, nothing, stop, (...each) => told.push(each));
    expect(told).toEqual([
      ["a", "progress", "apt: Unpacking…"],
      ["b", "warning", "one\ntwo"],
    ]);
    expect(talk.said).toEqual([]);
  });

  it("passes over what a login shell prints before and between its lines, be they in pieces", async () => {
    const { host } = played(({ say, print }) => {
      print("Welcome to node 0!\nfail code=BUG\nabcdef end\n");
      print("half a line of a motd");
      say("machineId", { text: "c0ffee" });
      print("\0\xff\n");
      for (const byte of Buffer.from("noise\n")) print(Buffer.from([byte]));
      say("end");
      return undefined;
    });
    const talk = await converse(host, nothing, stop);
    expect(talk.facts.machineId).toBe("c0ffee");
    expect(talk).not.toHaveProperty("failure");
    expect(talk.said).toEqual([]);
  });

  it.each([
    [
      { code: "CLASH", id: "x", text: "no" },
      { code: "CLASH", id: "x", text: "no", swapped: false },
    ],
    [
      { code: "LOCKED", id: "-", text: "no" },
      { code: "LOCKED", text: "no", swapped: false },
    ],
    [
      { code: "wrong", id: "-", text: "no", swapped: 1 },
      { code: "wrong", text: "no", swapped: true },
    ],
    [
      { code: "BUG", text: "no", swapped: 0 },
      { code: "BUG", text: "no", swapped: false },
    ],
  ])("has what node 0 could not do: %j", async (values, failure) => {
    const { host } = played(({ say }) => {
      say("fail", values);
      say("end");
      return undefined;
    });
    expect((await converse(host, nothing, stop)).failure).toStrictEqual(failure);
  });

  it.each([
    [
      { code: 203, stderr: "Failed to start transient service unit: no such thing\nreally\n" },
      "ended with exit code 203",
    ],
    [
      { code: undefined, stderr: "Failed to start transient service unit: no such thing\nreally\n" },
      "was ended by a signal",
    ],
  ])("fails with the host's words where its last line is missing: %j", async (result, ending) => {
    const { host } = played(({ say }) => {
      say("machineId", { text: "c0ffee" });
      return result;
    });
    await expect(converse(host, nothing, stop)).rejects.toMatchObject({
      code: "COMMAND_FAILED",
      message:
        `pxe1.example: the agent ${ending} before it had answered; if it had begun, node 0 finishes or undoes its ` +
        "transaction by itself, and the next run looks again\n  $ systemd-run … /usr/bin/perl -\n" +
        "  Failed to start transient service unit: no such thing\n  really\n" +
        "node 0 must be a Debian with systemd and perl-base (every Debian has both)",
    });
  });

  it("says that sudo was refused, and only where there was a sudo", async () => {
    const refused = (): Partial<RunResult> => ({ code: 1, stderr: "sudo: a password is required\n" });
    await expect(converse(played(refused, { isRoot: false }).host, nothing, stop)).rejects.toMatchObject({
      code: "SUDO_REFUSED",
      message:
        "pxe1.example: sudo -n was refused:\n  sudo: a password is required\n" +
        "let the user run everything without a password (`NOPASSWD: ALL`, no `requiretty`), or connect as root",
    });
    await expect(converse(played(refused).host, nothing, stop)).rejects.toMatchObject({ code: "COMMAND_FAILED" });
  });

  const silent: Partial<RunResult> = { code: 0, stdout: Buffer.alloc(0) };
  it.each<[string, boolean, Partial<RunResult> & { words?: string }, Partial<RunResult>, string, RegExp]>([
    [
      "cloud-init's forced command",
      true,
      { code: 142, words: 'Please login as the user "debian" rather than the user "root".\n\n' },
      { code: 142, stdout: Buffer.from('Please login as the user "debian" rather than the user "root".\n\n') },
      "AUTHENTICATION_FAILED",
      /^pxe1\.example: root may not log in here.*\n {2}Please login as the user "debian" [^\n]*\nsay user: "debian"/,
    ],
    [
      "a forced internal-sftp",
      true,
      { code: 1, words: "This service allows sftp connections only.\n" },
      { code: 1, stdout: Buffer.from("This service allows sftp connections only.\n") },
      "COMMAND_FAILED",
      /runs no command for that user.*\n {2}This service allows sftp connections only\.\nconnect as another user.*ForceCommand/,
    ],
    [
      "nologin, without an end of line",
      false,
      { code: 1, words: "This account is currently not available." },
      { code: 1, stdout: Buffer.from("This account is currently not available.") },
      "COMMAND_FAILED",
      /"operator" may log in, and node 0 runs no command[^\n]*\n {2}This account is currently not available\./,
    ],
    [
      "no sudo, by bash",
      false,
      { code: 127, stderr: "bash: line 1: sudo: command not found\n" },
      {},
      "SUDO_REFUSED",
      /sudo is not installed there, so "operator" can't become root[^\n]*\n {2}bash: line 1: sudo: command not found\ninstall it/,
    ],
    ["no sudo, by dash", false, { code: 127, stderr: "sh: 1: sudo: not found\n" }, {}, "SUDO_REFUSED", /not installed/],
    ["no sudo, by csh", false, { code: 1, stderr: "sudo: Command not found.\n" }, {}, "SUDO_REFUSED", /not installed/],
    [
      "no sudo, in another language",
      false,
      { code: 127, stderr: "bash: Zeile 1: sudo: Kommando nicht gefunden.\n" },
      {},
      "SUDO_REFUSED",
      /not installed/,
    ],
    [
      "start files that begin another shell",
      true,
      { code: 0, words: "netboot: a shell reads this if 0\n" },
      { stdout: Buffer.alloc(0), stderr: "fish: Unknown command: ab12\n" },
      "COMMAND_FAILED",
      /the login shell of "root" does not run our command/,
    ],
    [
      "start files that begin a shell which reads all before it begins",
      true,
      { code: 127, stderr: "fish: Expected end of the statement, but found a string\n" },
      { stdout: Buffer.alloc(0), stderr: "fish: Unknown command: ab12\n" },
      "COMMAND_FAILED",
      /the login shell of "root" does not run our command[\s\S]*fish: Expected end/,
    ],
    [
      "start files that read all input",
      true,
      { code: 0 },
      silent,
      "COMMAND_FAILED",
      /the login shell .*\(it said nothing\)/s,
    ],
    [
      "no systemd",
      true,
      { code: 127, stderr: "bash: line 1: systemd-run: command not found\n" },
      {},
      "COMMAND_FAILED",
      /the agent ended with exit code 127[\s\S]*systemd-run: command not found[\s\S]*must be a Debian with systemd/,
    ],
  ])(
    "says what stands in the way of any command: %s",
    async (_what, isRoot, { words, ...result }, echo, code, message) => {
      const play = ({ print }: Node0): Partial<RunResult> => {
        if (words !== undefined) print(words);
        return result;
      };
      await expect(converse(played(play, { isRoot, echo }).host, nothing, stop)).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    },
  );

  it("is done with hands that never stop", async () => {
    const run = async (_command: string, { stdin, onStdout }: RunOptions): Promise<RunResult> => {
      const [, nonce] = /\nnetboot ([0-9a-f]{12}) /.exec(stdin?.toString("latin1") ?? "") ?? [];
      onStdout?.(Buffer.from(`${nonce} x\n`.repeat(500_001)));
      return { code: 0, stdout: Buffer.alloc(0), stderr: "" };
    };
    await expect(converse({ name: "h", user: "root", isRoot: true, run }, nothing, stop)).rejects.toMatchObject({
      code: "CONNECTION_LOST",
      message: "h: node 0 said more than 500000 lines, and did not stop",
    });
  });

  it("asks no more of a shell that swallows what the hands are to read, and goes on waiting for a slow host", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const waiting = (comesBack: boolean) => {
      let ended = (): void => {};
      let isEnded = false;
      const run = async (command: string, { stdin, onStdin }: RunOptions): Promise<RunResult> => {
        const result = { code: 0, stdout: Buffer.alloc(0), stderr: "" };
        if (command === "cat") return comesBack ? { ...result, stdout: stdin ?? Buffer.alloc(0) } : result;
        const end = new Promise<void>((resolve) => (ended = resolve));
        onStdin?.({
          write: () => true,
          end: () => {
            isEnded = true;
            ended();
          },
        } as unknown as Parameters<NonNullable<RunOptions["onStdin"]>>[0]);
        await end;
        return result;
      };
      const talk = converse({ name: "h", user: "root", isRoot: true, run }, nothing, stop).catch((error) => error);
      return { talk, isEnded: () => isEnded, end: () => ended() };
    };
    const eaten = waiting(false);
    await vi.advanceTimersByTimeAsync(10_000);
    expect((await eaten.talk).message).toMatch(/the login shell of "root" does not run our command/);
    const slow = waiting(true);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(slow.isEnded()).toBe(false);
    slow.end();
    expect((await slow.talk).message).toMatch(/must be a Debian/);
  });

  it("gives up where no command says a word or ends, and says what comes before a command", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const run = (command: string, { timeoutMs, signal }: RunOptions): Promise<RunResult> =>
      new Promise((_resolve, reject) => {
        setTimeout(() => reject(new NotEnded("CONNECTION_LOST", `${command} did not end`)), timeoutMs);
        signal?.addEventListener("abort", () => reject(new Error("given up")));
      });
    const talk = converse({ name: "h", user: "root", isRoot: true, run }, nothing, stop).catch((error) => error);
    await vi.advanceTimersByTimeAsync(70_000);
    expect(await talk).toMatchObject({
      code: "COMMAND_FAILED",
      message: expect.stringMatching(
        /no command of that user answers there: neither ours nor `cat`[\s\S]*ForceCommand/,
      ),
    });
  });

  it.each([
    [
      true,
      /^systemd-run --quiet --pipe --wait --collect --unit=pulumi-netboot-[0-9a-f]{12} --property=RuntimeMaxSec=2700 .*--property='UnsetEnvironment=PERL_UNICODE PERL5OPT [A-Z0-9 ]+' \/usr\/bin\/perl -$/,
    ],
    [false, /^sudo -n systemd-run --quiet --pipe --wait --collect --unit=pulumi-netboot-[0-9a-f]{12} /],
  ])("runs under the host's own init, each time by another name (root: %s)", async (isRoot, pattern) => {
    const { host, commands } = played(
      ({ say }) => {
        say("end");
        return undefined;
      },
      { isRoot },
    );
    await converse(host, nothing, stop);
    await converse(host, nothing, stop);
    for (const command of commands) expect(command).toMatch(pattern);
    expect(commands[0]).not.toBe(commands[1]);
  });
});
