import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { NetbootError } from "../../../../provider/errors";
import { byNewestWay, noteProgram } from "../../../../provider/lifecycle/ways";
import { failure } from "../../../support/sshServer.ts";

const old = { host: "node0", privateKey: "old" };
const fresh = { host: "node0", privateKey: "new" };

/** A machine that lets in by one key. */
const lockedFor =
  (privateKey: string, tried: unknown[] = []) =>
  async (connection: { readonly privateKey?: string }): Promise<unknown> => {
    tried.push(connection);
    if (connection.privateKey === privateKey) return connection;
    throw new NetbootError("AUTHENTICATION_FAILED", `not let in with ${connection.privateKey}`);
  };

describe("byNewestWay", () => {
  it("goes by the resource's own connection where nothing newer is known", async () => {
    expect(await byNewestWay("A/p/s/a", "m1", old, lockedFor("old"))).toBe(old);
    expect(await byNewestWay("A/p/s/a", undefined, old, lockedFor("old"))).toBe(old);
  });

  it("goes by what the program says of that machine, and of no other", async () => {
    noteProgram("m2", fresh, "A/p/s/b");
    const tried: unknown[] = [];
    expect(await byNewestWay("A/p/s/a", "m2", old, lockedFor("new", tried))).toBe(fresh);
    expect(tried).toEqual([fresh]);
    expect(await byNewestWay("A/p/s/a", "m3", old, lockedFor("old"))).toBe(old);
  });

  it("goes by its own where the program's is refused, and says whose connections these were where both are", async () => {
    noteProgram("m4", fresh, "A/p/s/b");
    expect(await byNewestWay("A/p/s/a", "m4", old, lockedFor("old"))).toBe(old);
    noteProgram("m5", fresh, "A/p/s/b");
    const { message } = await failure(byNewestWay("A/p/s/a", "m5", old, lockedFor("none")));
    expect(message).toBe(
      "not let in with new\nthis went by the newest connection of this run, that of A/p/s/b; " +
        "tried besides, without success: the one in this resource's own state",
    );
  });

  it("goes, in a destroy, by what leads to that machine for another resource at the same time", async () => {
    const slowly = async (connection: typeof fresh): Promise<unknown> => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      return connection;
    };
    const [done] = await Promise.all([
      byNewestWay("A/p/s/a", "m6", old, lockedFor("new")),
      byNewestWay("A/p/s/b", "m6", fresh, slowly),
    ]);
    expect(done).toEqual(fresh);
  });

  it("leaves out a key file that is not on this machine", async () => {
    const own = { host: "node0", privateKeyPath: "/home/somebody/.ssh/id" };
    const act = async (connection: { readonly privateKeyPath?: string }): Promise<unknown> => {
      if (connection.privateKeyPath === undefined) return connection;
      throw new NetbootError("KEY_UNREADABLE", "there is no such file");
    };
    expect(await byNewestWay("A/p/s/a", "m7", own, act)).toEqual({ host: "node0" });
  });

  it("says so where it went without the key file, and waits once for others that lead to a machine", async () => {
    const own = { host: "node0", privateKeyPath: "/home/somebody/.ssh/id" };
    const act = () => Promise.reject(new NetbootError("KEY_UNREADABLE", "there is no such file"));
    const { message } = await failure(byNewestWay("A/p/s/a", "m9", own, act));
    expect(message).toBe(
      "there is no such file\nthis went by the newest connection of this run, the one in this resource's own state; " +
        "tried besides, without success: the agent and the other keys of this machine",
    );
    const again = failure(byNewestWay("A/p/s/b", "m9", own, act));
    expect(await Promise.race([again, sleep(1000, "it waits")])).toMatchObject({ code: "KEY_UNREADABLE" });
  });

  it("tries nothing twice, and nothing else after a refusal of the host", async () => {
    noteProgram("m8", old, "A/p/s/b");
    const tried: unknown[] = [];
    await failure(byNewestWay("A/p/s/a", "m8", old, lockedFor("none", tried)));
    expect(tried).toEqual([old]);
    noteProgram("m8", fresh, "A/p/s/b");
    const refusal = new NetbootError("IN_USE", "others need it");
    const { message } = await failure(byNewestWay("A/p/s/a", "m8", old, () => Promise.reject(refusal)));
    expect(message).toBe("others need it\nthis went by the newest connection of this run, that of A/p/s/b");
  });
});
