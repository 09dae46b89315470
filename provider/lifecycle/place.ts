import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { homedir, hostname } from "node:os";
import { join } from "node:path";

/**
 * Where this run takes place, as a digest: this host, the program's folder and the backend of the state. A run that is
 * repeated in the same place after it was cut short is told by it from one of somebody else.
 *
 * @example `5f70bf18a086007f`
 */
export function placeOfRun(): string {
  const parts = [hostname(), process.cwd(), process.env["PULUMI_BACKEND_URL"] ?? backendOfLogin()];
  return createHash("sha256").update(parts.join("\0")).digest("hex").slice(0, 16);
}

/** The backend that `pulumi login` chose, if nothing else says it. */
function backendOfLogin(): string {
  const home = process.env["PULUMI_HOME"] ?? join(homedir(), ".pulumi");
  try {
    const { current } = JSON.parse(readFileSync(join(home, "credentials.json"), "utf8")) as { current?: unknown };
    return typeof current === "string" ? current : "";
  } catch {
    return "";
  }
}
