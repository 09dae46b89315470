import { sha256Of } from "../digest";
import { renderError } from "../errors";
import { declaresMachines } from "../kinds/node";
import { idFromUrn } from "../lifecycle/stacks";
import { stackOf } from "../plan/records";
import { hostName } from "../values/place";
import { type FleetView, fleetViewOf, type Known, type SeenServer } from "../view/fleet";
import { readHistory } from "./history";
import { byHost, type StackResource } from "./stack";
import { onSecond, verifyHost } from "./verify";

/**
 * Gathers what a stack's page shows: out of its state alone, or with what every node 0 of it proves and what their logs tell.
 * Changes nothing; a node 0 that can't be asked is a part of the page.
 */
export async function viewStack(
  resources: readonly StackResource[],
  { since, offline }: { readonly since: number; readonly offline: boolean },
): Promise<FleetView> {
  const seen: SeenServer[] = [];
  for (const on of byHost(resources).values()) seen.push(await seeServer(on, since, offline));
  const [first] = resources;
  const stack = first === undefined ? "" : stackOf(idFromUrn(first.kind, first.urn));
  return fleetViewOf(stack, seen, { at: Math.floor(Date.now() / 1000), since, wasAsked: !offline }, sha256Of);
}

async function seeServer(on: readonly StackResource[], since: number, offline: boolean): Promise<SeenServer> {
  const about = { host: hostName(on[0]?.connection) ?? "", resources: on };
  if (offline) return { ...about, failures: [] };
  const failures: string[] = [];
  const unless = async <T>(asked: Promise<T>): Promise<T | undefined> => {
    try {
      return await asked;
    } catch (error) {
      failures.push(renderError(error));
      return undefined;
    }
  };
  const history = await unless(readHistory(on, since));
  // Who can't be reached once is not waited for again.
  const proof = history === undefined ? undefined : await unless(verifyHost(on.filter(declaresMachines)));
  return {
    ...about,
    ...(proof === undefined
      ? {}
      : {
          proof: {
            said: new Map(proof.machines.map(({ resource, machine, seen }) => [`${resource} ${machine}`, seen])),
            ...(proof.besides === undefined ? {} : { besides: proof.besides }),
          },
        }),
    ...(history === undefined ? {} : { boots: history.boots, gaps: history.gaps }),
    failures,
  };
}

/** The machines of a page in a line: `3 machines: 1 fail, 2 proved`. One on two node 0s is one, and as well off as on the worse of them. */
export function renderCounts({ machines, resources }: Pick<FleetView, "machines" | "resources">): string {
  const words: Readonly<Record<Known, string>> = {
    wrong: "fail",
    doubt: "not proved",
    unasked: "not asked",
    proved: "proved",
  };
  const nameOf = ({ name, by }: FleetView["machines"][number]) => `${name} ${resources[by]?.replace(onSecond, "")}`;
  const each = [...Map.groupBy(machines, nameOf).values()];
  const order = Object.keys(words) as readonly Known[];
  const worst = each.map((rows) => order.find((known) => rows.some((row) => row.known === known)));
  const counts = order.flatMap((known) => {
    const count = worst.filter((one) => one === known).length;
    return count === 0 ? [] : [`${count} ${words[known]}`];
  });
  const all = `${each.length} ${each.length === 1 ? "machine" : "machines"}`;
  return counts.length === 0 ? all : `${all}: ${counts.join(", ")}`;
}
