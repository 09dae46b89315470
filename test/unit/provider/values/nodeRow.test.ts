import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseNode } from "../../../../provider/values/node";
import {
  linesByKey,
  type NodeRow,
  parseRow,
  renderRow,
  renderRows,
  rowsAsCompared,
} from "../../../../provider/values/nodeRow";
import { unknownText } from "../../../../provider/values/unknown";
import { anyRow } from "./rows";
import { right } from "./sentences";

const db1: NodeRow = {
  name: "db-1",
  hostname: "db-1",
  macs: ["04:3f:72:aa:00:01", "04:3f:72:aa:00:02"],
  address: "10.20.0.11",
  firmware: "x64",
};

describe("renderRow", () => {
  it.each<[Partial<NodeRow>, string]>([
    [{}, "10.20.0.11 db-1 04:3f:72:aa:00:01,04:3f:72:aa:00:02"],
    [{ loader: "ipxe.efi" }, "10.20.0.11 db-1 04:3f:72:aa:00:01,04:3f:72:aa:00:02 ipxe.efi"],
    [{ firmware: "ia32" }, "10.20.0.11 db-1 04:3f:72:aa:00:01,04:3f:72:aa:00:02 ia32"],
  ])("writes a machine's line: %j", (change, line) => {
    expect(renderRow({ ...db1, ...change })).toBe(line);
  });

  it("says pool where there is no address", () => {
    const { address: _, ...row } = db1;
    expect(renderRow(row)).toBe("pool db-1 04:3f:72:aa:00:01,04:3f:72:aa:00:02");
  });
});

describe("renderRows", () => {
  it("writes a line for each, with its key before it", () => {
    expect(renderRows([db1, { ...db1, name: 'rack 1/"db-2"\n', address: "10.20.0.12" }])).toBe(
      "db-1 10.20.0.11 db-1 04:3f:72:aa:00:01,04:3f:72:aa:00:02\n" +
        '"rack 1/\\"db-2\\"\\n" 10.20.0.12 db-1 04:3f:72:aa:00:01,04:3f:72:aa:00:02\n',
    );
  });

  it("is read back by linesByKey, whatever the keys and the comments are, and compared as the map of the same lines", () => {
    const rows = fc.uniqueArray(fc.record({ name: fc.string({ unit: "binary" }), row: anyRow }), {
      selector: ({ name }) => name,
    });
    fc.assert(
      fc.property(rows, (list) => {
        const all = list.map(({ name, row }) => ({ ...row, name }));
        const map = Object.fromEntries(all.map((row) => [row.name, renderRow(row)]));
        expect(linesByKey(renderRows(all))).toEqual(map);
        expect(rowsAsCompared(renderRows(all))).toEqual(rowsAsCompared(map));
      }),
    );
  });

  it("gives no line where nothing is known", () => {
    expect([linesByKey(undefined), linesByKey(unknownText), linesByKey("")]).toEqual([{}, {}, {}]);
    expect(rowsAsCompared(unknownText)).toBe(unknownText);
  });
});

describe("parseRow", () => {
  it("reads back what renderRow wrote", () => {
    fc.assert(
      fc.property(anyRow, (row) => {
        expect(parseRow(row.name, renderRow(row))).toEqual(row);
      }),
    );
  });

  it.each(["", "10.20.0.11", "10.20.0.11 db-1", "10.20.0.11 db-1 zz", "x db-1 52:54:00:12:34:56"])(
    "takes %j for no row",
    (line) => {
      expect(parseRow("db-1", line)).toBeUndefined();
    },
  );

  it.each([
    "10.20.0.11 db-1 04:3f:72:aa:00:01 snponly.efi ipxe.efi",
    "10.20.0.11 db-1 04:3f:72:aa:00:01 snponly.efi ia32",
    "10.20.0.11 db-1 04:3F:72:AA:00:01",
    "10.20.0.11  db-1 04:3f:72:aa:00:01",
    '10.20.0.11 db-1 04:3f:72:aa:00:01 {"comment":"a" }',
    '10.20.0.11 db-1 04:3f:72:aa:00:01 {"other":"a"}',
    '10.20.0.11 db-1 04:3f:72:aa:00:01 {"options":{"a; }":1}}',
    '10.20.0.11 db-1 04:3f:72:aa:00:01 {"options":{"time-servers":["x; }"]}}',
    '10.20.0.11 db-1 04:3f:72:aa:00:01 {"comment":"a\\nb"}',
    "10.20.0.11 db-1 04:3f:72:aa:00:01 {",
    "10.20.0.11 10.20.0.11 04:3f:72:aa:00:01",
    "10.20.0.256 db-1 04:3f:72:aa:00:01",
    "10.20.0.11. db-1 04:3f:72:aa:00:01",
    "10.20.0.11 db-1 04:3f:72:aa:00:01,04:3f:72:aa:00:01",
    "10.20.0.11 db-1 01:3f:72:aa:00:01",
    "10.20.0.11 db-1 04:3f:72:aa:00:01 ia32 ipxe.efi",
  ])("takes %j for none, for renderRow writes no such line", (line) => {
    expect(parseRow("db-1", line)).toBeUndefined();
  });

  it("reads nothing but what parseNode would take", () => {
    const word = fc.constantFrom(
      "pool",
      "10.20.0.11",
      "10.20.0.256",
      "db-1",
      "db-",
      "04:3f:72:aa:00:01",
      "04:3f:72:aa:00:01,04:3f:72:aa:00:01",
      "01:3f:72:aa:00:01",
      "ia32",
      "ipxe.efi",
      '{"comment":"x"}',
      "",
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (words) => {
        const row = parseRow("db-1", words.join(" "));
        if (row === undefined) return;
        const { name, ...args } = row;
        expect(right(parseNode(name, args))).toEqual(row);
      }),
      // Few of the lines are rows, so it takes many lines to have each kind of row among them.
      { numRuns: 20_000 },
    );
  });

  it("needs no longer for a letter of a long line than for one of a short line", () => {
    const comment = `${"a".repeat(100_000)} {`;
    const start = performance.now();
    expect(parseRow("db-1", renderRow({ ...db1, comment }))?.comment).toBe(comment);
    expect(parseRow("db-1", `10.20.0.11 db-1 ${"04:3f:72:aa:00:01,".repeat(100_000)}`)).toBeUndefined();
    expect(performance.now() - start).toBeLessThan(1000);
  });
});
