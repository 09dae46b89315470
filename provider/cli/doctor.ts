import { inspect } from "../conversation/look";
import { renderError } from "../errors";
import { renderDrift } from "../kinds/drift";
import { declarationOf } from "../lifecycle/changes";
import type { Ailment } from "../plan/health";
import { hidden } from "../values/hidden";
import { byHost, openStackHost, type StackResource } from "./stack";
import { type Verified, verify } from "./verify";

/** What stands in the place of a resource where the host itself can't be asked. */
const unreachable = "connection";

/** The same of a transaction that is on node 0. */
const transaction = "transaction";

function renderUnfinished(paths: readonly string[]): string {
  const shown = paths.slice(0, 8).join(", ");
  const more = paths.length > 8 ? ` and ${paths.length - 8} more` : "";
  return `is neither committed nor undone: ${shown}${more}; if no run is at work there, the next \`pulumi up\` tries to put them back first, and tells what it can't`;
}

/** One thing that is not as the stack has it. */
export interface Finding {
  readonly host: string;
  readonly resource: string;
  readonly what: string;
  /** Whether `pulumi up --refresh` mends it, as it does what differs from the stack. */
  readonly differs: boolean;
}

/**
 * Looks at every node 0 of a stack: whether it can be reached, and what of it is not as the stack has it. Changes nothing.
 */
export async function examine(resources: readonly StackResource[]): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const on of byHost(resources).values()) {
    const [first] = on;
    if (first === undefined) continue;
    try {
      const host = await openStackHost(first);
      const changes = await Promise.all(
        on.map(async ({ kind, id, outputs }) => ({
          kind: "put" as const,
          declaration: await declarationOf(kind, id, String(outputs[hidden.generation]), outputs, "look"),
        })),
      );
      const machine = first.outputs[hidden.machine];
      const known = typeof machine === "string" ? machine : undefined;
      const { answers, unfinished, ailments } = await inspect(host, changes, known);
      if (unfinished.length > 0) {
        findings.push({ host: host.name, resource: transaction, what: renderUnfinished(unfinished), differs: false });
      }
      findings.push(
        ...ailments.map(({ what, text }) => ({ host: host.name, resource: what, what: text, differs: false })),
      );
      for (const { id, kind } of on) {
        const answer = answers.get(id);
        const about = { host: host.name, resource: id, differs: true };
        if (answer?.how === "gone")
          findings.push({ ...about, what: `${gone}${kind === "TimeServer" ? ofChrony : ""}` });
        for (const drift of answer?.drift ?? []) {
          findings.push({ ...about, what: renderDrift(drift), differs: drift.isByHand !== true });
        }
      }
      const verified = await verify(on.filter(({ id }) => answers.get(id)?.how !== "gone"));
      findings.push(...notServed(verified, ailments));
    } catch (error) {
      const { host } = first.connection;
      const words = renderError(error);
      const what = words.startsWith(`${host}: `) ? words.slice(host.length + 2) : words;
      findings.push({ host, resource: unreachable, what, differs: false });
    }
  }
  return findings;
}

const gone = "is not on this host any more";
/** A chrony without a record of who brought it might be the host's own. */
const ofChrony =
  ". If chrony still is, say `time: { replace: true }` (for a TimeServer alone: `replace: true`), for no record tells who brought it";

/** As many machines of a resource are told of by name. */
const mostMachines = 8;

/** What `verify` would fail on, but for what is told already. */
export function notServed(verified: readonly Verified[], ailments: readonly Ailment[]): readonly Finding[] {
  const told = new Set(ailments.map(({ text }) => `served; ${text}`));
  const byResource = Map.groupBy(
    verified.filter(({ served, seen }) => !served && !told.has(seen)),
    ({ resource }) => resource,
  );
  return [...byResource].flatMap(([resource, machines]) => {
    const finding = (what: string) => ({ host: machines[0]?.host ?? "", resource, what, differs: false });
    const shown = machines.slice(0, mostMachines).map(({ machine, seen }) => finding(`${machine}: ${seen}`));
    const more = machines.length - shown.length;
    if (more === 0) return shown;
    return [
      ...shown,
      finding(`${more} more of its machines are not served; \`npx pulumi-netboot verify\` tells of each`),
    ];
  });
}

/** The findings as people read them. */
export function renderFindings(findings: readonly Finding[]): string {
  if (findings.length === 0) return "all as the stack has it";
  const lines = findings.map(({ host, resource, what }) => `${host}: ${resource}: ${what}`);
  const isMended = findings.some(({ differs }) => differs);
  return [...lines, ...(isMended ? ["", "`pulumi up --refresh` mends what differs"] : [])].join("\n");
}
