import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { sha256Of } from "../digest";
import { hands, loader } from "../embedded";
import { type ErrorCode, NetbootError } from "../errors";
import type { Question } from "../facts/question";
import { stateFolder } from "../os/packages";
import { recoveryUnitName } from "../os/paths";
import type { Facts, NamedMachine } from "../plan/facts";
import type { Clash, Machine, RegisterEntry } from "../plan/records";
import { perlsVariables } from "../plan/recoveryUnit";
import { type Host, NotEnded } from "../ssh/link";
import { Collected, renderQuestion } from "./answers";
import { type Echo, whyNotStarted } from "./notStarted";
import { type Line, line, parseHeld, parseMachineLine, parseSaid, renderMessage, type Said } from "./protocol";

/** What a conversation is opened with. */
export interface Opening {
  /** Whether it may change node 0: then one at a time, and an earlier one that was cut short is undone first. */
  readonly locks: boolean;
  /** Resources that come or change, with their machines as the register's lines. */
  readonly puts: readonly { readonly id: string; readonly generation: string; readonly machines: readonly string[] }[];
  readonly drops: readonly { readonly id: string; readonly generation: string }[];
  readonly questions: Readonly<Record<string, Question>>;
}

/** What this side says next. */
export type Reply =
  /** More is to be known. */
  | {
      readonly reply: "ask";
      readonly questions: Readonly<Record<string, Question>>;
      /** What was answered before is of another matter, and forgotten. */
      readonly isOther?: true;
    }
  /** Packages and files out of packages are to be brought; then the questions are asked. */
  | { readonly reply: "bring"; readonly lines: readonly Line[]; readonly questions: Readonly<Record<string, Question>> }
  /** The whole plan; what is asked at its end, after all is done. */
  | {
      readonly reply: "transact";
      readonly lines: readonly Line[];
      readonly questions: Readonly<Record<string, Question>>;
    }
  /** Looks whether node 0 serves, and changes nothing. */
  | { readonly reply: "see"; readonly lines: readonly Line[] }
  /** There is nothing to do, or nothing may be done. */
  | { readonly reply: "stop" };

/** All that was said on the way. */
export interface Conversation {
  readonly facts: Facts;
  /** Lines that are no answers and no facts: `wrong`, `invalid`, `difference`, `late`, `undone`, `done`, `machine`, … */
  readonly said: readonly Said[];
  /** What node 0 could not do; `swapped` if it was past the first change by then. */
  readonly failure?: {
    readonly code: ErrorCode | "wrong" | "invalid";
    readonly id?: string;
    readonly text: string;
    readonly swapped: boolean;
  };
  /** Whether node 0 had the whole plan. */
  readonly wasComplete: boolean;
}

/** Tells a line about a resource while the work goes on; a warning stays on the screen. */
export type Tell = (id: string, severity: "progress" | "warning", line: string) => void;

/** Long enough for apt on a slow mirror; a host that says nothing for longer has a problem that waiting does not solve. */
const longestSeconds = 45 * 60;
/** Hands that begin say something sooner, unless the host is slow: so it is asked whether commands come through at all. */
const silentMs = 10_000;
const echoMs = 60_000;
/** What is kept of words that are no line of the hands; a program that refuses needs less. */
const mostWords = 4096;
/** Ten thousand machines with eight NICs each are told in fewer lines. */
const mostLines = 500_000;

/**
 * Talks with node 0: one exec on the connection that is open. Facts come up, `decide` answers, until it has said what is
 * to be done or that nothing is.
 *
 * The hands run under the host's own init. Once they have the whole plan, neither a lost connection nor our death stops
 * them half-way; should they be killed, init undoes what they had changed. Before that, a client that is gone or silent
 * for 20 s changes nothing.
 *
 * @throws `COMMAND_FAILED` when they could not be started; `SUDO_REFUSED`; what `decide` throws
 */
export async function converse(
  host: Host,
  opening: Opening,
  decide: (facts: Facts, said: readonly Said[]) => Reply | Promise<Reply>,
  tell: Tell = () => {},
): Promise<Conversation> {
  const nonce = randomBytes(6).toString("hex");
  const said: Said[] = [];
  const heard = new Heard();
  let stdin: { write(bytes: Buffer): unknown; end(): unknown } | undefined;
  let failure: Conversation["failure"];
  let thrown: unknown;
  let wasComplete = false;
  let ended = false;
  let hasBegun = false;
  let words = "";
  let heardLines = 0;
  let echo: Promise<Echo> | undefined;

  const send = (reply: Reply): void => {
    if (reply.reply === "stop") {
      stdin?.end();
      return;
    }
    if (reply.reply === "ask" && reply.isOther === true) heard.answers = new Collected();
    stdin?.write(renderReply(reply));
    if (reply.reply === "transact" || reply.reply === "see") stdin?.end();
  };

  const stopFor = (reason: unknown): void => {
    thrown = reason;
    send({ reply: "stop" });
  };

  const answer = (): void => {
    try {
      const decided = decide(heard.facts(), said);
      if (decided instanceof Promise) decided.then(send, stopFor);
      else send(decided);
    } catch (reason) {
      stopFor(reason);
    }
  };

  const onLine = (text: string): void => {
    const line = parseSaid(text, nonce);
    if (line === undefined) {
      if (words.length < mostWords) words += `${text.slice(0, mostWords)}\n`;
      return;
    }
    hasBegun = true;
    if (++heardLines > mostLines) {
      throw new NetbootError(
        "CONNECTION_LOST",
        `${host.name}: node 0 said more than ${mostLines} lines, and did not stop`,
      );
    }
    const { word, values } = line;
    if (word === "say") tell(values["id"] ?? "", "progress", values["text"] ?? "");
    else if (word === "warn") tell(values["id"] ?? "", "warning", values["text"] ?? "");
    else if (word === "asked") answer();
    else if (word === "complete") wasComplete = true;
    else if (word === "end") ended = true;
    else if (word === "fail") failure = failureOf(values);
    else if (!heard.take(line)) said.push(line);
  };

  const askWhy = async (): Promise<void> => {
    if (hasBegun) return;
    echo = echoOf(host);
    const { came, isSilent } = await echo;
    if (hasBegun) return;
    if (isSilent) givenUp.abort();
    else if (!came) stdin?.end();
  };
  const givenUp = new AbortController();
  const silence = setTimeout(() => void askWhy(), silentMs);
  const stdout = lines(onLine);
  const result = await host
    .run(handsCommand(host, nonce), {
      stdin: renderOpening(nonce, opening),
      timeoutMs: longestSeconds * 1000,
      signal: givenUp.signal,
      onStdin: (opened) => {
        stdin = opened;
      },
      onStdout: (chunk) => stdout.take(chunk),
    })
    .catch((reason: unknown) => {
      if (!givenUp.signal.aborted) throw reason;
      return { code: undefined, stderr: "" };
    })
    .finally(() => clearTimeout(silence));
  words += stdout.rest();
  if (thrown !== undefined) throw thrown;
  if (!ended && failure === undefined) {
    const all = { code: result.code, words: `${words}${result.stderr}` };
    throw whyNotStarted(host, all, hasBegun ? undefined : await (echo ?? echoOf(host)));
  }
  return { facts: heard.facts(), said, ...(failure === undefined ? {} : { failure }), wasComplete };
}

/** Puts together what node 0 says of its register. */
class Heard {
  machineId = "";
  recovered = false;
  readonly before = new Map<string, RegisterEntry>();
  readonly after = new Map<string, RegisterEntry>();
  readonly clashes: Clash[] = [];
  readonly names: NamedMachine[] = [];
  proved: readonly string[] = [];
  answers = new Collected();

  facts(): Facts {
    return this;
  }

  /** Whether the line was one of these. */
  take(line: Said): boolean {
    const { word, values } = line;
    const { id = "", generation = "" } = values;
    switch (word) {
      case "machineId":
        this.machineId = values["text"] ?? "";
        return true;
      case "recovered":
        this.recovered = true;
        return true;
      case "entry": {
        const entry = { id, generation, held: heldIn(values["head"] ?? ""), ...summaryOf(values) };
        this.before.set(id, entry);
        if (values["gone"] === undefined) this.after.set(id, entry);
        return true;
      }
      case "new":
        this.after.set(id, { id, generation: "", held: [], ...summaryOf(values) });
        return true;
      case "clash":
        this.clashes.push({ claim: values["claim"] ?? "", id, other: values["other"] ?? "" });
        return true;
      case "proved":
        this.proved = (values["chains"] ?? "").split("\n").filter((chain) => chain !== "");
        return true;
      case "name": {
        const { how, hostname = "", address = "" } = values;
        this.names.push({ how: how as NamedMachine["how"], id, hostname, address });
        return true;
      }
      default:
        if (values["key"] === undefined) return false;
        this.answers.take(line);
        return true;
    }
  }
}

function heldIn(head: string): RegisterEntry["held"] {
  return head
    .split("\n")
    .map(parseHeld)
    .filter((held) => held !== undefined);
}

function summaryOf(
  values: Readonly<Record<string, string>>,
): Pick<RegisterEntry, "machines" | "macs" | "pooled" | "examples"> {
  const { machines = "0", macs = "0", pooled = "0", examples = "" } = values;
  const of = (text: string): readonly Machine[] => (text === "" ? [] : text.split("\n").map(parseMachineLine));
  return { machines: Number(machines), macs: Number(macs), pooled: Number(pooled), examples: of(examples) };
}

function failureOf(values: Readonly<Record<string, string>>): NonNullable<Conversation["failure"]> {
  const { code = "BUG", id = "-", text = "", swapped } = values;
  return {
    code: code as ErrorCode,
    ...(id === "-" ? {} : { id }),
    text,
    swapped: swapped === "1",
  };
}

function renderOpening(nonce: string, { locks, puts, drops, questions }: Opening): Buffer {
  const body = renderMessage([
    line("request", { lock: locks }),
    ...puts.map(({ id, generation, machines }) =>
      line("put", { id, generation }, machines.map((each) => `${each}\n`).join("")),
    ),
    ...drops.map(({ id, generation }) => line("drop", { id, generation })),
    ...renderQuestions(questions),
  ]);
  const program = Buffer.from(hands, "utf8");
  const packed = gzipSync(Buffer.concat([program, body]));
  const header = `netboot ${nonce} ${program.length} ${packed.length} ${sha256Of(packed)}\n`;
  return Buffer.concat([Buffer.from(loader, "utf8"), Buffer.from(header, "latin1"), packed]);
}

function renderReply(reply: Exclude<Reply, { readonly reply: "stop" }>): Buffer {
  const lines = "lines" in reply ? reply.lines : [];
  const questions = "questions" in reply ? renderQuestions(reply.questions) : [];
  const packed = gzipSync(renderMessage([line(reply.reply), ...lines, ...questions]));
  return Buffer.concat([Buffer.from(`message ${packed.length} ${sha256Of(packed)}\n`, "latin1"), packed]);
}

function renderQuestions(questions: Readonly<Record<string, Question>>): readonly Line[] {
  return Object.entries(questions).map(([key, question]) => renderQuestion(key, question));
}

/** Only words that every login shell takes literally: the user's may be csh or fish. */
function handsCommand(host: Host, nonce: string): string {
  return [
    ...(host.isRoot ? [] : ["sudo", "-n"]),
    "systemd-run --quiet --pipe --wait --collect",
    `--unit=pulumi-netboot-${nonce} --property=RuntimeMaxSec=${longestSeconds}`,
    // Hands that came to their end leave no journal, and Perl need not read them again to see that.
    `--property='ExecStopPost=-/bin/sh -c "test -e ${stateFolder}/journal && exec /usr/bin/perl ${stateFolder}/agent.pl recover"'`,
    // Where the whole control group was killed, newer kernels let nothing start in it any more.
    `--property=OnFailure=${recoveryUnitName}`,
    `--property='UnsetEnvironment=${perlsVariables}'`,
    "/usr/bin/perl -",
  ].join(" ");
}

/** Asks for a text to be given back: what a forced command, or a shell that starts something else, does not do. */
async function echoOf(host: Host): Promise<Echo> {
  const text = randomBytes(6).toString("hex");
  try {
    const { stdout, stderr } = await host.run("cat", { stdin: Buffer.from(`${text}\n`), timeoutMs: echoMs });
    return { came: stdout.includes(text), words: `${stdout}${stderr}` };
  } catch (reason) {
    // A connection that breaks meanwhile is no answer.
    const isSilent = reason instanceof NotEnded;
    return { came: !isSilent, words: "", isSilent };
  }
}

/** Calls back for each whole line of a stream that comes in pieces; a line may be as long as a log. */
function lines(onLine: (line: string) => void): { take(chunk: Buffer): void; rest(): string } {
  let pieces: Buffer[] = [];
  return {
    take(chunk) {
      let at = 0;
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, at)) {
        onLine(Buffer.concat([...pieces, chunk.subarray(at, end)]).toString("utf8"));
        pieces = [];
        at = end + 1;
      }
      if (at < chunk.length) pieces.push(chunk.subarray(at));
    },
    rest: () => Buffer.concat(pieces).subarray(0, mostWords).toString("utf8"),
  };
}
