/** Lets a limited number in at the same time; the others wait their turn, first come first served. */
export class Slots {
  #limit: number;
  #taken = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many are in. */
  get taken(): number {
    return this.#taken;
  }

  async take(): Promise<void> {
    if (this.#taken < this.#limit) {
      this.#taken++;
      return;
    }
    await new Promise<void>((enter) => this.#waiting.push(enter));
  }

  free(): void {
    this.#taken--;
    this.#admit();
  }

  /** From now on, no more than this many. */
  narrow(limit: number): void {
    this.#limit = Math.max(1, Math.min(this.#limit, limit));
  }

  #admit(): void {
    while (this.#taken < this.#limit) {
      const enter = this.#waiting.shift();
      if (enter === undefined) return;
      this.#taken++;
      enter();
    }
  }
}
