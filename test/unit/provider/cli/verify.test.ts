import { describe, expect, it } from "vitest";
import { lostOf, onlyOnOne, renderVerified } from "../../../../provider/cli/verify";

describe("a fleet of which another resource has a machine", () => {
  it("fails with that one", () => {
    const rows = "a 10.20.0.11 a 52:54:00:00:00:01\nkey 10.20.0.12 b 52:54:00:00:00:02\nsecret [secret]";
    expect(lostOf("OlaFleet/p/s/rack", { rows }, new Map([["a", "served: 10.20.0.11"]]))).toEqual([
      [
        "b",
        "node 0 has it of OlaFleet/p/s/rack no more: another resource has its MAC, its address or its name; `pulumi up --refresh` declares it anew",
      ],
    ]);
    expect(lostOf("OlaFleet/p/s/rack", {}, new Map())).toEqual([]);
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
    expect(last).toBe("1 machine, 1 not served by all of its node 0s");
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
