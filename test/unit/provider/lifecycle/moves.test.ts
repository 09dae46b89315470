import { beforeEach, describe, expect, it, vi } from "vitest";

type Moves = typeof import("../../../../provider/lifecycle/moves.js");
const at = (host: string, more: object = {}) => ({ connection: { host }, ...more });

describe("machines that are to be on another node 0", () => {
  let moves: Moves;
  beforeEach(async () => {
    vi.resetModules();
    moves = await import("../../../../provider/lifecycle/moves.js");
  });

  const onA = at("a", { __machine: "m-a" });

  it("move to one that the state knows as another machine, or that is new in this run", () => {
    expect(moves.isMoved("OlaNode", onA, at("b"))).toBe(false);
    moves.notePart("DhcpServer", at("b"));
    expect(moves.isMoved("OlaNode", onA, at("b"))).toBe(true);
    moves.notePart("DhcpServer", at("b"), "m-b");
    expect(moves.isMoved("OlaFleet", onA, at("b"))).toBe(true);
    expect(moves.isMoved("DhcpServer", onA, at("b"))).toBe(false);
  });

  it("stay where only the way to the same machine is another, and where nobody knows of the machine", () => {
    moves.notePart("DhcpServer", at("a.example"));
    moves.notePart("DhcpServer", at("a.example"), "m-a");
    // Checked again, after its comparison.
    moves.notePart("TftpServer", at("a.example"));
    expect(moves.isMoved("OlaNode", onA, at("a.example"))).toBe(false);
    expect(moves.isMoved("OlaNode", at("a"), at("a.example"))).toBe(false);
    expect(moves.isMoved("OlaNode", onA, at("a"))).toBe(false);
  });

  it("are refused where both are there and the first of two is left at once", () => {
    const first = at("a", { __pair: { is: "first", names: ["node0-a", "node0-b"] } });
    for (const host of ["a", "b"]) moves.notePart("DhcpServer", at(host));
    expect(moves.whyFirstStays("OlaFleet", first, at("b"))).toEqual([
      {
        path: "server",
        message:
          "node0-a is the first of the two, and can't be taken out of them at once: both would answer, and not know each other. Make node0-b " +
          "the first of all their machines by an `up` of its own, as in server: [node0-b, node0-a], and take node0-a out by the next",
      },
    ]);
    expect(moves.whyFirstStays("OlaFleet", first, at("a"))).toEqual([]);
    expect(moves.whyFirstStays("OlaFleet", first, at("gone"))).toEqual([]);
    expect(moves.whyFirstStays("OlaFleet", first, { ...at("b"), __pair: { is: "first" } })).toEqual([]);
    expect(moves.whyFirstStays("OlaFleet", onA, at("b"))).toEqual([]);
    moves.notePart("DhcpServer", at("b", { otherDhcpServers: ["192.168.1.1"] }));
    expect(moves.whyFirstStays("OlaFleet", first, at("b"))).toEqual([]);
  });
});
