import { line, renderMessage, type Value } from "../../provider/conversation/protocol.ts";
import { loader } from "../../provider/embedded.ts";
import type { ServerOptions } from "./sshServer.ts";

/** What node 0's hands say. */
export type Say = (word: string, values?: Readonly<Record<string, Value>>) => void;

/** Hands that speak as `play` does: at the opening, and then after each answer. They end when nobody answers any more. */
export function hands(play: (say: Say, turn: number) => void): NonNullable<ServerOptions["exec"]> {
  return (_command, channel) => {
    let heard: Buffer = Buffer.alloc(0);
    let nonce: string | undefined;
    let turn = 0;
    let isOver = false;
    const say: Say = (word, values) => {
      if (isOver) return;
      isOver = word === "end";
      channel.write(`\n${nonce} ${Buffer.from(renderMessage([line(word, values)]))}`);
      if (!isOver) return;
      channel.exit(0);
      channel.end();
    };
    const take = (chunk: Buffer): void => {
      heard = Buffer.concat([heard, chunk]);
      const from = nonce === undefined ? Buffer.byteLength(loader) : 0;
      const end = heard.indexOf(10, from);
      if (end < 0) return;
      const words = heard.toString("latin1", from, end).split(" ");
      const whole = end + 1 + Number(words[nonce === undefined ? 3 : 1]);
      if (heard.length < whole) return;
      nonce ??= words[1] ?? "";
      heard = heard.subarray(whole);
      play(say, turn++);
    };
    channel.on("data", take);
    channel.on("end", () => say("end"));
  };
}
