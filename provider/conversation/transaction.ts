import { createHash, randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { agent, loader } from "../embedded";
import { NetbootError } from "../errors";
import { idOf } from "../kinds/want";
import type { Host } from "../ssh/link";
import { type Drift, parseReportLine } from "./report";
import { type Request, renderRequest } from "./request";

/** What the agent on node 0 answered about one resource. */
export interface Answer {
  /** `changed`, `unchanged` or `dropped` after a transaction; `seen` or `gone` after a look. */
  readonly how: string;
  /** What only the host knows: `sha256`, `bytes`, `listening`, `verified`. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly drift: readonly Drift[];
}

/** The answers by resource, and the machine that gave them. */
export interface Report {
  readonly machine: string;
  readonly answers: ReadonlyMap<string, Answer>;
}

/** Tells a line about a resource while the work goes on; a warning stays on the screen. */
export type Tell = (id: string, severity: "progress" | "warning", line: string) => void;

/** A refusal, and the resource that caused it where the host could tell. */
export class Refusal extends NetbootError {
  readonly culprit: string | undefined;

  constructor(code: NetbootError["code"], message: string, culprit: string | undefined) {
    super(code, message);
    this.culprit = culprit;
  }
}

/** Long enough for apt on a slow mirror; a host that says nothing for longer has a problem that waiting does not solve. */
const longestMs = 45 * 60_000;

/**
 * Sends one request to node 0 and waits for its end: one exec on the connection that is open.
 *
 * The agent runs under the host's own init, so that neither a lost connection nor our death stops it half-way; it
 * begins only when the request arrived complete, and should it be killed, init undoes what it had changed.
 *
 * @throws {@link Refusal} with the agent's code; `COMMAND_FAILED` when it could not be started; `SUDO_REFUSED`.
 */
export async function transact(host: Host, request: Request, tell: Tell = () => {}): Promise<Report> {
  const nonce = randomBytes(6).toString("hex");
  const answers = new Map<string, { how: string; outputs: Record<string, string>; drift: Drift[] }>();
  const answerOf = (id: string) => {
    const answer = answers.get(id) ?? { how: "", outputs: {}, drift: [] };
    answers.set(id, answer);
    return answer;
  };
  let machine = "";
  let refusal: Refusal | undefined;
  let ended = false;

  const onLine = (text: string): void => {
    const line = parseReportLine(text, nonce);
    if (line === undefined) return;
    switch (line.tells) {
      case "say":
        tell(line.id, "progress", line.text);
        return;
      case "warn":
        tell(line.id, "warning", line.text);
        return;
      case "out":
        if (line.id === "-" && line.key === "machine") machine = line.value;
        else answerOf(line.id).outputs[line.key] = line.value;
        return;
      case "drift":
        answerOf(line.id).drift.push(line.drift);
        return;
      case "done":
        answerOf(line.id).how = line.how;
        return;
      case "fail":
        refusal = new Refusal(line.code, `${host.name}: ${line.message}`, line.id);
        return;
      case "end":
        ended = true;
    }
  };

  const result = await host.run(agentCommand(host, nonce), {
    stdin: renderPayload(nonce, renderRequest(request)),
    timeoutMs: longestMs,
    onStdout: lines(onLine),
  });
  if (refusal !== undefined) throw refusal;
  if (!ended) throw notStarted(host, result);
  for (const change of request.changes) answerOf(idOf(change));
  return { machine, answers };
}

function renderPayload(nonce: string, body: Uint8Array): Buffer {
  const agentBytes = Buffer.from(agent, "utf8");
  const packed = gzipSync(Buffer.concat([agentBytes, body]));
  const sha256 = createHash("sha256").update(packed).digest("hex");
  const header = `netboot ${nonce} ${agentBytes.length} ${packed.length} ${sha256}\n`;
  return Buffer.concat([Buffer.from(loader, "utf8"), Buffer.from(header, "latin1"), packed]);
}

/** Only words that every login shell takes literally: the user's may be csh or fish. */
function agentCommand(host: Host, nonce: string): string {
  return [
    ...(host.isRoot ? [] : ["sudo", "-n"]),
    "systemd-run --quiet --pipe --wait --collect",
    `--unit=pulumi-netboot-${nonce}`,
    "--property='ExecStopPost=-/usr/bin/perl /var/lib/pulumi-netboot/agent.pl recover'",
    "/usr/bin/perl -",
  ].join(" ");
}

function notStarted(host: Host, result: { readonly code: number | undefined; readonly stderr: string }): NetbootError {
  const words = result.stderr.trim();
  if (!host.isRoot && /^sudo:/m.test(words)) {
    return new NetbootError(
      "SUDO_REFUSED",
      `${host.name}: sudo -n was refused, so nothing was changed:\n  ${words}\n` +
        "let the user run everything without a password (`NOPASSWD: ALL`, no `requiretty`), or connect as root",
    );
  }
  const ending = result.code === undefined ? "was ended by a signal" : `ended with exit code ${result.code}`;
  return new NetbootError(
    "COMMAND_FAILED",
    `${host.name}: the agent ${ending} before it had answered; if it had begun, node 0 finishes or undoes its ` +
      `transaction by itself, and the next run looks again\n  $ systemd-run … /usr/bin/perl -\n  ${words.split("\n").join("\n  ")}\n` +
      "node 0 must be a Debian with systemd and perl-base (every Debian has both)",
  );
}

/** Calls back for each whole line of a stream that comes in pieces; a line may be as long as a log. */
function lines(onLine: (line: string) => void): (chunk: Buffer) => void {
  let pieces: Buffer[] = [];
  return (chunk) => {
    let at = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, at)) {
      onLine(Buffer.concat([...pieces, chunk.subarray(at, end)]).toString("utf8"));
      pieces = [];
      at = end + 1;
    }
    if (at < chunk.length) pieces.push(chunk.subarray(at));
  };
}
