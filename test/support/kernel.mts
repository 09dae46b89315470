/**
 * Two ends of what a TFTP transfer is to a firewall, each run in a network namespace: `server <address>` answers a
 * datagram to port 69 from a port of its own, and one to that port again; `client <address>` asks once for each line of its input and
 * prints `yes` if both answers came in time.
 */
import { createSocket, type Socket } from "node:dgram";
import { createInterface } from "node:readline";

const [role, address = ""] = process.argv.slice(2);
/** On a cable of memory an answer takes less than a millisecond; the machine may be busy. */
const patience = 400;

function serve(): void {
  const server = createSocket("udp4");
  server.on("message", (_request, { port, address: to }) => {
    const transfer = createSocket("udp4");
    transfer.on("error", () => transfer.close());
    transfer.on("message", () => {
      transfer.send("the end", port, to, () => transfer.close());
    });
    transfer.bind(0, address, () => transfer.send("data", port, to));
    setTimeout(() => close(transfer), 5 * patience).unref();
  });
  server.bind(69, address, () => console.log("ready"));
}

function close(socket: Socket): void {
  try {
    socket.close();
  } catch {
    // It is closed already.
  }
}

function ask(): Promise<"yes" | "no"> {
  const { promise, resolve } = Promise.withResolvers<"yes" | "no">();
  const client = createSocket("udp4");
  const end = (answer: "yes" | "no"): void => {
    clearTimeout(timer);
    close(client);
    resolve(answer);
  };
  const timer = setTimeout(() => end("no"), patience);
  let answers = 0;
  client.on("error", () => end("no"));
  client.on("message", (_message, { port, address: from }) => {
    if (++answers === 2) end("yes");
    else client.send("acknowledgement", port, from);
  });
  client.send("request", 69, address);
  return promise;
}

if (role === "server") serve();
else for await (const _line of createInterface({ input: process.stdin })) console.log(await ask());
