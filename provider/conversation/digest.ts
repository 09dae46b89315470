import { createHash } from "node:crypto";

/** The sha256 of some bytes, in hexadecimal digits. */
export function sha256Of(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
