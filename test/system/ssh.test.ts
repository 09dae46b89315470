import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { converse } from "../../provider/conversation/conversation.ts";
import { closeHosts, openHost } from "../../provider/ssh/pool.ts";
import type { Surroundings } from "../../provider/ssh/sshConfig.ts";
import type { Connection } from "../../provider/values/connection.ts";
import { failure } from "../support/sshServer.ts";

/** The real sshd of a Debian, with the real ssh-agent, ssh-keygen and PAM. */

let lab: Lab;
let folder: string;
const soon = { timeoutMs: 20_000 };

beforeAll(async () => {
  lab = await labUp();
  folder = mkdtempSync(join(tmpdir(), "netboot-ssh-"));
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await lab.down();
});

afterEach(closeHosts);

/** A user with an empty home folder but for these files in `.ssh`. */
function user(files: Readonly<Record<string, string>> = {}, env: Surroundings["env"] = {}): Surroundings {
  const home = mkdtempSync(join(folder, "home-"));
  mkdirSync(join(home, ".ssh"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, ".ssh", name), text, { mode: 0o600 });
  return { home, userName: "somebody", env, systemFolder: join(home, "etc-ssh") };
}

/** Node 0 by its address, its key given. */
function node0(more: Partial<Connection> = {}): Connection {
  const { host, hostKey } = lab.node0;
  return { host, hostKey, dialErrorLimit: 2, ...more };
}

/** known_hosts as ssh-keygen -H leaves it. */
function hashedKnownHosts(...lines: readonly string[]): string {
  const path = join(mkdtempSync(join(folder, "known-")), "known_hosts");
  writeFileSync(path, `${lines.join("\n")}\n`);
  execFileSync("ssh-keygen", ["-q", "-H", "-f", path], { stdio: "pipe" });
  const text = readFileSync(path, "utf8");
  expect(text).toMatch(/^\|1\|/);
  return text;
}

/** Adds settings to node 0's sshd for one test. */
async function withSshd(settings: string): Promise<void> {
  const file = "/etc/ssh/sshd_config.d/00-test.conf";
  await lab.node0.run(`printf '%s\n' '${settings.replaceAll("\n", "' '")}' >${file} && systemctl reload ssh`);
  onTestFinished(async () => {
    await lab.node0.run(`rm -f ${file} && systemctl reload ssh`);
  });
}

async function whoAmI(connection: Connection, around: Surroundings): Promise<string> {
  const host = await openHost(connection, { around });
  const { stdout } = await host.run("id -un", soon);
  return stdout.toString().trim();
}

/** What a change says of node 0, after this was done to it. */
async function saidAfter(harm: string, mend: string, login = "root"): Promise<string> {
  const { privateKey } = lab.node0;
  await lab.node0.run(harm);
  try {
    const host = await openHost(node0({ privateKey, user: login }), { around: user() });
    const nothing = { locks: false, puts: [], drops: [], questions: {} };
    return (await failure(converse(host, nothing, () => ({ reply: "stop" })))).message;
  } finally {
    await closeHosts();
    await lab.node0.run(mend);
  }
}

describe("a node 0 that runs something else than it is asked to", () => {
  const keys = "/root/.ssh/authorized_keys";
  const bashrc = "/root/.bashrc";

  it("is told by its own words: another user, sftp only, no shell, no sudo", async () => {
    const forced = `command="echo 'Please login as the user \\"debian\\" rather than the user \\"root\\".';exit 142"`;
    expect(
      await saidAfter(
        `cp -a ${keys} ${keys}.own; cat >${keys} <<'END'\n${forced} $KEYS\nEND`.replace(
          "$KEYS",
          (await lab.node0.run(`cat ${keys}`)).stdout.trim().split("\n")[0] ?? "",
        ),
        `mv ${keys}.own ${keys}`,
      ),
    ).toMatch(/root may not log in here[\s\S]*Please login as the user "debian"[\s\S]*say user: "debian"/);
    const forceCommand = "/etc/ssh/sshd_config.d/00-test.conf";
    expect(
      await saidAfter(
        `echo 'ForceCommand internal-sftp' >${forceCommand}; systemctl reload ssh; sleep 0.5`,
        `rm ${forceCommand}; systemctl reload ssh`,
      ),
    ).toMatch(/runs no command for that user[\s\S]*This service allows sftp connections only\.[\s\S]*ForceCommand/);
    expect(await saidAfter("usermod -s /usr/sbin/nologin root", "usermod -s /bin/bash root")).toMatch(
      /runs no command for that user[\s\S]*This account is currently not available\./,
    );
    const sudo = "/usr/bin/sudo";
    expect(await saidAfter(`mv ${sudo} ${sudo}.off`, `mv ${sudo}.off ${sudo}`, lab.node0.sudoUser)).toMatch(
      /sudo is not installed there, so "operator" can't become root/,
    );
  });

  it("ends at the first line of what a shell should not have got to read", async () => {
    expect(
      await saidAfter(`cp -a ${bashrc} ${bashrc}.own; echo 'exec dash' >>${bashrc}`, `mv ${bashrc}.own ${bashrc}`),
    ).toMatch(/the login shell of "root" does not run our command[\s\S]*\n {2}\(only what it was given\)\n/);
  });
});

describe("authentication", () => {
  it("takes a key by text and by path, as root and as another user", async () => {
    const { privateKey, privateKeyPath, sudoUser } = lab.node0;
    expect(await whoAmI(node0({ privateKey }), user())).toBe("root");
    expect(await whoAmI(node0({ privateKeyPath, user: sudoUser }), user())).toBe(sudoUser);
    const operator = await openHost(node0({ privateKey, user: sudoUser }), { around: user() });
    expect(operator.isRoot).toBe(false);
    expect((await operator.run("sudo -n id -u", soon)).stdout.toString()).toBe("0\n");
  });

  it.each(["ed25519", "ecdsa", "rsa"])(
    "takes an encrypted %s key that ssh-keygen made, by passphrase and by agent",
    async (type) => {
      const path = join(mkdtempSync(join(folder, "key-")), "id");
      execFileSync("ssh-keygen", ["-q", "-t", type, "-N", "wonderful", "-f", path]);
      const line = readFileSync(`${path}.pub`, "utf8").trim();
      await lab.node0.run(`echo '${line}' >>/root/.ssh/authorized_keys`);
      expect(await whoAmI(node0({ privateKeyPath: path, privateKeyPassword: "wonderful" }), user())).toBe("root");

      const socket = join(mkdtempSync(join(folder, "agent-")), "s");
      const agent = execFileSync("ssh-agent", ["-a", socket, "-s"], { encoding: "utf8" });
      const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(agent)?.[1]);
      onTestFinished(() => void process.kill(pid));
      const asked = join(folder, "askpass");
      writeFileSync(asked, "#!/bin/sh\necho wonderful\n");
      chmodSync(asked, 0o700);
      const env = {
        ...process.env,
        SSH_AUTH_SOCK: socket,
        SSH_ASKPASS: asked,
        SSH_ASKPASS_REQUIRE: "force",
        DISPLAY: ":0",
      };
      execFileSync("ssh-add", ["-q", path], { env, stdio: "pipe" });
      expect(await whoAmI(node0(), user({}, { SSH_AUTH_SOCK: socket }))).toBe("root");
      expect(await whoAmI(node0({ agentSocketPath: socket, privateKeyPath: path }), user())).toBe("root");
    },
  );

  it("takes a password, at once or at PAM's prompt", async () => {
    await lab.node0.run("id guest >/dev/null 2>&1 || useradd -m guest; echo guest:swordfish | chpasswd");
    const connection = node0({ user: "guest", password: "swordfish" });
    await withSshd("PasswordAuthentication yes\nKbdInteractiveAuthentication no");
    expect(await whoAmI(connection, user())).toBe("guest");
    await closeHosts();
    await withSshd("PasswordAuthentication no\nKbdInteractiveAuthentication yes");
    expect(await whoAmI(connection, user())).toBe("guest");
    expect(await failure(openHost(node0({ user: "guest", password: "wrong-one" }), { around: user() }))).toMatchObject({
      code: "AUTHENTICATION_FAILED",
      message: expect.not.stringContaining("wrong-one"),
    });
  });

  it("takes a key and then a password where sshd wants both", async () => {
    await lab.node0.run(
      "id guest >/dev/null 2>&1 || useradd -m guest; echo guest:swordfish | chpasswd; install -d -o guest /home/guest/.ssh; " +
        "install -o guest -m 600 /root/.ssh/authorized_keys /home/guest/.ssh/authorized_keys",
    );
    await withSshd("PasswordAuthentication yes\nAuthenticationMethods publickey,password");
    const { privateKey } = lab.node0;
    expect(await whoAmI(node0({ user: "guest", password: "swordfish", privateKey }), user())).toBe("guest");
  });

  it("says that sshd counts every key when it has had too many", async () => {
    await withSshd("MaxAuthTries 2");
    const names = ["id_ed25519", "id_ecdsa", "id_rsa"];
    const around = user();
    for (const name of names) {
      execFileSync("ssh-keygen", ["-q", "-t", name.slice(3), "-N", "", "-f", join(around.home, ".ssh", name)]);
    }
    expect(await failure(openHost(node0(), { around }))).toMatchObject({
      code: "AUTHENTICATION_FAILED",
      message: expect.stringMatching(
        /id_rsa .*its turn did not come\n.*Too many authentication failures\n.*privateKeyPath/,
      ),
    });
  });
});

describe("host keys", () => {
  it("finds a hashed line of ssh-keygen, and asks for the type of key that it holds", async () => {
    const { host, privateKey } = lab.node0;
    const kinds = (await lab.node0.run("cat /etc/ssh/ssh_host_*_key.pub")).stdout.trim().split("\n");
    expect(kinds.length).toBeGreaterThan(1);
    for (const kind of kinds) {
      const around = user({ known_hosts: hashedKnownHosts(`${host} ${kind}`) });
      expect(await whoAmI({ host, privateKey }, around)).toBe("root");
    }
  });

  it("shows the fingerprint that ssh-keygen shows on node 0's console", async () => {
    const { host, privateKey } = lab.node0;
    const error = await failure(openHost({ host, privateKey }, { around: user() }));
    const command = /\$ (ssh-keygen -lf .*)/.exec(error.message)?.[1] ?? "";
    const shown = (await lab.node0.run(command)).stdout.split(" ")[1] ?? "none";
    expect(error.code).toBe("HOST_KEY_UNKNOWN");
    expect(error.message).toContain(shown);

    // What the message says to write into known_hosts is what then lets us in.
    const line = error.message.split("\n").at(-1)?.trim() ?? "";
    expect(await whoAmI({ host, privateKey }, user({ known_hosts: `${line}\n` }))).toBe("root");
  });
});

describe("the OpenSSH configuration", () => {
  it("gives an alias, its key and its jump host", async () => {
    const { host, hostKey, privateKeyPath, sudoUser } = lab.node0;
    const around = user({
      config: [
        "Include conf.d/*",
        "Host node0",
        "  HostName 127.0.0.1",
        "  ProxyJump bastion",
        "  HostKeyAlias the-lab",
        "Host *",
        "  IdentityFile ~/.ssh/lab",
      ].join("\n"),
      known_hosts: hashedKnownHosts(`${host} ${hostKey}`, `the-lab ${hostKey}`),
    });
    mkdirSync(join(around.home, ".ssh/conf.d"));
    writeFileSync(join(around.home, ".ssh/conf.d/rack"), `Host bastion\n  HostName ${host}\n  User ${sudoUser}\n`);
    copyFileSync(privateKeyPath, join(around.home, ".ssh/lab"));
    const opened = await openHost({ host: "node0" }, { around });
    const { stdout } = await opened.run("echo $SSH_CONNECTION", soon);
    expect(stdout.toString()).toMatch(/^127\.0\.0\.1 /);
    expect(opened.name).toBe("node0");
  });
});

describe("a connection", () => {
  it("carries more commands at the same time than sshd allows sessions", async () => {
    await withSshd("MaxSessions 2");
    const host = await openHost(node0({ privateKey: lab.node0.privateKey }), { around: user() });
    const all = Array.from({ length: 8 }, (_, index) => host.run(`sleep 0.1; echo ${index}`, soon));
    expect((await Promise.all(all)).map(({ stdout }) => stdout.toString().trim()).join("")).toBe("01234567");
  });

  it("carries megabytes both ways unchanged", async () => {
    const host = await openHost(node0({ privateKey: lab.node0.privateKey }), { around: user() });
    const payload = Buffer.from(Array.from({ length: 5_000_000 }, (_, index) => (index * 31) % 251));
    const { stdout } = await host.run("cat", { ...soon, stdin: payload });
    expect(stdout.equals(payload)).toBe(true);
    const early = await host.run("head -c 1 >/dev/null; echo enough >&2; exit 7", { ...soon, stdin: payload });
    expect(early).toMatchObject({ code: 7, stderr: "enough\n" });
    expect(await host.run("kill -TERM $$", soon)).toMatchObject({ code: undefined, signal: "SIGTERM" });
  });

  // 100 ms each way there and back, so that a wait for an answer can't hide.
  it("costs three round trips for a command after authentication", async () => {
    const roundTripMs = 200;
    const sockets: Socket[] = [];
    const late = (from: Socket, to: Socket): void => {
      sockets.push(from);
      from.setNoDelay(true);
      from.on("error", () => {});
      from.on("data", (data) => setTimeout(() => to.write(data), roundTripMs / 2));
    };
    const proxy = createServer((socket) => {
      const onward = connect(22, lab.node0.host);
      late(socket, onward);
      late(onward, socket);
    });
    const port = await new Promise<number>((resolve) =>
      proxy.listen(0, "127.0.0.1", () => resolve((proxy.address() as { port: number }).port)),
    );
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
    });
    const { privateKey, hostKey } = lab.node0;
    const host = await openHost({ host: "127.0.0.1", port, hostKey, privateKey }, { around: user() });
    const begun = Date.now();
    await host.run("cat >/dev/null; echo done", { ...soon, stdin: Buffer.alloc(30_000, 1) });
    const trips = (Date.now() - begun) / roundTripMs;
    expect(trips).toBeGreaterThanOrEqual(3);
    expect(trips).toBeLessThan(4);
  });

  it("that breaks in a reboot fails its command, and the next one waits until node 0 is up", async () => {
    const connection = node0({ privateKey: lab.node0.privateKey, dialErrorLimit: -1, perDialTimeout: 5 });
    const around = user();
    const host = await openHost(connection, { around });
    const hanging = failure(host.run("sleep 600", { timeoutMs: 600_000 }));
    await lab.node0.powerCut();
    const up = lab.node0.powerOn();
    expect((await hanging).code).toBe("CONNECTION_LOST");
    const lines: string[] = [];
    const again = await openHost(connection, { around, say: (line) => lines.push(line) });
    expect((await again.run("id -un", soon)).stdout.toString()).toBe("root\n");
    expect(again).not.toBe(host);
    await up;
  });
});
