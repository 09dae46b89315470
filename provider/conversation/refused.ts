import { NetbootError } from "../errors";
import { whyOtherMachine } from "../plan/decide";
import type { Facts } from "../plan/facts";
import { renderFailure } from "../plan/outcome";
import type { Host } from "../ssh/link";
import type { Conversation } from "./conversation";

/** A refusal, and the resource that caused it where that could be told. */
export class Refused extends NetbootError {
  readonly culprit: string | undefined;
  /** The culprit's id is another resource's: a create can take another one. */
  readonly isIdTaken: boolean;
  /** What became of node 0, where it had been touched already. */
  readonly undone: string | undefined;

  constructor(
    code: NetbootError["code"],
    message: string,
    culprit: string | undefined,
    isIdTaken = false,
    undone?: string,
  ) {
    super(code, message);
    this.culprit = culprit;
    this.isIdTaken = isIdTaken;
    this.undone = undone;
  }
}

/** What a resource hears that changes together with one that was refused: the words are beside that one. */
export class ChangesTogether extends Refused {
  constructor(host: string, { code, undone }: Refused, culprit: string | undefined) {
    super(
      code,
      `${host}: not done, for it changes together with ${culprit}, which was refused`,
      culprit,
      false,
      undone,
    );
  }
}

export function refuseOtherMachine(host: Host, machine: string | undefined, { machineId }: Facts): void {
  const refusal = whyOtherMachine(machine, machineId);
  if (refusal !== undefined) throw new NetbootError("OTHER_MACHINE", `${host.name}: ${refusal.message}`);
}

/** What node 0 could not answer. */
export function throwFailure(host: Host, { failure }: Conversation): void {
  if (failure === undefined) return;
  const code = failure.code === "wrong" || failure.code === "invalid" ? "BUG" : failure.code;
  throw new Refused(code, `${host.name}: ${renderFailure(failure.text)}`, failure.id);
}
