import { bad, type Checked, good, nearest, type Problem, quoted, readFields } from "../../values/problem";
import * as z from "../../zod";
import { fill } from "../template";

/** What refind.pxe does beyond the guide's steps. */
export interface BootScriptSettings {
  /** How often the files are fetched before the script gives up. @defaultValue 3 */
  readonly attempts?: number;
  /** How long the reason of a failure stays on the screen, before the firmware goes on. @defaultValue 10 */
  readonly waitSeconds?: number;
  /** The 32-bit rEFInd for machines with 32-bit UEFI; without it they stop with a message. No package of Debian's has it. */
  readonly ia32?: string;
}

/** Settings, or a whole text of the user's own. */
export type BootScript = BootScriptSettings | string;

const shape = {
  attempts: z.int().min(1).max(20).optional(),
  waitSeconds: z.int().min(0).max(600).optional(),
  ia32: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
      error: (issue) => `${quoted(issue.input)} is no file's name; write it as in "refind_ia32.efi"`,
    })
    .optional(),
};

/** Reads the `bootScript` argument: settings, a whole text, or nothing. */
export function parseBootScript(args: unknown): Checked<BootScript> {
  if (typeof args === "string") {
    const problems = lintBootScript(args);
    return problems.length > 0 ? bad(...problems) : good(args.endsWith("\n") ? args : `${args}\n`);
  }
  const { fields, problems } = readFields(
    shape,
    args ?? {},
    '{ attempts: 3 }, or a whole text that begins with "#!ipxe"',
  );
  return problems.length > 0 ? bad(...problems) : good(fields as BootScriptSettings);
}

/**
 * The whole of refind.pxe, the script that iPXE runs: it fetches refind.conf and rEFInd by TFTP and starts rEFInd; if
 * that fails it says why, waits, and gives the machine back to its firmware.
 *
 * @see https://ipxe.org/scripting
 */
export function renderBootScript(script: BootScript): string {
  if (typeof script === "string") return script;
  return fill("refind.pxe", {
    attempts: script.attempts ?? 3,
    waitSeconds: script.waitSeconds ?? 10,
    ia32: script.ia32,
  });
}

/** Why iPXE would not run a whole text, as far as that can be seen from outside. */
export function lintBootScript(text: string): readonly Problem[] {
  const wrong = (message: string): Problem => ({ path: "", message });
  // iPXE takes a file for a script by its first six bytes and a space or line end after them (image/script.c).
  if (!/^#!ipxe\s/.test(`${text}\n`)) {
    return [
      wrong(`the text begins with ${quoted(text.slice(0, 12))}; iPXE runs a script only if its first line is "#!ipxe"`),
    ];
  }
  if (text.includes("\0")) return [wrong("the text holds a NUL character; save it as plain text")];
  if (!text.isWellFormed()) return [wrong("the text holds half a character, which no file can; save it as UTF-8")];
  if (text.includes("\r")) return [wrong("the text has the line ends of Windows; save it with those of Unix (LF)")];
  const lines = text.split("\n");
  const labels = lines.map((line) => /^\s*:(\S+)/.exec(line)?.[1]).filter((label) => label !== undefined);
  return lines.flatMap((line, index) => {
    if (/^\s*#/.test(line)) return [];
    return [...line.matchAll(/(?:^|&&|\|\|)\s*goto\s+(\S+)/g)]
      .map(([, label = ""]) => label)
      .filter((label) => !label.includes("${") && !labels.includes(label))
      .map((label) => {
        const near = nearest(label, labels);
        return wrong(
          `line ${index + 1}: there is no label ":${label}" to go to; ${near === undefined ? `write a line ":${label}"` : `did you mean ${near}?`}`,
        );
      });
  });
}
