/**
 * A DHCP client that asks as somebody else: run in a network namespace, it plays each client of its argument (JSON) in
 * turn and prints what each was answered (JSON).
 */
import { createSocket, type Socket } from "node:dgram";

/** Who asks, and how. */
export interface DhcpClient {
  readonly mac: string;
  /** Option 93, the firmware's architecture: one number, or several. */
  readonly arch?: readonly number[];
  /** Option 77, the user-class. */
  readonly userClass?: string;
  /** Option 61 in hex: what the client calls itself. */
  readonly clientId?: string;
  /** Speaks BOOTP (RFC 951): one question, one answer, no kinds of message. */
  readonly bootp?: true;
  /** Asks for its old address first, as a system does that was restarted; else it discovers. */
  readonly reboots?: string;
}

/** What a server said at the end of the exchange. */
export interface DhcpAnswer {
  readonly type: "ack" | "nak" | "silence";
  readonly address?: string;
  /** The server's own, by which a lease is renewed. */
  readonly server?: string;
  readonly nextServer?: string;
  readonly filename?: string;
  readonly serverName?: string;
  readonly mask?: string;
  readonly broadcast?: string;
  readonly router?: string;
  readonly hostName?: string;
  readonly domain?: string;
  readonly rootPath?: string;
  /** To the minute. */
  readonly leaseSeconds?: number;
  /** iPXE's own option: do not wait for another boot server. */
  readonly noPxeDhcp?: number;
}

const offer = 2;
const ack = 5;
const nak = 6;
/** Longer than dhcpd's ping before an offer, which takes one second. */
const patience = 2500;

function octets(address: string): number[] {
  return address.split(".").map(Number);
}

function option(code: number, bytes: readonly number[] | Buffer): Buffer {
  return Buffer.from([code, bytes.length, ...bytes]);
}

function packet(client: DhcpClient, transaction: number, options: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(240);
  header.set([1, 1, 6, 0]);
  header.writeUInt32BE(transaction, 4);
  // The broadcast flag: who has no address yet can't be answered otherwise.
  header.writeUInt16BE(0x8000, 10);
  Buffer.from(client.mac.replaceAll(":", ""), "hex").copy(header, 28);
  header.writeUInt32BE(0x63825363, 236);
  const own = [
    // What a boot asks for: mask, router, host name, domain, root path, broadcast, boot file's name and server, iPXE's options.
    option(55, [1, 3, 12, 15, 17, 28, 43, 60, 66, 67, 175]),
    option(57, [0x05, 0xc0]),
    ...(client.arch === undefined
      ? []
      : [
          option(
            93,
            client.arch.flatMap((number) => [number >> 8, number & 255]),
          ),
        ]),
    ...(client.arch === undefined ? [] : [option(60, Buffer.from("PXEClient:Arch:00007:UNDI:003000"))]),
    ...(client.userClass === undefined ? [] : [option(77, Buffer.from(client.userClass))]),
    ...(client.clientId === undefined ? [] : [option(61, Buffer.from(client.clientId, "hex"))]),
  ];
  return Buffer.concat([header, ...options, ...own, Buffer.from([255])]);
}

function optionsOf(reply: Buffer): ReadonlyMap<number, Buffer> {
  const options = new Map<number, Buffer>();
  for (let at = 240; at < reply.length && reply[at] !== 255; ) {
    if (reply[at] === 0) {
      at++;
      continue;
    }
    const length = reply[at + 1] ?? 0;
    options.set(reply[at] ?? 0, reply.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return options;
}

function text(bytes: Buffer | undefined): string | undefined {
  const value = bytes?.toString("latin1").replace(/\0.*$/s, "");
  return value === "" ? undefined : value;
}

function read(reply: Buffer): DhcpAnswer {
  const options = optionsOf(reply);
  const address = (bytes: Buffer | undefined): string | undefined => {
    const value = bytes && [...bytes].join(".");
    return value === "0.0.0.0" ? undefined : value;
  };
  const type = options.get(53)?.[0];
  const encapsulated = options.get(175);
  // A lease that is asked for again lasts for what is left of it: some seconds less, in a test.
  const lease = options.get(51)?.readUInt32BE(0);
  const noPxeDhcp = encapsulated && optionsOf(Buffer.concat([Buffer.alloc(240), encapsulated])).get(176)?.[0];
  const answer = {
    type: type === nak ? "nak" : "ack",
    address: address(reply.subarray(16, 20)),
    server: address(options.get(54)),
    nextServer: address(reply.subarray(20, 24)),
    filename: text(reply.subarray(108, 236)) ?? text(options.get(67)),
    serverName: text(reply.subarray(44, 108)) ?? text(options.get(66)),
    mask: address(options.get(1)),
    broadcast: address(options.get(28)),
    router: address(options.get(3)),
    hostName: text(options.get(12)),
    domain: text(options.get(15)),
    rootPath: text(options.get(17)),
    leaseSeconds: lease === undefined ? undefined : Math.round(lease / 60) * 60,
    noPxeDhcp,
  } as const;
  return Object.fromEntries(Object.entries(answer).filter(([, value]) => value !== undefined)) as unknown as DhcpAnswer;
}

let transactions = Math.floor(Math.random() * 2 ** 31);

function exchange(
  socket: Socket,
  client: DhcpClient,
  wanted: readonly number[],
  options: readonly Buffer[],
  server?: Buffer,
): Promise<Buffer | undefined> {
  const transaction = ++transactions;
  return new Promise((resolve, reject) => {
    const finish = (reply?: Buffer): void => {
      clearTimeout(timer);
      socket.off("message", hear);
      resolve(reply);
    };
    const hear = (reply: Buffer): void => {
      if (reply.length < 240 || reply.readUInt32BE(4) !== transaction) return;
      const said = optionsOf(reply);
      // dhcpd acknowledges what it would give, too, where another server was asked; firmware goes by the server that it chose.
      if (server !== undefined && said.get(54)?.equals(server) === false) return;
      if (wanted.includes(said.get(53)?.[0] ?? 0)) finish(reply);
    };
    const timer = setTimeout(finish, patience);
    socket.on("message", hear);
    socket.send(packet(client, transaction, options), 67, "255.255.255.255", (error) => error && reject(error));
  });
}

async function ask(socket: Socket, client: DhcpClient): Promise<DhcpAnswer> {
  if (client.bootp) {
    const reply = await exchange(socket, client, [0], []);
    return reply === undefined ? { type: "silence" } : read(reply);
  }
  if (client.reboots !== undefined) {
    const request = [option(53, [3]), option(50, octets(client.reboots))];
    const reply = await exchange(socket, client, [ack, nak], request);
    return reply === undefined ? { type: "silence" } : read(reply);
  }
  const offered = await exchange(socket, client, [offer], [option(53, [1])]);
  if (offered === undefined) return { type: "silence" };
  const server = optionsOf(offered).get(54) ?? Buffer.alloc(4);
  const request = [option(53, [3]), option(50, offered.subarray(16, 20)), option(54, server)];
  const reply = await exchange(socket, client, [ack, nak], request, server);
  if (reply === undefined) throw new Error(`an offer to ${client.mac}, and then nothing`);
  const [before, after] = [read(offered), read(reply)].map((answer) => JSON.stringify(answer));
  if (before !== after) throw new Error(`the offer was ${before}, and what was given is ${after}`);
  return read(reply);
}

const socket = createSocket({ type: "udp4", reuseAddr: true });
await new Promise<void>((resolve) => socket.bind(68, () => resolve()));
socket.setBroadcast(true);
const answers: DhcpAnswer[] = [];
for (const client of JSON.parse(process.argv[2] ?? "[]") as readonly DhcpClient[])
  answers.push(await ask(socket, client));
socket.close();
console.log(JSON.stringify(answers));
