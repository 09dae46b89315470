/**
 * A DHCP client that asks for an address every 5 ms, without taking one: run in a network namespace, it plays one machine for so
 * many seconds and prints (JSON) how many questions it asked, how many had no answer, and the longest time without one.
 */
import { createSocket } from "node:dgram";

const [mac = "", seconds = "10"] = process.argv.slice(2);

/** What was seen of a DHCP server. */
export interface Silence {
  readonly asked: number;
  readonly lost: number;
  /** In milliseconds, between two answers. */
  readonly longest: number;
}

/** Its transactions are the numbers after this one. */
const first = 0x5e000000;
let asked = 0;
const answeredAt = new Map<number, number>();
const socket = createSocket({ type: "udp4", reuseAddr: true });
socket.on("message", (reply) => {
  const transaction = reply.readUInt32BE(4);
  // The proof asks as the same machine, and its answers are broadcast, too.
  if (reply[0] === 2 && transaction > first && transaction <= first + asked)
    answeredAt.set(transaction, performance.now());
});
await new Promise<void>((resolve) => socket.bind(68, () => resolve()));
socket.setBroadcast(true);

function discover(transaction: number): Buffer {
  const packet = Buffer.alloc(240);
  packet.set([1, 1, 6, 0]);
  packet.writeUInt32BE(transaction, 4);
  packet.writeUInt16BE(0x8000, 10);
  Buffer.from(mac.replaceAll(":", ""), "hex").copy(packet, 28);
  packet.writeUInt32BE(0x63825363, 236);
  return Buffer.concat([packet, Buffer.from([53, 1, 1, 93, 2, 0, 7, 255])]);
}

const begin = performance.now();
for (let next = begin; next < begin + Number(seconds) * 1000; next += 5) {
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
  socket.send(discover(first + ++asked), 67, "255.255.255.255");
}
// The last answers are on their way.
await new Promise((resolve) => setTimeout(resolve, 1000));
socket.close();
const times = [...answeredAt.values()].sort((one, other) => one - other);
const gaps = times.slice(1).map((time, index) => time - (times[index] ?? time));
const silence: Silence = { asked, lost: asked - answeredAt.size, longest: Math.round(Math.max(0, ...gaps)) };
console.log(JSON.stringify(silence));
