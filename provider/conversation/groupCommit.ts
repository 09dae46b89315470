import { NetbootError } from "../errors";
import { kindOf } from "../kinds";
import { type Change, idOf } from "../kinds/want";
import { renderMeaning } from "../plan/outcome";
import { kindIn } from "../plan/records";
import type { Host } from "../ssh/link";
import { openHost } from "../ssh/pool";
import type { Connection } from "../values/connection";
import type { Tell } from "./conversation";
import { ChangesTogether, Refused } from "./refused";
import type { Answer } from "./report";
import { apply } from "./transaction";

/** One resource's change on its way to a host. */
interface Waiting {
  readonly change: Change;
  readonly machine: string | undefined;
  readonly tell: (severity: "progress" | "warning", line: string) => void;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (reason: unknown) => void;
}

/** A change that came to nothing, and why. */
interface Failed {
  readonly member: Waiting;
  readonly reason: unknown;
}

/** What became of a resource's change, and on which machine. */
export interface Outcome extends Answer {
  readonly machine: string;
}

/** What the host refuses whoever asks: trying the members of a group one by one would only repeat it. */
const sharedFailures: ReadonlySet<string> = new Set(["LOCKED", "OTHER_MACHINE", "PACKAGES_FAILED"]);

/** What may be wrong with a resource that is not in the group: no member's absence mends it. */
const foreignFailures: ReadonlySet<string> = new Set(["NOT_SERVING", "OTHER_DHCP_SERVER", "OCCUPIED"]);

/**
 * A group is closed when nothing was added for this long: the engine hands over what it has to do at once. The host is reached
 * meanwhile, so a run that does one thing there hardly waits for it.
 */
const windowMs = 100;

/**
 * Parts of the host's network boot that change are waited for longer, for they are to be in one transaction. New ones come to the
 * same in two.
 */
const partsWindowMs = 250;

class Queue {
  readonly #connection: Connection;
  #waiting: Waiting[] = [];
  #group: readonly Waiting[] = [];
  /** The host is reached as soon as there is something to do, while more of it comes. */
  #reached: Promise<Host> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #busy = false;
  /** The resources whose changes this run has committed there: by id, whether they are there since or gone. */
  readonly #committed = new Map<string, Change["kind"]>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  add(member: Waiting): void {
    this.#waiting.push(member);
    this.#reached ??= this.#open();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#next(), windowOf(this.#waiting));
  }

  #open(): Promise<Host> {
    const opened = openHost(this.#connection, {
      say: (line) => {
        for (const member of [...this.#group, ...this.#waiting]) member.tell("progress", line);
      },
    });
    // Whoever waits for it hears of a failure.
    opened.catch(() => {});
    return opened;
  }

  async #next(): Promise<void> {
    if (this.#busy || this.#waiting.length === 0) return;
    this.#busy = true;
    // One change a resource: a second one of the same waits for its own transaction.
    const group = this.#waiting.filter(
      ({ change }, index) => this.#waiting.findIndex((other) => idOf(other.change) === idOf(change)) === index,
    );
    this.#waiting = this.#waiting.filter((member) => !group.includes(member));
    this.#group = group;
    // Told only when all of the group is done: what a failure means depends on what else of it stands.
    for (const { member, reason } of await this.#commit(group)) member.reject(this.#withMeaning(reason));
    this.#group = [];
    this.#busy = false;
    await this.#next();
  }

  #withMeaning(reason: unknown): unknown {
    if (!NetbootError.is(reason) || reason instanceof ChangesTogether) return reason;
    const undone = reason instanceof Refused ? reason.undone : undefined;
    const [stands, gone] = (["put", "drop"] as const).map((kind) =>
      [...this.#committed.keys()].filter((id) => this.#committed.get(id) === kind).toSorted(),
    );
    const meaning = renderMeaning(reason.code, undone, stands ?? [], gone);
    const message = [reason.message, meaning].filter((each) => each !== "").join("\n");
    if (!(reason instanceof Refused)) return new NetbootError(reason.code, message, { cause: reason });
    return new Refused(reason.code, message, reason.culprit, reason.isIdTaken, undone);
  }

  /**
   * One transaction for all; if it is refused, without the culprit, or in halves until the culprits stand alone. The parts
   * of the host's network boot stay together. Gives back those that failed.
   */
  async #commit(group: readonly Waiting[]): Promise<readonly Failed[]> {
    if (group.length === 0) return [];
    try {
      const reached = this.#reached;
      this.#reached = undefined;
      await reached;
      // The same connection, or another one where that has died since.
      const host = await this.#open();
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
        this.#committed.set(id, member.change.kind);
        member.resolve({ machine: report.machine, ...(report.answers.get(id) ?? nothing) });
      }
      return [];
    } catch (reason) {
      const units = unitsOf(group);
      const { host } = this.#connection;
      if (units.length === 1 || !(reason instanceof Refused) || isShared(reason)) return failedOf(group, reason, host);
      const guilty = units.find((unit) => unit.some(({ change }) => idOf(change) === reason.culprit));
      if (guilty !== undefined) {
        const others = units.filter((unit) => unit !== guilty).flat();
        return [...failedOf(guilty, reason, host), ...(await this.#commit(others))];
      }
      if (reason.culprit !== undefined && foreignFailures.has(reason.code)) return failedOf(group, reason, host);
      const half = Math.ceil(units.length / 2);
      return [...(await this.#commit(units.slice(0, half).flat())), ...(await this.#commit(units.slice(half).flat()))];
    }
  }
}

function windowOf(waiting: readonly Waiting[]): number {
  return waiting.some((member) => isPart(member) && member.machine !== undefined) ? partsWindowMs : windowMs;
}

/** What is refused together: each resource alone, and all parts of the host's network boot. */
function unitsOf(group: readonly Waiting[]): readonly (readonly Waiting[])[] {
  const parts = group.filter(isPart);
  const others = group.filter((member) => !isPart(member)).map((member) => [member]);
  return parts.length === 0 ? others : [parts, ...others];
}

function isPart({ change }: Waiting): boolean {
  return change.kind === "put" && kindOf(kindIn(idOf(change))).isPart === true;
}

/** The culprit has all the words; those that change with it are told which it is. */
function failedOf(unit: readonly Waiting[], reason: unknown, host: string): readonly Failed[] {
  const culprit = reason instanceof Refused ? reason.culprit : undefined;
  const named = unit.some(({ change }) => idOf(change) === culprit);
  return unit.map((member) => {
    const isCulprit = !named || idOf(member.change) === culprit || !(reason instanceof Refused);
    return { member, reason: isCulprit ? reason : new ChangesTogether(host, reason, culprit) };
  });
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
