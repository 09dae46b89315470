import { join } from "node:path";
import { type AuthContext, utils } from "ssh2";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Connection } from "../../../../provider/values/connection.ts";
import {
  authorize,
  connectionTo,
  failure,
  hostKey,
  makeKey,
  makeUser,
  open,
  type SshServer,
  startAgent,
  startServer,
  userKey,
} from "../../../support/sshServer.ts";

const ecdsa = makeKey("ecdsa");
const rsa = makeKey("rsa");
const stranger = makeKey();
const locked = makeKey("ed25519", "wonderful");

/** A server that lets in by this password, given at once or at a prompt. */
function byPassword(password: string, methods: readonly ("password" | "keyboard-interactive")[]) {
  return (attempt: AuthContext) => {
    if (attempt.method === "password" && methods.includes("password") && attempt.password === password) {
      return attempt.accept();
    }
    if (attempt.method !== "keyboard-interactive" || !methods.includes("keyboard-interactive")) {
      return attempt.reject([...methods]);
    }
    attempt.prompt([{ prompt: "Password: ", echo: false }], (answers) => {
      if (answers[0] === password) attempt.accept();
      else attempt.reject([...methods]);
    });
  };
}

/** Opens a host, and says which public key the server saw last. */
async function login(server: SshServer, connection: Partial<Connection>, user = makeUser()): Promise<void> {
  await open(connectionTo(server, connection), user);
  expect(server.seen.sessions).toBe(1);
}

describe("a key that the connection gives", () => {
  it.each([
    ["ssh-ed25519", userKey],
    ["ecdsa-sha2-nistp256", ecdsa],
    ["ssh-rsa", rsa],
  ])("lets in by the text of an %s key", async (_, key) => {
    await login(await startServer({ authenticate: authorize(key.public) }), { privateKey: key.private });
  });

  it("signs with an RSA key by SHA-512 only, also for a server that does not say what it takes", async () => {
    const hashes: unknown[] = [];
    const accept = authorize(rsa.public);
    const authenticate = (attempt: AuthContext) => {
      if (attempt.method === "publickey") hashes.push(attempt.key.algo, attempt.hashAlgo);
      accept(attempt);
    };
    await login(await startServer({ authenticate }), { privateKey: rsa.private });
    const agentSocketPath = await startAgent([rsa.private]);
    await login(await startServer({ authenticate }), { agentSocketPath });
    expect(new Set(hashes)).toEqual(new Set(["ssh-rsa", "sha512"]));
  });

  it("lets in by a file, also under the home folder, and by its passphrase", async () => {
    const user = makeUser({ "keys/own": locked.private });
    const authenticate = authorize(locked.public);
    const given = { privateKeyPassword: "wonderful" };
    await login(await startServer({ authenticate }), { ...given, privateKeyPath: join(user.home, "keys/own") });
    await login(await startServer({ authenticate }), { ...given, privateKeyPath: "~/keys/own" }, user);
  });

  it.each([
    ["its passphrase is wrong", { privateKey: locked.private, privateKeyPassword: "horrible" }],
    ["it is encrypted; give privateKeyPassword, or add it to the agent by ssh-add", { privateKey: locked.private }],
    ["there is no such file", { privateKeyPath: "/nowhere/key" }],
    ["it is a public key, and no agent has the private one", { privateKey: userKey.public }],
    ["it is no whole private key in OpenSSH or PEM format", { privateKey: "hunter2hunter2hunter2" }],
    ["it is no whole private key in OpenSSH or PEM format", { privateKey: userKey.private.slice(0, 200) }],
    [
      'it is in PKCS#8 format; turn it into OpenSSH\'s by "ssh-keygen -p -f FILE"',
      { privateKey: "-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----" },
    ],
  ])("is refused before anything is dialled when %s", async (why, given) => {
    const error = await failure(open({ host: "192.0.2.1", ...given }));
    expect(error.code).toBe("KEY_UNREADABLE");
    expect(error.message).toMatch(
      /^192\.0\.2\.1: the private key (connection\.privateKey|\/nowhere\/key) can't be used: /,
    );
    expect(error.message).toContain(why);
    expect(error.message).not.toMatch(/hunter2|horrible|AAAA/);
  });
});

describe("a password", () => {
  it.each([
    [["password"] as const],
    [["keyboard-interactive"] as const],
    [["password", "keyboard-interactive"] as const],
  ])("lets in by %j", async (methods) => {
    await login(await startServer({ authenticate: byPassword("swordfish", methods) }), { password: "swordfish" });
  });

  it("is given once to a server that asks again and again", async () => {
    let rounds = 0;
    const authenticate = (attempt: AuthContext) => {
      if (attempt.method !== "keyboard-interactive") return attempt.reject(["keyboard-interactive"]);
      const ask = (): void =>
        attempt.prompt([{ prompt: "One-time code: ", echo: false }], (answers) => {
          expect(answers).toEqual([rounds === 0 ? "swordfish" : ""]);
          if (++rounds < 3) ask();
          else attempt.reject(["keyboard-interactive"]);
        });
      ask();
    };
    const error = await failure(open(connectionTo(await startServer({ authenticate }), { password: "swordfish" })));
    expect(error.message).toContain('it went on to ask "One-time code:"');
  });

  it("follows a key where the server wants both", async () => {
    const accept = authorize(userKey.public);
    let hasKey = false;
    const authenticate = (attempt: AuthContext) => {
      if (attempt.method === "password" && hasKey && attempt.password === "swordfish") return attempt.accept();
      if (attempt.method !== "publickey" || attempt.signature === undefined) {
        return attempt.method === "publickey" ? accept(attempt) : attempt.reject([hasKey ? "password" : "publickey"]);
      }
      hasKey = true;
      attempt.reject(["password"], true);
    };
    await login(await startServer({ authenticate }), { privateKey: userKey.private, password: "swordfish" });
    hasKey = false;
    const agentSocketPath = await startAgent([userKey.private]);
    await login(await startServer({ authenticate }), { agentSocketPath, password: "swordfish" });
  });

  it("that has expired is named as such", async () => {
    const authenticate = (attempt: AuthContext) => {
      if (attempt.method !== "password") return attempt.reject(["password"]);
      attempt.requestChange("it is old", () => {});
    };
    const error = await failure(open(connectionTo(await startServer({ authenticate }), { password: "swordfish" })));
    expect(error).toMatchObject({
      code: "AUTHENTICATION_FAILED",
      message: expect.stringContaining(
        "password: it is right, but has expired; log in there by ssh once, and change it",
      ),
    });
  });
});

describe("an agent", () => {
  it("lets in by the second of its keys", async () => {
    const agentSocketPath = await startAgent([stranger.private, userKey.private]);
    await login(await startServer(), { agentSocketPath });
  });

  it("is found by SSH_AUTH_SOCK", async () => {
    const user = makeUser({}, { SSH_AUTH_SOCK: await startAgent([ecdsa.private]) });
    await login(await startServer({ authenticate: authorize(ecdsa.public) }), {}, user);
  });

  it("opens the key of an encrypted file that the connection names", async () => {
    const user = makeUser({ ".ssh/own": locked.private, ".ssh/own.pub": locked.public });
    const unlocked = utils.parseKey(locked.private, "wonderful");
    if (unlocked instanceof Error) throw unlocked;
    const agentSocketPath = await startAgent([unlocked as unknown as string]);
    await login(await startServer({ authenticate: authorize(locked.public) }), {
      privateKeyPath: join(user.home, ".ssh/own"),
      agentSocketPath,
    });
  });

  it("that does not sign leaves its turn to the next key", async () => {
    const agentSocketPath = await startAgent([userKey.private], true);
    const user = makeUser({ ".ssh/id_ecdsa": ecdsa.private });
    const server = await startServer({ authenticate: authorize(userKey.public, ecdsa.public) });
    await login(server, { agentSocketPath }, user);
  });

  it("of an earlier login, whose socket is gone, gives way to the present one", async () => {
    const user = makeUser({}, { SSH_AUTH_SOCK: await startAgent([userKey.private]) });
    await login(await startServer(), { agentSocketPath: "/nowhere/agent.sock" }, user);
  });

  it("that is gone is named when nothing else lets in", async () => {
    const user = makeUser({}, { SSH_AUTH_SOCK: "/nowhere/agent.sock" });
    const error = await failure(open(connectionTo(await startServer()), user));
    expect(error.message).toContain("agent /nowhere/agent.sock: no agent listens there (ENOENT)");
  });
});

describe("the order", () => {
  const keys = { given: makeKey(), alias: makeKey(), agent: makeKey(), standard: makeKey() };
  const whose = (data: Buffer): string | undefined =>
    Object.entries(keys).find(([, { public: key }]) => key.includes(data.toString("base64")))?.[0];

  async function offered(config: string, given: Partial<Connection>): Promise<readonly (string | undefined)[]> {
    const seen: (string | undefined)[] = [];
    const server = await startServer({
      authenticate: (attempt) => {
        if (attempt.method === "publickey") seen.push(whose(attempt.key.data));
        else if (attempt.method !== "none") seen.push(attempt.method);
        attempt.reject(["publickey", "password"]);
      },
    });
    const user = makeUser(
      {
        ".ssh/config": `Host node0\n  HostName 127.0.0.1\n  Port ${server.port}\n${config}`,
        ".ssh/alias": keys.alias.private,
        ".ssh/alias.pub": keys.alias.public,
        ".ssh/id_ed25519": keys.standard.private,
        ".ssh/known_hosts": `[127.0.0.1]:${server.port} ${hostKey.public}`,
      },
      { SSH_AUTH_SOCK: await startAgent([keys.agent.private, keys.alias.private]) },
    );
    await failure(open({ host: "node0", ...given }, user));
    return seen;
  }

  it("is: what is given, the alias's IdentityFile, the agent, the default files", async () => {
    const given = { privateKey: keys.given.private, password: "swordfish" };
    expect(await offered("  IdentityFile ~/.ssh/alias", given)).toEqual(["given", "password", "alias", "agent"]);
    expect(await offered("", given)).toEqual(["given", "password", "agent", "alias", "standard"]);
  });

  it("keeps the agent's other keys back when IdentitiesOnly is set", async () => {
    expect(await offered("  IdentityFile ~/.ssh/alias\n  IdentitiesOnly yes", {})).toEqual(["alias"]);
    expect(await offered("  IdentityFile none", {})).toEqual(["agent", "alias"]);
  });
});

describe("AUTHENTICATION_FAILED", () => {
  it("lists what was tried and what was not, and says what to change", async () => {
    const user = makeUser({
      ".ssh/id_ed25519": locked.private,
      ".ssh/id_ecdsa": ecdsa.private,
      ".ssh/id_rsa": "broken",
    });
    const agentSocketPath = await startAgent([stranger.private]);
    const server = await startServer();
    const error = await failure(open(connectionTo(server, { agentSocketPath, password: "swordfish" }), user));
    expect(error.code).toBe("AUTHENTICATION_FAILED");
    const hidden = error.message
      .replaceAll(String(server.port), "2222")
      .replaceAll(user.home, "/home/somebody")
      .replace(/SHA256:\S{43}/g, "SHA256:…");
    expect(hidden).toMatchInlineSnapshot(`
      "127.0.0.1:2222: "root" was not let in
        it offers publickey
        agent key (ssh-ed25519 SHA256:…): refused
        key /home/somebody/.ssh/id_ecdsa (ecdsa-sha2-nistp256 SHA256:…): refused
        password: not offered by the server
        /home/somebody/.ssh/id_ed25519: it is encrypted; give privateKeyPassword, or add it to the agent by ssh-add
        /home/somebody/.ssh/id_rsa: it is no whole private key in OpenSSH or PEM format; give all of the file, from its first line to its last
        add the public half of one of these keys to /root/.ssh/authorized_keys there, or give another privateKey, privateKeyPath or user
        sshd's PermitRootLogin decides whether root may log in at all"
    `);
  });

  it("asks for a key or a password when there is neither", async () => {
    const server = await startServer({ authenticate: (attempt) => attempt.reject(["publickey", "password"]) });
    const error = await failure(open(connectionTo(server, { user: "operator" })));
    expect(error.message.replace(/127.0.0.1:\d+/, "node0")).toMatchInlineSnapshot(`
      "node0: "operator" was not let in
        it offers publickey, password
        give privateKey, privateKeyPath or agentSocketPath
        or give password"
    `);
  });

  it("repeats what the server said when it ended the attempts", async () => {
    const server = await startServer({
      authenticate: (attempt) => {
        if (attempt.method === "none") return attempt.reject(["publickey"]);
        // SSH_DISCONNECT_TOO_MANY..., as sshd's MaxAuthTries does it.
        const { _protocol } = attempt as unknown as { _protocol: { disconnect(reason: number): void } };
        _protocol.disconnect(2);
      },
    });
    const error = await failure(open(connectionTo(server, { privateKey: userKey.private })));
    expect(error).toMatchObject({
      code: "AUTHENTICATION_FAILED",
      message: expect.stringMatching(/then it ended the connection: /),
    });
    expect(server.seen.sockets).toBe(1);
  });

  it("is final: nobody tries again", async () => {
    const server = await startServer();
    onTestFinished(() => expect(server.seen.sockets).toBe(1));
    await failure(open(connectionTo(server, { privateKey: stranger.private, dialErrorLimit: 5 })));
  });
});

/** `ssh-keygen -s ca -I me -n root` made it. */
const certificate =
  "ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAAIJ2i16WQhVBY6GLg8GixjCjyEW0jwXqSAAfwMWIVMY3yAAAAIFfcR28ROu5BXyTjBmc3X+nFrKz+pvGz+WcsAcJMRS//AAAAAAAAAAAAAAABAAAAAm1lAAAACAAAAARyb290AAAAAAAAAAD//////////wAAAAAAAACCAAAAFXBlcm1pdC1YMTEtZm9yd2FyZGluZwAAAAAAAAAXcGVybWl0LWFnZW50LWZvcndhcmRpbmcAAAAAAAAAFnBlcm1pdC1wb3J0LWZvcndhcmRpbmcAAAAAAAAACnBlcm1pdC1wdHkAAAAAAAAADnBlcm1pdC11c2VyLXJjAAAAAAAAAAAAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIEf6Jw3RqQAcPkQtNlo1wEZ1Su2kHSDBxU9rUj3yJRvtAAAAUwAAAAtzc2gtZWQyNTUxOQAAAECOmbDpecLuLQADJYFRQ0mC+oR/9pK1I09O9AszuFs6kD9rSeD7wvwb7+vKw0FzguHL5dhjUlnFelvc4Q9FLtYN a";

describe("a certificate", () => {
  it("by which ssh would be let in is named", async () => {
    const user = makeUser({
      ".ssh/id_ed25519": stranger.private,
      ".ssh/id_ed25519-cert.pub": `${certificate}\n`,
      ".ssh/other": certificate,
      ".ssh/config": "CertificateFile ~/.ssh/other\nCertificateFile ~/.ssh/missing\n",
    });
    const { message } = await failure(open(connectionTo(await startServer()), user));
    const type = "(ssh-ed25519-cert-v01@openssh.com): certificates are not supported";
    expect(message).toContain(`  certificate ${join(user.home, ".ssh/other")} ${type}`);
    expect(message).toContain(`  certificate ${join(user.home, ".ssh/id_ed25519-cert.pub")} ${type}`);
    expect(message).not.toContain("missing");
    expect(message).toContain("ssh would show a certificate");
  });

  it("in an agent is named, and its other keys are used", async () => {
    const socket = await startAgent([userKey.private], false, [[certificate, "me on a card"]]);
    const user = makeUser({}, { SSH_AUTH_SOCK: socket });
    await login(await startServer(), {}, user);
    const server = await startServer({ authenticate: authorize(stranger.public) });
    const { message } = await failure(open(connectionTo(server), user));
    expect(message).toContain("  agent certificate me on a card: certificates are not supported");
  });
});
