import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server as NetServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  AgentProtocol,
  type AuthContext,
  type ParsedKey,
  Server,
  type ServerChannel,
  type ServerConfig,
  utils,
} from "ssh2";
import { onTestFinished } from "vitest";
import type { Host } from "../../provider/ssh/link.ts";
import { closeHosts, openHost } from "../../provider/ssh/pool.ts";
import type { Surroundings } from "../../provider/ssh/sshConfig.ts";
import type { Connection } from "../../provider/values/connection.ts";

/** A pair of keys in OpenSSH's formats. */
export interface KeyPair {
  readonly private: string;
  readonly public: string;
}

/** Makes a pair of keys; a passphrase encrypts one of Ed25519. */
export function makeKey(type: "ed25519" | "ecdsa" | "rsa" = "ed25519", passphrase?: string): KeyPair {
  for (;;) {
    const key = generate(type, passphrase);
    // One Ed25519 key of some two hundred that ssh2 makes is one that it can't read.
    if (!(utils.parseKey(key.private, passphrase) instanceof Error)) return key;
  }
}

function generate(type: "ed25519" | "ecdsa" | "rsa", passphrase: string | undefined): KeyPair {
  if (type === "rsa") return utils.generateKeyPairSync("rsa", { bits: 2048 });
  if (type === "ecdsa") return utils.generateKeyPairSync("ecdsa", { bits: 256 });
  return passphrase === undefined
    ? utils.generateKeyPairSync("ed25519")
    : utils.generateKeyPairSync("ed25519", { cipher: "aes256-ctr", passphrase, rounds: 2 });
}

/** The type and the base64 of a public key, without its comment. */
export function bare(publicKey: string): string {
  return publicKey.trim().split(" ").slice(0, 2).join(" ");
}

/** A host key for servers whose key is not the matter of a test. */
export const hostKey: KeyPair = makeKey();

/** A user's key that servers of `authorize` accept. */
export const userKey: KeyPair = makeKey();

export interface SshServer {
  readonly port: number;
  /** Who has been let in so far, the TCP connections, the ways of authentication, the sessions beyond the limit. */
  readonly seen: { sessions: number; sockets: number; attempts: string[]; refusedSessions: number };
  /** Cuts every connection without a word. */
  cut(): void;
  /** Says goodbye to everybody. */
  hangUp(): void;
  close(): Promise<void>;
}

export interface ServerOptions {
  readonly hostKeys?: readonly string[];
  readonly port?: number;
  readonly authenticate?: (attempt: AuthContext) => void;
  readonly exec?: (command: string, channel: ServerChannel, reject: () => void) => void;
  readonly algorithms?: ServerConfig["algorithms"];
  /** How many sessions one connection may have at the same time, as sshd's MaxSessions. */
  readonly maxSessions?: number;
  /** A private key by which the server signs in the place of its host key. */
  readonly signsBy?: string;
  /** Whether the server opens TCP connections for others, as a jump host; or never says whether it does. */
  readonly forwards?: boolean | "silent";
}

/** Lets in whoever has one of these keys. */
export function authorize(...publicKeys: readonly string[]): (attempt: AuthContext) => void {
  const allowed = publicKeys.map((key) => utils.parseKey(key) as ParsedKey);
  return (attempt) => {
    if (attempt.method !== "publickey") return attempt.reject(["publickey"]);
    const key = allowed.find((own) => own.getPublicSSH().equals(attempt.key.data));
    if (key === undefined) return attempt.reject(["publickey"]);
    if (attempt.signature === undefined || attempt.blob === undefined) return attempt.accept();
    if (key.verify(attempt.blob, attempt.signature, attempt.hashAlgo) === true) return attempt.accept();
    attempt.reject(["publickey"]);
  };
}

/** An SSH server in this process; it ends with the test. */
export async function startServer(options: ServerOptions = {}): Promise<SshServer> {
  const seen = { sessions: 0, sockets: 0, attempts: [] as string[], refusedSessions: 0 };
  const sockets = new Set<Socket>();
  const clients = new Set<{ end(): void }>();
  const authenticate = options.authenticate ?? authorize(userKey.public);
  const exec = options.exec ?? ((command, channel) => answer(channel, `ran ${command}\n`));
  const server = new Server(
    {
      hostKeys: [...(options.hostKeys ?? [hostKey.private])],
      ...(options.algorithms === undefined ? {} : { algorithms: options.algorithms }),
    },
    (client) => {
      client.on("error", () => {});
      clients.add(client);
      behaveAsSshd(client, options);
      client.on("authentication", (attempt) => {
        seen.attempts.push(attempt.method);
        authenticate(attempt);
      });
      client.on("ready", () => seen.sessions++);
      let open = 0;
      client.on("session", (accept, reject) => {
        if (open >= (options.maxSessions ?? 10)) {
          seen.refusedSessions++;
          return reject();
        }
        open++;
        const session = accept();
        session.on("close", () => open--);
        session.on("exec", (acceptExec, rejectExec, info) => {
          let channel: ServerChannel | undefined;
          const lazily = new Proxy({} as ServerChannel, {
            get: (_, property) => {
              channel ??= acceptExec();
              const value = Reflect.get(channel, property);
              return typeof value === "function" ? value.bind(channel) : value;
            },
          });
          exec(info.command, lazily, () => rejectExec());
        });
      });
      // Without a listener ssh2 answers as sshd does where forwarding is forbidden.
      if (options.forwards === "silent") client.on("tcpip", () => {});
      if (options.forwards !== true) return;
      client.on("tcpip", (accept, reject, { destIP, destPort }) => {
        const onward = connect(destPort, destIP);
        onward.once("error", () => reject());
        onward.once("connect", () => {
          const channel = accept();
          channel.on("error", () => {});
          onward.on("error", () => channel.close());
          channel.on("close", () => onward.destroy());
          channel.pipe(onward).pipe(channel);
        });
      });
    },
  );
  const listening = createServer({ noDelay: true }, (socket) => {
    seen.sockets++;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    (server as unknown as { injectSocket(socket: Socket): void }).injectSocket(socket);
  });
  const port = await listen(listening, options.port);
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const hangUp = (): void => {
    for (const client of clients) client.end();
  };
  const close = async (): Promise<void> => {
    cut();
    await new Promise((resolve) => listening.close(resolve));
  };
  onTestFinished(close);
  return { port, seen, cut, hangUp, close };
}

/** What ssh2 leaves out, or would not do: the words of a refused channel, and a signature by another key. */
function behaveAsSshd(client: object, { signsBy }: ServerOptions): void {
  const { _protocol: protocol } = client as {
    _protocol: {
      channelOpenFail(to: number, reason: number, words: string): void;
      _hostKeys: Record<string, ParsedKey>;
    };
  };
  const fail = protocol.channelOpenFail.bind(protocol);
  protocol.channelOpenFail = (to, reason) => fail(to, reason, reason === 1 ? "open failed" : "Connection refused");
  const own = protocol._hostKeys["ssh-ed25519"];
  if (signsBy === undefined || own === undefined) return;
  const forged = Object.create(utils.parseKey(signsBy) as ParsedKey, {
    getPublicSSH: { value: () => own.getPublicSSH() },
  }) as ParsedKey;
  protocol._hostKeys = { "ssh-ed25519": forged };
}

/** Ends the connection of an attempt with these words, as sshd's MaxAuthTries does. */
export function endConnection(attempt: AuthContext, words: string): void {
  const { _protocol: protocol } = attempt as unknown as {
    _protocol: {
      _packetRW: { write: { allocStart: number; alloc(length: number): Buffer; finalize(packet: Buffer): Buffer } };
      _cipher: { encrypt(packet: Buffer): void };
    };
  };
  const { write } = protocol._packetRW;
  const at = write.allocStart;
  const packet = write.alloc(13 + words.length);
  packet.fill(0, at);
  packet[at] = 1;
  packet.writeUInt32BE(2, at + 1);
  packet.writeUInt32BE(words.length, at + 5);
  packet.write(words, at + 9);
  protocol._cipher.encrypt(write.finalize(packet));
}

/** Starts a plain TCP server; it ends with the test. */
export async function startTcp(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return listen(server);
}

function listen(server: NetServer, port = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

/** SSH_MSG_DISCONNECT as anyone on the way can send it, before a key is shown (RFC 4253, 11.1). */
export function disconnect(text: string): Buffer {
  const words = Buffer.from(text);
  const payload = Buffer.alloc(13 + words.length);
  payload[0] = 1;
  payload.writeUInt32BE(2, 1);
  payload.writeUInt32BE(words.length, 5);
  words.copy(payload, 9);
  const padding = 8 + 8 - ((payload.length + 5) % 8);
  const packet = Buffer.alloc(5 + payload.length + padding);
  packet.writeUInt32BE(packet.length - 4, 0);
  packet[4] = padding;
  payload.copy(packet, 5);
  return packet;
}

/** Ends a command on the server's side. */
export function answer(channel: ServerChannel, stdout: string | Buffer, code = 0): void {
  channel.write(stdout, () => {
    channel.exit(code);
    channel.end();
  });
}

/** An SSH agent in this process, also with certificates, each with its comment; it ends with the test. */
export async function startAgent(
  keys: readonly string[],
  refuses = false,
  certificates: readonly (readonly [string, string])[] = [],
): Promise<string> {
  const parsed = keys.map((key) => utils.parseKey(key) as ParsedKey);
  const held = [
    ...parsed,
    ...certificates.map(([line, comment]) => {
      const blob = Buffer.from(line.split(" ")[1] ?? "", "base64");
      return Object.create(parsed[0] as ParsedKey, {
        getPublicSSH: { value: () => blob },
        comment: { value: comment },
      });
    }),
  ];
  const path = join(makeFolder(), "agent.sock");
  const server = createServer((socket) => {
    const agent = new AgentProtocol(false);
    socket.on("error", () => {});
    agent.on("error", () => {});
    agent.on("identities", (request) => agent.getIdentitiesReply(request, [...held]));
    agent.on("sign", (request, publicKey, data, { hash }) => {
      const key = parsed.find((own) => own.getPublicSSH().equals((publicKey as ParsedKey).getPublicSSH()));
      if (key === undefined || refuses) return agent.failureReply(request);
      agent.signReply(request, key.sign(data, hash));
    });
    socket.pipe(agent).pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
  return path;
}

/** An empty folder; it goes with the test. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "netboot-ssh-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A user with these files in the home folder (`.ssh/config`) and these variables. */
export function makeUser(files: Readonly<Record<string, string>> = {}, env: Surroundings["env"] = {}): Surroundings {
  const home = makeFolder();
  for (const [name, text] of Object.entries(files)) {
    const path = join(home, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode: 0o600 });
  }
  return { home, userName: "somebody", env, systemFolder: join(home, "etc-ssh") };
}

/** A connection to a server of this file, with its key known and one attempt only. */
export function connectionTo(server: SshServer, more: Partial<Connection> = {}): Connection {
  return { host: "127.0.0.1", port: server.port, hostKey: bare(hostKey.public), dialErrorLimit: 0, ...more };
}

/** Opens a host as `openHost` does, for a user of the test; closed when the test ends. */
export function open(
  connection: Connection,
  around: Surroundings = makeUser(),
  say?: (line: string) => void,
): Promise<Host> {
  onTestFinished(closeHosts);
  return openHost(connection, { around, ...(say === undefined ? {} : { say }) });
}

/** The error of a promise that must fail. */
export async function failure(promise: Promise<unknown>): Promise<Error & { readonly code: string }> {
  try {
    await promise;
  } catch (error) {
    return error as Error & { readonly code: string };
  }
  throw new Error("it did not fail");
}
