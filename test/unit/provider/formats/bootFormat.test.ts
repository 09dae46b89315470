import { describe, expect, it } from "vitest";
import { whyNotBootable } from "../../../../provider/formats/bootFormat";
import { program } from "./program";

const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const messages = (name: string, bytes: Uint8Array): readonly string[] =>
  whyNotBootable(name, bytes).map(({ message }) => message);

describe("whyNotBootable", () => {
  it("takes each file of the chain in its own format", () => {
    expect(messages("ipxe.efi", program(0x8664))).toEqual([]);
    expect(messages("ipxe32.efi", program(0x14c))).toEqual([]);
    expect(messages("refind.pxe", text("#!ipxe\n"))).toEqual([]);
    expect(messages("refind.conf", text("timeout 3\n"))).toEqual([]);
  });

  it("says which firmware a program is for, and that something is none", () => {
    expect(messages("ipxe.efi", program(0xaa64))).toEqual([
      "ipxe.efi must be a program for x64, and this one is for arm64; give the x64 build of it",
    ]);
    expect(messages("refind_ia32.efi", text("no program"))).toEqual([
      "refind_ia32.efi must be a program for UEFI, and this is none; give the ia32 build of it",
    ]);
  });

  it("says nothing of files that are not of the chain", () => {
    expect(messages("constructor", text("x"))).toEqual([]);
    expect(messages("memtest.efi", text("x"))).toEqual([]);
  });
});
