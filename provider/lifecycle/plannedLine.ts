import { planOnly } from "../conversation/planOnly";
import { type Change, type Declaration, idOf } from "../kinds/want";
import { showPlan } from "../plan/shown";
import { renderPlanLine } from "../plan/shownText";
import { whyHidden, whyUnplannable } from "../preview/placeholders";
import { openHost } from "../ssh/pool";
import { type Connection, connectionSchema } from "../values/connection";
import { hidden } from "../values/hidden";
import { declarationOf } from "./changes";
import type { Properties } from "./comparison";
import { type Display, displayOn } from "./display";
import { generationOf, identityIn, otherId, urnIn } from "./stacks";

/** One resource that the engine is about to change, or only previews. */
interface Member {
  readonly change: Change;
  readonly machine: string | undefined;
  /** A create, which may yet take another id. */
  readonly isNew: boolean;
  readonly display: Display;
  readonly done: () => void;
}

/** Those that the engine hands over together are planned together, as they would be changed. */
const windowMs = 250;

/** The changes of one host in this run, wave by wave. */
class Waves {
  readonly #connection: Connection;
  /** What was told of a refusal, by its words: beside which resource. */
  readonly #refused = new Map<string, string>();
  /** What would stand already when the next wave comes. */
  #before: readonly Change[] = [];
  #waiting: Member[] = [];
  #timer: NodeJS.Timeout | undefined;
  #last: Promise<void> = Promise.resolve();
  /** What was told of the host as a whole; changes that come one after another here may be one in the up. */
  readonly #told = new Set<string>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  add(member: Member): void {
    this.#waiting.push(member);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const wave = this.#waiting;
      this.#waiting = [];
      this.#last = this.#last
        .then(() => this.#plan(wave))
        .finally(() => {
          for (const { done } of wave) done();
        });
    }, windowMs);
  }

  /** Who is refused is left out, as an up would. What goes wrong here is no reason to fail a preview. */
  async #plan(wave: readonly Member[]): Promise<void> {
    let left = wave;
    try {
      const host = await openHost(this.#connection);
      while (left.length > 0) {
        const changes = [...this.#before, ...left.map(({ change }) => change)];
        const machine = left.find((member) => member.machine !== undefined)?.machine;
        const outcome = await planOnly(host, changes, machine);
        if ("planned" in outcome) {
          this.#before = changes;
          const ids = new Set(left.map(({ change }) => idOf(change)));
          const line = renderPlanLine(showPlan({ ...outcome.planned, hidden: new Map() }), ids, this.#told);
          left[0]?.display("note", line);
          return;
        }
        const { code, id, message, isIdTaken } = outcome.refusal;
        const culprit = left.find(({ change }) => idOf(change) === id);
        if (isIdTaken && culprit?.isNew) {
          left = left.map((member) => (member === culprit ? underOtherId(member) : member));
          continue;
        }
        const words = `${message} [${code}]`;
        const beside = this.#refused.get(words);
        const why = beside === undefined ? `: ${words}` : `, for the reason that is told beside ${beside}`;
        (culprit ?? left[0])?.display("warning", `as ${host.name} is now, this is refused${why}`);
        if (id !== undefined && beside === undefined) this.#refused.set(words, id);
        left = culprit === undefined ? [] : left.filter((member) => member !== culprit);
      }
    } catch (reason) {
      left[0]?.display("note", `what this does on node 0 can't be planned now: ${wordsOf(reason)}`);
    }
  }
}

/** As a create does that finds its id taken. */
function underOtherId(member: Member): Member {
  const { change } = member;
  if (change.kind !== "put") return member;
  const declaration = { ...change.declaration, id: otherId(change.declaration.id) };
  return { ...member, isNew: false, change: { kind: "put", declaration } };
}

function wordsOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}

const waves = new Map<string, Waves>();

/**
 * Tells beside a resource what its change does on node 0 as it is now, in a run that asks node 0 anyway. Comes back when it is
 * told.
 */
export async function tellPlan(kind: string, id: string, olds: Properties, news: Properties): Promise<void> {
  const display = displayOn(news["connection"], urnIn(kind, news));
  const why = whyUnplannable(kind, news);
  if (why !== undefined) return display("note", `what this does on node 0 can't be planned yet: ${why}`);
  const before = olds[hidden.generation];
  const generation = generationOf(identityIn(kind, id, news), typeof before === "string" ? before : undefined);
  let declaration: Declaration;
  try {
    declaration = await declarationOf(kind, id, generation, news, "apply");
  } catch (reason) {
    // As a file on this machine that can't be read any more: the up will say so.
    return display("note", `what this does on node 0 can't be planned now: ${wordsOf(reason)}`);
  }
  // A text that is still to come stands for itself, and would be taken for what it will be.
  const [unread] = declaration.wants.flatMap((want) => {
    const hiding = want.want === "file" ? whyHidden(want.content) : undefined;
    return want.want === "file" && hiding !== undefined ? [`${want.path}: ${hiding}`] : [];
  });
  if (unread !== undefined) return display("note", `what this does on node 0 can't be planned yet: ${unread}`);
  const machine = olds[hidden.machine];
  const connection = connectionSchema.parse(news["connection"]);
  const key = JSON.stringify(connection);
  const own = waves.get(key) ?? new Waves(connection);
  waves.set(key, own);
  await new Promise<void>((done) => {
    own.add({
      change: { kind: "put", declaration },
      isNew: before === undefined,
      machine: typeof machine === "string" ? machine : undefined,
      display,
      done,
    });
  });
}
