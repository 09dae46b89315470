import { createHash } from "node:crypto";
import type { HostAnswers, Ran, Seen } from "../../../../provider/facts/question";
import type { Declaration, Want } from "../../../../provider/kinds/want";
import type { Change } from "../../../../provider/plan/change";
import type { Facts } from "../../../../provider/plan/facts";
import type { Plan } from "../../../../provider/plan/plan";
import type { RegisterEntry } from "../../../../provider/plan/records";

/** Answers by the questions' keys, each as its question has it. */
export type Told = Readonly<Record<string, unknown>>;

/** What a host answered. */
export function hostAnswers(told: Told = {}): HostAnswers {
  const at = (key: string): never => told[key] as never;
  return {
    ran: at,
    ranFor: (key) => {
      const byInterface = told[key] as Readonly<Record<string, Ran>> | undefined;
      return byInterface && new Map(Object.entries(byInterface));
    },
    path: at,
    folder: at,
    holders: at,
    packetSockets: (key) => at(`${key}: packets`),
    machines: at,
    others: at,
    joined: at,
    boots: at,
    recorded: at,
    roster: at,
  };
}

/** What a host says of itself: its register, what changes in it, and its answers. */
export function facts(
  before: readonly RegisterEntry[],
  told: Told = {},
  more: Partial<Omit<Facts, "after">> & { readonly after?: readonly RegisterEntry[] } = {},
): Facts {
  const { after = before, ...others } = more;
  const byId = (entries: readonly RegisterEntry[]) => new Map(entries.map((each) => [each.id, each]));
  return {
    machineId: "c0ffee00c0ffee00c0ffee00c0ffee00",
    recovered: false,
    before: byId(before),
    after: byId(after),
    clashes: [],
    proved: [],
    names: [],
    answers: hostAnswers(told),
    ...others,
  };
}

export function put(id: string, ...wants: readonly Want[]): Declaration {
  return { id, generation: "2", wants };
}

export function changeOf(puts: readonly Declaration[], drops: readonly string[] = []): Change {
  return { puts: new Map(puts.map((each) => [each.id, each])), drops: new Map(drops.map((id) => [id, "1"])) };
}

export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** A regular file of root's; its content if it was asked for. */
export function seenFile(path: string, more: Partial<Seen> = {}): Seen {
  return { path, type: "file", mode: "0644", uid: 0, gid: 0, bytes: 1, mtime: 1, ctime: 1, ...more };
}

/** `systemctl show` of units, in the order in which they are asked for: `active`, or what else it says. */
export function shownUnits(states: Readonly<Record<string, string>>): Ran {
  const paragraphs = Object.entries(states).map(([unit, state]) =>
    [
      `Id=${unit}`,
      "LoadState=loaded",
      `ActiveState=${state}`,
      "SubState=x",
      `FragmentPath=/lib/systemd/system/${unit}`,
      "",
    ].join("\n"),
  );
  return { status: 0, said: paragraphs.join("\n") };
}

/** A plan in which nothing is to be done. */
export const noPlan: Plan = {
  ...{ records: [], stripped: [], folders: [], paths: [], machines: [], joins: [], units: [], stops: [], checks: [] },
  ...{ expectations: [], proves: undefined, log: [], socketsBefore: [], tell: [] },
};
