import type { Question } from "../facts/question";
import { servers } from "../facts/servers";
import { type Unit, unitFacts } from "../facts/units";
import { recoveryUnitName } from "../os/paths";
import type { Facts } from "./facts";
import { whoElseServes } from "./occupied";
import type { Register } from "./records";

/** Something about node 0 itself, that is no resource's. */
export interface Ailment {
  readonly what: string;
  readonly text: string;
}

const units = unitFacts([recoveryUnitName], "health.units");

/** What else is to be known of a node 0 that is examined. */
export const healthQuestions: Readonly<Record<string, Question>> = { ...units.questions, ...servers.questions };

/** What is wrong with node 0 beside its resources: what would undo a change that a power cut ends, and who else serves there. */
export function ailmentsOf({ before, answers }: Facts): readonly Ailment[] {
  if (before.size === 0) return [];
  const register: Register = { before, after: before, clashes: [] };
  const recovery = whyNoRecovery(units.read(answers).get(recoveryUnitName));
  const others = whoElseServes(register, servers.read(answers));
  return [
    ...(recovery === undefined ? [] : [{ what: recoveryUnitName, text: recovery }]),
    ...(others === undefined ? [] : [{ what: "another server", text: others }]),
  ];
}

function whyNoRecovery(unit: Unit | undefined): string | undefined {
  if (unit === undefined) return undefined;
  if (unit.activeState === "failed")
    return `failed when node 0 booted: \`journalctl -b -u ${recoveryUnitName}\` there says why`;
  if (unit.loadState === "loaded" && unit.wantedBy.length > 0) return undefined;
  const how = unit.loadState === "loaded" ? "is not enabled" : `is ${unit.loadState}`;
  return `${how}, so nothing would undo a change that a power cut ends; the next change by \`pulumi up\` puts it back`;
}
