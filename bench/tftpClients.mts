/**
 * Many TFTP clients at once, each as UEFI's own (EDK2's MTFTP4): it asks for the size and breaks off, then fetches the file
 * in blocks of 1468 bytes; what gets no answer it sends again after 4 s, six times in all. Run in a network namespace,
 * prints (JSON) what came of it.
 *
 *     node bench/tftpClients.mts <address> <file> <clients>
 */
import { createSocket } from "node:dgram";

/** What the clients saw. */
export interface TftpCrowd {
  readonly clients: number;
  /** How many have the whole file. */
  readonly whole: number;
  readonly bytes: number;
  /** Until the last of them had it. */
  readonly seconds: number;
  /** What a client sent again, because nothing came for 4 s. */
  readonly askedAgain: number;
  /** Blocks that came a second time, because the server saw no acknowledgement for a second. */
  readonly cameAgain: number;
  /** Of this program. */
  readonly processorSeconds: number;
}

const [address = "", file = "", count = "1"] = process.argv.slice(2);
const patienceMs = 4000;
const tries = 6;
const [read, data, acknowledgement, refusal, options] = [1, 3, 4, 5, 6];
const seen = { whole: 0, bytes: 0, askedAgain: 0, cameAgain: 0 };

function request(...words: readonly string[]): Buffer {
  return Buffer.from(`\0${String.fromCharCode(read)}${[file, "octet", ...words].join("\0")}\0`, "latin1");
}

/** One transfer, from a port of its own; answers with its bytes, or undefined if nobody answered. */
function transfer(first: Buffer, onlyOptions: boolean): Promise<number | undefined> {
  const socket = createSocket({ type: "udp4", lookup: (host, _options, done) => done(null, host, 4) });
  return new Promise((resolve) => {
    let [last, port, tried, block, bytes] = [first, 69, 1, 0, 0];
    const end = (value: number | undefined) => {
      clearInterval(timer);
      socket.close();
      resolve(value);
    };
    const send = (packet: Buffer) => {
      last = packet;
      socket.send(packet, port, address);
    };
    const timer = setInterval(() => {
      if (tried++ === tries) return end(undefined);
      seen.askedAgain++;
      socket.send(last, port, address);
    }, patienceMs);
    socket.on("message", (packet, from) => {
      const kind = packet.readUInt16BE(0);
      port = from.port;
      tried = 1;
      timer.refresh();
      if (kind === refusal) return end(undefined);
      if (kind === options && onlyOptions) {
        send(Buffer.from([0, refusal, 0, 8, 0]));
        return end(0);
      }
      const number = kind === options ? 0 : packet.readUInt16BE(2);
      if (kind === data && number === ((block + 1) & 0xffff)) {
        block = number;
        bytes += packet.length - 4;
      } else if (kind === data) seen.cameAgain++;
      send(Buffer.from([0, acknowledgement, number >> 8, number & 255]));
      if (kind === data && packet.length < 1468 + 4) setImmediate(end, bytes);
    });
    send(first);
  });
}

const begin = performance.now();
let lastAt = begin;
await Promise.all(
  Array.from({ length: Number(count) }, async () => {
    const size = await transfer(request("tsize", "0", "blksize", "1468"), true);
    const bytes = size === undefined ? undefined : await transfer(request("blksize", "1468"), false);
    if (bytes === undefined) return;
    seen.whole++;
    seen.bytes = bytes;
    lastAt = performance.now();
  }),
);
const { user, system } = process.cpuUsage();
const crowd: TftpCrowd = {
  clients: Number(count),
  ...seen,
  seconds: (lastAt - begin) / 1000,
  processorSeconds: (user + system) / 1e6,
};
console.log(JSON.stringify(crowd));
