import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Collected, renderQuestion } from "../../../../provider/conversation/answers";
import { line, parseSaid, renderMessage, type Value } from "../../../../provider/conversation/protocol";

/** What was heard of lines that node 0 says. */
function collected(...said: readonly (readonly [string, Readonly<Record<string, Value>>])[]): Collected {
  const answers = new Collected();
  for (const [word, values] of said) {
    const parsed = parseSaid(
      `abc ${Buffer.from(renderMessage([line(word, values)]))
        .toString("latin1")
        .trimEnd()}`,
      "abc",
    );
    if (parsed !== undefined) answers.take(parsed);
  }
  return answers;
}

describe("renderQuestion", () => {
  it("says `most` for the bytes of a file, because `bytes` is what follows a line", () => {
    const question = { ask: "path", path: "/etc/motd", bytes: 64, hashed: true } as const;
    expect(renderQuestion("motd", question)).toEqual({
      word: "question",
      values: { key: "motd", ask: "path", path: "/etc/motd", most: 64, hashed: true },
    });
    expect(Buffer.from(renderMessage([renderQuestion("motd", question)])).toString()).not.toContain("bytes=");
  });

  it("names the earlier answer that it depends on", () => {
    const question = { ask: "run", argv: ["ip", "link"], when: { key: "a", matches: "^x" } } as const;
    expect(renderQuestion("b", question).values).toMatchObject({
      whenKey: "a",
      whenMatches: "^x",
      argv: ["ip", "link"],
    });
    expect(renderQuestion("b", question).values).not.toHaveProperty("when");
  });
});

describe("Collected", () => {
  it("knows nothing of what was not answered", () => {
    const answers = collected(["ran", { key: "other", status: 0, said: "x" }], ["end", {}]);
    const all = [
      answers.ran("k"),
      answers.ranFor("k"),
      answers.path("k"),
      answers.folder("k"),
      answers.holders("k"),
      answers.packetSockets("k"),
      answers.machines("k"),
      answers.others("k"),
      answers.joined("k"),
      answers.boots("k"),
      answers.roster("k"),
    ];
    expect(all).toEqual(all.map(() => undefined));
  });

  it("has what a program said, for each interface where it ran for each", () => {
    const answers = collected(
      ["ran", { key: "a", status: 127, said: "" }],
      ["ran", { key: "b", for: "eno1", status: 0, said: "one\n" }],
      ["ran", { key: "b", for: "eno2", status: 1, said: "two\n" }],
    );
    expect(answers.ran("a")).toEqual({ status: 127, said: "" });
    expect([...(answers.ranFor("b") ?? [])]).toEqual([
      ["eno1", { status: 0, said: "one\n" }],
      ["eno2", { status: 1, said: "two\n" }],
    ]);
  });

  it("has what is at a path, and tells nothing of it that node 0 did not say", () => {
    const file = {
      path: "/etc/a",
      type: "file",
      mode: "0640",
      uid: 0,
      gid: 1,
      size: 3,
      mtime: 4,
      ctime: 5,
      sha256: "aa",
      content: "abc",
      link: "/etc",
    };
    const answers = collected(
      ["seen", { key: "file", ...file }],
      ["seen", { key: "link", path: "/etc/l", type: "link", mode: "0777", target: "a" }],
      ["seen", { key: "none", path: "/etc/n", type: "absent", mode: "0000" }],
    );
    const { size, link, ...same } = file;
    const nothing = { uid: 0, gid: 0, bytes: 0, mtime: 0, ctime: 0 };
    expect(answers.path("file")).toStrictEqual({ ...same, bytes: size, foreignLink: link });
    expect(answers.path("link")).toStrictEqual({ path: "/etc/l", type: "link", mode: "0777", target: "a", ...nothing });
    expect(answers.path("none")).toStrictEqual({ path: "/etc/n", type: "absent", mode: "0000", ...nothing });
  });

  it("tells a folder in which nothing is from one that was not asked for", () => {
    expect(collected(["folder", { key: "f", path: "/srv" }]).folder("f")).toEqual([]);
    const answers = collected(
      ["folder", { key: "f", path: "/srv" }],
      ["seen", { key: "f", path: "/srv/a", type: "file" }],
    );
    expect(answers.folder("f")?.map(({ path }) => path)).toEqual(["/srv/a"]);
  });

  it("has who holds sockets", () => {
    const answers = collected(
      ["sockets", { key: "h" }],
      ["holder", { key: "h", protocol: "tcp", local: "*", port: 53, pid: 7, program: "named", unit: "named.service" }],
      ["holder", { key: "h", protocol: "udp", local: "0.0.0.0%eno2", port: 67, pid: 9, program: "dnsmasq" }],
      ["holder", { key: "h", protocol: "udp", local: "[::ffff:10.0.0.1]", port: 69, pid: 9, program: "x" }],
      ["holder", { key: "h", protocol: "p_raw", local: "*", port: "eno2", pid: 8, program: "dhcpd" }],
      ["sockets", { key: "free" }],
    );
    expect(answers.holders("h")).toStrictEqual([
      { protocol: "tcp", address: "::", port: 53, pid: 7, program: "named", unit: "named.service" },
      { protocol: "udp", address: "0.0.0.0", interface: "eno2", port: 67, pid: 9, program: "dnsmasq" },
      { protocol: "udp", address: "::ffff:10.0.0.1", port: 69, pid: 9, program: "x" },
    ]);
    expect(answers.packetSockets("h")).toStrictEqual([{ interface: "eno2", pid: 8, program: "dhcpd" }]);
    expect(answers.holders("free")).toEqual([]);
  });

  it("has machines, other servers, joined files, boots and the roster", () => {
    const answers = collected(
      ["machines", { key: "m" }],
      ["placed", { key: "m", id: "OlaNode/p/s/a", hostname: "a", address: "192.168.1.2" }],
      ["others", { key: "o" }],
      ["other", { key: "o", server: "192.168.1.9", hardware: "52:54:00:00:00:09" }],
      ["others", { key: "none" }],
      ["joined", { key: "j", how: "changed" }],
      ["unjoined", { key: "j", id: "OlaNode/p/s/a", hostname: "a", how: "missing" }],
      ["boots", { key: "b", log: "one\ntwo\n" }],
      ["roster", { key: "r", machines: "OlaNode/p/s/a a 52\n" }],
    );
    expect(answers.machines("m")).toEqual([{ id: "OlaNode/p/s/a", hostname: "a", address: "192.168.1.2" }]);
    expect(answers.others("o")).toEqual([{ server: "192.168.1.9", hardware: "52:54:00:00:00:09" }]);
    expect(answers.others("none")).toEqual([]);
    const lacks = [{ id: "OlaNode/p/s/a", hostname: "a", how: "missing" }];
    expect(answers.joined("j")).toEqual({ how: "changed", lacks });
    expect(answers.boots("b")).toBe("one\ntwo\n");
    expect(answers.roster("r")).toBe("OlaNode/p/s/a a 52\n");
  });

  it("has of a question that was asked twice the latest answer", () => {
    const answers = collected(
      ["ran", { key: "r", status: 1, said: "old" }],
      ["seen", { key: "p", path: "/a", type: "absent" }],
      ["folder", { key: "f", path: "/srv" }],
      ["seen", { key: "f", path: "/srv/old", type: "file" }],
      ["sockets", { key: "h" }],
      ["holder", { key: "h", protocol: "udp", port: 53, pid: 1, program: "old" }],
      ["joined", { key: "j", how: "changed" }],
      ["unjoined", { key: "j", id: "x", hostname: "old" }],
      ["ran", { key: "i", for: "eno1", status: 1, said: "old" }],
      ["ran", { key: "r", status: 0, said: "new" }],
      ["seen", { key: "p", path: "/a", type: "file" }],
      ["folder", { key: "f", path: "/srv" }],
      ["seen", { key: "f", path: "/srv/new", type: "file" }],
      ["sockets", { key: "h" }],
      ["holder", { key: "h", protocol: "udp", port: 53, pid: 2, program: "new" }],
      ["joined", { key: "j", how: "same" }],
      ["ran", { key: "i", for: "eno1", status: 0, said: "new" }],
    );
    expect(answers.ran("r")).toEqual({ status: 0, said: "new" });
    expect(answers.path("p")?.type).toBe("file");
    expect(answers.folder("f")?.map(({ path }) => path)).toEqual(["/srv/new"]);
    expect(answers.holders("h")?.map(({ program }) => program)).toEqual(["new"]);
    expect(answers.joined("j")).toEqual({ how: "same", lacks: [] });
    expect(answers.ranFor("i")?.get("eno1")).toEqual({ status: 0, said: "new" });
  });

  it("keeps what any program said, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.nat({ max: 255 }), (said, status) => {
        expect(collected(["ran", { key: "k", status, said }]).ran("k")).toEqual({ status, said: said.toWellFormed() });
      }),
    );
  });
});
