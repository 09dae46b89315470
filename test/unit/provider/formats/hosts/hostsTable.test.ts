import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderHostsTable } from "../../../../../provider/formats/hosts/hostsTable";

describe("renderHostsTable", () => {
  it("writes the whole name first, so that an address leads to it", () => {
    expect(renderHostsTable([{ address: "10.20.0.11", hostname: "db-1", domain: "example.net" }])).toBe(
      "10.20.0.11 db-1.example.net db-1\n",
    );
  });

  it("leaves a name alone that has a domain of its own, or where there is none", () => {
    const entries = [
      { address: "10.20.0.12", hostname: "db-2.other.example", domain: "example.net" },
      { address: "10.20.0.11", hostname: "db-1" },
    ];
    expect(renderHostsTable(entries)).toBe("10.20.0.11 db-1\n10.20.0.12 db-2.other.example\n");
  });

  it("sorts by number, and says the same whatever the order of the declarations", () => {
    const entry = fc.record({
      address: fc.ipV4(),
      hostname: fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(entry, { selector: ({ address, hostname }) => `${address} ${hostname}` }),
        (entries) => {
          expect(renderHostsTable([...entries].reverse())).toBe(renderHostsTable(entries));
        },
      ),
    );
    const rows = ["10.0.0.10", "10.0.0.9"].map((address) => ({ address, hostname: "a" }));
    expect(renderHostsTable(rows)).toBe("10.0.0.9 a\n10.0.0.10 a\n");
  });
});
