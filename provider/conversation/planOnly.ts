import { sha256Of } from "../digest";
import { NetbootError } from "../errors";
import { fixedQuestions } from "../facts/fixedPaths";
import type { Question } from "../facts/question";
import type { Change as Wanted } from "../kinds/want";
import { stateFolder } from "../os/packages";
import { asIfBrought, broughtInPlan } from "../plan/asIfBrought";
import type { Change } from "../plan/change";
import { type Decided, decide } from "../plan/decide";
import type { Facts } from "../plan/facts";
import { refuseFixed } from "../plan/fixed";
import type { Brought } from "../plan/ground";
import { recordKey, recordQuestion } from "../plan/otherDhcpServer";
import { questionsOf } from "../plan/questions";
import type { Refusal } from "../plan/refusal";
import { contentQuestions, type Planned, questionsOfPlan, releasedPaths, showPlan } from "../plan/shown";
import type { Host } from "../ssh/link";
import { type Conversation, converse, type Opening, type Reply } from "./conversation";
import { encodeWord } from "./protocol";
import { throwFailure } from "./refused";
import { changeOf, openingOf } from "./transaction";

/** What a change would do, or why it can't be done. */
export type PlannedOrRefused = { readonly refusal: Refusal } | { readonly planned: Omit<Planned, "hidden"> };

/**
 * Plans a change of a host as {@link apply} does, and stops there: nothing is locked, and nothing changes. What packages would
 * bring is taken as brought.
 *
 * @throws whatever opening the conversation throws
 */
export async function planOnly(
  host: Host,
  wanted: readonly Wanted[],
  machine: string | undefined,
): Promise<PlannedOrRefused> {
  const planning = new Planning(changeOf(wanted), machine);
  const talk = await converse(host, planning.opening, (facts) => planning.reply(facts));
  throwFailure(host, talk);
  return planning.outcome(talk);
}

/** One plan of a change, from its opening to what was decided. */
class Planning {
  readonly #change: Change;
  readonly #machine: string | undefined;
  readonly #asked = new Set<string>();
  #brought: Brought | undefined;
  #refusal: Refusal | undefined;
  #decided: Decided | undefined;

  constructor(change: Change, machine: string | undefined) {
    this.#change = change;
    this.#machine = machine;
  }

  get opening(): Opening {
    const { puts, drops } = this.#change;
    return {
      ...openingOf(this.#change, { locks: false }),
      questions: this.#ask({
        ...questionsOf(this.#change),
        ...contentQuestions(this.#change),
        ...registerQuestions([...puts.keys(), ...drops.keys()]),
      }),
    };
  }

  #ask(questions: Readonly<Record<string, Question>>): Readonly<Record<string, Question>> {
    for (const key of Object.keys(questions)) this.#asked.add(key);
    return questions;
  }

  reply(facts: Facts): Reply {
    if (this.#decided !== undefined) return { reply: "stop" };
    const given = {
      change: this.#change,
      machine: this.#machine,
      brought: this.#brought,
      asked: this.#asked,
      sha256: sha256Of,
    };
    const step = decide(given, this.#brought === undefined ? facts : asIfBrought(facts, this.#brought.plan));
    switch (step.step) {
      case "refuse":
        this.#refusal = step.refusal;
        return { reply: "stop" };
      case "ask":
        return { reply: "ask", questions: this.#ask(step.questions) };
      case "bring":
        this.#brought = broughtInPlan(step.bring);
        return this.reply(facts);
      case "transact": {
        this.#decided = step.decided;
        const originals = originalQuestions(releasedPaths(step.decided));
        const ids = [...this.#change.puts.keys(), ...this.#change.drops.keys()];
        const { paths, joins } = step.decided.plan;
        const written = [...paths, ...joins].map(({ path }) => path);
        return {
          reply: "ask",
          questions: {
            ...questionsOfPlan(step.decided, this.#brought?.plan, ids),
            ...originals,
            ...fixedQuestions(written),
          },
        };
      }
    }
  }

  outcome({ facts }: Conversation): PlannedOrRefused {
    if (this.#refusal !== undefined) return { refusal: this.#refusal };
    if (this.#decided === undefined) {
      throw new NetbootError("BUG", "this is a bug in pulumi-netboot: a conversation that ended without a plan");
    }
    const { puts, drops } = this.#change;
    const ids = [...puts.keys(), ...drops.keys()];
    const planned = {
      change: this.#change,
      decided: this.#decided,
      facts: this.#brought === undefined ? facts : asIfBrought(facts, this.#brought.plan),
      bring: this.#brought?.plan,
      machinesBefore: new Map(ids.map((id) => [id, facts.answers.recorded(recordKey(id)) ?? []] as const)),
      originals: new Map(
        releasedPaths(this.#decided).flatMap((path) => {
          const was = originalIn(facts, path);
          return was === undefined ? [] : [[path, was] as const];
        }),
      ),
    };
    const refusal = refuseFixed(showPlan({ ...planned, hidden: new Map() }).files, facts.answers);
    return refusal === undefined ? { planned } : { refusal };
  }
}

// ---- The store: its records and originals, as node 0 has them ----

function inStore(folder: string, name: string): string {
  return `${stateFolder}/${folder}/${encodeWord(name).replaceAll("/", "%2F")}`;
}

function registerQuestions(ids: readonly string[]): Readonly<Record<string, Question>> {
  return Object.fromEntries(ids.map((id) => [recordKey(id), recordQuestion(id)] as const));
}

function originalKey(path: string): string {
  return `original ${path}`;
}

/** What was there before us, in words. */
function originalIn({ answers }: Facts, path: string): string | undefined {
  const [type, target] = answers.path(originalKey(path))?.content?.trim().split(" ") ?? [];
  if (type === "file") return "the file that was there before us";
  return type === "link" ? `the link to ${target} that was there before us` : undefined;
}

function originalQuestions(paths: readonly string[]): Readonly<Record<string, Question>> {
  return Object.fromEntries(
    paths.map(
      (path) => [originalKey(path), { ask: "path", path: `${inStore("kept", path)}.is`, bytes: 4096 }] as const,
    ),
  );
}
