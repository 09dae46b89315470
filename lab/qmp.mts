import { connect, type Socket } from "node:net";
import { waitFor } from "./program.mts";

/** The monitor of a QEMU, over its socket. */
export class Monitor {
  private readonly socket: Socket;
  private readonly waiting: { resolve: (value: unknown) => void; reject: (cause: Error) => void }[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    let rest = "";
    socket.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.read(JSON.parse(line) as Message);
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      for (const { reject } of this.waiting.splice(0)) reject(new Error("QEMU ended"));
    });
  }

  static async open(path: string, timeoutMs: number, seen: () => string): Promise<Monitor> {
    const look = () =>
      new Promise<Socket | undefined>((resolve) => {
        const socket = connect(path, () => resolve(socket)).once("error", () => resolve(undefined));
      });
    const monitor = new Monitor(await waitFor("the start of QEMU", look, { timeoutMs, seen }));
    await monitor.ask("qmp_capabilities");
    return monitor;
  }

  ask(command: string, args: Record<string, unknown> = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.socket.destroyed) return reject(new Error("QEMU ended"));
      this.waiting.push({ resolve, reject });
      this.socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    });
  }

  close(): void {
    this.socket.destroy();
  }

  /** QEMU answers in the order of the questions, and tells of events in between. */
  private read(message: Message): void {
    if (!("return" in message) && message.error === undefined) return;
    const asked = this.waiting.shift();
    if (message.error) asked?.reject(new Error(`QEMU refuses: ${message.error.desc}`));
    else asked?.resolve(message.return);
  }
}

interface Message {
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
}
