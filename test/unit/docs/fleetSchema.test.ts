import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { hostnameSchema } from "../../../provider/values/hostname";
import { addressSchema } from "../../../provider/values/ipv4";
import { macSchema } from "../../../provider/values/mac";
import { nodeShape, parseNode } from "../../../provider/values/node";
import { renderFleetSchema } from "../../../tools/schema.mts";

const written = readFileSync("schema/fleet.schema.json", "utf8");
const validate = new Ajv({ allErrors: true, strict: true }).compile(JSON.parse(written));

const machine = { macs: ["04:3f:72:aa:00:01"], address: "10.20.0.11" };

describe("schema/fleet.schema.json", () => {
  it("is what the build makes of the machine's schemas", () => {
    const schemas = { shape: nodeShape, mac: macSchema, address: addressSchema, hostname: hostnameSchema };
    expect(renderFleetSchema(schemas)).toBe(written);
  });

  it.each(["examples/fleet/fleet.yaml"])("takes %s, as the program does", (file) => {
    const fleet: Record<string, unknown> = parse(readFileSync(file, "utf8"));
    expect(validate(fleet), JSON.stringify(validate.errors)).toBe(true);
    expect(Object.entries(fleet).flatMap(([name, node]) => parseNode(name, node).problems)).toEqual([]);
    expect(Object.keys(fleet)).toHaveLength(300);
  });

  it.each([
    machine,
    { macs: ["04-3F-72-AA-00-01", "043f.72aa.0002", "043F72AA0003"] },
    { ...machine, hostname: "DB-1.rack.example.net", firmware: "x64", loader: "snponly.efi", comment: "height 12" },
    { macs: ["04:3f:72:aa:00:01"], firmware: "ia32", options: { "root-path": "/srv", "time-offset": 3600 } },
  ])("takes %j, as the program does", (node) => {
    expect(parseNode("db-1", node).problems).toEqual([]);
    expect(validate({ "db-1": node }), JSON.stringify(validate.errors)).toBe(true);
  });

  it.each([
    {},
    { macs: [] },
    { macs: "04:3f:72:aa:00:01" },
    { macs: ["04:3f:72:aa:00"] },
    { macs: [102030405058] },
    { macs: Array.from({ length: 9 }, (_, n) => `04:3f:72:aa:00:0${n}`) },
    { macs: ["04:3f:72:aa:00:01", "04:3f:72:aa:00:01"] },
    { ...machine, address: "10.20.0" },
    { ...machine, address: "10.20.0.256" },
    { ...machine, hostname: "db_1" },
    { ...machine, firmware: "bios" },
    { ...machine, loader: "undionly.kpxe" },
    { ...machine, comment: "two\nlines" },
    { ...machine, mac: "04:3f:72:aa:00:02" },
  ])("refuses %j, as the program does", (node) => {
    expect(parseNode("db-1", node).problems).not.toEqual([]);
    expect(validate({ "db-1": node })).toBe(false);
  });
});
