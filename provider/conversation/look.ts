import { sha256Of } from "../digest";
import { NetbootError } from "../errors";
import { journal } from "../facts/journal";
import type { Question } from "../facts/question";
import { registerTime } from "../facts/registerTime";
import type { Declaration } from "../kinds/want";
import { driftOf, lookQuestions } from "../plan/drift";
import type { Facts } from "../plan/facts";
import { type Ailment, ailmentsOf, healthQuestions } from "../plan/health";
import {
  besidesOf,
  type Proof,
  type ProofBesides,
  type Provable,
  planProofOf,
  proofQuestions,
  renderProof,
} from "../plan/proof";
import type { Host } from "../ssh/link";
import { bootFilesNow, bootFilesQuestions, historyOf, historyQuestions } from "./boots";
import { converse, type Opening } from "./conversation";
import { wrongsIn } from "./heard";
import { refuseOtherMachine, throwFailure } from "./refused";
import { renderExpectations } from "./renderPlan";
import type { Answer, Report } from "./report";
import { valuesOf } from "./rows";

// Nothing here changes a host.

/**
 * Compares a host with what was declared, for as long as `next` gives more to look at: in one conversation, unless somebody
 * changes a record meanwhile. Nothing is locked, and nothing changes.
 */
export async function look(
  host: Host,
  first: readonly Declaration[],
  machine: string | undefined,
  next: (report: Report) => Promise<readonly Declaration[]>,
): Promise<void> {
  let looked = first;
  let began: string | undefined;
  let isOutdated = false;
  const asked = (group: readonly Declaration[]) => ({ ...questionsOf(group), ...registerTime.questions });
  const talk = await converse(host, openingOf(asked(first)), async (facts) => {
    refuseOtherMachine(host, machine, facts);
    const time = registerTime.read(facts.answers);
    began ??= time;
    // The records are those of the beginning.
    isOutdated = time !== began;
    if (isOutdated) return { reply: "stop" };
    looked = await next(reportOf(looked, facts));
    if (looked.length === 0) return { reply: "stop" };
    return { reply: "ask", questions: asked(looked), isOther: true };
  });
  refuseOtherMachine(host, machine, talk.facts);
  throwFailure(host, talk);
  if (isOutdated) return await look(host, looked, machine, next);
  if (looked.length === 0) return;
  const message = "node 0 waits 20 s for a question, and ended before it had answered all; run it again";
  throw new NetbootError("CONNECTION_LOST", `${host.name}: ${message}`);
}

/** Compares a host with what was declared, and tells what is wrong with the host itself. */
export async function inspect(
  host: Host,
  declarations: readonly Declaration[],
  machine: string | undefined,
): Promise<Report & { readonly ailments: readonly Ailment[] }> {
  const opening = openingOf({ ...questionsOf(declarations), ...healthQuestions });
  const talk = await converse(host, opening, () => ({ reply: "stop" }));
  refuseOtherMachine(host, machine, talk.facts);
  throwFailure(host, talk);
  return { ...reportOf(declarations, talk.facts), ailments: ailmentsOf(talk.facts) };
}

function openingOf(questions: Opening["questions"]): Opening {
  return { locks: false, puts: [], drops: [], questions };
}

function questionsOf(declarations: readonly Declaration[]): Opening["questions"] {
  const withHistory = declarations
    .filter(({ wants }) => wants.some(({ want }) => want === "history"))
    .map(({ id }) => id);
  return { ...lookQuestions(declarations), ...journal.questions, ...historyQuestions(withHistory) };
}

function reportOf(declarations: readonly Declaration[], facts: Facts): Report {
  const answers = new Map<string, Answer>();
  const drifts = driftOf(declarations, facts, sha256Of);
  for (const declaration of declarations) {
    const entry = facts.before.get(declaration.id);
    if (entry === undefined) {
      answers.set(declaration.id, { how: "gone", outputs: {}, drift: [] });
      continue;
    }
    const hasHistory = entry.held.some(({ want }) => want === "history");
    answers.set(declaration.id, {
      how: "seen",
      outputs: hasHistory ? historyOf(declaration.id, facts) : {},
      drift: drifts.get(declaration.id) ?? [],
    });
  }
  return { machine: facts.machineId.slice(0, 12), answers, unfinished: journal.read(facts.answers) };
}

/** Proves machines now: both DHCP stages from each of their MACs, and every file that they meet. Nothing changes. */
export async function proveNow(
  host: Host,
  resources: readonly Provable[],
  machine: string | undefined,
): Promise<{ readonly proof: Proof; readonly besides: ProofBesides }> {
  let plan: ReturnType<typeof planProofOf> | undefined;
  const opening = { locks: true, puts: [], drops: [], questions: proofQuestions() };
  const talk = await converse(host, opening, (facts) => {
    refuseOtherMachine(host, machine, facts);
    plan = planProofOf(facts, resources);
    return plan.expectations.length === 0
      ? { reply: "stop" }
      : { reply: "see", lines: renderExpectations(plan.expectations) };
  });
  throwFailure(host, talk);
  const told = valuesOf(talk.said, "machine");
  const wrongs = wrongsIn(talk.said);
  if (plan === undefined) throw new NetbootError("BUG", "this is a bug in pulumi-netboot: a proof without a plan");
  return { proof: renderProof(plan, told, wrongs), besides: besidesOf(plan, wrongs) };
}

/** What node 0's log tells since a time, of the machines of all stacks. */
export async function readBoots(
  host: Host,
  since: string,
  machine: string | undefined,
): Promise<{ readonly log: string; readonly files: string; readonly machines: string }> {
  const questions: Record<string, Question> = {
    boots: { ask: "boots", since },
    roster: { ask: "roster" },
    ...bootFilesQuestions,
  };
  const talk = await converse(host, openingOf(questions), () => ({ reply: "stop" }));
  refuseOtherMachine(host, machine, talk.facts);
  throwFailure(host, talk);
  const { answers } = talk.facts;
  return {
    log: answers.boots("boots") ?? "",
    files: bootFilesNow(talk.facts),
    machines: answers.roster("roster") ?? "",
  };
}
