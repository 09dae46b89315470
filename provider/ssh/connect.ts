import { getCiphers } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { NodeSSH } from "node-ssh";
import type { Algorithms, CipherAlgorithm, Client } from "ssh2";
import { NetbootError } from "../errors";
import { connectionSecrets } from "../values/connection";
import { Authentication } from "./authentication";
import { address, adviceFor, DialFailure, dial, inWords } from "./dial";
import { expectHostKey } from "./hostKey";
import { keepaliveCount, keepaliveIntervalMs, Link } from "./link";
import { redact } from "./redact";
import type { Surroundings } from "./sshConfig";
import type { Target } from "./target";

/**
 * What is offered to a server besides host keys (hostKey.ts). Out are all SHA-1 (key exchange, MAC, signatures), CBC,
 * MD5, RC4, DSA and compression; OpenSSH 7.2 (2016) and later have all that is left.
 */
const algorithms: Algorithms = {
  kex: [
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
  ],
  cipher: [
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
    // An OpenSSL in FIPS mode has no ChaCha20, and ssh2 refuses a list with an algorithm that it can't do.
    ...(getCiphers().includes("chacha20") ? (["chacha20-poly1305@openssh.com"] satisfies CipherAlgorithm[]) : []),
  ],
  hmac: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512"],
  compress: ["none"],
};

/** A person may have to touch a key or confirm in the agent; sshd itself waits for two minutes (LoginGraceTime). */
const authenticationMs = 60_000;
/** The end of "for ever" (dialErrorLimit -1): a host that boots is up by then. */
const dialForeverMs = 30 * 60_000;

/** What opening a connection needs besides the target. */
export interface ConnectOptions {
  readonly around: Surroundings;
  readonly say: (line: string) => void;
  /** Opens the jump host of a target, or gives the one that is open already. */
  readonly openVia: (target: Target) => Promise<Link>;
}

/**
 * Opens a connection: the network, the host key, the user. Tries again only while nobody answers; a refused key or a
 * wrong host key is final.
 */
export async function connect(target: Target, options: ConnectOptions): Promise<Link> {
  const secrets = connectionSecrets(target.given);
  const end = Date.now() + dialForeverMs;
  for (let failures = 0; ; ) {
    const authentication = await Authentication.prepare(target, options.around);
    const via = target.via === undefined ? undefined : await options.openVia(target.via);
    try {
      return await handshake(target, via, authentication);
    } catch (error) {
      if (!(error instanceof DialFailure)) throw error;
      failures++;
      const limit = target.dialErrorLimit;
      const where = via === undefined ? address(target) : `${address(target)} from ${via.name}`;
      if ((limit !== -1 && failures > limit) || Date.now() > end) {
        const tries = failures === 1 ? "" : `, after ${failures} attempts`;
        throw new NetbootError(
          "HOST_UNREACHABLE",
          redact(
            [
              `${target.name}: no connection to ${where}${tries}: ${error.message}`,
              ...target.notes.map((note) => `  ${note}`),
              ...adviceFor(error.message, target),
            ].join("\n"),
            secrets,
          ),
          { cause: error.cause },
        );
      }
      const pauseMs = Math.min(5000, 250 * 1.5 ** (failures - 1));
      const most = limit === -1 ? "" : ` of ${limit + 1}`;
      options.say(`${target.name}: ${error.message}; attempt ${failures + 1}${most} follows`);
      await sleep(pauseMs);
    }
  }
}

/** Dials once and lets SSH begin: key exchange, host key, authentication. */
async function handshake(target: Target, via: Link | undefined, authentication: Authentication): Promise<Link> {
  const expectation = expectHostKey({
    name: target.name,
    host: target.host,
    port: target.port,
    alias: target.hostKeyAlias,
    hostKey: target.given.hostKey,
    files: target.knownHostsFiles,
    revokedFiles: target.revokedHostKeys,
  });
  const begun = Date.now();
  const socket = await dial(target, via);

  const state: {
    refusal?: NetbootError;
    isEncrypted: boolean;
    isLate?: string;
    isExpired?: boolean;
    isEnded?: boolean;
    words?: string;
    greeting?: string | undefined;
  } = {
    isEncrypted: false,
  };
  socket.once("data", (chunk: Buffer) => {
    state.greeting = greetingIn(chunk.toString("utf8", 0, 512));
  });
  const ssh = new NodeSSH();
  const ready = ssh.connect({
    username: target.user,
    sock: socket,
    algorithms: { ...algorithms, serverHostKey: expectation.algorithms as NonNullable<Algorithms["serverHostKey"]> },
    hostVerifier: (key: Buffer): boolean => {
      const refusal = expectation.judge(key);
      if (refusal !== undefined) state.refusal = refusal;
      return refusal === undefined;
    },
    authHandler: authentication.handler,
    keepaliveInterval: keepaliveIntervalMs,
    keepaliveCountMax: keepaliveCount,
    // Two clocks of our own instead: the network's and the person's are different ones.
    readyTimeout: 0,
  });
  // node-ssh has made its client before its first await. It takes its own listener off when the connection is ready,
  // and an 'error' without one would end the whole provider.
  const client = ssh.connection as Client;
  client.on("error", (error: Error & { readonly code?: unknown }) => {
    state.words ??= inWords(error);
    // SSH_MSG_DISCONNECT, whose reason is a number.
    state.isEnded ??= typeof error.code === "number";
  });
  client.on("change password", () => {
    state.isExpired = true;
    authentication.accepted("it is right, but has expired; log in there by ssh once, and change it");
    socket.destroy();
  });

  const late = (words: string) => () => {
    state.isLate = words;
    socket.destroy();
  };
  const left = Math.max(100, target.dialTimeoutMs - (Date.now() - begun));
  let clock = setTimeout(late(`no SSH handshake within ${target.dialTimeoutMs / 1000} s`), left);
  client.once("handshake", () => {
    state.isEncrypted = true;
    clearTimeout(clock);
    clock = setTimeout(late(`authentication took longer than ${authenticationMs / 1000} s`), authenticationMs);
  });

  try {
    await ready;
  } catch (error) {
    socket.destroy();
    if (state.refusal !== undefined) throw state.refusal;
    const words = state.isLate ?? state.words ?? inWords(error);
    if (state.isEncrypted) {
      const exhausted = words.startsWith("All configured authentication methods failed");
      if (exhausted || state.isExpired === true) throw authentication.failure();
      throw authentication.failure({ words, isOurs: state.isLate !== undefined });
    }
    if (/signature verification failed/.test(words)) {
      throw new NetbootError(
        "HOST_KEY_CHANGED",
        `${target.name}: it showed the right host key, and could not prove that it has the private half of it; somebody may stand in between`,
      );
    }
    if (/no matching/i.test(words)) {
      throw new NetbootError(
        "HOST_UNREACHABLE",
        `${target.name}: its sshd and we have no algorithm in common: ${words.replace("Handshake failed: ", "")}\n` +
          "  bring OpenSSH there to 7.2 or later: SHA-1, CBC and DSA are not offered",
      );
    }
    if (state.isEnded === true) throw new DialFailure(`it ended the SSH handshake: ${words}`, { cause: error });
    const said = state.greeting === undefined ? "" : `, and said: ${state.greeting}`;
    throw new DialFailure(/before handshake/.test(words) ? `it closed the connection at once${said}` : words, {
      cause: error,
    });
  } finally {
    clearTimeout(clock);
  }
  return new Link(target, client, socket);
}

/** What a server says in the place of its version: sshd, why it lets nobody in; another program, what it is. */
function greetingIn(text: string): string | undefined {
  const line = text.split("\n", 1)[0]?.trim().slice(0, 200) ?? "";
  return line === "" || line.startsWith("SSH-") ? undefined : line;
}
