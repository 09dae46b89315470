import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { expectHostKey } from "../../../../provider/ssh/hostKey.ts";
import type { Connection } from "../../../../provider/values/connection.ts";
import { bare, failure, hostKey, makeKey, makeUser, open, startServer, userKey } from "../../../support/sshServer.ts";

const other = makeKey();
const ecdsa = makeKey("ecdsa");
const rsa = makeKey("rsa");

/** Connects to a server with these host keys, as a user with this known_hosts. */
async function meet(
  knownHosts: (name: string) => string,
  { keys = [hostKey.private], ...more }: { readonly keys?: readonly string[] } & Partial<Connection> = {},
): Promise<unknown> {
  const server = await startServer({ hostKeys: keys });
  const user = makeUser({ ".ssh/known_hosts": knownHosts(`[127.0.0.1]:${server.port}`) });
  const connection = { host: "127.0.0.1", port: server.port, privateKey: userKey.private, dialErrorLimit: 5, ...more };
  const host = await open(connection, user).catch(async (error: unknown) => {
    // A wrong key is final: nothing was offered to whoever showed it, and nobody tried again.
    expect(server.seen).toMatchObject({ sockets: 1, attempts: [] });
    throw error;
  });
  return host.isRoot;
}

function hashed(name: string): string {
  const salt = Buffer.from("0123456789abcdef0123");
  return `|1|${salt.toString("base64")}|${createHmac("sha1", salt).update(name).digest("base64")}`;
}

describe("host keys", () => {
  it.each<[string, (name: string) => string]>([
    ["a plain line", (name) => `${name} ${hostKey.public}`],
    ["a hashed line", (name) => `${hashed(name)} ${hostKey.public}`],
    ["a line without the port", () => `127.0.0.1 ${hostKey.public}`],
    ["a pattern", (name) => `${name.replace("127.0.0.1", "127.*")} ${hostKey.public}`],
    ["one of several lines", (name) => `${name} ${other.public}\n${name} ${hostKey.public}\n`],
  ])("accepts the key of %s", async (_, knownHosts) => {
    await expect(meet(knownHosts)).resolves.toBe(true);
  });

  it.each([
    ["ssh-ed25519", hostKey],
    ["ecdsa-sha2-nistp256", ecdsa],
    ["ssh-rsa", rsa],
  ])("asks a server with several keys for the %s key that is known", async (_, known) => {
    const keys = [hostKey.private, ecdsa.private, rsa.private];
    await expect(meet((name) => `${name} ${known.public}`, { keys })).resolves.toBe(true);
    await expect(meet(() => "", { keys, hostKey: bare(known.public) })).resolves.toBe(true);
  });

  it("refuses an unknown key, and says which one was shown and where to find the right one", async () => {
    const server = await startServer();
    const user = makeUser({ ".ssh/known_hosts": `elsewhere ${hostKey.public}` });
    const error = await failure(open({ host: "127.0.0.1", port: server.port, privateKey: userKey.private }, user));
    const hidden = error.message
      .replaceAll(String(server.port), "2222")
      .replaceAll(user.home, "/home/somebody")
      .replaceAll(bare(hostKey.public), "ssh-ed25519 AAAA…")
      .replace(/SHA256:\S{43}/, "SHA256:…");
    expect(error.code).toBe("HOST_KEY_UNKNOWN");
    expect(hidden).toMatchInlineSnapshot(`
      "127.0.0.1:2222: its host key is unknown, and none is accepted on sight
        it showed ssh-ed25519 SHA256:…
        looked for [127.0.0.1]:2222 in /home/somebody/.ssh/known_hosts, /home/somebody/.ssh/known_hosts2, /home/somebody/etc-ssh/ssh_known_hosts, /home/somebody/etc-ssh/ssh_known_hosts2
        compare that fingerprint with the right one, which the console of 127.0.0.1:2222 shows by
          $ ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub
        or, from a network that you trust, "ssh-keyscan -t ed25519 -p 2222 127.0.0.1 | ssh-keygen -lf -"
        if they are the same, give it as hostKey (of a command: --host-key), or add to /home/somebody/.ssh/known_hosts the line
          [127.0.0.1]:2222 ssh-ed25519 AAAA…"
    `);
  });

  it("sends nobody to a file that keeps no line: UserKnownHostsFile /dev/null", async () => {
    const server = await startServer();
    const user = makeUser({ ".ssh/config": "UserKnownHostsFile /dev/null\n" });
    const { message } = await failure(open({ host: "127.0.0.1", port: server.port }, user));
    expect(message).toMatch(/if they are the same, give as hostKey \(of a command: --host-key\)\n {4}ssh-ed25519 AAAA/);
    expect(message).not.toMatch(/add to|the line/);
  });

  it("takes nobody's word for a key that only another host is known by", async () => {
    await expect(meet(() => `127.0.0.2,!*127.0.0.1*,* ${hostKey.public}`)).rejects.toMatchObject({
      code: "HOST_KEY_UNKNOWN",
    });
  });

  it("names the keys of other types that are known", async () => {
    await expect(meet((name) => `${name} ${rsa.public}`)).rejects.toMatchObject({
      code: "HOST_KEY_UNKNOWN",
      message: expect.stringMatching(/known is ssh-rsa SHA256:\S+ \(.*known_hosts:1\), which it did not show/),
    });
  });

  it("refuses a changed key, and names both", async () => {
    await expect(meet((name) => `${name} ${other.public}`)).rejects.toMatchObject({
      code: "HOST_KEY_CHANGED",
      message: expect.stringMatching(
        /expected ssh-ed25519 SHA256:\S+ \(.*known_hosts:1\)\n {2}it showed ssh-ed25519 SHA256:\S+\n.*\n {4}\$ ssh-keygen -lf \/etc\/ssh\/ssh_host_ed25519_key.pub\n.*\n.*ssh-keygen -R '\[127.0.0.1\]:\d+'/,
      ),
    });
  });

  it("takes exactly the key that the program gives, whatever known_hosts says", async () => {
    await expect(meet((name) => `${name} ${other.public}`, { hostKey: bare(hostKey.public) })).resolves.toBe(true);
    await expect(meet((name) => `${name} ${hostKey.public}`, { hostKey: bare(other.public) })).rejects.toMatchObject({
      code: "HOST_KEY_CHANGED",
      message: expect.stringContaining("(hostKey)"),
    });
    await expect(meet((name) => `${name} ${hostKey.public}`, { hostKey: bare(ecdsa.public) })).rejects.toMatchObject({
      code: "HOST_KEY_CHANGED",
    });
  });

  it("refuses a revoked key always", async () => {
    const revoked = (name: string): string => `${name} ${hostKey.public}\n@revoked * ${hostKey.public}`;
    const expected = { code: "HOST_KEY_CHANGED", message: expect.stringMatching(/revoked by .*known_hosts:2/) };
    await expect(meet(revoked)).rejects.toMatchObject(expected);
    await expect(meet(revoked, { hostKey: bare(hostKey.public) })).rejects.toMatchObject(expected);
  });

  it("says that it knows no certificate authorities", async () => {
    await expect(meet(() => `@cert-authority * ${other.public}`)).rejects.toMatchObject({
      code: "HOST_KEY_UNKNOWN",
      message: expect.stringContaining(
        "known_hosts:1 trusts a certificate authority; host certificates are not supported",
      ),
    });
  });

  it("refuses to judge when known_hosts can't be read", async () => {
    const user = makeUser({ ".ssh/known_hosts/is-a-folder": "" });
    const error = await failure(open({ host: "127.0.0.1", privateKey: userKey.private }, user));
    expect(error).toMatchObject({
      code: "HOST_KEY_UNKNOWN",
      message: expect.stringMatching(/can't be read.*\n {2}EISDIR/),
    });
  });

  it("looks a HostKeyAlias up instead of host and port", async () => {
    const server = await startServer();
    const user = makeUser({
      ".ssh/config": `Host node0\n  HostName 127.0.0.1\n  Port ${server.port}\n  HostKeyAlias rack-a\n`,
      ".ssh/known_hosts": `rack-a ${hostKey.public}`,
    });
    await expect(open({ host: "node0", privateKey: userKey.private }, user)).resolves.toMatchObject({ name: "node0" });
  });

  it("lets StrictHostKeyChecking of the configuration loosen nothing", async () => {
    const server = await startServer();
    const user = makeUser({ ".ssh/config": "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n" });
    const error = await failure(open({ host: "127.0.0.1", port: server.port, privateKey: userKey.private }, user));
    expect(error.code).toBe("HOST_KEY_UNKNOWN");
  });

  it("refuses a server that speaks outdated algorithms only", async () => {
    for (const algorithms of [
      { serverHostKey: ["ssh-rsa" as const] },
      { kex: ["diffie-hellman-group14-sha1" as const] },
      { cipher: ["aes128-cbc" as const] },
      { cipher: ["aes128-ctr" as const], hmac: ["hmac-sha1" as const] },
    ]) {
      const server = await startServer({ hostKeys: [rsa.private], algorithms });
      const connection = {
        host: "127.0.0.1",
        port: server.port,
        privateKey: userKey.private,
        hostKey: bare(rsa.public),
      };
      expect(await failure(open(connection))).toMatchObject({
        code: "HOST_UNREACHABLE",
        message: expect.stringMatching(/no algorithm in common/),
      });
    }
  });
});

describe("expectHostKey", () => {
  const question = { name: "node0", host: "node0", port: 22, files: [] };

  it("asks for no algorithm that signs with SHA-1", () => {
    expect(expectHostKey(question).algorithms).toEqual([
      "ssh-ed25519",
      "ecdsa-sha2-nistp256",
      "ecdsa-sha2-nistp384",
      "ecdsa-sha2-nistp521",
      "rsa-sha2-512",
      "rsa-sha2-256",
    ]);
  });

  it("asks for the algorithm of the given key first", () => {
    expect(expectHostKey({ ...question, hostKey: rsa.public }).algorithms.slice(0, 3)).toEqual([
      "rsa-sha2-512",
      "rsa-sha2-256",
      "ssh-ed25519",
    ]);
  });

  it("refuses bytes that are no key", () => {
    expect(expectHostKey(question).judge(Buffer.from("nonsense!"))).toMatchObject({ code: "HOST_KEY_UNKNOWN" });
  });
});
