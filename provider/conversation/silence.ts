import { NetbootError } from "../errors";
import type { Question } from "../facts/question";
import type { Facts } from "../plan/facts";
import {
  endsTimer,
  hasRunOut,
  planSilence,
  silenceQuestions,
  silences,
  wakes,
  wakesLater,
  whyNotDone,
} from "../plan/silence";
import type { Host } from "../ssh/link";
import { converse } from "./conversation";
import { refuseOtherMachine, throwFailure } from "./refused";

/**
 * Stops the daemons by which machines boot from a node 0, while no change of ours runs there. A timer of its own starts them again.
 *
 * @returns the units that were stopped
 * @throws `NOT_SERVING` where they do not run; `COMMAND_FAILED` with systemd's words where they can't be stopped, or not for a time
 */
export async function silence(host: Host, machine: string | undefined, seconds: number): Promise<readonly string[]> {
  let names: readonly string[] = [];
  const first = (facts: Facts): Question => {
    refuseOtherMachine(host, machine, facts);
    const planned = planSilence(facts);
    if ("code" in planned) throw new NetbootError(planned.code, `${host.name}: ${planned.message}`);
    names = planned;
    return wakesLater(names, seconds);
  };
  await act(host, silenceQuestions, [first, () => silences(names)]);
  return names;
}

/**
 * Starts them again now.
 *
 * @throws `COMMAND_FAILED` with systemd's words
 */
export async function wake(host: Host, names: readonly string[]): Promise<void> {
  await act(host, {}, [() => wakes(names), () => endsTimer]);
}

/** Runs one program after the other, under the lock; each only if the one before has done what it should. */
async function act(
  host: Host,
  questions: Readonly<Record<string, Question>>,
  steps: readonly ((facts: Facts) => Question)[],
): Promise<void> {
  let done = 0;
  const talk = await converse(host, { locks: true, puts: [], drops: [], questions }, (facts) => {
    if (done > 0) {
      const ran = facts.answers.ran(`step ${done}`);
      if (ran?.status !== 0 && !hasRunOut(ran?.said ?? ""))
        throw new NetbootError("COMMAND_FAILED", `${host.name}: ${whyNotDone(ran?.said ?? "")}`);
    }
    const step = steps[done++];
    return step === undefined ? { reply: "stop" } : { reply: "ask", questions: { [`step ${done}`]: step(facts) } };
  });
  throwFailure(host, talk);
}
