import { connect, createServer } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { closeHosts, openHost } from "../../../../provider/ssh/pool.ts";
import type { Connection } from "../../../../provider/values/connection.ts";
import {
  answer,
  authorize,
  bare,
  connectionTo,
  failure,
  hostKey,
  makeKey,
  makeUser,
  open,
  startServer,
  startTcp,
  userKey,
} from "../../../support/sshServer.ts";

const soon = { timeoutMs: 5000 };
const key = { privateKey: userKey.private };

describe("openHost", () => {
  it("opens one connection for all who ask, at the same time and later", async () => {
    const server = await startServer();
    const user = makeUser();
    const hosts = await Promise.all(Array.from({ length: 20 }, () => open(connectionTo(server, key), user)));
    hosts.push(await open(connectionTo(server, key), user));
    expect(new Set(hosts).size).toBe(1);
    expect(server.seen).toMatchObject({ sockets: 1, sessions: 1 });
  });

  it("opens another one for other credentials", async () => {
    const other = makeKey();
    const server = await startServer({ authenticate: authorize(userKey.public, other.public) });
    const user = makeUser();
    await open(connectionTo(server, key), user);
    await open(connectionTo(server, { privateKey: other.private }), user);
    expect(server.seen.sessions).toBe(2);
  });

  it("opens a new one when the old one has died", async () => {
    const server = await startServer();
    const user = makeUser();
    const first = await open(connectionTo(server, key), user);
    server.cut();
    await vi.waitFor(async () => expect(await open(connectionTo(server, key), user)).not.toBe(first));
    const second = await open(connectionTo(server, key), user);
    await expect(second.run("x", soon)).resolves.toMatchObject({ code: 0 });
    expect(server.seen.sessions).toBe(2);
  });

  it("tries again for whoever asks after a failure", async () => {
    let isRefused = true;
    const accept = authorize(userKey.public);
    const server = await startServer({
      authenticate: (attempt) => (isRefused ? attempt.reject(["publickey"]) : accept(attempt)),
    });
    const user = makeUser();
    await failure(open(connectionTo(server, key), user));
    isRefused = false;
    await expect(open(connectionTo(server, key), user)).resolves.toBeDefined();
  });

  it("knows root by the name", async () => {
    const server = await startServer();
    await expect(open(connectionTo(server, key))).resolves.toMatchObject({ isRoot: true });
    await expect(open(connectionTo(server, { ...key, user: "operator" }))).resolves.toMatchObject({ isRoot: false });
  });

  it("lists all mistakes of the connection at once", async () => {
    const error = await failure(openHost({ host: "a b", port: 0 }));
    expect(error.code).toBe("ARGUMENTS_INVALID");
    expect(error.message).toMatch(/^connection\.host: "a b" is no host.*\nconnection\.port: 0 is no port/);
  });

  // A run is three round trips: the channel, the command, its input and output.
  it("adds no round trip after authentication, and a run costs three", async () => {
    const server = await startServer({
      exec: (_, channel) => channel.stdin.on("end", () => answer(channel, "done")).resume(),
    });
    let turns = 0;
    let last: "up" | "down" | undefined;
    const turn = (direction: "up" | "down"): void => {
      if (last !== direction && direction === "up") turns++;
      last = direction;
    };
    const proxy = await startTcp((socket) => {
      const onward = connect({ port: server.port, host: "127.0.0.1", noDelay: true });
      socket.setNoDelay(true);
      socket.on("data", (data) => {
        turn("up");
        onward.write(data);
      });
      onward.on("data", (data) => {
        turn("down");
        socket.write(data);
      });
      onward.on("error", () => {});
    });
    const host = await open({ ...connectionTo(server, key), port: proxy });
    await new Promise((resolve) => setTimeout(resolve, 100));
    turns = 0;
    last = undefined;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(turns).toBe(0);
    await host.run("x", { ...soon, stdin: Buffer.from("payload") });
    expect(turns).toBe(3);
  });
});

describe("the dial", () => {
  it("tries again while nobody answers, and says so", async () => {
    const reserved = await startServer();
    await reserved.close();
    const lines: string[] = [];
    setTimeout(() => void startLater(), 300);
    const startLater = (): Promise<unknown> => startServer({ port: reserved.port });
    const connection = connectionTo(reserved, { ...key, dialErrorLimit: 5 });
    await expect(open(connection, makeUser(), (line) => lines.push(line))).resolves.toBeDefined();
    expect(lines[0]).toBe(`127.0.0.1:${reserved.port}: connection refused (ECONNREFUSED); attempt 2 of 6 follows`);
  });

  it("gives up after the limit", async () => {
    const server = await startServer();
    await server.close();
    const lines: string[] = [];
    const connection = connectionTo(server, { ...key, dialErrorLimit: 1 });
    const error = await failure(open(connection, makeUser(), (line) => lines.push(line)));
    expect(lines).toHaveLength(1);
    expect(error.code).toBe("HOST_UNREACHABLE");
    expect(error.message).toBe(
      `127.0.0.1:${server.port}: no connection to 127.0.0.1:${server.port}, after 2 attempts: connection refused (ECONNREFUSED)\n` +
        `  does sshd run there, and listen on port ${server.port}?`,
    );
  });

  it.each<[string, Parameters<typeof startTcp>[0], RegExp]>([
    ["never says a word", () => {}, /no SSH handshake within 0\.3 s/],
    [
      "says who it is and no more",
      (socket) => socket.write("SSH-2.0-OpenSSH_9.2\r\n"),
      /no SSH handshake within 0\.3 s/,
    ],
    [
      "talks and talks",
      (socket) => setInterval(() => socket.write("hello\r\n"), 20).unref(),
      /no SSH handshake within 0\.3 s/,
    ],
    ["hangs up", (socket) => socket.end(), /it closed the connection at once$/m],
    [
      "keeps this address away for a while, as OpenSSH 9.8 does",
      (socket) => socket.end("Not allowed at this time\r\n"),
      /at once, and said: Not allowed at this time\n {2}its sshd keeps this address away .*PerSourcePenaltyExemptList/,
    ],
    [
      "has too many who log in",
      (socket) => socket.end("Exceeded MaxStartups\r\n"),
      /at once, and said: Exceeded MaxStartups\n {2}more logins are going on there/,
    ],
    [
      "is no sshd",
      (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
      /, and said: HTTP\/1\.1 400 Bad Request$/m,
    ],
    ["speaks something else", (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"), /127\.0\.0\.1:\d+: .+/],
  ])("ends with a server that %s", async (_, onSocket, message) => {
    const port = await startTcp(onSocket);
    const connection = {
      host: "127.0.0.1",
      port,
      hostKey: bare(hostKey.public),
      dialErrorLimit: 0,
      perDialTimeout: 0.3,
    };
    const error = await failure(open({ ...connection, ...key }));
    expect(error).toMatchObject({ code: "HOST_UNREACHABLE", message: expect.stringMatching(message) });
  });

  it("does not look for a name that does not exist again and again", async () => {
    const lines: string[] = [];
    const connection = { host: "netboot-test.invalid", ...key };
    const error = await failure(open(connection, makeUser(), (line) => lines.push(line)));
    // Without a network the name service itself does not answer, and that passes by.
    if (!/EAI_AGAIN/.test(error.message)) {
      expect(error.message).toContain("there is no such name (ENOTFOUND): netboot-test.invalid");
      expect(lines).toEqual([]);
    }
    expect(error.code).toBe("HOST_UNREACHABLE");
  });
});

describe("a jump host", () => {
  it("is passed by the fields of proxy, several of them nested, each with its own key", async () => {
    const keys = [makeKey(), makeKey()];
    const node0 = await startServer();
    const inner = await startServer({ forwards: true, hostKeys: [keys[0]?.private ?? ""] });
    const outer = await startServer({ forwards: true, hostKeys: [keys[1]?.private ?? ""] });
    const connection: Connection = {
      ...connectionTo(node0, key),
      proxy: {
        ...connectionTo(inner, { ...key, user: "jump", hostKey: bare(keys[0]?.public ?? "") }),
        proxy: connectionTo(outer, { ...key, hostKey: bare(keys[1]?.public ?? "") }),
      },
    };
    const host = await open(connection);
    await expect(host.run("x", soon)).resolves.toMatchObject({ code: 0 });
    expect([outer, inner, node0].map(({ seen }) => seen.sessions)).toEqual([1, 1, 1]);
  });

  it("is opened once for several hosts behind it", async () => {
    const one = await startServer();
    const two = await startServer();
    const bastion = await startServer({ forwards: true });
    const user = makeUser();
    const proxy = connectionTo(bastion, key);
    await Promise.all([one, two].map((server) => open({ ...connectionTo(server, key), proxy }, user)));
    expect(bastion.seen.sessions).toBe(1);
  });

  it("is found by ProxyJump", async () => {
    const node0 = await startServer();
    const bastion = await startServer({ forwards: true });
    const user = makeUser({
      ".ssh/config": [
        `Host node0\n  HostName 127.0.0.1\n  Port ${node0.port}\n  ProxyJump bastion\n`,
        `Host bastion\n  HostName 127.0.0.1\n  Port ${bastion.port}\n`,
      ].join(""),
      ".ssh/known_hosts": [node0, bastion].map(({ port }) => `[127.0.0.1]:${port} ${hostKey.public}\n`).join(""),
      ".ssh/id_ed25519": userKey.private,
    });
    const host = await open({ host: "node0" }, user);
    await expect(host.run("x", soon)).resolves.toMatchObject({ code: 0 });
    expect(bastion.seen.sessions).toBe(1);
  });

  it.each<[string, Partial<Connection>, string, RegExp]>([
    ["can't be verified", { hostKey: bare(makeKey().public) }, "HOST_KEY_CHANGED", /it showed another host key/],
    ["lets nobody in", { privateKey: makeKey().private }, "AUTHENTICATION_FAILED", /"root" was not let in/],
    ["is down", { port: 1 }, "HOST_UNREACHABLE", /connection refused/],
  ])("is named when it %s", async (_, more, code, message) => {
    const bastion = await startServer({ forwards: true });
    const proxy = connectionTo(bastion, { ...key, ...more });
    const error = await failure(open({ host: "node0", ...key, proxy }));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/^127\.0\.0\.1:\d+ \(the jump host of node0\): /);
    expect(error.message).toMatch(message);
  });

  it("that forbids the way says which of its settings to look at", async () => {
    const bastion = await startServer({ forwards: false });
    const error = await failure(open({ host: "node0", ...key, dialErrorLimit: 0, proxy: connectionTo(bastion, key) }));
    expect(error).toMatchObject({ code: "HOST_UNREACHABLE", message: expect.stringContaining("AllowTcpForwarding") });
  });

  it("that dies takes the hosts behind it along", async () => {
    const node0 = await startServer({ exec: () => {} });
    const bastion = await startServer({ forwards: true });
    const host = await open({ ...connectionTo(node0, key), proxy: connectionTo(bastion, key) });
    setTimeout(() => bastion.cut(), 50);
    expect((await failure(host.run("x", soon))).code).toBe("CONNECTION_LOST");
  });
});

describe("secrets", () => {
  it("stand in no message, whatever goes wrong", async () => {
    const password = "swordfish-swordfish";
    const { private: privateKey } = makeKey("ed25519", "wonderful-wonderful");
    const secrets = { password, privateKey, privateKeyPassword: "wonderful-wonderful" };
    const server = await startServer();
    const proxied = { host: "node0", ...key, dialErrorLimit: 0 };
    const connections: Connection[] = [
      connectionTo(server, secrets),
      connectionTo(server, { ...secrets, privateKeyPassword: "horrible-horrible" }),
      connectionTo(server, { ...secrets, hostKey: bare(makeKey().public) }),
      connectionTo(server, { ...secrets, port: 1 }),
      connectionTo(server, { ...secrets, user: password }),
      { ...proxied, proxy: connectionTo(server, secrets) },
      { ...proxied, proxy: connectionTo(server, { ...secrets, port: 1 }) },
      { host: "a b", ...secrets },
      { ...secrets, host: "node0", [password]: 1 } as Connection,
    ];
    for (const connection of connections) {
      const error = await failure(open(connection));
      const whole = `${error.message}\n${error.stack}\n${String(error.cause)}`;
      for (const secret of [
        password,
        "wonderful-wonderful",
        "horrible-horrible",
        ...privateKey.split("\n").slice(1, -2),
      ]) {
        expect(whole).not.toContain(secret);
      }
    }
  });
});

describe("closeHosts", () => {
  it("closes every connection, and the next one who asks opens a new one", async () => {
    const server = await startServer();
    const user = makeUser();
    const host = await open(connectionTo(server, key), user);
    await closeHosts();
    expect(await failure(host.run("x", soon))).toMatchObject({
      code: "CONNECTION_LOST",
      message: expect.stringContaining("we closed it, as the run ends"),
    });
    await open(connectionTo(server, key), user);
    expect(server.seen.sessions).toBe(2);
  });

  it("does not wait for a connection that is being opened", async () => {
    const port = await startTcp(() => {});
    const pending = failure(open({ host: "127.0.0.1", port, ...key, perDialTimeout: 0.5, dialErrorLimit: 0 }));
    const begun = Date.now();
    await closeHosts();
    expect(Date.now() - begun).toBeLessThan(300);
    expect((await pending).code).toBe("HOST_UNREACHABLE");
  });

  it("does not wait for a host that has fallen silent", async () => {
    const server = await startServer();
    const silent = createServer((socket) => {
      const onward = connect(server.port, "127.0.0.1");
      socket.pipe(onward);
      onward.on("data", (data) => {
        if (!isSilent) socket.write(data);
      });
      for (const end of [socket, onward]) end.on("error", () => {});
    });
    let isSilent = false;
    const port = await new Promise<number>((resolve) => {
      silent.listen(0, "127.0.0.1", () => resolve((silent.address() as { port: number }).port));
    });
    onTestFinished(() => void silent.close());
    await open({ ...connectionTo(server, key), port });
    isSilent = true;
    const begun = Date.now();
    await closeHosts();
    expect(Date.now() - begun).toBeLessThan(2000);
  });
});

describe("SIGINT", () => {
  it("leaves the connections to a program that ends in its own way", async () => {
    vi.resetModules();
    const fresh = await import("../../../../provider/ssh/pool.ts");
    process.on("SIGINT", () => {});

    const server = await startServer({ exec: (command, channel) => answer(channel, command) });
    const around = makeUser();
    const host = await fresh.openHost(connectionTo(server, key), { around });
    fresh.keepThroughSignals();
    process.emit("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await host.run("still", soon)).stdout.toString()).toBe("still");
    await fresh.closeHosts();
  });

  it("lets what runs finish, begins nothing new, and closes", async () => {
    vi.resetModules();
    const fresh = await import("../../../../provider/ssh/pool.ts");
    // Without another listener the signal would have its usual effect in the end, and this process is the test's.
    process.on("SIGINT", () => {});

    const server = await startServer({ exec: (command, channel) => setTimeout(() => answer(channel, command), 200) });
    const around = makeUser();
    const host = await fresh.openHost(connectionTo(server, key), { around });
    const running = host.run("finish", soon);
    process.emit("SIGINT");
    expect(await failure(fresh.openHost(connectionTo(server, key), { around }))).toMatchObject({
      code: "CONNECTION_LOST",
      message: expect.stringMatching(/no connection is opened any more: the run ends/),
    });
    expect((await running).stdout.toString()).toBe("finish");
    // Asked seldom: as long as one of these runs, too, nothing is closed.
    await vi.waitFor(async () => expect((await failure(host.run("more", soon))).code).toBe("CONNECTION_LOST"), {
      timeout: 10_000,
      interval: 500,
    });
  });
});
