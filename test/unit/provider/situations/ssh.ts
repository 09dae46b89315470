import { connect, createServer } from "node:net";
import { join } from "node:path";
import type { AuthContext, ServerChannel } from "ssh2";
import { onTestFinished, vi } from "vitest";
import type { NetbootError } from "../../../../provider/errors";
import { expectHostKey } from "../../../../provider/ssh/hostKey";
import type { Host } from "../../../../provider/ssh/link";
import { closeHosts } from "../../../../provider/ssh/pool";
import type { Connection } from "../../../../provider/values/connection";
import {
  bare,
  connectionTo,
  disconnect,
  endConnection,
  failure,
  hostKey,
  makeFolder,
  makeKey,
  makeUser,
  open,
  type ServerOptions,
  type SshServer,
  startAgent,
  startServer,
  startTcp,
  userKey,
} from "../../../support/sshServer";
import type { Situation } from "./situation";

const other = makeKey();
const rsa = makeKey("rsa");
const locked = makeKey("ed25519", "wonderful");
const key = { privateKey: userKey.private };

/** Where node0.example is, and who asks for it. */
interface Way {
  readonly server?: ServerOptions;
  readonly connection?: Partial<Connection>;
  /** Lines of the host's block in ssh_config. */
  readonly config?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the program gives the right host key. @defaultValue true */
  readonly trusts?: boolean;
}

/** What is random, or this machine's, as it would be on an operator's. */
function masked(error: NetbootError, ...ports: readonly number[]): NetbootError {
  error.message = ports
    .reduce((text, port) => text.replaceAll(String(port), "2222"), error.message)
    .replaceAll("127.0.0.1", "192.0.2.7")
    .replace(/\/\S*netboot-ssh-\w+/g, "/home/me")
    .replace(/E[A-Z_]+\.invalid/g, "192.0.2.7")
    .replace(/SHA256:[\w+/]{43}/g, "SHA256:…")
    .replace(/(ssh-\w+|ecdsa-sha2-nistp256) AAAA[\w+/=]{20,}/g, "$1 AAAA…");
  return error;
}

function userOf(way: Way, port: number) {
  const block = `Host node0.example\nHostName 127.0.0.1\nPort ${port}\n${way.config ?? ""}\n`;
  return makeUser({ ".ssh/config": block, ...way.files }, way.env);
}

/** What is said where a server of the test is node 0. */
function met(what: string, way: Way = {}): Situation {
  const said = async () => {
    const server = await startServer(way.server);
    const { hostKey: known } = connectionTo(server);
    const trust = way.trusts === false ? {} : { hostKey: known };
    const connection = { host: "node0.example", dialErrorLimit: 0, ...trust, ...way.connection } as Connection;
    return masked((await failure(open(connection, userOf(way, server.port)))) as NetbootError, server.port);
  };
  return { what, said };
}

/** What is said where a plain TCP server is in node 0's place. */
function answered(what: string, onSocket: Parameters<typeof startTcp>[0]): Situation {
  const said = async () => {
    const port = await startTcp(onSocket);
    const connection = { host: "node0.example", perDialTimeout: 0.3, dialErrorLimit: 0, ...key };
    return masked((await failure(open(connection, userOf({}, port)))) as NetbootError, port);
  };
  return { what, said };
}

/** What is said where this machine's network answers so (situations.test.ts). */
function dialled(what: string, code: string, more: Partial<Connection> = {}): Situation {
  const said = async () => {
    const user = makeUser({ ".ssh/config": `Host node0.example\nHostName ${code}.invalid\n` });
    const connection = { host: "node0.example", dialErrorLimit: 0, perDialTimeout: 0.3, ...key, ...more };
    return masked((await failure(open(connection, user))) as NetbootError);
  };
  return { what, said };
}

/** What is said of a user's ssh_config, or of the program's own fields, before anything is dialled. */
function configured(what: string, config: string, more: Partial<Connection> = {}, env: Way["env"] = {}): Situation {
  const said = async () => {
    const connection = { host: "node0.example", dialErrorLimit: 0, perDialTimeout: 0.3, ...key, ...more };
    return masked((await failure(open(connection, makeUser({ ".ssh/config": config }, env)))) as NetbootError);
  };
  return { what, said };
}

/** What is said of a command on a host that is open. */
function ran(what: string, server: ServerOptions, act: (host: Host, server: SshServer) => Promise<unknown>): Situation {
  const said = async () => {
    const started = await startServer(server);
    const connection = { ...connectionTo(started, key), host: "node0.example" };
    const host = await open(connection, userOf({}, started.port));
    const error = (await failure(act(host, started))) as NetbootError;
    error.message = error.message.replace(`node0.example:${started.port}`, "node0.example");
    return masked(error, started.port);
  };
  return { what, said };
}

/** Lets the clocks of this process go on; sockets go on by themselves. */
async function late<T>(seconds: number, act: (wait: () => Promise<void>) => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
  try {
    return await act(async () => void (await vi.advanceTimersByTimeAsync(seconds * 1000)));
  } finally {
    vi.useRealTimers();
  }
}

/** An agent that answers so, whatever it is asked. */
async function oddAgent(answer: (write: (bytes: Buffer) => void, end: () => void) => void): Promise<string> {
  const path = join(makeFolder(), "agent.sock");
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () =>
      answer(
        (bytes) => socket.write(bytes),
        () => socket.destroy(),
      ),
    );
    onTestFinished(() => void socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
  return path;
}

function byAgent(what: string, agent: () => Promise<string>): Situation {
  const said = async () => {
    const socket = await agent();
    const server = await startServer();
    const user = makeUser(
      { ".ssh/config": `Host node0.example\nHostName 127.0.0.1\nPort ${server.port}\n` },
      { SSH_AUTH_SOCK: socket },
    );
    const connection = { host: "node0.example", hostKey: bare(hostKey.public), dialErrorLimit: 0 };
    return masked((await failure(open(connection, user))) as NetbootError, server.port);
  };
  return { what, said };
}

/** A server that offers these ways, and lets nobody in. */
const offers = (...methods: ("publickey" | "password" | "keyboard-interactive")[]): ServerOptions => ({
  authenticate: (attempt) => attempt.reject(methods),
});

/** SSH's own form of texts, each behind its length. */
function fields(...texts: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(
    texts.flatMap((text) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(Buffer.byteLength(text));
      return [length, Buffer.from(text)];
    }),
  );
}

function armoured(kind: string, bytes: Buffer, headers = ""): string {
  return `-----BEGIN ${kind} PRIVATE KEY-----\n${headers}${bytes.toString("base64")}\n-----END ${kind} PRIVATE KEY-----\n`;
}

/** `ssh-keygen -t ed25519-sk` makes such a one. */
const securityKey = armoured(
  "OPENSSH",
  Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    fields("none", "none", ""),
    Buffer.from([0, 0, 0, 1]),
    fields(
      fields("sk-ssh-ed25519@openssh.com", "x"),
      Buffer.concat([Buffer.alloc(8), fields("sk-ssh-ed25519@openssh.com", "x")]),
    ),
  ]),
);
/** The numbers of a DSA key, as small as they get. */
const dsaKey = armoured("DSA", Buffer.from([0x30, 18, ...[0, 7, 5, 3, 2, 1].flatMap((each) => [2, 1, each])]));
const oddCipher = armoured(
  "RSA",
  Buffer.alloc(48),
  "Proc-Type: 4,ENCRYPTED\nDEK-Info: CAMELLIA-128-CBC,00000000000000000000000000000000\n\n",
);

const keys: readonly Situation[] = [
  met("a key file that is not there", { connection: { privateKeyPath: "~/.ssh/node0" } }),
  met("an encrypted key", { connection: { privateKey: locked.private } }),
  met("a wrong passphrase", { connection: { privateKey: locked.private, privateKeyPassword: "horrible" } }),
  met("the public half", { connection: { privateKey: userKey.public } }),
  met("half of a key", { connection: { privateKey: userKey.private.slice(0, 200) } }),
  met("a key in PKCS#8", {
    connection: { privateKey: "-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----" },
  }),
  met("a key of DSA", { connection: { privateKey: dsaKey } }),
  met("a security key", { connection: { privateKey: securityKey } }),
  met("a key with a cipher that is not known here", {
    connection: { privateKey: oddCipher, privateKeyPassword: "wonderful" },
  }),
  met("no key and no password", { server: offers("publickey", "password") }),
  met("no key, and only a key would do", { server: offers("publickey") }),
  met("a key that the host does not know", { connection: { privateKey: other.private, user: "debian" } }),
  met("a password, and only a key would do", {
    connection: { password: "swordfish", ...key },
    server: offers("publickey"),
  }),
  met("a wrong password", { connection: { password: "swordfish" }, server: offers("password") }),
  met("an expired password", {
    connection: { password: "swordfish" },
    server: {
      authenticate: (attempt: AuthContext) =>
        attempt.method === "password" ? attempt.requestChange("old", () => {}) : attempt.reject(["password"]),
    },
  }),
  met("a password, and then a code", {
    connection: { password: "swordfish" },
    server: {
      authenticate: (attempt: AuthContext) => {
        if (attempt.method !== "keyboard-interactive") return attempt.reject(["keyboard-interactive"]);
        attempt.prompt([{ prompt: "Password: ", echo: false }], () =>
          attempt.prompt([{ prompt: "Verification code: ", echo: false }], () =>
            attempt.reject(["keyboard-interactive"]),
          ),
        );
      },
    },
  }),
  met("a key, and then a password that is not given", {
    connection: key,
    server: {
      authenticate: (attempt: AuthContext) => {
        if (attempt.method !== "publickey") return attempt.reject(["publickey"]);
        if (attempt.signature === undefined) return attempt.accept();
        attempt.reject(["password"], true);
      },
    },
  }),
  met("a server that offers nothing", { connection: key, server: { authenticate: (attempt) => attempt.reject([]) } }),
  met("too many keys", {
    connection: { privateKey: other.private },
    files: { ".ssh/id_rsa": rsa.private },
    server: {
      authenticate: (attempt) => {
        if (attempt.method === "none") attempt.reject(["publickey"]);
        else endConnection(attempt, "Too many authentication failures");
      },
    },
  }),
  {
    what: "a person who does not confirm in time",
    said: () =>
      late(60, async (wait) => {
        let asked = (): void => {};
        const isAsked = new Promise<void>((resolve) => (asked = resolve));
        const server = await startServer({
          authenticate: (attempt) => (attempt.method === "none" ? attempt.reject(["publickey"]) : asked()),
        });
        const connection = { host: "node0.example", hostKey: bare(hostKey.public), ...key };
        const error = failure(open(connection, userOf({}, server.port)));
        await isAsked;
        await wait();
        return masked((await error) as NetbootError, server.port);
      }),
  },
  {
    what: "IdentitiesOnly, and other keys in the agent",
    said: async () => {
      const env = { SSH_AUTH_SOCK: await startAgent([userKey.private]) };
      const way = {
        config: "IdentityFile ~/.ssh/node0\nIdentitiesOnly yes",
        files: { ".ssh/node0": rsa.private },
        env,
      };
      return (met("", way).said as () => Promise<NetbootError>)();
    },
  },
  byAgent("an agent that holds nothing", () => startAgent([])),
  byAgent("an agent that does not sign", () => startAgent([userKey.private], true)),
  byAgent("an agent that is gone", async () => "/run/user/0/agent.sock"),
  byAgent("an agent that hangs up", () => oddAgent((_, end) => end())),
  byAgent("something that is no agent", () => oddAgent((write) => write(Buffer.from([0, 0, 0, 1, 5])))),
  byAgent("an agent that talks for ever", () =>
    oddAgent((write) => write(Buffer.concat([Buffer.from([0, 255, 255, 255]), Buffer.alloc(1_100_000)]))),
  ),
  {
    what: "an agent that says nothing",
    said: () =>
      late(5, async (wait) => {
        let asked = (): void => {};
        const isAsked = new Promise<void>((resolve) => (asked = resolve));
        const error = (byAgent("", () => oddAgent(() => asked())).said as () => Promise<NetbootError>)();
        await isAsked;
        await wait();
        return await error;
      }),
  },
  {
    what: "a certificate",
    said: async () => {
      const blob = fields("ssh-ed25519-cert-v01@openssh.com", "x").toString("base64");
      const files = {
        ".ssh/id_ed25519": other.private,
        ".ssh/id_ed25519-cert.pub": `ssh-ed25519-cert-v01@openssh.com ${blob}\n`,
      };
      return (met("", { files }).said as () => Promise<NetbootError>)();
    },
  },
];

const hostKeys: readonly Situation[] = [
  met("the first time", { trusts: false }),
  met("no known_hosts", { trusts: false, config: "UserKnownHostsFile none\nGlobalKnownHostsFile none" }),
  met("a known key of another type", {
    trusts: false,
    config: "HostKeyAlias node0",
    files: { ".ssh/known_hosts": `node0 ${rsa.public}\n@cert-authority node0 ${other.public}\n` },
  }),
  met("another key than the known one", {
    trusts: false,
    config: "HostKeyAlias node0",
    files: { ".ssh/known_hosts": `node0 ${other.public}\n` },
  }),
  met("another key than the given one", { connection: { hostKey: bare(other.public) } }),
  met("a key that known_hosts revokes", {
    config: "HostKeyAlias node0",
    files: { ".ssh/known_hosts": `@revoked node0 ${hostKey.public}\n` },
  }),
  met("known_hosts can't be read", { config: "UserKnownHostsFile ~/.ssh" }),
  met("a list of revoked keys that is not there", { config: "RevokedHostKeys ~/.ssh/revoked" }),
  met("a list of revoked keys that is none", {
    config: "RevokedHostKeys ~/.ssh/revoked",
    files: { ".ssh/revoked": "hello\n" },
  }),
  {
    what: "a key that is none",
    said: expectHostKey({ name: "node0.example", host: "node0.example", port: 22, files: [] }).judge(Buffer.alloc(3)),
  },
  met("the right key, shown by somebody who has only its public half", { server: { signsBy: other.private } }),
];

const ways: readonly Situation[] = [
  dialled("a name that is not there", "ENOTFOUND"),
  dialled("no name service", "EAI_AGAIN"),
  dialled("a name service that says nothing", "ESILENT"),
  dialled("nothing listens", "ECONNREFUSED", { dialErrorLimit: 1 }),
  dialled("reset", "ECONNRESET"),
  dialled("cut while we write", "EPIPE"),
  dialled("the system gave up", "ETIMEDOUT"),
  dialled("no route to the host", "EHOSTUNREACH"),
  dialled("no route to the network", "ENETUNREACH"),
  dialled("no answer by ARP", "EHOSTDOWN"),
  dialled("packets that go nowhere", "EDROPPED"),
  answered("no word", () => {}),
  answered("a hang-up", (socket) => socket.end()),
  answered("an address in the penalty box", (socket) => socket.end("Not allowed at this time\r\n")),
  answered("too many logins", (socket) => socket.end("Exceeded MaxStartups\r\n")),
  answered("a web server", (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
  answered("somebody on the way", (socket) => {
    socket.write("SSH-2.0-OpenSSH_9.2\r\n");
    socket.write(disconnect("go away"));
  }),
  met("an old sshd", { server: { algorithms: { kex: ["diffie-hellman-group14-sha1"] } }, connection: key }),
  jumped("a jump host that lets nobody in", {}, { privateKey: other.private }),
  jumped("a jump host that forbids the way", { forwards: false }),
  jumped("a jump host that reaches nothing", { forwards: "silent" }),
  jumped("a jump host that is refused", { forwards: true }),
  {
    what: "the engine is gone",
    said: async () => {
      process.argv.push("127.0.0.1:1");
      try {
        return masked((await failure(open({ host: "node0.example", ...key }))) as NetbootError);
      } finally {
        process.argv.pop();
      }
    },
  },
];

function jumped(what: string, server: ServerOptions, more: Partial<Connection> = {}): Situation {
  const said = async () => {
    const bastion = await startServer(server);
    const config = `Host bastion.example\nHostName 127.0.0.1\nPort ${bastion.port}\nHost node0.example\nHostName 127.0.0.1\nPort 1\n`;
    const proxy = { host: "bastion.example", hostKey: bare(hostKey.public), ...key, ...more };
    const node0 = { host: "node0.example", ...key, dialErrorLimit: 0, perDialTimeout: 0.5, proxy };
    const around = makeUser({ ".ssh/config": config });
    return masked((await failure(open(node0, around))) as NetbootError, bastion.port);
  };
  return { what, said };
}

const block = "Host node0.example\nHostName ECONNREFUSED.invalid\n";
const configs: readonly Situation[] = [
  configured("ssh_config with an open quote", `${block}User "debian\n`),
  configured("ssh_config that includes itself", "Include config\n"),
  configured("ssh_config by ProxyCommand", `${block}ProxyCommand nc %h %p\n`),
  configured("a ProxyJump that is none", `${block}ProxyJump me@bastion:ssh\n`),
  configured(
    "a ProxyJump in a circle",
    "Host node0.example\nProxyJump b.example\nHost b.example\nProxyJump node0.example\n",
  ),
  configured(
    "what of ssh_config is passed over",
    `${block}Match exec "true"\nUser me\nHost *\nKnownHostsCommand /bin/x\nIdentityFile ~you/key\n`,
  ),
];

const commands: readonly Situation[] = [
  ran("a command that takes too long", { exec: () => {} }, (host) => host.run("x", { timeoutMs: 100 })),
  ran("a command that never stops talking", { exec: (_, channel) => talk(channel) }, (host) =>
    host.run("x", { timeoutMs: 60_000, onStdout: () => {}, mostBytes: 2_000_000 }),
  ),
  ran("no session", { maxSessions: 0 }, (host) => host.run("x", { timeoutMs: 60_000 })),
  ran("a connection that breaks", { exec: (_, channel) => channel.write("half of") }, (host, server) => {
    const run = host.run("x", { timeoutMs: 60_000, onStdout: () => server.cut() });
    return run;
  }),
  ran(
    "a connection that is broken already",
    { exec: (_, channel) => channel.write("half of") },
    async (host, server) => {
      await failure(host.run("x", { timeoutMs: 60_000, onStdout: () => server.cut() }));
      return host.run("y", { timeoutMs: 60_000 });
    },
  ),
  ran("a host that hangs up", { exec: (_, channel) => channel.write("half of") }, (host, server) =>
    host.run("x", { timeoutMs: 60_000, onStdout: () => server.hangUp() }),
  ),
  ran("the end of the run", {}, async (host) => {
    await closeHosts();
    return host.run("x", { timeoutMs: 60_000 });
  }),
  {
    what: "a host that fell silent",
    said: () => late(20, async (wait) => silenced(wait)),
  },
];

async function silenced(wait: () => Promise<void>): Promise<NetbootError> {
  let isSilent = false;
  let begun = (): void => {};
  const isBegun = new Promise<void>((resolve) => (begun = resolve));
  const server = await startServer({ exec: () => begun() });
  const port = await startTcp((socket) => {
    const onward = connect(server.port, "127.0.0.1");
    socket.pipe(onward);
    onward.on("data", (data) => void (isSilent || socket.write(data)));
    onward.on("error", () => {});
  });
  const host = await open({ host: "node0.example", hostKey: bare(hostKey.public), ...key }, userOf({}, port));
  const error = failure(host.run("x", { timeoutMs: 600_000, onStdin: () => {} }));
  await isBegun;
  isSilent = true;
  await wait();
  return masked((await error) as NetbootError, port);
}

function talk(channel: ServerChannel): void {
  let written = 0;
  const chunk = Buffer.alloc(50_000, "netboot ");
  const more = (): void => {
    if (written > 100_000_000) return;
    written += chunk.length;
    channel.write(chunk, () => setImmediate(more));
  };
  more();
}

/** All that SSH says, by the golden file. */
export const sshSituations: Readonly<Record<string, readonly Situation[]>> = {
  "sshLogin.txt": keys,
  "sshHostKey.txt": hostKeys,
  "sshWay.txt": [...ways, ...configs],
  "sshCommand.txt": commands,
};
