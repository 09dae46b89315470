import { setTimeout as sleep } from "node:timers/promises";
import { NetbootError } from "../errors";
import type { Declaration } from "../kinds/want";
import type { Host } from "../ssh/link";
import { ending, openHost } from "../ssh/pool";
import type { Connection } from "../values/connection";
import { look } from "./look";
import { Refused } from "./refused";
import type { Report } from "./report";

/** One resource that is to be looked at. */
interface Waiting {
  readonly declaration: Declaration;
  /** Tells what is waited for. */
  readonly say: (line: string) => void;
  readonly resolve: (report: Report) => void;
  readonly reject: (reason: unknown) => void;
}

/** What is asked for at once comes within this: the engine hands over some, and goes on when it has their answers. */
const windowMs = 15;
/** How long a conversation is kept open for more. */
const lingerMs = 1000;

/** What is to be looked at on one machine over one connection. */
class Queue {
  readonly #connection: Connection;
  readonly #machine: string | undefined;
  #waiting: Waiting[] = [];
  #busy = false;
  /** Why the host can't be reached in this run. */
  #unreached: NetbootError | undefined;

  constructor(connection: Connection, machine: string | undefined) {
    this.#connection = connection;
    this.#machine = machine;
  }

  add(member: Waiting): void {
    this.#waiting.push(member);
    if (!this.#busy) void this.#run();
  }

  async #run(): Promise<void> {
    this.#busy = true;
    // More comes while the host is reached, or soon.
    const reached = this.#reach();
    await Promise.allSettled([reached, sleep(windowMs)]);
    await this.#converse(reached, this.#take());
    this.#busy = false;
    if (this.#waiting.length > 0) await this.#run();
  }

  /** The host; one that could not be reached once is not dialled anew for each that the engine asks for. */
  async #reach(): Promise<Host> {
    if (this.#unreached !== undefined) throw this.#unreached;
    try {
      return await openHost(this.#connection, {
        say: (line) => {
          for (const member of this.#waiting) member.say(line);
        },
      });
    } catch (reason) {
      if (NetbootError.is(reason)) this.#unreached = reason;
      throw reason;
    }
  }

  /** One conversation for all that comes. */
  async #converse(reached: Promise<Host>, first: readonly Waiting[]): Promise<void> {
    let group = first;
    let isOver = false;
    try {
      await look(await reached, declarationsOf(group), this.#machine, async (report) => {
        for (const { resolve } of group) resolve(report);
        group = [];
        // Whoever comes when it is over is for the next conversation.
        await this.#more();
        if (!isOver) group = this.#take();
        return declarationsOf(group);
      });
    } catch (reason) {
      isOver = true;
      await this.#fail(group, reason);
    }
  }

  /** What node 0 can't answer for all, it is asked for each alone, so that only those fail that must. */
  async #fail(group: readonly Waiting[], reason: unknown): Promise<void> {
    for (const { declaration, resolve, reject } of group) {
      if (group.length === 1 || !(reason instanceof Refused)) reject(reason);
      else {
        const answer = async (report: Report) => {
          resolve(report);
          return [];
        };
        await this.#reach()
          .then((host) => look(host, [declaration], this.#machine, answer))
          .catch(reject);
      }
    }
  }

  /** Until some have come, and no more for a moment. */
  async #more(): Promise<void> {
    let seen = 0;
    for (let waited = 0; waited < lingerMs && !ending.aborted; waited += windowMs) {
      if (seen > 0 && seen === this.#waiting.length) return;
      seen = this.#waiting.length;
      await sleep(windowMs);
    }
  }

  #take(): readonly Waiting[] {
    // Of a resource that is replaced there are two, with one id.
    const group = [...new Map(this.#waiting.map((member) => [member.declaration.id, member])).values()];
    this.#waiting = this.#waiting.filter((member) => !group.includes(member));
    return group;
  }
}

function declarationsOf(group: readonly Waiting[]): readonly Declaration[] {
  return group.map(({ declaration }) => declaration);
}

const queues = new Map<string, Queue>();

/**
 * Looks at one resource on its host. Those that are asked for together, or one soon after the other, are one conversation.
 *
 * @throws a `NetbootError` of the connection, or of what the host could not answer
 */
export function lookTogether(
  connection: Connection,
  declaration: Declaration,
  machine: string | undefined,
  say: (line: string) => void,
): Promise<Report> {
  const key = JSON.stringify([connection, machine]);
  const queue = queues.get(key) ?? new Queue(connection, machine);
  queues.set(key, queue);
  return new Promise((resolve, reject) => queue.add({ declaration, say, resolve, reject }));
}
