import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { commit } from "../../../../provider/conversation/groupCommit";
import { closeHosts } from "../../../../provider/ssh/pool";
import { hands } from "../../../support/playedNode0";
import { connectionTo, failure, startServer, userKey } from "../../../support/sshServer";

describe("commit", () => {
  it("reaches the host anew for what came while a transaction was under way whose connection broke", async () => {
    onTestFinished(closeHosts);
    let begin: () => void = () => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const refusing = hands((say) => say("end"));
    let conversations = 0;
    const server = await startServer({
      exec: (command, channel, reject) => {
        conversations += 1;
        if (conversations === 1) begin();
        else refusing(command, channel, reject);
      },
    });
    const connection = connectionTo(server, { privateKey: userKey.private, user: "root" });
    const change = (name: string) => {
      const id = `OlaNode/shop/prod/${name}`;
      return failure(commit(connection, { kind: "drop", id, generation: "aaaaaaaa00000001" }, undefined, () => {}));
    };
    const first = change("db-1");
    await begun;
    const second = change("db-2");
    // It has asked for the host meanwhile, and has the connection that breaks now.
    await sleep(100);
    server.cut();
    expect((await first).code).toBe("CONNECTION_LOST");
    expect((await second).code).toBe("TRANSACTION_FAILED");
    expect(server.seen.sockets).toBe(2);
  });
});
