import { styleText } from "node:util";

/** As much as can be read at one look, and as a terminal has. */
const width = Math.min(96, process.stdout.isTTY ? process.stdout.columns : 96);
/** Below a step everything is indented. */
export const room = width - 5;
const timeWidth = 8;

type Colour = Parameters<typeof styleText>[0];

/**
 * Tells a person step by step what is done: a line for each with its time, what was seen below it, and on a terminal
 * also what happens meanwhile.
 */
export class Screen {
  readonly #out: NodeJS.WriteStream = process.stdout;
  /** From the interruption on nothing new is begun, and what breaks because of it is not told of. */
  isInterrupted = false;

  constructor() {
    // Whoever read this may be gone (`| head`); what is under way goes on to its end.
    this.#out.on("error", () => {});
  }

  title(text: string, aside = ""): void {
    this.#print(`\n${styled("bold", text)}${aside === "" ? "" : `  ${styled("dim", aside)}`}\n`);
  }

  /**
   * Does the work, then says that it is done and how long it took.
   *
   * @param what - what is true afterwards
   * @param evenNow - also after an interruption, when nothing else is begun any more
   */
  async step<T>(what: string, work: (step: Step) => Promise<T>, evenNow = false): Promise<T> {
    if (this.isInterrupted && !evenNow) throw new Error("interrupted");
    const began = Date.now();
    const seconds = () => `${((Date.now() - began) / 1000).toFixed(1)} s`;
    const isTold = () => evenNow || !this.isInterrupted;
    const notes: string[] = [];
    let progress = "";
    const draw = (): void => {
      if (!this.#out.isTTY || !isTold()) return;
      const line = `  …  ${progress === "" ? what : `${what.replace(/:.*/, "")}: ${progress}`}`;
      const space = width - timeWidth - 1;
      const cut = line.length > space ? `${line.slice(0, space - 1)}…` : line;
      this.#out.write(`\r\x1b[K${cut.padEnd(space)}${styled("dim", seconds().padStart(timeWidth))}`);
    };
    const timer = setInterval(draw, 250);
    draw();
    const finish = (colour: Colour, sign: string): void => {
      clearInterval(timer);
      if (!isTold()) return;
      this.#print(
        `  ${styled(colour, sign)}  ${what.padEnd(width - timeWidth - 6)}${styled("dim", seconds().padStart(timeWidth))}`,
      );
      for (const line of notes) this.#print(`     ${line}`);
    };
    try {
      const result = await work({
        progress: (line) => {
          progress = line.trim();
          draw();
        },
        tell: (text) => {
          notes.push(...linesOf(text));
        },
        tellNow: (text) => {
          if (!isTold()) return;
          for (const line of linesOf(text)) this.#print(`     ${line}`);
          draw();
        },
        milestone: (line) => {
          // Of what takes minutes a log wants to see more than its end; what is indented are its details.
          if (this.#out.isTTY || !isTold() || line.startsWith(" ")) progress = line.trim();
          else
            for (const [index, piece] of linesOf(line).entries()) this.#print(`  ${index === 0 ? "…" : " "}  ${piece}`);
          draw();
        },
      });
      finish("green", "✓");
      return result;
    } catch (error) {
      finish("red", "✗");
      throw error;
    }
  }

  /** What went wrong, and the last that was seen of it. */
  failure(message: string, seen: string): void {
    const lines = seen.split("\n").filter((line) => line.trim() !== "");
    if (lines.length > 25) lines.splice(0, lines.length - 25, "…");
    this.#print("");
    for (const line of linesOf(message)) this.#print(`     ${styled("red", line)}`);
    for (const line of lines) this.#print(`     ${line}`);
    this.#print("");
  }

  /** What is under way is not told of any more, and how it ends because of this neither. */
  interrupt(why: string): void {
    if (this.isInterrupted) return;
    this.isInterrupted = true;
    this.#print(`\n  ${styled("yellow", "!")}  ${why}`);
  }

  #print(line: string): void {
    this.#out.write(`${this.#out.isTTY ? "\r\x1b[K" : ""}${line.trimEnd()}\n`);
  }
}

/** What the work of a step can tell. */
export interface Step {
  /** What happens at the moment; seen on a terminal only. */
  progress(line: string): void;
  /** As `progress`, but a log keeps it too. */
  milestone(line: string): void;
  /** Stands below the step when it is done. */
  tell(text: string): void;
  /** Stands above the step, at once. */
  tellNow(text: string): void;
}

function styled(colour: Colour, text: string): string {
  return styleText(colour, text, { stream: process.stdout });
}

function linesOf(text: string): string[] {
  return text.split("\n").flatMap((line) => wrapped(line));
}

/** A line in pieces that fit, broken at spaces; those that follow are indented a little more. */
function wrapped(line: string): string[] {
  const indent = /^ */.exec(line)?.[0] ?? "";
  const pieces: string[] = [];
  let piece = indent;
  for (const word of line.slice(indent.length).split(" ")) {
    const longer = piece.trim() === "" ? `${piece}${word}` : `${piece} ${word}`;
    if (longer.length <= room || piece.trim() === "") {
      piece = longer;
      continue;
    }
    pieces.push(piece);
    piece = `${indent}    ${word}`;
  }
  return [...pieces, piece];
}
