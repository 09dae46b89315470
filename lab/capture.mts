/** What a machine and node 0 said to each other while it booted. Seconds count from power on. */
export type BootEvent = DhcpEvent | TftpEvent;

export interface DhcpEvent {
  readonly kind: "dhcp";
  readonly seconds: number;
  readonly message: "discover" | "offer" | "request" | "decline" | "ack" | "nak" | "release" | "inform";
  /** The machine's, also in what node 0 says. */
  readonly mac: string;
  readonly transaction: number;
  /** Option 93, as in "00:07". */
  readonly arch?: string;
  /** Option 77: "iPXE" from iPXE. */
  readonly userClass?: string;
  /** What to boot, from the header or option 67. */
  readonly filename?: string;
  readonly address?: string;
  readonly nextServer?: string;
}

export interface TftpEvent {
  readonly kind: "tftp";
  readonly seconds: number;
  readonly mac: string;
  readonly file: string;
  /**
   * When its last block was acknowledged, or sent, if the capture has missed one packet of the two; `undefined` if it
   * never was.
   */
  completed?: number;
  bytes: number;
  /** How it ended otherwise: node 0's words, or the client's (firmware asks for the size first, and then aborts). */
  error?: string;
}

interface Transfer {
  readonly event: TftpEvent;
  blockSize: number;
  /** The number of the latest block. */
  block: number;
  /** The number of the one that ends the file: it is not full. */
  last?: number;
}

const messages = ["discover", "offer", "request", "decline", "ack", "nak", "release", "inform"] as const;

/** Reads what tcpdump writes (pcap, Ethernet), as it comes, into events. Knows no clock but that of the packets. */
export class CaptureReader {
  readonly events: BootEvent[] = [];
  private rest: Buffer = Buffer.alloc(0);
  private headerSeen = false;
  private readonly transfers = new Map<string, Transfer>();
  private readonly powerOn: number;

  /** @param powerOn - when the machine was switched on, in milliseconds of the epoch */
  constructor(powerOn: number) {
    this.powerOn = powerOn;
  }

  read(data: Buffer): void {
    this.rest = Buffer.concat([this.rest, data]);
    if (!this.headerSeen) {
      if (this.rest.length < 24) return;
      this.rest = this.rest.subarray(24);
      this.headerSeen = true;
    }
    while (this.rest.length >= 16) {
      const length = this.rest.readUInt32LE(8);
      if (this.rest.length < 16 + length) return;
      const milliseconds = this.rest.readUInt32LE(0) * 1000 + this.rest.readUInt32LE(4) / 1000;
      this.readFrame(this.rest.subarray(16, 16 + length), Math.max(0, milliseconds - this.powerOn) / 1000);
      this.rest = this.rest.subarray(16 + length);
    }
  }

  private readFrame(frame: Buffer, seconds: number): void {
    // IPv4 and UDP, first fragment
    if (
      frame.length < 42 ||
      frame.readUInt16BE(12) !== 0x0800 ||
      frame[23] !== 17 ||
      (frame.readUInt16BE(20) & 0x1fff) !== 0
    )
      return;
    const ip = frame.subarray(14);
    const udp = ip.subarray(((ip[0] ?? 0) & 15) * 4, ip.readUInt16BE(2));
    const [from, to] = [udp.readUInt16BE(0), udp.readUInt16BE(2)];
    const data = udp.subarray(8);
    const source = `${dotted(ip, 12)}:${from}`;
    const target = `${dotted(ip, 16)}:${to}`;
    if (to === 67 || to === 68) this.readDhcp(data, seconds);
    else if (to === 69) this.readRequest(data, source, hex(frame.subarray(6, 12)), seconds);
    else if (this.transfers.has(target)) this.readServed(data, target, seconds);
    else if (this.transfers.has(source)) this.readAnswered(data, source, seconds);
  }

  private readDhcp(data: Buffer, seconds: number): void {
    if (data.length < 240) return;
    const options = readOptions(data.subarray(240));
    const message = messages[(options.get(53)?.[0] ?? 0) - 1];
    if (message === undefined) return;
    const arch = options.get(93);
    const userClass = text(options.get(77));
    const filename = text(options.get(67)) ?? text(data.subarray(108, 236));
    const isAnswer = message === "offer" || message === "ack";
    this.events.push({
      kind: "dhcp",
      seconds,
      message,
      mac: hex(data.subarray(28, 34)),
      transaction: data.readUInt32BE(4),
      ...(arch && { arch: hex(arch) }),
      ...(userClass && { userClass }),
      ...(isAnswer && filename && { filename }),
      ...(isAnswer && { address: dotted(data, 16), nextServer: dotted(data, 20) }),
    });
  }

  private readRequest(data: Buffer, client: string, mac: string, seconds: number): void {
    if (data.length < 4 || data.readUInt16BE(0) !== 1) return;
    const file = data.subarray(2).toString("latin1").split("\0")[0] ?? "";
    const known = this.transfers.get(client)?.event;
    // A client that got no answer in time asks again, from the same port.
    if (known?.file === file && known.bytes === 0 && known.error === undefined) return;
    const event: TftpEvent = { kind: "tftp", seconds, mac, file, bytes: 0 };
    this.events.push(event);
    this.transfers.set(client, { event, blockSize: 512, block: 0 });
  }

  /** What the server sends. */
  private readServed(data: Buffer, client: string, seconds: number): void {
    const transfer = this.transfers.get(client);
    if (transfer === undefined || data.length < 4) return;
    const operation = data.readUInt16BE(0);
    if (operation === 3) {
      const block = data.readUInt16BE(2);
      // A block that is sent once more is not a new one.
      if (block !== ((transfer.block + 1) & 0xffff)) return;
      transfer.block = block;
      transfer.event.bytes += data.length - 4;
      if (data.length - 4 < transfer.blockSize) {
        transfer.last = block;
        transfer.event.completed = seconds;
      }
    } else if (operation === 5) {
      transfer.event.error = `the server said: ${text(data.subarray(4)) ?? `error ${data.readUInt16BE(2)}`}`;
    } else if (operation === 6) {
      const words = data.subarray(2).toString("latin1").split("\0");
      const place = words.findIndex((word) => word.toLowerCase() === "blksize");
      if (place >= 0) transfer.blockSize = Number(words[place + 1]);
    }
  }

  /** What the client sends, after its request. */
  private readAnswered(data: Buffer, client: string, seconds: number): void {
    const transfer = this.transfers.get(client);
    if (transfer === undefined || data.length < 4) return;
    const operation = data.readUInt16BE(0);
    if (operation === 4 && data.readUInt16BE(2) === transfer.last) transfer.event.completed = seconds;
    if (operation === 5 && transfer.event.completed === undefined) {
      transfer.event.error = `the client said: ${text(data.subarray(4)) ?? `error ${data.readUInt16BE(2)}`}`;
    }
  }
}

function readOptions(data: Buffer): Map<number, Buffer> {
  const options = new Map<number, Buffer>();
  for (let at = 0; at < data.length; ) {
    const code = data[at] ?? 255;
    if (code === 255) break;
    const length = code === 0 ? 0 : (data[at + 1] ?? 0);
    if (code !== 0) options.set(code, data.subarray(at + 2, at + 2 + length));
    at += code === 0 ? 1 : 2 + length;
  }
  return options;
}

function text(data: Buffer | undefined): string | undefined {
  return data?.toString("latin1").split("\0")[0] || undefined;
}

function hex(data: Buffer): string {
  return [...data].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

function dotted(data: Buffer, at: number): string {
  return [...data.subarray(at, at + 4)].join(".");
}
