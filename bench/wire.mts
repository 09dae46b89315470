import { connect, createServer, type Socket } from "node:net";
import type { Chunk } from "./roundTrips.mts";

/** A way to sshd that writes down who sent when. */
export interface Wire {
  readonly host: string;
  readonly port: number;
  /** The connections of which nobody has asked yet, each with what went by. */
  taken(): readonly (readonly Chunk[])[];
  close(): void;
}

/** Listens on a port of this machine and passes everything on. */
export async function wireTo(host: string, port: number): Promise<Wire> {
  let connections: Chunk[][] = [];
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true }, (client) => {
    const chunks: Chunk[] = [];
    connections.push(chunks);
    const sshd = connect({ host, port, noDelay: true });
    for (const [from, one, other] of [
      ["client", client, sshd],
      ["server", sshd, client],
    ] as const) {
      open.add(one);
      one.on("data", (bytes) => {
        chunks.push({ at: process.hrtime.bigint(), from });
        other.write(bytes);
      });
      one.on("end", () => other.end());
      one.on("error", () => other.destroy());
      one.on("close", () => open.delete(one));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the wire has no port");
  return {
    host: "127.0.0.1",
    port: address.port,
    taken() {
      const seen = connections;
      connections = [];
      return seen;
    },
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
