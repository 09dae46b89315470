import { sha256Of } from "../digest";
import { NetbootError } from "../errors";
import type { Question } from "../facts/question";
import type { Change as Wanted } from "../kinds/want";
import { whyKeptOut } from "../plan/admission";
import { type Change, machinesOf } from "../plan/change";
import { type Decided, decide } from "../plan/decide";
import type { Facts } from "../plan/facts";
import type { FirewallPart } from "../plan/firewallPart";
import type { Brought } from "../plan/ground";
import { peersOf } from "../plan/otherServers";
import {
  isUnheard,
  outputsOf,
  renderDifference,
  renderFailure,
  type Wrong,
  whyInvalid,
  whyWrong,
} from "../plan/outcome";
import { renderBrought, renderPurged } from "../plan/packages";
import type { Expectation } from "../plan/plan";
import { questionsOf, rulesetQuestions } from "../plan/questions";
import type { Refusal } from "../plan/refusal";
import { refuseGivenBack, renderRemaining } from "../plan/timeDaemon";
import type { Host } from "../ssh/link";
import { historyOf, historyQuestions } from "./boots";
import { type Conversation, converse, type Opening, type Reply, type Tell } from "./conversation";
import { bringReportOf, givenBack, isAsBefore, undoneIn, wrongsIn } from "./heard";
import { partsOf, renderMachineLine, type Said } from "./protocol";
import { Refused } from "./refused";
import { renderFirewall, renderHeadsBefore, renderPlan, renderRecovery } from "./renderPlan";
import type { Answer, Report } from "./report";
import { renderFlat, valuesOf } from "./rows";

/**
 * Changes a host: one conversation, and one transaction for all of it.
 *
 * @throws {@link Refused} if it can't be done, or was undone; whatever opening the conversation throws
 */
export async function apply(
  host: Host,
  wanted: readonly Wanted[],
  machine: string | undefined,
  tell: Tell = () => {},
): Promise<Report> {
  const transaction = new Transaction(wanted, machine, tell);
  const talk = await converse(host, transaction.opening, (facts, said) => transaction.reply(facts, said), tell);
  return transaction.report(host.name, talk);
}

/** One change of a host, from its opening to what came of it. */
class Transaction {
  readonly #change: Change;
  readonly #machine: string | undefined;
  readonly #tell: Tell;
  readonly #asked = new Set<string>();
  #brought: Brought | undefined;
  #bringing: Brought["plan"] | undefined;
  #refusal: Refusal | undefined;
  #decided: Decided | undefined;

  constructor(wanted: readonly Wanted[], machine: string | undefined, tell: Tell) {
    this.#machine = machine;
    this.#tell = tell;
    this.#change = changeOf(wanted);
  }

  get opening(): Opening {
    return { ...openingOf(this.#change, { locks: true }), questions: this.#ask(questionsOf(this.#change)) };
  }

  #ask(questions: Readonly<Record<string, Question>>): Readonly<Record<string, Question>> {
    for (const key of Object.keys(questions)) this.#asked.add(key);
    return questions;
  }

  reply(facts: Facts, said: readonly Said[]): Reply {
    if (this.#bringing !== undefined) {
      this.#brought = { plan: this.#bringing, report: bringReportOf(said) };
      this.#bringing = undefined;
    }
    const given = {
      change: this.#change,
      machine: this.#machine,
      brought: this.#brought,
      asked: this.#asked,
      peers: peersAtFirst(facts),
      sha256: sha256Of,
    };
    const step = decide(given, facts);
    switch (step.step) {
      case "refuse":
        this.#refusal = step.refusal;
        return { reply: "stop" };
      case "ask":
        return { reply: "ask", questions: this.#ask(step.questions) };
      case "bring":
        this.#bringing = step.bring;
        return {
          reply: "bring",
          lines: [...renderHeadsBefore(step.heads), ...renderFlat(step.bring)],
          questions: this.#ask(step.questions),
        };
      case "transact": {
        this.#decided = step.decided;
        const { plan, firewall, heads, after } = step.decided;
        const lines = [
          ...renderHeadsBefore(heads),
          ...renderRecovery(),
          ...renderPlan(plan),
          ...(firewall === undefined ? [] : renderFirewall(firewall)),
          ...renderFlat(after),
        ];
        return { reply: "transact", lines, questions: this.#questionsAfter() };
      }
    }
  }

  /** The last boots of machines that are asked for them. */
  #questionsAfter(): Readonly<Record<string, Question>> {
    const ids = this.#idsWithHistory();
    return {
      ...(ids.length === 0 ? {} : historyQuestions(ids)),
      ...(keepsRules(this.#decided?.firewall) ? rulesetQuestions : {}),
    };
  }

  #idsWithHistory(): readonly string[] {
    return [...this.#change.puts.values()]
      .filter(({ wants }) => wants.some(({ want }) => want === "history"))
      .map(({ id }) => id);
  }

  report(host: string, talk: Conversation): Report {
    const { facts, said } = talk;
    const [first = "-"] = [...this.#change.puts.keys(), ...this.#change.drops.keys()].toSorted();
    if (facts.recovered) {
      const text = "an earlier transaction was cut short; what it had changed was put back before this one began";
      this.#tell(first, "warning", text);
    }
    const late = valuesOf(said, "late").map(({ copy }) => copy ?? "");
    const lateWords = late.length === 0 ? "" : `what somebody wrote in the meantime is kept as ${late.join(", ")}`;
    const refusal = this.#refused(talk);
    const stands = talk.wasComplete && talk.failure === undefined;
    if (stands) this.#warn(said, facts, first, lateWords);
    if (refusal !== undefined) {
      const { code, id, message, isIdTaken } = refusal;
      const brought = renderBrought(this.#brought?.report.brought ?? bringReportOf(said).brought);
      const words = [message, ...(stands ? [] : [lateWords]), brought].filter((each) => each !== "");
      throw new Refused(code, `${host}: ${words.join("\n")}`, id, isIdTaken, stands ? "" : undoneIn(talk));
    }
    const { plan, register, doubts, firewall } = this.#decided ?? impossible();
    const ids = [...this.#change.puts.keys()];
    const after = this.#doubtAfter(facts);
    const doubtOf = (id: string): string | undefined => doubts.get(id) ?? after;
    const outputs = outputsOf(plan, register, ids, doubtOf);
    const how = new Map(valuesOf(said, "done").map(({ id = "", how: what = "" }) => [id, what] as const));
    const answers = new Map<string, Answer>();
    for (const id of ids) {
      const more = {
        ...(firewall?.puts.includes(id) === true ? { manager: firewall.plan.manager } : {}),
        ...this.#taken(id),
        ...this.#history(id, facts),
      };
      answers.set(id, {
        how: this.#hasBrought(id) ? "changed" : (how.get(id) ?? ""),
        outputs: { ...outputs.get(id), ...more },
        drift: [],
      });
    }
    for (const id of this.#change.drops.keys()) answers.set(id, { how: "dropped", outputs: {}, drift: [] });
    return { machine: facts.machineId.slice(0, 12), answers, unfinished: [] };
  }

  /** What is to be said of a change that stands. */
  #warn(said: readonly Said[], facts: Facts, first: string, lateWords: string): void {
    const { warnings, firewall } = this.#decided ?? impossible();
    // What goes of somebody's is told in any case, also where the resource of the file is not in this run.
    const differences = valuesOf(said, "difference")
      .map(renderDifference)
      .map(({ id, text }) => ({ id: this.#change.puts.has(id) || this.#change.drops.has(id) ? id : "-", text }));
    for (const { id, text } of [
      ...differences,
      ...warnings,
      ...this.#wrongs(said, facts),
      ...(firewall?.warnings ?? []),
    ]) {
      this.#tell(id === "-" ? first : id, "warning", text);
    }
    if (lateWords !== "") this.#tell(first, "warning", lateWords);
    const doubt = this.#doubtAfter(facts);
    if (doubt !== undefined) this.#tell(first, "warning", `not proved: ${doubt}`);
    this.#tellPackages(said, first);
  }

  /** Whether managers that keep our rules themselves made of them what was foreseen: asked when all is done. */
  #doubtAfter(facts: Facts): string | undefined {
    const { firewall, register } = this.#decided ?? impossible();
    return keepsRules(firewall) ? whyKeptOut(register, facts.answers, undefined)?.all?.text : undefined;
  }

  /** Why it was not done; nothing if it was. */
  #refused({ facts, said, failure, wasComplete }: Conversation): Refusal | undefined {
    if (this.#refusal !== undefined) return this.#refusal;
    const plan = this.#decided?.plan;
    const given = givenBack(said);
    const undone = refuseGivenBack(given);
    if (failure === undefined) {
      if (undone !== undefined) return undone;
      if (wasComplete) return undefined;
      const message =
        "node 0 waits 20 s for the whole plan, which did not come; look whether the link is that slow, and run it again";
      return { code: "TRANSACTION_FAILED", message };
    }
    if (plan !== undefined && failure.code === "wrong") {
      const wrong = wrongsIn(said).find(({ undoes }) => undoes);
      const expectation = wrong && plan.expectations[wrong.n];
      if (wrong !== undefined && expectation !== undefined) return this.#whyWrong(expectation, wrong, facts);
    }
    if (plan !== undefined && failure.code === "invalid") {
      const [invalid] = valuesOf(said, "invalid");
      return whyInvalid(plan, Number(invalid?.["n"]), invalid?.["said"] ?? "");
    }
    const code = failure.code === "wrong" || failure.code === "invalid" ? "BUG" : failure.code;
    const id = failure.id ?? (code === "FIREWALL_REFUSED" ? this.#decided?.firewall?.ids[0] : undefined);
    return { code, ...(id === undefined ? {} : { id }), message: renderFailure(failure.text) };
  }

  /** With what may have kept node 0's own question from an answer that it did not hear. */
  #whyWrong(expectation: Expectation, wrong: Wrong, { answers }: Facts): Refusal {
    const refusal = whyWrong(expectation, wrong);
    const { register, firewall } = this.#decided ?? impossible();
    const because = isUnheard(wrong) ? whyKeptOut(register, answers, firewall)?.own : undefined;
    return because === undefined ? refusal : { ...refusal, message: `${refusal.message}; ${because}` };
  }

  /** What was not as expected, and did not undo the change. */
  #wrongs(said: readonly Said[], facts: Facts): readonly { readonly id: string; readonly text: string }[] {
    const { plan } = this.#decided ?? impossible();
    const told = new Set(this.#decided?.broken);
    return wrongsIn(said).flatMap((wrong) => {
      const expectation = plan.expectations[wrong.n];
      // One sentence a chain, or another node 0: what comes after it follows from it.
      const chain = wrong.seen["chain"] ?? (wrong.seen["is"] === "peer" ? `peer ${wrong.seen["server"]}` : "");
      if (expectation === undefined || (chain !== "" && told.has(chain)) || isAsBefore(expectation, wrong)) return [];
      told.add(chain);
      return [{ id: "-", text: `not proved: ${this.#whyWrong(expectation, wrong, facts).message}` }];
    });
  }

  /** Whether apt has brought something for a resource that declares packages. */
  #hasBrought(id: string): boolean {
    const wantsPackages = this.#change.puts.get(id)?.wants.some(({ want }) => want === "package") === true;
    return wantsPackages && (this.#brought?.report.brought.length ?? 0) > 0;
  }

  #taken(id: string): Readonly<Record<string, string>> {
    const sizes = this.#decided?.sizes;
    const entry = this.#decided?.register.after.get(id);
    const taken = entry?.held.find((held) => held.want === "taken");
    const bytes = taken?.want === "taken" ? sizes?.get(taken.path) : undefined;
    return bytes === undefined ? {} : { bytes: String(bytes) };
  }

  #history(id: string, facts: Facts): Readonly<Record<string, string>> {
    return this.#idsWithHistory().includes(id) ? historyOf(id, facts) : {};
  }

  #tellPackages(said: readonly Said[], first: string): void {
    for (const text of renderRemaining(givenBack(said))) this.#tell(first, "warning", text);
    for (const { id = first, packages, others, status, said: words = "" } of valuesOf(said, "purged")) {
      const purged = {
        packages: partsOf(packages),
        others: partsOf(others),
        apt: { status: Number(status), said: words },
      };
      const text = renderPurged(purged);
      if (text !== undefined) this.#tell(id, "warning", text);
    }
  }
}

/** By machine, the other node 0s that its register named when this process came to it first. */
const atFirst = new Map<string, readonly string[]>();

function peersAtFirst({ machineId, before }: Facts): readonly string[] {
  const peers = atFirst.get(machineId) ?? peersOf({ before, after: before });
  atFirst.set(machineId, peers);
  return peers;
}

/** What is asked of one host together. */
export function changeOf(wanted: readonly Wanted[]): Change {
  const puts = new Map(
    wanted.flatMap((each) => (each.kind === "put" ? [[each.declaration.id, each.declaration]] : [])),
  );
  const gone = wanted.flatMap((each) => (each.kind === "drop" ? [each] : []));
  return {
    puts,
    drops: new Map(gone.map(({ id, generation }) => [id, generation])),
    tokens: new Set(gone.flatMap(({ tokens }) => [...(tokens ?? [])])),
  };
}

/** How a conversation about a change begins, without its questions. */
export function openingOf({ puts, drops }: Change, { locks }: { readonly locks: boolean }): Omit<Opening, "questions"> {
  return {
    locks,
    puts: [...puts.values()].map((put) => ({
      id: put.id,
      generation: put.generation,
      machines: machinesOf(put).map(renderMachineLine),
    })),
    drops: [...drops].map(([id, generation]) => ({ id, generation })),
  };
}

function impossible(): never {
  throw new NetbootError("BUG", "this is a bug in pulumi-netboot: a transaction without a plan");
}

/** ufw and firewalld put our rules where they like. */
function keepsRules(firewall: FirewallPart | undefined): boolean {
  return firewall?.plan.manager === "ufw" || firewall?.plan.manager === "firewalld";
}
