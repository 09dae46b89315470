import { readFileSync } from "node:fs";
import { type Packages, packagesFact } from "../../provider/facts/packages";
import type { Answers, Ran, Seen } from "../../provider/facts/question";
import { type Units, unitFacts } from "../../provider/facts/units";

/** The units whose states each case has. */
const units = ["chrony", "ntpsec", "openntpd", "systemd-timesyncd", "tftpd-hpa", "not-there"];

/** Answers of programs and paths; nothing else was asked. */
export function answersOf(ran: Readonly<Record<string, Ran>>, files: Readonly<Record<string, string>> = {}): Answers {
  return {
    ran: (key) => ran[key],
    ranFor: () => undefined,
    path: (key) => (files[key] === undefined ? undefined : seenFile(key, files[key])),
    folder: () => undefined,
    holders: () => undefined,
    packetSockets: () => undefined,
  };
}

/** A regular file of root's. */
export function seenFile(path: string, content: string, sha256?: string): Seen {
  const plain = { mode: "0600", uid: 0, gid: 0, mtime: 1, ctime: 1 } as const;
  return { path, type: "file", ...plain, bytes: content.length, content, ...(sha256 !== undefined && { sha256 }) };
}

/** What `test/support/capturePackageCases.mts` found on a real host, with notes of ours beside it. */
export function packageCase(
  name: string,
  notes: Readonly<Record<string, string>> = {},
): { readonly packages: Packages; readonly units: Units } {
  const path = `test/cases/packages/${name}.json`;
  const answers = answersOf(JSON.parse(readFileSync(path, "utf8")) as Record<string, Ran>, notes);
  return {
    packages: packagesFact.read(answers),
    units: unitFacts(units.map((unit) => `${unit}.service`)).read(answers),
  };
}
