import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { machineOfProgram, machineOfProgramText } from "../../../../provider/formats/pe";
import { answered, program } from "./program";

const machines: readonly (readonly [number, string])[] = [
  [0x8664, "x64"],
  [0x14c, "ia32"],
  [0xaa64, "arm64"],
  [0x1c0, "arm"],
  [0x1c2, "arm"],
  [0x5064, "riscv64"],
  [0x6264, "loongarch64"],
  [0x200, "machine type 0200"],
];

describe("machineOfProgram", () => {
  it.each(machines)("reads the machine type %i as %s", (machine, name) => {
    expect(machineOfProgram(program(machine))).toBe(name);
    expect(machineOfProgram(program(machine, [...new TextEncoder().encode("This program cannot be run")]))).toBe(name);
  });

  it("takes nothing else for a program, and nothing that is cut off", () => {
    const whole = program(0x8664);
    const elf = Uint8Array.from(whole, (byte, at) => (at < 2 ? 0x7f : byte));
    for (const bytes of [new Uint8Array(), new TextEncoder().encode("MZ no program"), elf, whole.subarray(0, 69)]) {
      expect(machineOfProgram(bytes)).toBeUndefined();
      expect(machineOfProgramText(answered(bytes))).toBeUndefined();
    }
  });

  it("reads bytes that begin in the middle of a buffer", () => {
    const longer = Uint8Array.from([1, 2, 3, ...program(0x8664)]);
    expect(machineOfProgram(longer.subarray(3))).toBe("x64");
  });
});

describe("machineOfProgramText", () => {
  it("reads the same out of a text, whatever the linker wrote between the headers", () => {
    const anyBytes = fc.array(fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0xc3, 0xa9, 0xe2, 0x82)));
    fc.assert(
      fc.property(fc.constantFrom(...machines), anyBytes, ([machine, name], between) => {
        expect(machineOfProgramText(answered(program(machine, [...between, 0])))).toBe(name);
      }),
    );
  });

  it("is not misled by a signature that stands elsewhere than the header says", () => {
    const between = [0x50, 0x45, 0, 0, 0x4c, 0x01, ...Array(40).fill(0)];
    expect(machineOfProgramText(answered(program(0x8664, between)))).toBe("x64");
  });
});
