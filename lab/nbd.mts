/**
 * Gives one machine a drive that forgets at a power cut, by the NBD protocol
 * (https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md), and ends with the machine.
 *
 *     node lab/nbd.mts <image> <socket>
 */
import { createServer, type Socket } from "node:net";
import { VolatileDisk } from "./volatileDisk.mts";

const go = 7;
const fixedNewstyle = 1;
const [acknowledge, info, unsupported] = [1, 3, 0x80000001];
const hasFlush = 0b101;
const [read, write, disconnect, flush] = [0, 1, 2, 3];

/** Answers how the connection ended: by a word of the client's, or by its death. */
async function serve(disk: VolatileDisk, socket: Socket): Promise<"disconnected" | "died"> {
  const take = takerFrom(socket);
  try {
    await negotiate(disk, socket, take);
    for (;;) {
      const header = await take(28);
      const [type, cookie] = [header.readUInt16BE(6), header.subarray(8, 16)];
      const [offset, length] = [Number(header.readBigUInt64BE(16)), header.readUInt32BE(24)];
      if (type === disconnect) return "disconnected";
      if (type === write) disk.write(offset, await take(length));
      else if (type === flush) disk.flush();
      else if (type !== read) throw new Error(`the client asks for ${type}, which nobody offered`);
      const reply = [word(0x67446698), word(0), cookie, ...(type === read ? [disk.read(offset, length)] : [])];
      socket.write(Buffer.concat(reply));
    }
  } catch (cause) {
    console.error(`the machine is off: ${(cause as Error).message}`);
    return "died";
  }
}

async function negotiate(disk: VolatileDisk, socket: Socket, take: Take): Promise<void> {
  socket.write(Buffer.concat([Buffer.from("NBDMAGICIHAVEOPT"), short(fixedNewstyle)]));
  await take(4);
  for (;;) {
    const header = await take(16);
    const option = header.readUInt32BE(8);
    await take(header.readUInt32BE(12));
    const reply = (type: number, data = Buffer.alloc(0)) =>
      socket.write(Buffer.concat([long(0x3e889045565a9n), word(option), word(type), word(data.length), data]));
    if (option === go) {
      reply(info, Buffer.concat([short(0), long(BigInt(disk.bytes)), short(hasFlush)]));
      reply(acknowledge);
      return;
    }
    reply(unsupported);
  }
}

type Take = (length: number) => Promise<Buffer>;

/** Waits for as many bytes as are asked for, and fails when the other end is gone. */
function takerFrom(socket: Socket): Take {
  const parts = socket[Symbol.asyncIterator]();
  let rest = Buffer.alloc(0);
  return async (length) => {
    while (rest.length < length) {
      const { value, done } = await parts.next();
      if (done) throw new Error("the client is gone");
      rest = Buffer.concat([rest, value as Buffer]);
    }
    const taken = rest.subarray(0, length);
    rest = rest.subarray(length);
    return taken;
  };
}

function short(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function long(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

const [image = "", path = ""] = process.argv.slice(2);
const disk = new VolatileDisk(image);
const server = createServer((socket) => {
  server.close();
  void serve(disk, socket).then((end) => {
    if (end === "disconnected") disk.flush();
    else disk.cut();
    socket.destroy();
  });
});
server.listen(path);
