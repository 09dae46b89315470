import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Collected, renderQuestion } from "../../../../provider/conversation/answers";
import { line, renderMachineLine } from "../../../../provider/conversation/protocol";
import type { Question } from "../../../../provider/facts/question";
import { backendOf } from "../../../../provider/formats/dhcpBackend";
import { machinesJoin, namesJoin } from "../../../../provider/plan/joins";
import type { Machine } from "../../../../provider/plan/records";
import { machine } from "../plan/registered";
import { sha256 } from "../plan/told";
import { inHands } from "./perl";

const hostBlocksJoin = machinesJoin(backendOf("isc"));

interface Held {
  readonly head?: readonly string[];
  readonly machines?: readonly Machine[];
}

/** What this machine answers, with such a register. */
function answered(
  questions: Readonly<Record<string, Question>>,
  register: Readonly<Record<string, Held>> = {},
): Collected {
  const said = inHands(
    `my $register = { map { ($_->{id} => parse_record($_->{text})) } grep { $_->{word} eq 'record' } @in };
     answer_questions($register, grep { $_->{word} eq 'question' } @in);`,
    [
      ...Object.entries(register).map(([id, { head = [], machines = [] }]) =>
        line("record", { id, text: ["generation 1", ...head, ...machines.map(renderMachineLine)].join("\n") }),
      ),
      ...Object.entries(questions).map(([key, question]) => renderQuestion(key, question)),
    ],
  );
  const answers = new Collected();
  for (const each of said) answers.take(each);
  return answers;
}

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netboot-questions-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("answer_questions", () => {
  it("runs a program as it is given, and tells how it ended", () => {
    const answers = answered({
      echo: { ask: "run", argv: ["printf", "%s|", "a b", "$HOME", "ü"] },
      fails: { ask: "run", argv: ["sh", "-c", "echo out; echo err >&2; exit 3"] },
      none: { ask: "run", argv: ["/no/such/program"] },
    });
    expect(answers.ran("echo")).toEqual({ status: 0, said: "a b|$HOME|ü|" });
    expect(answers.ran("fails")).toEqual({ status: 3, said: "out\nerr\n" });
    expect(answers.ran("none")?.status).toBe(127);
  });

  it("asks a question only if an earlier answer says so", () => {
    const argv = ["echo", "asked"] as const;
    const when = (key: string, matches: string): Question => ({ ask: "run", argv, when: { key, matches } });
    const answers = answered({
      first: { ask: "run", argv: ["printf", "one\\ntwo\\n"] },
      yes: when("first", "^two$"),
      no: when("first", "^three$"),
      never: when("unasked", "^"),
      after: when("no", "asked"),
    });
    expect(["yes", "no", "after"].map((key) => answers.ran(key)?.said)).toEqual(["asked\n", undefined, undefined]);
    // What was not asked is as an empty text.
    expect(answers.ran("never")?.said).toBe("asked\n");
  });

  it("tells what is at a path: never of what a link leads to", () => {
    writeFileSync(join(folder, "a"), Buffer.from("h\u00e4llo\xff\n", "latin1"), { mode: 0o640 });
    symlinkSync("a", join(folder, "l"));
    const [file, link] = [join(folder, "a"), join(folder, "l")];
    const answers = answered({
      whole: { ask: "path", path: file, bytes: 100, hashed: true },
      begins: { ask: "path", path: file, bytes: 1 },
      plain: { ask: "path", path: file },
      link: { ask: "path", path: link, bytes: 100, hashed: true },
      folder: { ask: "path", path: folder },
      none: { ask: "path", path: join(folder, "none"), bytes: 1, hashed: true },
    });
    const content = Buffer.from("h\u00e4llo\xff\n", "latin1");
    expect(answers.path("whole")).toMatchObject({
      type: "file",
      mode: "0640",
      bytes: 7,
      sha256: sha256(content),
      content: content.toString("latin1"),
    });
    expect(answers.path("begins")).toMatchObject({ content: "h" });
    expect(answers.path("begins")).not.toHaveProperty("sha256");
    expect(answers.path("plain")).not.toHaveProperty("content");
    expect(answers.path("link")).toMatchObject({ type: "link", target: "a" });
    expect(answers.path("link")).not.toHaveProperty("content");
    expect(answers.path("folder")?.type).toBe("folder");
    expect(answers.path("none")).toMatchObject({ type: "absent", path: join(folder, "none") });
  });

  it("tells of all in a folder, in the order of the names, hashed where the register has it", () => {
    for (const name of ["b", "a", ".c d"]) writeFileSync(join(folder, name), name);
    const held = { A: { head: [`file ${join(folder, ".c%20d")} 0644 aa`] } };
    const answers = answered(
      {
        held: { ask: "folder", path: folder, hashed: "held" },
        all: { ask: "folder", path: folder, hashed: true, bytes: 1 },
        none: { ask: "folder", path: join(folder, "none") },
      },
      held,
    );
    const names = [".c d", "a", "b"];
    expect(answers.folder("held")?.map(({ path, sha256: sum }) => [path.slice(folder.length + 1), sum])).toEqual(
      names.map((name) => [name, name === ".c d" ? sha256(name) : undefined]),
    );
    expect(answers.folder("all")?.map(({ sha256: sum, content }) => [sum, content])).toEqual(
      names.map((name) => [sha256(name), name[0]]),
    );
    expect(answers.folder("none")).toEqual([]);
  });

  it("tells who has a port, where, and on which interface", async () => {
    const bound = createSocket({ type: "udp6", ipv6Only: false });
    bound.bind(0, "::ffff:127.0.0.1");
    await once(bound, "listening");
    const listening = createServer().listen(0, "127.0.0.1");
    await once(listening, "listening");
    const ports = [bound.address(), listening.address()].map((at) => (typeof at === "object" ? (at?.port ?? 0) : 0));
    const [udp = 0, tcp = 0] = ports;
    const holders = answered({ k: { ask: "holders", ports }, none: { ask: "holders", ports: [1] } });
    const own = { pid: process.pid, program: expect.any(String) };
    expect(holders.holders("k")).toMatchObject([
      { protocol: "udp", address: "::ffff:127.0.0.1", port: udp, ...own },
      { protocol: "tcp", address: "127.0.0.1", port: tcp, ...own },
    ]);
    expect(holders.holders("none")).toEqual([]);
    bound.close();
    listening.close();
  });

  it("tells of raw sockets, of whatever port, by what ss(8) says", () => {
    // As on a node 0 that serves.
    const said = `p_raw UNCONN 0      0                *:eno2        *  ino:5913529 sk:1400
	ver:0 cpy_thresh:0 flags( running auxdata )
udp   UNCONN 0      0          0.0.0.0:67   0.0.0.0:* ino:5913537 sk:1401 cgroup:/system.slice/isc-dhcp-server.service <->
tcp   LISTEN 0      128        0.0.0.0:22   0.0.0.0:* ino:5834956 sk:3bb cgroup:/system.slice/ssh.service <->
`;
    const hex = Buffer.from(said).toString("hex");
    const perl = `{ no warnings 'redefine'; *Netboot::Questions::run = sub { (0, pack 'H*', '${hex}') } }
      answer_questions({}, @in);`;
    const answers = new Collected();
    const question: Question = { ask: "holders", ports: [67, 69] };
    for (const each of inHands(perl, [renderQuestion("k", question)])) answers.take(each);
    expect(answers.packetSockets("k")).toMatchObject([{ interface: "eno2" }]);
    expect(answers.holders("k")).toMatchObject([{ protocol: "udp", address: "0.0.0.0", port: 67 }]);
  });

  it("puts in words of the register, and leaves out a question where there are none", () => {
    const register = {
      B: { head: ["tftpd 192.168.1.2 /srv/later"] },
      A: { head: ["tftpdx 1 2", "tftpd 192.168.1.1 /srv/a%20b"] },
    };
    const question: Question = { ask: "run", argv: ["echo", "@held:tftpd:2@/x", "@held:tftpd:1@"] };
    expect(answered({ k: question }, register).ran("k")?.said).toBe("/srv/a b/x 192.168.1.1\n");
    expect(answered({ k: question }, { A: {} }).ran("k")).toBeUndefined();
    expect(answered({ k: { ask: "run", argv: ["echo", "@held:tftpd:9@"] } }, register).ran("k")).toBeUndefined();
  });

  it("finds machines of other resources by their addresses and names", () => {
    const at = (hostname: string, address: string | undefined): Machine => machine(hostname, { address });
    const register = {
      A: { machines: [at("a", "192.168.1.2"), at("b", "192.168.1.14"), at("c", "192.168.9.1"), at("d", undefined)] },
      B: { machines: [at("mine", "192.168.9.2")] },
    };
    const range = { first: "192.168.1.2", last: "192.168.1.13", without: ["B"] };
    const answers = answered(
      {
        inside: { ask: "machines", where: "inside", ...range },
        outside: { ask: "machines", where: "outside", ...range },
        named: { ask: "machines", where: "named", names: ["c", "d", "mine"], without: [] },
        none: { ask: "machines", where: "named", names: ["x"], without: [] },
      },
      register,
    );
    const names = (key: string) =>
      answers.machines(key)?.map(({ id, hostname, address }) => `${id} ${hostname} ${address}`);
    expect(names("inside")).toEqual(["A a 192.168.1.2"]);
    expect(names("outside")).toEqual(["A b 192.168.1.14", "A c 192.168.9.1"]);
    expect(names("named")).toEqual(["A c 192.168.9.1", "B mine 192.168.9.2"]);
    expect(names("none")).toEqual([]);
  });

  it("compares a joined file with what the register makes of it, and tells which machines it lacks", () => {
    const macs = { a: "52:54:00:00:00:0a", b: "52:54:00:00:00:0b", c: "52:54:00:00:00:0c" };
    const block = (name: keyof typeof macs) => `host ${name} { hardware ethernet ${macs[name]}; }\n`;
    const names = ["a", "b", "c"] as const;
    const register = {
      A: { machines: names.map((name) => machine(name, { macs: [macs[name]], blocks: block(name) })) },
    };
    const path = join(folder, "hosts.conf");
    const question: Question = { ask: "joined", ...hostBlocksJoin, path, ids: ["A"] };
    const joined = () => answered({ k: question }, register).joined("k");
    const all = names.map((hostname) => ({ id: "A", hostname, how: "missing" }));
    expect(joined()).toEqual({ how: "missing", lacks: all });
    writeFileSync(path, `${hostBlocksJoin.before}\n# A\n${names.map(block).join("")}`);
    expect(joined()).toEqual({ how: "same", lacks: [] });
    writeFileSync(
      path,
      `${hostBlocksJoin.before}\n# A\n${block("a")}#${block("b").replace("host b", "host d").toUpperCase()}`,
    );
    const lacks = [
      { id: "A", hostname: "b", how: "changed" },
      { id: "A", hostname: "c", how: "missing" },
    ];
    expect(joined()).toEqual({ how: "changed", lacks });
  });

  it("compares only our block in a file of somebody else's", () => {
    const { between, ...join_ } = namesJoin({ want: "names", mode: "hosts", records: "192.168.1.9 nas\n" });
    const path = join(folder, "hosts");
    const question: Question = { ask: "joined", ...join_, ...between, path };
    const joined = () => answered({ k: question }, { A: { machines: [machine("a")] } }).joined("k")?.how;
    writeFileSync(path, "127.0.0.1 localhost\n");
    expect(joined()).toBe("missing");
    const block = `${between?.begin}\n192.168.1.2 a\n192.168.1.9 nas\n${between?.end}`;
    writeFileSync(path, `127.0.0.1 localhost\n${block}\n# mine`);
    expect(joined()).toBe("same");
    writeFileSync(path, `${block.replace("nas", "mine")}\n`);
    expect(joined()).toBe("changed");
  });
});
