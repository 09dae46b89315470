import { type Change, idOf } from "../kinds/want";
import { openHost } from "../ssh/pool";
import type { Connection } from "../values/connection";
import { type Answer, apply, Refused, type Tell } from "./transaction";

/** One resource's change on its way to a host. */
interface Waiting {
  readonly change: Change;
  readonly machine: string | undefined;
  readonly tell: (severity: "progress" | "warning", line: string) => void;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (reason: unknown) => void;
}

/** What became of a resource's change, and on which machine. */
export interface Outcome extends Answer {
  readonly machine: string;
}

/** What the host refuses whoever asks: trying the members of a group one by one would only repeat it. */
const sharedFailures: ReadonlySet<string> = new Set(["LOCKED", "OTHER_MACHINE", "PACKAGES_FAILED"]);

/** What may be wrong with a resource that is not in the group: no member's absence mends it. */
const foreignFailures: ReadonlySet<string> = new Set(["NOT_SERVING", "OTHER_DHCP_SERVER"]);

/** A group is closed when nothing was added for this long: the engine hands over what it has to do at once. */
const windowMs = 50;

class Queue {
  readonly #connection: Connection;
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #busy = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  add(member: Waiting): void {
    this.#waiting.push(member);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#next(), windowMs);
  }

  async #next(): Promise<void> {
    if (this.#busy || this.#waiting.length === 0) return;
    this.#busy = true;
    // One change a resource: a second one of the same waits for its own transaction.
    const group = this.#waiting.filter(
      ({ change }, index) => this.#waiting.findIndex((other) => idOf(other.change) === idOf(change)) === index,
    );
    this.#waiting = this.#waiting.filter((member) => !group.includes(member));
    await this.#commit(group);
    this.#busy = false;
    await this.#next();
  }

  /** One transaction for all; if it is refused, without the culprit, or in halves until the culprits stand alone. */
  async #commit(group: readonly Waiting[]): Promise<void> {
    try {
      const host = await openHost(this.#connection, {
        say: (line) => {
          for (const member of group) member.tell("progress", line);
        },
      });
      const byId = new Map(group.map((member) => [idOf(member.change), member]));
      const tell: Tell = (id, severity, line) => byId.get(id)?.tell(severity, line);
      const machine = group.find((member) => member.machine !== undefined)?.machine;
      const report = await apply(
        host,
        group.map(({ change }) => change),
        machine,
        tell,
      );
      for (const [id, member] of byId) {
        member.resolve({ machine: report.machine, ...(report.answers.get(id) ?? nothing) });
      }
    } catch (reason) {
      if (group.length === 1 || !(reason instanceof Refused) || isShared(reason)) {
        for (const member of group) member.reject(reason);
        return;
      }
      const culprits = group.filter(({ change }) => idOf(change) === reason.culprit);
      if (culprits.length > 0) {
        for (const culprit of culprits) culprit.reject(reason);
        const others = group.filter((member) => !culprits.includes(member));
        if (others.length > 0) await this.#commit(others);
        return;
      }
      if (reason.culprit !== undefined && foreignFailures.has(reason.code)) {
        for (const member of group) member.reject(reason);
        return;
      }
      const half = Math.ceil(group.length / 2);
      await this.#commit(group.slice(0, half));
      await this.#commit(group.slice(half));
    }
  }
}

const nothing: Answer = { how: "", outputs: {}, drift: [] };

function isShared(refusal: Refused): boolean {
  return refusal.culprit === undefined && sharedFailures.has(refusal.code);
}

const queues = new Map<string, Queue>();

/**
 * Hands one resource's change to its host. Those that arrive together become one transaction and one restart.
 *
 * @throws a `NetbootError` of the connection, or the host's refusal; a group is refused as its members alone would be.
 */
export function commit(
  connection: Connection,
  change: Change,
  machine: string | undefined,
  tell: Waiting["tell"],
): Promise<Outcome> {
  const key = JSON.stringify(connection);
  const queue = queues.get(key) ?? new Queue(connection);
  queues.set(key, queue);
  return new Promise((resolve, reject) => queue.add({ change, machine, tell, resolve, reject }));
}
