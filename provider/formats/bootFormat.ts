import type { Problem } from "../values/problem";
import { lintBootScript } from "./ipxe/bootScript";
import { lintRefindConf } from "./refind/refindLint";

/** What the files of the chain must be, by the name under which firmware or iPXE asks for them. */
const formats: Readonly<Record<string, "x64" | "ia32" | "script" | "refind.conf">> = {
  "ipxe.efi": "x64",
  "snponly.efi": "x64",
  "refind_x64.efi": "x64",
  "ipxe32.efi": "ia32",
  "refind_ia32.efi": "ia32",
  "refind.pxe": "script",
  "refind.conf": "refind.conf",
};

/** The machine types of PE programs (PE/COFF specification, "Machine Types"). */
const machines: Readonly<Record<number, string>> = {
  332: "ia32",
  34404: "x64",
  43620: "arm64",
  448: "arm",
  450: "arm",
  20580: "riscv64",
  25188: "loongarch64",
};

/** Why a boot file of this name is not what a machine would start, run or read; nothing for names that are not of the chain. */
export function whyNotBootable(name: string, bytes: Uint8Array): readonly Problem[] {
  const format = formats[name];
  if (format === undefined) return [];
  if (format === "script") return lintBootScript(textOf(bytes));
  if (format === "refind.conf") return lintRefindConf(textOf(bytes));
  const machine = machineOf(bytes);
  if (machine === format) return [];
  const message =
    machine === undefined
      ? `${name} must be a program for UEFI, and this is none; give the ${format} build of it`
      : `${name} must be a program for ${format}, and this one is for ${machine}; give the ${format} build of it`;
  return [{ path: "", message }];
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** The machine type of a PE program; undefined if it is none. */
function machineOf(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 64 || view.getUint16(0, true) !== 0x5a4d) return undefined;
  const header = view.getUint32(60, true);
  if (header + 6 > bytes.length || view.getUint32(header, true) !== 0x4550) return undefined;
  const machine = view.getUint16(header + 4, true);
  return machines[machine] ?? `machine type ${machine.toString(16)}`;
}
