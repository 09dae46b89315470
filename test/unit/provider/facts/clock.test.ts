import { expect, it } from "vitest";
import { clock } from "../../../../provider/facts/clock";
import { answersOf, seenFile } from "../../../support/packageCases";

const status = (bits: string) => answersOf({}, { "clock.status": `Name:\tsystemd\nCapBnd:\t${bits}\nSeccomp:\t0\n` });

it("tells whether Debian's chrony starts: where the clock may be set, or a drop-in says so", () => {
  // A machine, and a container of systemd-nspawn.
  expect(clock.read(status("000001ffffffffff")).startsChrony).toBe(true);
  const container = status("00000000fcecbfff");
  expect(clock.read(container).startsChrony).toBe(false);
  const folder = (key: string) => (key.includes("/usr/lib/") ? [seenFile("a.conf", "")] : undefined);
  expect(clock.read({ ...container, folder }).startsChrony).toBe(true);
});

it("asks for drop-ins only where the clock may not be set", () => {
  const whens = Object.values(clock.questions).flatMap(({ when }) => when ?? []);
  expect(whens).toHaveLength(5);
  for (const { key, matches } of whens) {
    expect(key).toBe("clock.status");
    expect(new RegExp(matches, "m").test("CapBnd:\t000001ffffffffff")).toBe(false);
    expect(new RegExp(matches, "m").test("CapBnd:\t00000000fcecbfff")).toBe(true);
  }
});
