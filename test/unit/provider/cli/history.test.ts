import { describe, expect, it } from "vitest";
import { drawLastBoot, type History, historyOf } from "../../../../provider/cli/history";
import { smallServer } from "../../../support/fleetView";

const boots = (smallServer.boots ?? []).map((boot) => ({ ...boot, host: "203.0.113.10" }));
const history: History = { since: 1_764_000_000, machines: ["db-1", "db-2", "web-1"], boots, gaps: [] };

describe("historyOf", () => {
  const told = (...names: readonly string[]) => {
    const { machines, boots: own } = historyOf(names, history);
    return [machines, [...new Set(own.map(({ machine, mac }) => machine ?? mac))]];
  };

  it("tells of machines by their names, by patterns and by MACs, and of all without one", () => {
    expect(historyOf([], history)).toBe(history);
    expect(told("db-1")).toEqual([["db-1"], ["db-1"]]);
    expect(told("web-*")).toEqual([["web-1"], []]);
    expect(told("52:54:00:00:0A:01")).toEqual([["db-1"], ["db-1"]]);
    expect(told("52:54:00:00:0a:09")).toEqual([[], ["52:54:00:00:0a:09"]]);
    expect(() => told("db-9")).toThrow('this stack has no machine "db-9"; did you mean db-1?');
  });

  it("knows a machine by its host name where two node 0s have one of that name", () => {
    const of = (host: string) => `db-1 (${host})`;
    const both = { ...history, machines: [of("a"), of("b")], boots: [] };
    expect(historyOf(["db-1"], both).machines).toEqual([of("a"), of("b")]);
  });
});

describe("drawLastBoot", () => {
  it("draws the last boot of a machine, by its name or a MAC, and a stranger's by its MAC", () => {
    const [first] = boots;
    if (first === undefined) throw new Error("db-1 has booted");
    const again = { ...first, from: first.from + 86_400, to: first.to + 86_400 };
    const drawn = drawLastBoot({ ...history, boots: [...boots, again] }, "db-1");
    expect(drawn).toContain("The boot of db-1, 2025-11-27T08:40:00Z: ");
    expect(drawLastBoot(history, "52:54:00:00:0A:01")).toContain("The boot of db-1, ");
    expect(drawLastBoot(history, "52:54:00:00:0a:09")).toMatch(/The boot of 52:54:00:00:0a:09, \S+ got no answer/);
  });

  it("draws the later boot where two node 0s have one of that name", () => {
    const of = (host: string) => `db-1 (${host})`;
    const [first] = boots;
    if (first === undefined) throw new Error("db-1 has booted");
    const both = { ...history, machines: [of("a"), of("b")], boots: [{ ...first, machine: of("a") }] };
    const later = { ...first, machine: of("b"), from: first.from + 60, to: first.to + 60 };
    expect(drawLastBoot({ ...both, boots: [...both.boots, later] }, "db-1")).toContain("The boot of db-1 (b), ");
    expect(() => drawLastBoot({ ...both, boots: [] }, "db-1")).toThrow('"db-1" has not booted since');
  });

  it("says who has not booted, and who is not known", () => {
    expect(() => drawLastBoot(history, "web-1")).toThrow(
      '"web-1" has not booted since 2025-11-24T16:00:00Z, as far as the log goes; --since takes an earlier time',
    );
    expect(() => drawLastBoot(history, "web-9")).toThrow('node 0 knows no machine "web-9"; it knows db-1, db-2, web-1');
    const many = Array.from({ length: 11 }, (_, n) => `n${n}`);
    expect(() => drawLastBoot({ ...history, machines: many }, "x")).toThrow(/it knows n0, .*, n7 and 3 more$/);
    expect(() => drawLastBoot({ ...history, machines: [] }, "x")).toThrow(/it knows none$/);
  });
});
