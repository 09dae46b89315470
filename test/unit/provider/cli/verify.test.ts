import { describe, expect, it } from "vitest";
import { machinesNamed, onlyOnOne, renderVerified } from "../../../../provider/cli/verify";

const machines = ["db-1", "db-2", "web-1", "web-10"].map((machine) => ({
  ...{ host: "n0", resource: "OlaFleet/p/s/r", machine, served: true, seen: "served" },
}));
const named = (...names: readonly string[]) => machinesNamed(names, machines).map(({ machine }) => machine);

describe("machinesNamed", () => {
  it("takes names, each once, and all machines without one", () => {
    expect(named()).toHaveLength(4);
    expect(named("web-1", "db-2", "web-1")).toEqual(["db-2", "web-1"]);
  });

  it("takes the patterns of a shell", () => {
    expect(named("web-*")).toEqual(["web-1", "web-10"]);
    expect(named("db-?", "web-1")).toEqual(["db-1", "db-2", "web-1"]);
    expect(named("*")).toHaveLength(4);
  });

  it("tells of names and patterns that no machine has, all at once", () => {
    expect(() => named("database", "app-*", "mail.example")).toThrow(
      'this stack has no machine "database"; there are db-1, db-2, web-1, web-10\n' +
        'no machine of this stack is named as in "app-*"; there are db-1, db-2, web-1, web-10\n' +
        'this stack has no machine "mail.example"; there are db-1, db-2, web-1, web-10',
    );
    expect(() => named("web-11")).toThrow('this stack has no machine "web-11"; did you mean web-1?');
  });
});

describe("two node 0s of the same machines", () => {
  const row = (machine: string, host: string, more = {}) => ({
    ...{ host, resource: `OlaNode/p/s/${machine}`, machine, served: true, seen: `served: ${machine}` },
    ...more,
  });
  const servers = new Map([
    ["h1", { address: "10.20.0.1", others: ["10.20.0.2"] }],
    ["h22", { address: "10.20.0.2", others: ["10.20.0.1"] }],
  ]);

  it("are told in one table, in which a machine counts once", () => {
    const rows = [row("db-1", "h1"), row("db-1", "h22"), row("db-2", "h1"), row("db-2", "h22")];
    expect(renderVerified(rows)).toBe(
      [
        "ok      db-1  h1   served: db-1",
        "ok      db-1  h22  served: db-1",
        "ok      db-2  h1   served: db-2",
        "ok      db-2  h22  served: db-2",
        "",
        "2 machines, all served",
      ].join("\n"),
    );
    const down = { served: false, seen: "not asked: no answer" };
    const [last] = renderVerified([row("db-1", "h1"), row("db-1", "h22", down)])
      .split("\n")
      .slice(-1);
    expect(last).toBe("1 machine, 1 not served by each of its node 0s");
    expect(renderVerified([row("db-1", "h1")])).toBe("ok      db-1  served: db-1\n\n1 machine, all served");
  });

  it("tell of a machine that only one of them has", () => {
    const seen = onlyOnOne([row("db-1", "h1"), row("db-1", "h22"), row("db-2", "h1"), row("-", "h1")], servers);
    expect(seen.map((each) => each.seen)).toEqual([
      "served: db-1",
      "served: db-1",
      "served: db-2; not declared on h22",
      "served: -",
    ]);
    expect(onlyOnOne([row("db-2", "h1")], new Map())).toEqual([row("db-2", "h1")]);
  });
});
