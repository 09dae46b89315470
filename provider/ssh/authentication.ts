import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AnyAuthMethod, AuthHandlerMiddleware, KeyboardInteractiveAuthMethod } from "ssh2";
import { NetbootError } from "../errors";
import { keyFileAt, type PrivateKey, parsePrivateKey, readPrivateKey } from "./privateKeys";
import { describeKey, isCertificate, type PublicKey, parsePublicKey } from "./publicKey";
import { type AgentKey, type AgentKeys, listAgentKeys, OneKeyAgent } from "./sshAgent";
import type { Surroundings } from "./sshConfig";
import type { Target } from "./target";

/** Files that ssh tries when nobody names one (ssh_config(5), IdentityFile), without those for security keys and DSA. */
const defaultFiles = ["id_ed25519", "id_ecdsa", "id_rsa"];

type Method = "publickey" | "password" | "keyboard-interactive";

/** One way to be let in, offered once. */
interface Way {
  readonly method: Method;
  /** As the report names it: `key /root/.ssh/id_ed25519 (ssh-ed25519 SHA256:…)`. */
  readonly label: string;
  readonly auth: AnyAuthMethod;
  /** An agent signs, and ssh2 does not tell us what the server answers to that. */
  readonly byAgent?: boolean;
  /** The server would have taken the key, had the agent signed. */
  isUnsigned?: boolean;
  offered?: boolean;
  /** Why it came to nothing, if not by the server's bare refusal. */
  why?: string;
}

/** How the attempts ended before they were through. */
interface Ending {
  readonly words: string;
  /** We gave up; else the server did. */
  readonly isOurs: boolean;
}

/** The ways that there are for one host, in their order, and what became of them. */
export class Authentication {
  readonly #target: Target;
  readonly #ways: Way[] = [];
  /** What could not be used, and why. */
  readonly #unusable: string[] = [];
  /** By which ssh would be let in, and we are not. */
  readonly #certificates: string[] = [];
  #offers: readonly string[] | undefined;
  #last: Way | undefined;
  #partial = false;
  #askedAgain = false;

  private constructor(target: Target) {
    this.#target = target;
  }

  /**
   * Collects what may be offered: the fields of the connection, the files that the OpenSSH configuration names, the
   * agent, the default files. Reads files and asks the agent; no server is spoken to.
   *
   * @throws KEY_UNREADABLE when the key that the connection itself gives can't be used
   */
  static async prepare(target: Target, around: Surroundings): Promise<Authentication> {
    const found = new Authentication(target);
    const { given } = target;
    const { keys: agentKeys, certificates: agentCertificates } = await found.#askAgents();

    if (given.privateKey !== undefined) {
      found.#addGiven("connection.privateKey", parsePrivateKey(given.privateKey, given.privateKeyPassword), agentKeys);
    }
    if (given.privateKeyPath !== undefined) {
      const path = keyFileAt(given.privateKeyPath, around.home);
      found.#addGiven(path, readPrivateKey(path, given.privateKeyPassword), agentKeys);
    }
    if (given.agentSocketPath !== undefined) for (const key of agentKeys) found.#addAgentKey(key);
    if (given.password !== undefined) found.#addPassword(given.password);

    const files = target.identityFiles ?? defaultFiles.map((name) => join(around.home, ".ssh", name));
    const ownKey = given.privateKeyPath === undefined ? undefined : keyFileAt(given.privateKeyPath, around.home);
    found.#certificates.push(
      ...certificatesIn([
        ...target.certificateFiles,
        ...[...(ownKey === undefined ? [] : [ownKey]), ...files].map((path) => `${path}-cert.pub`),
      ]),
      ...agentCertificates.map((comment) => `agent certificate ${comment}`),
    );
    const keys = files.map((path) => ({ path, key: readPrivateKey(path, given.privateKeyPassword) }));
    const isNamed = target.identityFiles !== undefined;
    if (isNamed) for (const { path, key } of keys) found.#addFile(path, key, agentKeys, isNamed);
    for (const key of agentKeys) {
      const wanted = keys.some((file) => "publicKey" in file.key && isSame(file.key.publicKey, key.publicKey));
      if (!target.identitiesOnly || wanted) found.#addAgentKey(key);
      else found.#unusable.push(`agent key ${labelOf(key)}: IdentitiesOnly is set, and no IdentityFile is this key`);
    }
    if (!isNamed) for (const { path, key } of keys) found.#addFile(path, key, agentKeys, isNamed);
    return found;
  }

  /** The agent that the connection names; a state may name one of an earlier login, and then the present one is asked. */
  async #askAgents(): Promise<AgentKeys> {
    for (const socket of new Set([this.#target.given.agentSocketPath, this.#target.agentSocket])) {
      if (socket === undefined) continue;
      const agent = await listAgentKeys(socket);
      if ("why" in agent) {
        this.#unusable.push(`agent ${socket}: ${agent.why}`);
        continue;
      }
      if (agent.keys.length === 0)
        this.#unusable.push(`agent ${socket}: it holds no key that can be used (none was added, or it is locked)`);
      return agent;
    }
    return { keys: [], certificates: [] };
  }

  #addGiven(label: string, key: PrivateKey, agentKeys: readonly AgentKey[]): void {
    const why = this.#whyUnusable(label, key, agentKeys);
    if (why !== undefined) {
      throw new NetbootError("KEY_UNREADABLE", `${this.#target.name}: the private key ${label} can't be used: ${why}`);
    }
  }

  #addFile(path: string, key: PrivateKey, agentKeys: readonly AgentKey[], isNamed: boolean): void {
    if (key.kind === "missing" && !isNamed) return;
    const why = this.#whyUnusable(path, key, agentKeys);
    if (why !== undefined) this.#unusable.push(`${path}: ${why}`);
  }

  /** Adds a key to the ways, or says why it is none. */
  #whyUnusable(label: string, key: PrivateKey, agentKeys: readonly AgentKey[]): string | undefined {
    switch (key.kind) {
      case "missing":
        return "there is no such file on this machine";
      case "unreadable":
        return key.why;
      case "usable":
        this.#addKey(label, key);
        return undefined;
      case "encrypted":
      case "public": {
        const held = agentKeys.find((own) => isSame(key.publicKey, own.publicKey));
        if (held !== undefined) {
          this.#addAgentKey(held);
          return undefined;
        }
        return key.kind === "public"
          ? "it is a public key, and no agent has the private one; give the private key"
          : "it is encrypted; give privateKeyPassword, or add it to the agent by ssh-add";
      }
    }
  }

  #addKey(label: string, { key, publicKey }: PrivateKey & { readonly kind: "usable" }): void {
    this.#add({
      method: "publickey",
      label: `key ${label} (${describeKey(publicKey)})`,
      auth: { type: "publickey", username: this.#target.user, key },
    });
  }

  #addAgentKey(key: AgentKey): void {
    const way: Way = {
      method: "publickey",
      label: `agent key ${labelOf(key)}`,
      byAgent: true,
      auth: {
        type: "agent",
        username: this.#target.user,
        agent: new OneKeyAgent(key, (why) => {
          way.why = `accepted, but the agent did not sign: ${why}`;
          way.isUnsigned = true;
        }),
      },
    };
    this.#add(way);
  }

  #addPassword(password: string): void {
    const username = this.#target.user;
    this.#add({ method: "password", label: "password", auth: { type: "password", username, password } });
    const way: Way = {
      method: "keyboard-interactive",
      label: "password, at a prompt",
      auth: { type: "keyboard-interactive", username, prompt: answerPrompts(password, (why) => (way.why = why)) },
    };
    this.#add(way);
  }

  /** A key that is both in the agent and in a file is offered once: servers count attempts. */
  #add(way: Way): void {
    if (!this.#ways.some(({ label }) => keyOf(label) === keyOf(way.label))) this.#ways.push(way);
  }

  /** ssh2 asks this for the next way, with what the server has answered to the last one. */
  readonly handler: AuthHandlerMiddleware = (left: readonly string[] | null, partial: boolean | null, next) => {
    const answer = next as (auth: AnyAuthMethod | false) => void;
    const asked = this.#last;
    if (left !== null && asked?.byAgent !== true) this.#offers = left;
    if (partial === true && asked !== undefined && asked.byAgent !== true) {
      asked.why ??= "accepted, and the server asks for more";
      this.#partial = true;
    }
    // The first question, as ssh's own, is for what the server offers; it counts as no attempt there.
    if (this.#offers === undefined) return answer({ type: "none", username: this.#target.user });

    const way = this.#ways.find(({ method, offered }) => !offered && this.#offers?.includes(method));
    this.#last = way;
    if (way !== undefined) {
      way.offered = true;
      return answer(way.auth);
    }
    // ssh2 keeps the answer to an agent's key to itself, and it may have been "well, and now the password".
    if (!this.#askedAgain && this.#ways.some(({ offered, byAgent }) => offered && byAgent)) {
      this.#askedAgain = true;
      return answer({ type: "none", username: this.#target.user });
    }
    answer(false);
  };

  /** Whether the server has refused at least one way. */
  get began(): boolean {
    return this.#ways.some(({ offered }) => offered);
  }

  /** Notes that the way under way is the right one, and what yet stands against it. */
  accepted(why: string): void {
    if (this.#last !== undefined) this.#last.why = why;
    this.#partial = true;
  }

  /** What was tried and why each was no use, and what to change. */
  failure(ending?: Ending): NetbootError {
    const { name, user, notes } = this.#target;
    const offers = this.#offers ?? [];
    const refusal = ending?.isOurs === true ? "no answer" : "refused";
    const tried = this.#ways.filter(({ offered }) => offered);
    // A password that was of no use in one manner, or that nobody asks for, is one line and not two.
    const isOnce = ({ method }: Way): boolean =>
      method === "publickey" || offers.includes(method) || (method === "password" && !tried.some(isPassword));
    const untried = this.#ways.filter((way) => !way.offered && isOnce(way));
    const lines = [
      `${name}: "${user}" was not let in`,
      ...(this.#offers === undefined ? [] : [`  it offers ${offers.join(", ") || "no way at all"}`]),
      ...tried.map(({ label, why }) => `  ${label}: ${why ?? refusal}`),
      ...untried.map(({ label, method }) =>
        offers.includes(method) ? `  ${label}: its turn did not come` : `  ${label}: not offered by the server`,
      ),
      ...[
        ...this.#unusable,
        ...this.#certificates.map((each) => `${each}: certificates are not supported`),
        ...notes,
      ].map((line) => `  ${line}`),
      ...(ending === undefined
        ? []
        : [`  then ${ending.isOurs ? "we gave up" : "it ended the connection"}: ${ending.words}`]),
      ...this.#advice(ending).map((line) => `  ${line}`),
    ];
    return new NetbootError("AUTHENTICATION_FAILED", lines.join("\n"));
  }

  #advice(ending: Ending | undefined): readonly string[] {
    const { user, given } = this.#target;
    const offers = this.#offers ?? [];
    if (ending?.isOurs === true) {
      return ["does it wait for somebody who touches a key, or tells the agent yes? Run it again, and do so"];
    }
    if (/too many authentication failures/i.test(ending?.words ?? "")) {
      return [
        "give the one right key by privateKeyPath, or by IdentityFile and IdentitiesOnly; sshd counts every key offered",
      ];
    }
    const keys = this.#ways.filter(({ method }) => method === "publickey");
    const advice: string[] = [];
    const home = user === "root" ? "/root" : `~${user}`;
    if (offers.includes("publickey")) {
      if (this.#certificates.length > 0) {
        advice.push("ssh would show a certificate; here the host must know the key itself:");
      }
      advice.push(
        keys.some(({ isUnsigned }) => isUnsigned)
          ? "let the agent sign: somebody must confirm it (ssh-add -c), or it may not for this host (ssh-add -h)"
          : keys.length > 0
            ? `add the public half of one of these keys to ${home}/.ssh/authorized_keys there, or give another privateKey, privateKeyPath or user`
            : "give privateKey, privateKeyPath or agentSocketPath",
      );
    }
    if (offers.some((offer) => offer !== "publickey")) {
      if (given.password === undefined) {
        advice.push(`${advice.length > 0 ? "or " : ""}give password${this.#partial ? ", too" : ""}`);
      } else if (!this.#partial)
        advice.push(
          offers.includes("keyboard-interactive")
            ? "give the right password; a second factor is not supported"
            : "give the right password",
        );
    }
    const isKnown = this.#partial || keys.some(({ isUnsigned }) => isUnsigned);
    if (user === "root" && !isKnown) advice.push("sshd's PermitRootLogin decides whether root may log in at all");
    return advice;
  }
}

/** Those of these files that are there and hold a certificate. */
function certificatesIn(files: readonly string[]): readonly string[] {
  return [...new Set(files)].flatMap((path) => {
    try {
      const key = parsePublicKey(readFileSync(path, "utf8"));
      return isCertificate(key) ? [`certificate ${path} (${key.type})`] : [];
    } catch {
      return [];
    }
  });
}

function isPassword({ method }: Way): boolean {
  return method !== "publickey";
}

function isSame(one: PublicKey | undefined, other: PublicKey): boolean {
  return one?.bytes.equals(other.bytes) ?? false;
}

function labelOf({ comment, publicKey }: AgentKey): string {
  return comment === "" ? `(${describeKey(publicKey)})` : `${comment} (${describeKey(publicKey)})`;
}

/** What makes two ways the same one: the key, or the kind of way. */
function keyOf(label: string): string {
  return /SHA256:\S+(?=\)$)/.exec(label)?.[0] ?? label;
}

/**
 * Answers a server that asks by prompts (PAM): the password where it must not be seen while typed, nothing elsewhere.
 * A server that asks for it once more has refused it.
 */
function answerPrompts(password: string, note: (why: string) => void): KeyboardInteractiveAuthMethod["prompt"] {
  let given = false;
  return (_name, _instructions, _language, prompts, finish) => {
    const answers = prompts.map(({ echo }) => (given || echo ? "" : password));
    if (given && prompts.length > 0) note(`refused, or not enough: it went on to ask "${prompts[0]?.prompt.trim()}"`);
    given ||= prompts.some(({ echo }) => !echo);
    finish(answers);
  };
}
