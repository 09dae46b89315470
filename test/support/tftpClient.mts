/**
 * Fetches a file by TFTP from where it runs, with nothing but this machine's sockets, and prints its text.
 *
 *     node test/support/tftpClient.mts <address> <name>
 */
import { createSocket } from "node:dgram";

const [address = "", name = ""] = process.argv.slice(2);
const socket = createSocket("udp4");
const blocks: Buffer[] = [];
let tries = 0;

function fail(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(1);
}

function ask(): void {
  if (tries++ === 2) fail("no answer");
  socket.send(Buffer.from(`\0\u0001${name}\0octet\0`, "latin1"), 69, address);
}

let timer = setInterval(ask, 700);
socket.on("message", (packet, from) => {
  clearInterval(timer);
  timer = setInterval(() => fail("the transfer stalls"), 2500);
  const block = packet.readUInt16BE(2);
  if (packet.readUInt16BE(0) !== 3) fail(packet.toString("latin1", 4));
  // An acknowledgement that was lost on its way makes the server send the block again.
  if (block === blocks.length + 1) blocks.push(packet.subarray(4));
  socket.send(Buffer.from([0, 4, packet[2] ?? 0, packet[3] ?? 0]), from.port, from.address, () => {
    if (packet.length >= 516) return;
    process.stdout.write(Buffer.concat(blocks));
    process.exit(0);
  });
});
socket.bind(0, () => ask());
