import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backendOf, type DhcpDaemon, dhcpBackends } from "../../../../../provider/formats/dhcpBackend";
import { dhcpLanguages } from "../../../../../provider/formats/dhcpLanguage";
import { renderReservations } from "../../../../../provider/formats/kea/reservations";
import { writtenFor } from "../../../../../provider/plan/otherDhcpServer";
import type { NodeRow } from "../../../../../provider/values/nodeRow";
import { anyRow } from "../../values/rows";

const db1: NodeRow = {
  name: "db-1",
  hostname: "db-1",
  macs: ["04:3f:72:aa:00:01", "04:3f:72:aa:00:02"],
  address: "10.20.0.11",
  firmware: "x64",
};

/** Machines of which both DHCP servers know all options. */
const commonRow = fc
  .record({
    row: anyRow,
    options: fc.record(
      {
        "root-path": fc
          .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
          .filter((text) => !/[\p{Cc}\p{Cs}]/u.test(text)),
        "time-offset": fc.integer({ min: -7200, max: 7200 }),
        "ip-forwarding": fc.boolean(),
        "time-servers": fc.array(fc.constantFrom("10.20.0.1", "10.20.0.2"), { minLength: 1, maxLength: 2 }),
        "nisplus-domain": fc.constantFrom("example.net", "3600"),
      },
      { requiredKeys: [] },
    ),
  })
  .map(
    ({ row: { options: _, ...row }, options }): NodeRow =>
      Object.keys(options).length === 0 ? row : { ...row, options: options as NonNullable<NodeRow["options"]> },
  );

describe("renderReservations", () => {
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
  ])("writes a reservation for each NIC: %s", async (file, row) => {
    await expect(`${renderReservations(row)}\n`).toMatchFileSnapshot(`../../../../golden/keaReservations/${file}.json`);
  });

  it("writes one line a NIC, whatever the machine, and each is JSON", () => {
    fc.assert(
      fc.property(anyRow, (row) => {
        const lines = renderReservations(row).split("\n");
        if (row.comment !== undefined) expect(lines.shift()).toBe(`# ${row.comment}`);
        expect(lines).toHaveLength(row.macs.length);
        expect(() => JSON.parse(`[${lines.join("")}]`) as unknown).not.toThrow();
      }),
    );
  });
});

describe("a machine of one DHCP server", () => {
  it.each(dhcpBackends.map(({ daemon }) => daemon))("is read back as it was written: %s", (daemon: DhcpDaemon) => {
    fc.assert(
      fc.property(commonRow, (row) => {
        const blocks = backendOf(daemon).renderMachine(row);
        const { options, comment } = row;
        expect(dhcpLanguages[daemon].readMachine(blocks)).toEqual({
          ...(options !== undefined && { options }),
          ...(comment !== undefined && { comment }),
        });
        expect(dhcpBackends.filter((each) => each.isMachine(blocks)).map((each) => each.daemon)).toEqual([daemon]);
      }),
      // A separator of lines for JavaScript, and for nobody else.
      { examples: [[{ name: "a", hostname: "a", macs: ["02:00:00:00:00:00"], firmware: "x64", comment: "\u2028 " }]] },
    );
  });

  it("is written for another as the program would have", () => {
    fc.assert(
      fc.property(commonRow, (row) => {
        const { hostname, address, macs, firmware, loader } = row;
        const [isc, kea] = [backendOf("isc"), backendOf("kea")];
        const machine = { hostname, address, macs, firmware, loader, proof: true, blocks: isc.renderMachine(row) };
        const there = writtenFor(kea, machine);
        expect(there.blocks).toBe(kea.renderMachine(row));
        expect(writtenFor(isc, there)).toEqual(machine);
        expect(writtenFor(isc, machine)).toBe(machine);
      }),
    );
  });
});
