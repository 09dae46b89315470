import type { ErrorCode } from "../errors";

/** One line of what the agent on node 0 tells while it works. */
export type ReportLine =
  /** Progress, for the row of a resource. */
  | { readonly tells: "say" | "warn"; readonly id: string; readonly text: string }
  /** A value that only the host knows: `sha256`, `bytes`, `listening`, `verified`, `machine`. */
  | { readonly tells: "out"; readonly id: string; readonly key: string; readonly value: string }
  /** How the host differs from what was declared. */
  | { readonly tells: "drift"; readonly id: string; readonly drift: Drift }
  | { readonly tells: "done"; readonly id: string; readonly how: string }
  | { readonly tells: "fail"; readonly code: ErrorCode; readonly id: string | undefined; readonly message: string }
  /** The last line: what came before is all there is. */
  | { readonly tells: "end" };

/** One thing on the host that is not as it was declared. */
export interface Drift {
  /** A path, a unit, a package, a node's name, a rule of the firewall. */
  readonly what: string;
  readonly how: "missing" | "changed" | "owner" | "stopped" | "became";
  /** A changed text as it is now, or what else there is to say. */
  readonly seen: string;
}

/** Reads one line of the agent's; anything without its nonce (the noise of a login shell) is no line of its. */
export function parseReportLine(line: string, nonce: string): ReportLine | undefined {
  const [mark, tells, ...words] = line.split(" ");
  if (mark !== nonce) return undefined;
  const [first = "", second = "", third = "", fourth = ""] = words;
  switch (tells) {
    case "say":
    case "warn":
      return { tells, id: first, text: parseHex(second) };
    case "out":
      return { tells, id: first, key: second, value: parseHex(third) };
    case "drift":
      return {
        tells,
        id: first,
        drift: { what: decodeURIComponent(second), how: third as Drift["how"], seen: parseHex(fourth) },
      };
    case "done":
      return { tells, id: first, how: second };
    case "fail":
      return { tells, code: first as ErrorCode, id: second === "-" ? undefined : second, message: parseHex(third) };
    case "end":
      return { tells };
    default:
      return undefined;
  }
}

/** Texts travel as hexadecimal digits of their UTF-8; "-" is the empty text, and what is no such number stands for itself. */
function parseHex(digits: string): string {
  if (digits === "-" || digits === "") return "";
  if (digits.length % 2 === 1 || /[^0-9a-f]/.test(digits)) return digits;
  const bytes = Uint8Array.from({ length: digits.length / 2 }, (_, at) =>
    Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16),
  );
  return new TextDecoder().decode(bytes);
}
