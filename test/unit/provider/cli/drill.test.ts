import { describe, expect, it } from "vitest";
import { chooseDrill, type Drilled, isDrilled, renderDrilled } from "../../../../provider/cli/drill";
import type { StackResource } from "../../../../provider/cli/stack";
import { hidden } from "../../../../provider/values/hidden";

/** A machine's resource, on a server of its own or on one of two. */
function machine(name: string, host: string, pair?: "first" | "second", names = ["node0-a", "node0-b"]): StackResource {
  return {
    kind: "OlaNode",
    urn: `urn:pulumi:dev::p::OlaNode::${name}`,
    id: `OlaNode/p/dev/${name}`,
    connection: { host },
    inputs: { hostname: name, ...(pair && { [hidden.pair]: { is: pair, names } }) },
    outputs: {},
  };
}

const two = [machine("db-1", "h1", "first"), machine("db-1@node0-b", "h2", "second")];
const choose = (resources: readonly StackResource[], which?: string) => {
  const { name, silent, others } = chooseDrill(resources, which);
  return [name, silent.map(({ connection }) => connection.host), others.map(({ connection }) => connection.host)];
};

describe("chooseDrill", () => {
  it("has the first of two fall silent, or the one that is named by its host or its name", () => {
    expect(choose(two)).toEqual(["node0-a", ["h1"], ["h2"]]);
    for (const which of ["h2", "node0-b"]) expect(choose(two, which)).toEqual(["node0-b", ["h2"], ["h1"]]);
  });

  it("refuses a stack without two", () => {
    expect(() => choose([machine("db-1", "h1")])).toThrow(
      /^a drill needs two node 0s of the same machines.*server: \[a, b\]/,
    );
  });

  it("refuses one that has a machine alone", () => {
    expect(() => choose([...two, machine("web-1", "h1")])).toThrow(
      "node0-a does not fall silent, for no other node 0 has web-1: declare them with both servers",
    );
    expect(choose([...two, machine("web-1", "h1")], "node0-b")).toEqual(["node0-b", ["h2"], ["h1"]]);
  });

  it("asks which one is meant where there are several pairs, or none of that name", () => {
    const names = ["node0-c", "node0-d"];
    const more = [machine("x", "h3", "first", names), machine("x@node0-d", "h4", "second", names)];
    expect(() => choose([...two, ...more])).toThrow(
      "say by --host which one falls silent: node0-a (h1), node0-b (h2), node0-c (h3), node0-d (h4)",
    );
    expect(choose([...two, ...more], "h4")).toEqual(["node0-d", ["h4"], ["h3"]]);
    expect(() => choose(two, "node0-x")).toThrow(
      'no node 0 of two is "node0-x"; these are: node0-a (h1), node0-b (h2)',
    );
  });
});

describe("a drill", () => {
  const row = (host: string, served = true) => ({
    ...{ host, resource: "OlaNode/p/dev/db-1", machine: "db-1", served, seen: served ? "served: all" : "no answer" },
  });
  const drilled: Drilled = {
    silent: { name: "node0-a", host: "h1", seconds: 58 },
    machines: [row("h2")],
    after: [row("h1")],
  };

  it("is told with what the other one gave meanwhile, and the first one since", () => {
    expect(renderDrilled(drilled)).toBe(
      "ok      db-1  served: all\n\n1 machine, all served\nnode0-a (h1) was silent for 58 s, and serves all of them again",
    );
    expect(isDrilled(drilled)).toBe(true);
  });

  it("has failed where one of the two did not serve", () => {
    expect(isDrilled({ ...drilled, machines: [row("h2", false)] })).toBe(false);
    const lost = { ...drilled, after: [row("h1", false)] };
    expect(isDrilled(lost)).toBe(false);
    expect(renderDrilled(lost)).toMatch(/and does not serve all of them since:\nFAILED {2}db-1 {2}no answer/);
  });
});
