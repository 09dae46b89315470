import { connect, createServer, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

/** Some bytes as they went by between the two ends. */
export interface WireChunk {
  readonly at: bigint;
  readonly from: "client" | "server";
  /** How many. */
  readonly bytes: number;
}

/** What a wire does to those who use it. */
export interface Treatment {
  /** Cuts a connection after so many bytes of the client, from the treatment's beginning on. */
  readonly cutAfterBytes?: number;
  /** Holds every byte back for so long, in each direction. */
  readonly delayMs?: number;
  /** How many pass in a second, in each direction. */
  readonly bytesPerSecond?: number;
  /** Called when somebody connects. */
  readonly onConnection?: () => void;
}

/** A way to sshd that writes down who sent when, and that can be cut or slow. */
export interface Wire {
  readonly host: string;
  readonly port: number;
  /** The connections of which nobody has asked yet, each with what went by. */
  taken(): readonly (readonly WireChunk[])[];
  /** From now on; a new one takes the place of the one before. */
  treat(treatment: Treatment): void;
  /** Ends every connection without a word. */
  cut(): void;
  close(): void;
}

/** Listens on a port of this machine and passes everything on. */
export async function wireTo(host: string, port: number): Promise<Wire> {
  let connections: WireChunk[][] = [];
  let treatment: Treatment = {};
  const open = new Set<Socket>();
  const cut = (): void => {
    for (const socket of open) socket.resetAndDestroy();
  };
  const server = createServer({ noDelay: true }, (client) => {
    const chunks: WireChunk[] = [];
    connections.push(chunks);
    treatment.onConnection?.();
    const sshd = connect({ host, port, noDelay: true });
    let sent = 0;
    let under = treatment;
    for (const [from, one, other] of [
      ["client", client, sshd],
      ["server", sshd, client],
    ] as const) {
      const pass = paced(other);
      open.add(one);
      one.on("data", (bytes) => {
        chunks.push({ at: process.hrtime.bigint(), from, bytes: bytes.length });
        if (under !== treatment) sent = 0;
        under = treatment;
        if (from === "client") sent += bytes.length;
        const over = from === "client" ? sent - (treatment.cutAfterBytes ?? Number.POSITIVE_INFINITY) : -1;
        if (over < 0) pass(bytes, treatment);
        else other.write(bytes.subarray(0, Math.max(0, bytes.length - over)), cut);
      });
      one.on("end", () => pass(undefined, treatment));
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
    treat(next) {
      treatment = next;
    },
    cut,
    close() {
      server.close();
      cut();
    },
  };
}

/** Passes bytes on in their order, each when the treatment lets it; undefined is the end. */
function paced(to: Socket): (bytes: Buffer | undefined, treatment: Treatment) => void {
  let last = Promise.resolve();
  let free = 0;
  return (bytes, { delayMs = 0, bytesPerSecond }) => {
    const give = (): void => void (bytes === undefined ? to.end() : to.write(bytes));
    if (delayMs === 0 && bytesPerSecond === undefined && free === 0) return give();
    const now = performance.now();
    const takes = bytesPerSecond === undefined ? 0 : ((bytes?.length ?? 0) * 1000) / bytesPerSecond;
    free = Math.max(now, free) + takes;
    const at = free + delayMs;
    last = last.then(() => wait(Math.max(0, at - performance.now()))).then(give);
  };
}
