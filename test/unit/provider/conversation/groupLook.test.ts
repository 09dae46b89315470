import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { lookTogether } from "../../../../provider/conversation/groupLook";
import { closeHosts } from "../../../../provider/ssh/pool";
import { hands, type Say } from "../../../support/playedNode0";
import { connectionTo, failure, startServer, userKey } from "../../../support/sshServer";

describe("lookTogether", () => {
  it("asks in one conversation for all that comes at once, and answers each", async () => {
    const { look, turns } = await node0((say) => {
      say("entry", { id: idOf("db-1"), generation, head: "" });
      say("asked");
    });
    const reports = await Promise.all(["db-1", "db-2", "db-3"].map((name) => look(name)));
    expect(turns()).toEqual([1]);
    expect(reports.map(({ answers }) => answers.get(idOf("db-1"))?.how)).toEqual(["seen", "seen", "seen"]);
    expect(reports[1]?.answers.get(idOf("db-2"))?.how).toBe("gone");
  });

  it("asks on in the same conversation for what comes while it looks, and soon after", async () => {
    let begin: () => void = () => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const { look, turns } = await node0((say, turn) => {
      begin();
      if (turn === 0) say("entry", { id: idOf("db-4"), generation, head: "" });
      setTimeout(() => say("asked"), 200);
    });
    const first = look("db-1");
    await begun;
    await Promise.all([first, look("db-2"), look("db-3")]);
    await sleep(100);
    expect((await look("db-4")).answers.get(idOf("db-4"))?.how).toBe("seen");
    expect(turns()).toEqual([3]);
  });

  it("has the records told anew when somebody has changed one meanwhile", async () => {
    let time = 1;
    const { look, turns } = await node0((say, turn) => {
      if (turn === 0 && time === 2) say("entry", { id: idOf("db-2"), generation, head: "" });
      say("ran", { key: "register.time", status: 0, said: `${time}\n` });
      say("asked");
    });
    await look("db-1");
    time = 2;
    expect((await look("db-2")).answers.get(idOf("db-2"))?.how).toBe("seen");
    expect(turns()).toEqual([2, 1]);
  });

  it("reaches node 0 anew for what comes when a conversation has broken off", async () => {
    const { look, turns, cut } = await node0((say) => say("asked"));
    await look("db-1");
    cut();
    expect((await look("db-2")).answers.get(idOf("db-2"))?.how).toBe("gone");
    expect(turns()).toEqual([1, 1]);
  });

  it("dials a host once that can't be reached, for all that are asked for one after the other", async () => {
    let authentications = 0;
    onTestFinished(closeHosts);
    const server = await startServer({
      authenticate: (context) => {
        authentications += 1;
        context.reject(["publickey"]);
      },
    });
    const connection = connectionTo(server, { privateKey: userKey.private, user: "root" });
    const look = (name: string) =>
      failure(lookTogether(connection, { id: idOf(name), generation, wants: [] }, undefined, () => {}));
    const first = await look("db-1");
    const dialled = authentications;
    expect([first.code, (await look("db-2")).message]).toEqual(["AUTHENTICATION_FAILED", first.message]);
    expect(authentications).toBe(dialled);
  });

  it("looks twice at a resource that is asked for twice", async () => {
    const { look, turns } = await node0((say) => say("asked"));
    await Promise.all([look("db-1"), look("db-1")]);
    expect(turns()).toEqual([2]);
  });

  it("asks for each alone where node 0 can't answer for all, so that only those fail that must", async () => {
    let asked = 0;
    const { look, turns } = await node0((say) => {
      const isGood = asked++ === 1;
      if (isGood) say("asked");
      else {
        say("fail", { code: "TRANSACTION_FAILED", id: "-", text: "/boot/efi: Input/output error" });
        say("end");
      }
    });
    const [one, other] = await Promise.allSettled([look("db-1"), look("db-2")]);
    expect(turns()).toEqual([1, 1, 1]);
    expect(one?.status).toBe("fulfilled");
    expect(other).toMatchObject({ reason: { code: "TRANSACTION_FAILED", message: expect.stringContaining("Input/") } });
  });

  it("answers nobody for node 0 that has ended meanwhile", async () => {
    const { look } = await node0((say, turn) => say(turn === 0 ? "asked" : "end"));
    await look("db-1");
    expect(await failure(look("db-2"))).toMatchObject({
      code: "CONNECTION_LOST",
      message: expect.stringContaining(
        "node 0 waits 20 s for a question, and ended before it had answered all; run it again",
      ),
    });
  });

  it("refuses all at once on a machine that is another one", async () => {
    const { look, turns } = await node0((say) => {
      say("machineId", { text: "0123456789ab0123456789ab01234567" });
      say("asked");
    });
    const refused = await Promise.all([failure(look("db-1", "ffffffffffff")), failure(look("db-2", "ffffffffffff"))]);
    expect(refused.map(({ code }) => code)).toEqual(["OTHER_MACHINE", "OTHER_MACHINE"]);
    expect(turns()).toEqual([1]);
  });
});

const generation = "aaaaaaaa00000001";

function idOf(name: string): string {
  return `OlaNode/shop/prod/${name}`;
}

/** A node 0 that plays this in each conversation; how often it was asked in each. */
async function node0(play: (say: Say, turn: number) => void) {
  onTestFinished(closeHosts);
  const turns: number[] = [];
  const server = await startServer({
    exec: (command, channel, reject) => {
      const conversation = turns.push(0) - 1;
      const playing = hands((say, turn) => {
        turns[conversation] = turn + 1;
        play(say, turn);
      });
      playing(command, channel, reject);
    },
  });
  const connection = connectionTo(server, { privateKey: userKey.private, user: "root" });
  const look = (name: string, machine?: string) => {
    return lookTogether(connection, { id: idOf(name), generation, wants: [] }, machine, () => {});
  };
  return { look, turns: () => turns, cut: () => server.cut() };
}
