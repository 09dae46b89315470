import { styleText } from "node:util";

const width = 96;

/** Tells a person step by step what is done: a line for each, with its time; on a terminal also what happens meanwhile. */
export class Screen {
  readonly #out: NodeJS.WriteStream = process.stdout;
  #isInterrupted = false;
  #live: { what: string; progress: string; began: number } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor() {
    // Whoever read this may be gone (`| head`); what is under way goes on to its end.
    this.#out.on("error", () => {});
  }

  title(text: string, aside = ""): void {
    this.#print(`\n${styleText("bold", text)}${aside === "" ? "" : styleText("dim", `  (${aside})`)}\n`);
  }

  /**
   * Does the work and says that it is done. Lines that it returns stand below.
   *
   * @param what - what is true afterwards
   */
  async step<T>(what: string, work: (progress: (line: string) => void) => Promise<T>): Promise<T> {
    const live = { what, progress: "", began: Date.now() };
    const isOuter = this.#live === undefined;
    this.#live = live;
    this.#timer ??= this.#out.isTTY ? setInterval(() => this.#draw(), 500).unref() : undefined;
    this.#draw();
    try {
      const result = await work((line) => this.#progress(live, line));
      this.#finish("green", "✓", live);
      if (Array.isArray(result)) for (const line of result as string[]) this.note(line);
      return result;
    } catch (error) {
      this.#finish("red", "✗", live);
      throw error;
    } finally {
      if (isOuter) this.#live = undefined;
    }
  }

  /** A line below a step. */
  note(text: string): void {
    for (const line of wrapped(text, width - 5)) this.#print(`     ${line === text ? line : line}`);
  }

  /** What went wrong, and the last that was seen of it. */
  failure(message: string, seen: string): void {
    if (this.#isInterrupted) return;
    const lines = seen.split("\n").filter((line) => line.trim() !== "");
    if (lines.length > 25) lines.splice(0, lines.length - 25, "…");
    this.#print(`\n     ${styleText("red", message)}`);
    for (const line of lines) this.#print(`     ${styleText("dim", line)}`);
    this.#print("");
  }

  /** From here on only the next step is told of; what breaks because of the interruption is not. */
  interrupt(why: string): void {
    if (this.#isInterrupted) return;
    this.#clear();
    this.#print(`\n     ${why}`);
    this.#isInterrupted = true;
  }
}
