import { beforeEach, describe, expect, it, vi } from "vitest";
import { digestOf } from "../../../../provider/digest";
import type { whyTaken as WhyTaken } from "../../../../provider/lifecycle/machinesSeen";
import { hidden } from "../../../../provider/values/hidden";
import { rowsAsCompared } from "../../../../provider/values/nodeRow";
import { unknownText } from "../../../../provider/values/unknown";

const connection = { host: "node0.example" };
const urn = (name: string): string => `urn:pulumi:dev::p::pulumi-nodejs:dynamic/netboot:OlaNode::${name}`;
const machine = (more: object = {}) => ({
  connection,
  ...{ hostname: "a", address: "10.20.0.11", macs: ["04:3f:72:aa:00:01"] },
  ...more,
});
const other = { hostname: "b", macs: ["04:3f:72:aa:00:02"] };

describe("whyTaken", () => {
  let whyTaken: typeof WhyTaken;

  beforeEach(async () => {
    vi.resetModules();
    ({ whyTaken } = await import("../../../../provider/lifecycle/machinesSeen.js"));
  });

  it.each([
    ["before", [true, false]],
    ["after", [false, true]],
  ] as const)(
    "finds an address that ignoreChanges leaves with a machine which is seen %s",
    (_when, [first, second]) => {
      expect(whyTaken("OlaNode", urn("a"), machine(), first)).toEqual([]);
      expect(whyTaken("OlaNode", urn("b"), machine(other), second)).toEqual([
        {
          path: "address",
          message:
            'the address 10.20.0.11 is that of OlaNode "a" already; look at the ignoreChanges and transforms of the two, for the program gives it to one of them only',
        },
      ]);
    },
  );

  it("finds a MAC and a name of a machine of a fleet, by its path", () => {
    whyTaken("OlaNode", urn("a"), machine(), true);
    const rows = { x: "10.20.0.12 a 04:3f:72:aa:00:01", y: "pool y 04:3f:72:aa:00:03", z: unknownText };
    const paths = whyTaken("OlaFleet", urn("rack"), { connection, rows }, false).map(({ path }) => path);
    expect(paths).toEqual(['nodes["x"].macs[0]', 'nodes["x"].hostname']);
  });

  it("leaves what the program compares by itself, other hosts, itself, and what is not known", () => {
    whyTaken("OlaNode", urn("a"), machine(), false);
    expect(whyTaken("OlaNode", urn("b"), machine(other), false)).toEqual([]);
    const alone = machine({ connection: { host: "node2.example" } });
    for (let time = 0; time < 2; time++) expect(whyTaken("OlaNode", urn("g"), alone, true)).toEqual([]);
    const elsewhere = machine({ ...other, connection: { host: "node1.example" } });
    expect(whyTaken("OlaNode", urn("c"), elsewhere, true)).toEqual([]);
    const unknown = machine({ hostname: unknownText, address: unknownText, macs: unknownText });
    expect(whyTaken("OlaNode", urn("d"), unknown, true)).toEqual([]);
    expect(whyTaken("OlaFleet", urn("e"), { connection, rows: unknownText }, true)).toEqual([]);
    expect(whyTaken("DhcpServer", urn("f"), machine(), true)).toEqual([]);
  });
});

describe("a fleet of which the engine goes by other machines than the program", () => {
  const f1 = "f1 10.20.0.11 f1 52:54:00:00:00:01";
  const f2 = "f2 10.20.0.12 f2 52:54:00:00:00:02";
  const fleet = (rows: string, declared: string) => ({
    ...{ connection: { host: "n0" }, chains: {}, rows, [hidden.urn]: "urn:pulumi:one::p::OlaFleet::rack" },
    [hidden.chain]: digestOf([rowsAsCompared(declared)]),
  });
  const node = {
    ...{ connection: { host: "n0" }, macs: ["52:54:00:00:00:09"], address: "10.20.0.12", hostname: "new" },
    ...{ hostBlocks: "", nextBoot: "", [hidden.urn]: "urn:pulumi:one::p::OlaNode::new" },
  };

  it.each([
    ["ignoreChanges", `${f1}\n${f2}`, 1],
    ["nothing", f1, 0],
  ])("keeps what it has by %s from the others", async (_why, rows, count) => {
    vi.resetModules();
    const { check, rendered } = await import("../../../../provider/lifecycle/comparison.js");
    const { whyTaken } = await import("../../../../provider/lifecycle/machinesSeen.js");
    const news = fleet(rows, f1);
    expect((await rendered("OlaFleet", check("OlaFleet", {}, news), news)).failures).toEqual([]);
    expect(whyTaken("OlaNode", node[hidden.urn], node, false)).toHaveLength(count);
  });
});
