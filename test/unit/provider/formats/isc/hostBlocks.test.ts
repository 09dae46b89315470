import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dhcpdString } from "../../../../../provider/formats/isc/dhcpdString";
import { renderHostBlocks } from "../../../../../provider/formats/isc/hostBlocks";
import type { NodeRow } from "../../../../../provider/values/nodeRow";
import { anyRow } from "../../values/rows";

const db1: NodeRow = {
  name: "db-1",
  hostname: "db-1",
  macs: ["04:3f:72:aa:00:01", "04:3f:72:aa:00:02"],
  address: "10.20.0.11",
  firmware: "x64",
};

describe("renderHostBlocks", () => {
  it.each<[string, NodeRow]>([
    ["bond", db1],
    ["pool", { name: "web", hostname: "web.example.net", macs: ["52:54:00:12:34:56"], firmware: "x64" }],
    ["loader", { ...db1, name: "db-2", hostname: "db-2", loader: "snponly.efi" }],
    [
      "options",
      {
        ...db1,
        options: {
          "root-path": '/srv/"root"',
          "time-servers": ["10.20.0.1", "10.20.0.2"],
          "time-offset": 3600,
          "ip-forwarding": false,
        },
        comment: "rack 7, height 12",
      },
    ],
    ["ia32", { ...db1, firmware: "ia32", macs: ["52:54:00:12:34:56"] }],
  ])("writes a block for each NIC: %s", async (file, row) => {
    await expect(renderHostBlocks(row)).toMatchFileSnapshot(`../../../../golden/dhcpdHosts/${file}.conf`);
  });

  it("needs about a hundred bytes for a NIC", () => {
    expect(renderHostBlocks(db1).length / 2).toBeLessThan(110);
  });

  it("writes one line a NIC, whatever the machine", () => {
    fc.assert(
      fc.property(anyRow, (row) => {
        const lines = renderHostBlocks(row).split("\n");
        expect(lines.pop()).toBe("");
        if (row.comment !== undefined) expect(lines.shift()).toBe(`# ${row.comment}`);
        expect(lines).toHaveLength(row.macs.length);
        for (const line of lines) expect(line).toMatch(/^host \S+ \{ hardware ethernet .* \}$/s);
      }),
    );
  });

  it("writes a text as dhcpdString does, and none that it would refuse for what is in it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        const row = { ...db1, options: { "root-path": text } };
        if (/[\p{Cc}\p{Cs}]/u.test(text)) expect(() => renderHostBlocks(row)).toThrow(/a row holds the text/);
        else expect(renderHostBlocks(row)).toContain(` option root-path ${dhcpdString(text)};`);
      }),
    );
  });
});
