import { describe, expect, it } from "vitest";
import { machinesNamed } from "../../../../provider/cli/machinesNamed";

const machines = ["db-1", "db-2", "web-1", "web-10"].map((machine) => ({
  ...{ host: "n0", resource: "OlaFleet/p/s/r", machine, served: true, seen: "served" },
}));
const named = (...names: readonly string[]) =>
  machinesNamed(names, machines, ({ machine }) => [machine]).map(({ machine }) => machine);

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
