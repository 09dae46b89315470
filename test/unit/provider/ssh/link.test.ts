import { createHash } from "node:crypto";
import type { ServerChannel } from "ssh2";
import { describe, expect, it } from "vitest";
import type { Host, RunResult } from "../../../../provider/ssh/link.ts";
import {
  answer,
  bare,
  connectionTo,
  failure,
  hostKey,
  open,
  type ServerOptions,
  type SshServer,
  startServer,
  startTcp,
  userKey,
} from "../../../support/sshServer.ts";

const soon = { timeoutMs: 5000 };

async function hostThat(
  exec: NonNullable<ServerOptions["exec"]>,
): Promise<{ readonly host: Host; readonly server: SshServer }> {
  const server = await startServer({ exec });
  return { host: await open(connectionTo(server, { privateKey: userKey.private })), server };
}

async function run(exec: (channel: ServerChannel, command: string) => void, stdin?: Buffer): Promise<RunResult> {
  const { host } = await hostThat((command, channel) => exec(channel, command));
  return host.run("do it", { ...soon, ...(stdin === undefined ? {} : { stdin }) });
}

/** The lists of algorithms that we send to a server, as they are on the wire (SSH_MSG_KEXINIT, RFC 4253, 7.1). */
async function offered(): Promise<readonly (readonly string[])[]> {
  let sent = Buffer.alloc(0);
  const port = await startTcp((socket) => {
    socket.on("error", () => {});
    socket.write("SSH-2.0-listener\r\n");
    socket.on("data", (chunk: Buffer) => {
      sent = Buffer.concat([sent, chunk]);
      const start = sent.indexOf("\n") + 1;
      if (start > 0 && sent.length >= start + 4 + sent.readUInt32BE(start)) socket.destroy();
    });
  });
  const connection = { host: "127.0.0.1", port, hostKey: bare(hostKey.public), privateKey: userKey.private };
  await failure(open({ ...connection, dialErrorLimit: 0 }));
  const lists: string[][] = [];
  // After the line with our version: length, padding, the kind of message and a cookie of 16 bytes.
  for (let at = sent.indexOf("\n") + 1 + 4 + 1 + 1 + 16; lists.length < 8; ) {
    const end = at + 4 + sent.readUInt32BE(at);
    lists.push(sent.toString("latin1", at + 4, end).split(","));
    at = end;
  }
  return lists;
}

describe("openHost", () => {
  it("offers a server current algorithms only, and the strict key exchange", async () => {
    const [kex = [], hostKeys = [], ...others] = await offered();
    const ciphers = others.slice(0, 2).flat();
    expect(kex).toEqual(expect.arrayContaining(["curve25519-sha256", "kex-strict-c-v00@openssh.com"]));
    expect(hostKeys).toEqual(expect.arrayContaining(["ssh-ed25519", "rsa-sha2-512"]));
    expect(ciphers).toEqual(expect.arrayContaining(["aes256-gcm@openssh.com", "aes256-ctr"]));
    const outdated = /sha1|md5|cbc|arcfour|3des|blowfish|cast128|umac-64|group1-|dss|zlib|^ssh-rsa$|^none$/;
    const [compressions, rest] = [others.slice(4, 6).flat(), [...kex, ...hostKeys, ...others.slice(0, 4).flat()]];
    expect(rest.filter((name) => outdated.test(name))).toEqual([]);
    expect(compressions).toEqual(["none", "none"]);
  });
});

describe("Host.run", () => {
  it("runs the command as it is given, and gives back both outputs and the exit code", async () => {
    const result = await run((channel, command) => {
      channel.stderr.write("careful\n");
      answer(channel, `ran ${command}\n`, 3);
    });
    expect(result).toEqual({ code: 3, stdout: Buffer.from("ran do it\n"), stderr: "careful\n" });
  });

  it("keeps every byte of the output, in text or not, however it was cut", async () => {
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) % 256));
    const result = await run((channel) => {
      channel.stderr.write(Buffer.from("ü").subarray(0, 1));
      channel.stderr.write(Buffer.from("ü").subarray(1));
      answer(channel, bytes);
    });
    expect(result.stdout.equals(bytes)).toBe(true);
    expect(result.stderr).toBe("ü");
  });

  it("gives the output as it arrives", async () => {
    const { host } = await hostThat((_, channel) => {
      channel.write("one\n");
      channel.stdin.once("data", () => answer(channel, "two\n"));
    });
    const chunks: string[] = [];
    const result = await host.run("x", {
      ...soon,
      stdin: Buffer.from("go"),
      onStdout: (chunk) => chunks.push(chunk.toString()),
    });
    expect(chunks.join("")).toBe("one\ntwo\n");
    expect(result).toMatchObject({ code: 0, stdout: Buffer.alloc(0) });
  });

  it.each(["stdout", "stderr"])("is done with a host that never stops talking on %s", async (stream) => {
    let written = 0;
    const { host } = await hostThat((_, channel) => {
      const to = stream === "stdout" ? channel : channel.stderr;
      const chunk = Buffer.alloc(50_000, "netboot ");
      const talk = (): void => {
        if (written > 100_000_000) return;
        written += chunk.length;
        to.write(chunk, () => setImmediate(talk));
      };
      talk();
    });
    const error = await failure(host.run("x", { ...soon, onStdout: () => {}, mostBytes: 2_000_000 }));
    expect(error).toMatchObject({ code: "CONNECTION_LOST", message: expect.stringMatching(/said more than 2 MB/) });
    expect(written).toBeLessThan(20_000_000);
  });

  it("keeps the beginning of what a command says on stderr", async () => {
    const { stderr, code } = await run((channel) => {
      channel.stderr.write(Buffer.alloc(1_000_000, "a"), () => answer(channel, ""));
    });
    expect(code).toBe(0);
    expect(stderr.length).toBeGreaterThan(60_000);
    expect(stderr.length).toBeLessThan(200_000);
  });

  it("fails alone when the listener of the output does", async () => {
    const { host } = await hostThat((command, channel) => answer(channel, command));
    const onStdout = (): never => {
      throw new Error("the listener is wrong");
    };
    await expect(host.run("x", { ...soon, onStdout })).rejects.toThrow("the listener is wrong");
    await expect(host.run("y", soon)).resolves.toMatchObject({ code: 0 });
  });

  it("names the signal that ended a command", async () => {
    const result = await run((channel) => {
      channel.exit("TERM");
      channel.end();
    });
    expect(result).toMatchObject({ code: undefined, signal: "SIGTERM" });
  });

  it("gives several megabytes to the command, and then the end", async () => {
    const stdin = Buffer.alloc(6_000_000, "netboot ");
    const result = await run((channel) => {
      const hash = createHash("sha256");
      channel.stdin.on("data", (chunk: Buffer) => hash.update(chunk));
      channel.stdin.on("end", () => answer(channel, hash.digest("hex")));
    }, stdin);
    expect(result.stdout.toString()).toBe(createHash("sha256").update(stdin).digest("hex"));
  });

  it("takes the word of a command that ends before it has read everything", async () => {
    const result = await run((channel) => {
      channel.stderr.write("no space left\n");
      channel.exit(4);
      channel.close();
    }, Buffer.alloc(6_000_000));
    expect(result).toMatchObject({ code: 4, stderr: "no space left\n" });
  });

  it("gives up a command when it is told so, and only this command", async () => {
    const { host } = await hostThat((command, channel) => {
      if (command !== "hang") answer(channel, command);
    });
    const enough = new AbortController();
    setTimeout(() => enough.abort(new Error("enough")), 50);
    await expect(host.run("hang", { ...soon, signal: enough.signal })).rejects.toThrow("enough");
    await expect(host.run("go on", soon)).resolves.toMatchObject({ code: 0 });
  });

  it("fails when the command takes too long, and only this command", async () => {
    const { host } = await hostThat((command, channel) => {
      if (command !== "hang") answer(channel, command);
    });
    const error = await failure(host.run("hang", { timeoutMs: 100 }));
    expect(error.code).toBe("CONNECTION_LOST");
    expect(error.message).toBe(`${host.name}: a command did not end within 0.1 s`);
    await expect(host.run("go on", soon)).resolves.toMatchObject({ code: 0 });
  });

  it("fails when the host refuses the command", async () => {
    const { host } = await hostThat((_command, _channel, reject) => reject());
    expect(await failure(host.run("x", soon))).toMatchObject({
      code: "CONNECTION_LOST",
      message: expect.stringContaining("Unable to exec"),
    });
  });

  it("fails at once when the connection breaks in the middle", async () => {
    const { host, server } = await hostThat((_, channel) => {
      channel.write("half of");
      setTimeout(() => server.cut(), 50);
    });
    const error = await failure(host.run("x", soon));
    expect(error.code).toBe("CONNECTION_LOST");
    expect(error.message).toMatch(
      /: the connection broke while a command ran: (the connection was reset|the host closed it)/,
    );
    const later = await failure(host.run("x", soon));
    expect(later).toMatchObject({
      code: "CONNECTION_LOST",
      message: expect.stringContaining("the connection is closed"),
    });
  });

  it("fails every command that runs or waits when the connection breaks", async () => {
    const { host, server } = await hostThat(() => {});
    const runs = Array.from({ length: 10 }, () => failure(host.run("x", soon)));
    setTimeout(() => server.cut(), 50);
    expect((await Promise.all(runs)).map(({ code }) => code)).toEqual(Array(10).fill("CONNECTION_LOST"));
  });

  it("runs four commands at the same time, and the others in their turn", async () => {
    let now = 0;
    let most = 0;
    const { host } = await hostThat((command, channel) => {
      most = Math.max(most, ++now);
      setTimeout(() => {
        now--;
        answer(channel, command);
      }, 10);
    });
    const results = await Promise.all(Array.from({ length: 12 }, (_, index) => host.run(String(index), soon)));
    expect(results.map(({ stdout }) => stdout.toString())).toEqual(
      Array.from({ length: 12 }, (_, index) => String(index)),
    );
    expect(most).toBe(4);
  });

  it("makes do with fewer sessions where the host allows no more", async () => {
    let now = 0;
    const server = await startServer({
      maxSessions: 2,
      exec: (command, channel) => {
        now++;
        setTimeout(() => {
          now--;
          answer(channel, command);
        }, 10);
      },
    });
    const host = await open(connectionTo(server, { privateKey: userKey.private }));
    const results = await Promise.all(Array.from({ length: 8 }, (_, index) => host.run(String(index), soon)));
    expect(results.map(({ code }) => code)).toEqual(Array(8).fill(0));
    expect(now).toBe(0);
    // It learns from the first refusals, and does not run against the wall with every command.
    expect(server.seen.refusedSessions).toBeLessThanOrEqual(2);
  });

  it("says so when the host allows no session at all", async () => {
    const server = await startServer({ maxSessions: 0 });
    const host = await open(connectionTo(server, { privateKey: userKey.private }));
    expect(await failure(host.run("x", soon))).toMatchObject({
      code: "CONNECTION_LOST",
      message: expect.stringMatching(/it opens no session \(.*MaxSessions/),
    });
  });
});
