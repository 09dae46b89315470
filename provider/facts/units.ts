import type { Answers, Fact } from "./question";

/** A unit as node 0's systemd has it; one that it does not know has `loadState` "not-found". */
export interface Unit {
  /** As it was asked for; `id` is its own name if that was an alias. */
  readonly name: string;
  readonly id: string;
  readonly loadState: string;
  readonly activeState: string;
  readonly subState: string;
  /** As `systemctl is-enabled` says it; empty if there is no such unit. */
  readonly unitFileState: string;
  /** 0: no process of it runs. */
  readonly mainPid: number;
  readonly restarts: number;
  /** Another with every start; empty if it never ran. */
  readonly invocation: string;
  /** The file that it was read from; empty if there is none. */
  readonly fragment: string;
  readonly dropIns: readonly string[];
  /** The targets that start it: also where a link, a script of System V, or another unit's file says so. */
  readonly wantedBy: readonly string[];
}

const properties = [
  "Id",
  "LoadState",
  "ActiveState",
  "SubState",
  "UnitFileState",
  "MainPID",
  "NRestarts",
  "InvocationID",
  "FragmentPath",
  "DropInPaths",
  "WantedBy",
].join(",");

/** Some units of node 0, by the names that they were asked for with. */
export type Units = ReadonlyMap<string, Unit>;

/** The fact of these units, asked by that key. Nothing is asked where there are none. */
export function unitFacts(names: readonly string[], key = "units.shown"): Fact<Units> {
  const asked = [...new Set(names)].toSorted();
  return {
    questions:
      asked.length === 0
        ? {}
        : { [key]: { ask: "run", argv: ["systemctl", "show", "-p", properties, "--", ...asked] } },
    read: (answers: Answers) => parseUnits(asked, answers.ran(key)?.said ?? ""),
  };
}

/** What `systemctl show` says: a paragraph for each unit, in the order in which they were asked for. */
export function parseUnits(names: readonly string[], said: string): Units {
  const paragraphs = said.trimEnd().split("\n\n");
  return new Map(names.map((name, index) => [name, parseUnit(name, paragraphs[index] ?? "")]));
}

function parseUnit(name: string, paragraph: string): Unit {
  const property = new Map(
    [...paragraph.matchAll(/^(?<key>\w+)=(?<value>.*)$/gm)].map(({ groups }) => [groups?.["key"], groups?.["value"]]),
  );
  const text = (key: string): string => property.get(key) ?? "";
  return {
    name,
    id: text("Id") || name,
    loadState: text("LoadState") || "not-found",
    activeState: text("ActiveState") || "inactive",
    subState: text("SubState") || "dead",
    unitFileState: text("UnitFileState"),
    mainPid: Number(text("MainPID")) || 0,
    restarts: Number(text("NRestarts")) || 0,
    invocation: text("InvocationID"),
    fragment: text("FragmentPath"),
    dropIns: text("DropInPaths").split(" ").filter(Boolean),
    wantedBy: text("WantedBy").split(" ").filter(Boolean),
  };
}
