import { nextBootsOf, standIn } from "pulumi-netboot/testing";
import { expect, it } from "vitest";
import inventory from "./inventory.json";
import { declareRack } from "./rack";

const connection = { host: "node0.example" };

it("serves every machine of the inventory", async () => {
  const boots = await nextBootsOf(() => declareRack(connection, inventory));
  expect(Object.keys(boots)).toEqual(Object.keys(inventory));
  expect(boots["db-1"]).toContain(`10.20.0.11 db-1 (04:3f:72:aa:00:01, 04:3f:72:aa:00:02)\nUEFI x64 → ipxe.efi`);
  // The hash of a file that comes out of Debian's package is known on node 0 only.
  expect(boots["db-1"]).toContain(`ipxe.efi sha256:${standIn}…`);
});

it("refuses a MAC that two machines have", async () => {
  const nodes = { ...inventory, "db-3": { macs: ["04:3f:72:aa:00:01"], address: "10.20.0.13" } };
  await expect(nextBootsOf(() => declareRack(connection, nodes))).rejects.toThrow(
    'nodes["db-3"].macs[0]: "04:3f:72:aa:00:01" is already used by OlaFleet "rack-a", nodes["db-1"]',
  );
});
