import { describe, expect, it } from "vitest";
import { whyRecordsContradict } from "../../../../provider/plan/nameRecords";
import { entry, machine, placed, register } from "./registered";

const names = (records: string, domain?: string) =>
  entry("NameServer/p/one/names", [{ want: "names", mode: "dnsmasq", address: "192.168.1.1", domain, records }]);
const filer = entry("OlaFleet/p/two/f", [], [machine("filer", { address: "192.168.1.12" })]);

describe("whyRecordsContradict", () => {
  const records = "# filer 1\n192.168.1.13 FILER.ola.example.net filer # the old one\n";

  it("refuses a machine whose name a record gives to another address, naming both", () => {
    const all = register([names(records, "ola.example.net"), filer]);
    expect(whyRecordsContradict(all, new Set([filer.id]), placed(filer))).toEqual({
      code: "CLASH",
      id: "OlaFleet/p/two/f",
      message:
        "the name \"filer.ola.example.net\" is a machine's (192.168.1.12, OlaFleet/p/two/f) and a record's (192.168.1.13, NameServer/p/one/names); give one of the two another",
    });
  });

  it("blames the records where they are what changes", () => {
    const all = register([names("192.168.1.13 filer\n192.168.1.14 filer\n"), filer]);
    expect(whyRecordsContradict(all, new Set(["NameServer/p/one/names"]), placed(filer))).toMatchObject({
      id: "NameServer/p/one/names",
      message: expect.stringContaining("a record's (192.168.1.13 192.168.1.14, NameServer/p/one/names)"),
    });
  });

  it("lets a record say the machine's own address, a machine have one of the pool, and others' names be", () => {
    const puts = new Set([filer.id]);
    expect(
      whyRecordsContradict(
        register([names("192.168.1.12 filer # filer\n# filer\n#1 filer\n"), filer]),
        puts,
        placed(filer),
      ),
    ).toBeUndefined();
    const fromPool = entry(filer.id, [], [machine("filer", { address: undefined })]);
    expect(whyRecordsContradict(register([names(records), fromPool]), puts, placed(fromPool))).toBeUndefined();
    expect(
      whyRecordsContradict(register([names("192.168.1.13 filer2\n"), filer]), puts, placed(filer)),
    ).toBeUndefined();
    const whole = entry(filer.id, [], [machine("filer.example.com", { address: "192.168.1.12" })]);
    expect(whyRecordsContradict(register([names(records, "x"), whole]), puts, placed(whole))).toBeUndefined();
  });

  it("says nothing where neither of the two is in the change, or nobody serves names", () => {
    expect(whyRecordsContradict(register([names(records), filer]), new Set(["x"]), placed(filer))).toBeUndefined();
    expect(whyRecordsContradict(register([filer]), new Set([filer.id]), placed(filer))).toBeUndefined();
  });
});
