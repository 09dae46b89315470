import { describe, expect, it } from "vitest";
import { lostRecords, type RecordsOnHost, renderOthers, renderRecords } from "../../../../provider/cli/records";
import { stacksOnHost } from "../../../../provider/plan/stacksOnHost";
import { facts } from "./told";

const record = (id: string, generation: string, machines = 0, named?: string) => ({
  ...{ id, generation, machines, macs: machines, pooled: 0, examples: [] },
  held: named === undefined ? [] : [{ want: "named" as const, as: named }],
});
const file = (id: string, mtime: number) => ({
  path: `/var/lib/pulumi-netboot/register/${encodeURIComponent(id)}`,
  mtime,
});
const register = [
  record("OlaFleet/shop/prod/rack", "aaaaaaaa00000001", 40),
  record("DhcpServer/shop/prod/node0", "aaaaaaaa00000002"),
  record("OlaNode/shop/prod/a", "bbbbbbbb00000003", 1),
  record("OlaNode/shop/old/b", "aaaaaaaa00000004", 1, "OlaNode/shop/prod/b"),
  record("OlaNode/lab/dev/c", "00000005", 1),
];
const told = { "records.files": register.map(({ id }, index) => file(id, 1_700_000_000 + index)) };
const known = new Map([
  ["OlaFleet/shop/prod/rack", "00000001"],
  ["OlaNode/shop/prod/a", "cccccccc00000009"],
]);
const stacks = stacksOnHost(facts(register, told), known);
const onHost: RecordsOnHost = {
  host: "n0",
  stacks: stacks.map((each) => ({ ...each, isOwn: each.stack === "shop/prod" })),
};

describe("stacksOnHost", () => {
  it("goes by the name that a stack has now, and by its token, and knows what a state has", () => {
    expect(
      stacks.map(({ stack, label, records, written }) => [
        stack,
        label,
        records.map(({ id, machines, isKnown }) => `${id} ${machines} ${isKnown}`),
        written - 1_700_000_000,
      ]),
    ).toEqual([
      ["lab/dev", "lab/dev", ["OlaNode/lab/dev/c 1 false"], 4],
      [
        "shop/prod",
        "shop/prod#aaaaaaaa",
        ["DhcpServer/shop/prod/node0 0 false", "OlaFleet/shop/prod/rack 40 true", "OlaNode/shop/old/b 1 false"],
        3,
      ],
      ["shop/prod", "shop/prod#bbbbbbbb", ["OlaNode/shop/prod/a 1 false"], 2],
    ]);
  });
});

describe("records, as people read them,", () => {
  it("tell of each stack, and which is this one", () => {
    expect(renderRecords([onHost])).toMatch(
      /^n0\n {2}lab\/dev: 1 record, 1 machine, last written 2023-11-14T22:13:24Z\n {2}shop\/prod#aaaaaaaa: 3 records, 41 machines, .*, named as this stack, whose state has all of them but 2\n {2}shop\/prod#bbbbbbbb: 1 record, 1 machine, .* has none$/,
    );
    expect(renderRecords([{ host: "n0", stacks: [] }])).toBe("n0: no stack has anything here");
    expect(renderOthers([onHost])).toEqual([
      "",
      "other stacks there:",
      expect.stringMatching(/^ {2}n0: lab\/dev: 1 record/),
    ]);
    expect(renderOthers([{ ...onHost, stacks: [] }])).toEqual([]);
  });

  it("are findings where they bear this stack's name, and its state does not have them", () => {
    expect(lostRecords(onHost)).toEqual([
      {
        host: "n0",
        resource: "shop/prod#aaaaaaaa",
        differs: false,
        what: expect.stringMatching(
          /^2 records on node 0 are not in this stack's state: DhcpServer\/shop\/prod\/node0, OlaNode\/shop\/prod\/b \(something of this stack was last written .*\)\. Node 0 goes on with what they declare\n {2}if the program has them: `pulumi up` goes on/,
        ) as string,
      },
      expect.objectContaining({
        what: expect.stringMatching(
          /^1 record on node 0 is not [^\n]* it declares\n.*PULUMI_NETBOOT_TAKE_OVER=shop\/prod pulumi up`\n.*records --clear shop\/prod#bbbbbbbb/,
        ) as string,
      }),
    ]);
    expect(lostRecords({ ...onHost, stacks: onHost.stacks.filter(({ isOwn }) => !isOwn) })).toEqual([]);
  });

  it("are told as serving nothing where another resource has their machines", () => {
    const [stack = undefined] = onHost.stacks.filter(({ key }) => key === "shop/prod#aaaaaaaa");
    if (stack === undefined) throw new Error("no such stack");
    const emptied = stack.records.map((each) => (each.id.startsWith("OlaNode/") ? { ...each, machines: 0 } : each));
    const told = (records: typeof emptied) => lostRecords({ ...onHost, stacks: [{ ...stack, records }] })[0]?.what;
    expect(told(emptied)).toContain("Node 0 goes on with what they declare\n");
    expect(told(emptied.filter(({ id }) => id.startsWith("OlaNode/")))).toContain(
      "Node 0 serves nothing for it: the machines are another resource's now\n",
    );
  });
});
