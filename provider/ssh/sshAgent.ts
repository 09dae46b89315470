import { connect } from "node:net";
import { BaseAgent, OpenSSHAgent, type ParsedKey, utils } from "ssh2";
import { withoutSha1 } from "./privateKeys";
import { describeKey, fieldsOf, isCertificate, type PublicKey, publicKeyFrom } from "./publicKey";

/** One key of an SSH agent, able to sign. */
export interface AgentKey {
  readonly publicKey: PublicKey;
  readonly comment: string;
  readonly socketPath: string;
  readonly key: ParsedKey;
}

/** An agent answers at once or not at all; what a person confirms is the signature, not this list. */
const answerMs = 5000;

/** What an agent holds, and what of it can't be used here. */
export interface AgentKeys {
  readonly keys: readonly AgentKey[];
  /** Certificates by their comments: ssh2 can't show one to a server. */
  readonly certificates: readonly string[];
}

/** Asks an agent for its keys; those of a kind that ssh2 can't use (security keys, certificates) are not among them. */
export async function listAgentKeys(socketPath: string): Promise<AgentKeys | { readonly why: string }> {
  let identities: readonly Identity[];
  try {
    identities = parseIdentities(await askForIdentities(socketPath));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { why: code === "ENOENT" || code === "ECONNREFUSED" ? `no agent listens there (${code})` : message };
  }
  const keys: AgentKey[] = [];
  const certificates: string[] = [];
  for (const { blob, comment } of identities) {
    const publicKey = publicKeyFrom(blob);
    if (isCertificate(publicKey)) certificates.push(comment === "" ? describeKey(publicKey) : comment);
    const key = utils.parseKey(blob);
    if (publicKey === undefined || key instanceof Error || key.type === "ssh-dss") continue;
    key.comment = comment;
    keys.push({ publicKey, comment, socketPath, key });
  }
  return { keys, certificates };
}

interface Identity {
  readonly blob: Buffer;
  readonly comment: string;
}

const requestIdentities = 11;
const identitiesAnswer = 12;
/** OpenSSH's agent takes messages of up to 256 kB. */
const mostBytes = 1_048_576;

/** One question and its answer (draft-ietf-sshm-ssh-agent, 3.5). ssh2 keeps to itself what it can't use. */
function askForIdentities(socketPath: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    const end = (act: () => void): void => {
      clearTimeout(timer);
      socket.destroy();
      act();
    };
    const timer = setTimeout(
      () => end(() => reject(new Error(`it did not answer within ${answerMs / 1000} s`))),
      answerMs,
    );
    let heard: Buffer = Buffer.alloc(0);
    socket.on("error", (error) => end(() => reject(error)));
    socket.on("close", () => end(() => reject(new Error("it closed the connection"))));
    socket.on("data", (chunk) => {
      heard = Buffer.concat([heard, chunk]);
      const length = heard.length < 4 ? mostBytes : heard.readUInt32BE(0);
      if (heard.length > mostBytes) end(() => reject(new Error("its answer has no end")));
      else if (heard.length >= 4 + length) end(() => resolve(heard.subarray(4, 4 + length)));
    });
    socket.write(Buffer.from([0, 0, 0, 1, requestIdentities]));
  });
}

function parseIdentities(answer: Buffer): readonly Identity[] {
  if (answer[0] !== identitiesAnswer) throw new Error("it gives no list of its keys; is it an SSH agent?");
  const fields = fieldsOf(answer.subarray(5));
  const identities: Identity[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    identities.push({ blob: fields[at] ?? answer, comment: fields[at + 1]?.toString("utf8") ?? "" });
  }
  return identities;
}

/** An agent that knows a single key, so that each key is offered, refused and reported by itself. */
export class OneKeyAgent extends BaseAgent {
  readonly #key: AgentKey;
  readonly #refused: (why: string) => void;

  constructor(key: AgentKey, refused: (why: string) => void) {
    super();
    this.#key = key;
    this.#refused = refused;
  }

  override getIdentities(done: (error?: Error | null, keys?: ParsedKey[]) => void): void {
    done(null, [withoutSha1(this.#key.key)]);
  }

  override sign(
    _key: unknown,
    data: Buffer,
    options: unknown,
    done?: (error?: Error | null, signature?: Buffer) => void,
  ): void {
    const answer = (typeof options === "function" ? options : done) as (
      error?: Error | null,
      signature?: Buffer,
    ) => void;
    const hash = this.#key.publicKey.type === "ssh-rsa" ? ({ hash: "sha512" } as const) : {};
    new OpenSSHAgent(this.#key.socketPath).sign(this.#key.key, data, hash, (error, signature) => {
      if (error || signature === undefined) {
        this.#refused(error?.message ?? "the agent gave no signature");
        // An error here would end the whole connection; a signature of zeros is refused, and the next key is tried.
        answer(null, Buffer.alloc(64));
        return;
      }
      answer(null, signature);
    });
  }
}
