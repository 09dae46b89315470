import { bootChainFile } from "../values/bootChain";
import type { Problem } from "../values/problem";
import { lintBootScript } from "./ipxe/bootScript";
import { machineOfProgram } from "./pe";
import { lintRefindConf } from "./refind/refindLint";

/** Why a boot file of this name is not what a machine would start, run or read; nothing for names that are not of the chain. */
export function whyNotBootable(name: string, bytes: Uint8Array): readonly Problem[] {
  const file = bootChainFile(name);
  if (file === undefined) return [];
  if (file.format === "script") return lintBootScript(textOf(bytes));
  if (file.format === "refind.conf") return lintRefindConf(textOf(bytes));
  const { firmware } = file;
  const machine = machineOfProgram(bytes);
  if (machine === firmware) return [];
  const message =
    machine === undefined
      ? `${name} must be a program for UEFI, and this is none; give the ${firmware} build of it`
      : `${name} must be a program for ${firmware}, and this one is for ${machine}; give the ${firmware} build of it`;
  return [{ path: "", message }];
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
