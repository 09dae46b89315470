import { BaseAgent, OpenSSHAgent, type ParsedKey, utils } from "ssh2";
import { withoutSha1 } from "./privateKeys";
import { type PublicKey, publicKeyFrom } from "./publicKey";

/** One key of an SSH agent, able to sign. */
export interface AgentKey {
  readonly publicKey: PublicKey;
  readonly comment: string;
  readonly socketPath: string;
  readonly key: ParsedKey;
}

/** An agent answers at once or not at all; what a person confirms is the signature, not this list. */
const answerMs = 5000;

/** Asks an agent for its keys; those of a kind that ssh2 can't use (security keys, certificates) are not among them. */
export function listAgentKeys(socketPath: string): Promise<readonly AgentKey[] | { readonly why: string }> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve({ why: `it did not answer within ${answerMs / 1000} s` }), answerMs);
    new OpenSSHAgent(socketPath).getIdentities((error, keys) => {
      clearTimeout(timer);
      if (error) return resolve({ why: error.message });
      const usable = (keys ?? []).flatMap((entry): AgentKey[] => {
        const key = asParsedKey(entry);
        const publicKey = key === undefined ? undefined : publicKeyFrom(key.getPublicSSH());
        if (key === undefined || publicKey === undefined || key.type === "ssh-dss") return [];
        return [{ publicKey, comment: key.comment, socketPath, key }];
      });
      resolve(usable);
    });
  });
}

function asParsedKey(entry: unknown): ParsedKey | undefined {
  // ssh2 gives parsed keys; its types also allow for what other agents of its interface may give.
  const parsed = utils.parseKey(entry as Buffer);
  return parsed instanceof Error ? undefined : parsed;
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
