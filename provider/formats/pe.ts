import { firmwares } from "../values/bootChain";

/** The machine types of PE programs (PE/COFF specification, "Machine Types"): those of firmware that is served, and others that are met. */
const machineTypes: ReadonlyMap<number, string> = new Map<number, string>([
  ...Object.entries(firmwares).map(([firmware, { peMachine }]) => [peMachine, firmware] as const),
  [0xaa64, "arm64"],
  [0x1c0, "arm"],
  [0x1c2, "arm"],
  [0x5064, "riscv64"],
  [0x6264, "loongarch64"],
]);

/** Where a program's DOS header says at which byte its PE header begins. */
const placeOfHeader = 60;
const signature = "PE\0\0";

/** The machine type of a PE program, of which these are the first bytes at least; undefined if it is none. */
export function machineOfProgram(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < placeOfHeader + 4 || view.getUint16(0, true) !== 0x5a4d) return undefined;
  const header = view.getUint32(placeOfHeader, true);
  if (header + 6 > bytes.length || view.getUint32(header, true) !== 0x4550) return undefined;
  return nameOf(view.getUint16(header + 4, true));
}

/**
 * The same of a program as node 0 answers it: a text in which each byte that is no UTF-8 is one character.
 *
 * A character between U+0080 and U+00FF may stand for one byte or for two, which by chance were UTF-8: between the two
 * headers lie bytes of the linker's. So the PE header is where its signature stands, if that can be the place that the
 * DOS header names. Before it, and in the machine type, there is no byte that another one completes.
 */
export function machineOfProgramText(text: string): string | undefined {
  if (!text.startsWith("MZ") || text.length < placeOfHeader + 4) return undefined;
  const byteAt = (index: number): number => text.charCodeAt(index) & 0xff;
  const header = [3, 2, 1, 0].reduce((number, index) => number * 256 + byteAt(placeOfHeader + index), 0);
  for (let at = text.indexOf(signature); at >= 0; at = text.indexOf(signature, at + 1)) {
    if (at + 6 > text.length) return undefined;
    const { least, most } = bytesBefore(text, at);
    if (least <= header && header <= most) return nameOf(byteAt(at + 4) + 256 * byteAt(at + 5));
  }
  return undefined;
}

/** How many bytes the beginning of such a text can have been. */
function bytesBefore(text: string, end: number): { readonly least: number; readonly most: number } {
  let least = 0;
  let most = 0;
  for (const character of text.slice(0, end)) {
    const code = character.codePointAt(0) ?? 0;
    const written = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    least += code < 0x100 ? 1 : written;
    most += written;
  }
  return { least, most };
}

function nameOf(machine: number): string {
  return machineTypes.get(machine) ?? `machine type ${machine.toString(16).padStart(4, "0")}`;
}
