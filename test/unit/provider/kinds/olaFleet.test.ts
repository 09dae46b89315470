import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderHostBlocks } from "../../../../provider/formats/isc/hostBlocks";
import { olaFleet } from "../../../../provider/kinds/olaFleet";
import { renderRow } from "../../../../provider/values/nodeRow";
import { anyRow } from "../values/rows";

const rest = { chains: {} };

describe("olaFleet", () => {
  it("wants of a row what its machine is, and the blocks of which its digest is made", () => {
    fc.assert(
      fc.property(anyRow, (row) => {
        const { hostname, macs, address, firmware, loader } = row;
        expect(olaFleet.wants({ ...rest, rows: { [row.name]: renderRow(row) } })).toEqual([
          { want: "node", hostname, macs, address, firmware, loader, proof: true, blocks: renderHostBlocks(row) },
        ]);
        expect(olaFleet.made?.({ ...rest, rows: { [row.name]: renderRow(row) } })).toBe(renderHostBlocks(row));
      }),
    );
  });

  it("passes over no machine whose row it can't read", () => {
    expect(() => olaFleet.wants({ ...rest, rows: { "db-1": "10.20.0.11 db-1" } })).toThrow(/the row of "db-1"/);
  });

  it("leaves the inputs as they are when a refresh finds drift", () => {
    expect(olaFleet.live(rest, [{ what: "db-1", how: "missing", seen: "" }])).toBeUndefined();
  });
});
