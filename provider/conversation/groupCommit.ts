import { kindOf } from "../kinds";
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
const foreignFailures: ReadonlySet<string> = new Set(["NOT_SERVING", "OTHER_DHCP_SERVER", "OCCUPIED"]);

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

  /**
   * One transaction for all; if it is refused, without the culprit, or in halves until the culprits stand alone. The parts
   * of the host's network boot stay together.
   */
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
      const units = unitsOf(group);
      if (units.length === 1 || !(reason instanceof Refused) || isShared(reason)) {
        reject(group, reason, this.#connection.host);
        return;
      }
      const guilty = units.find((unit) => unit.some(({ change }) => idOf(change) === reason.culprit));
      if (guilty !== undefined) {
        reject(guilty, reason, this.#connection.host);
        await this.#commit(units.filter((unit) => unit !== guilty).flat());
        return;
      }
      if (reason.culprit !== undefined && foreignFailures.has(reason.code)) {
        reject(group, reason, this.#connection.host);
        return;
      }
      const half = Math.ceil(units.length / 2);
      await this.#commit(units.slice(0, half).flat());
      await this.#commit(units.slice(half).flat());
    }
  }
}

/** What is refused together: each resource alone, and all parts of the host's network boot. */
function unitsOf(group: readonly Waiting[]): readonly (readonly Waiting[])[] {
  const isPart = ({ change }: Waiting): boolean =>
    change.kind === "put" && kindOf(kindIn(idOf(change))).isPart === true;
  const parts = group.filter(isPart);
  const others = group.filter((member) => !isPart(member)).map((member) => [member]);
  return parts.length === 0 ? others : [parts, ...others];
}

function kindIn(id: string): string {
  return id.slice(0, id.indexOf("/"));
}

/** The culprit has all the words; those that change with it are told which it is. */
function reject(unit: readonly Waiting[], reason: unknown, host: string): void {
  const culprit = reason instanceof Refused ? reason.culprit : undefined;
  const named = unit.some(({ change }) => idOf(change) === culprit);
  for (const { change, reject: fail } of unit) {
    const isCulprit = !named || idOf(change) === culprit || !(reason instanceof Refused);
    const together = `${host}: it changes together with ${culprit}, which was refused`;
    fail(isCulprit ? reason : new Refused(reason.code, together, culprit));
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
