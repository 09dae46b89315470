import type { HostAnswers } from "../facts/question";
import { bootChain } from "../values/bootChain";
import { wantsOf } from "./change";
import type { Ground } from "./ground";
import { chainFileKey, folderKey } from "./questions";
import { heldOf } from "./records";
import type { InFolder } from "./tftpFolder";

/** The paths that a change writes as they are not. */
export function changedPaths({ change, fileAt, seen, register }: Ground): ReadonlySet<string> {
  const changed = new Set<string>();
  for (const { want } of [...wantsOf(change.puts, "file"), ...wantsOf(change.puts, "take")]) {
    const have = seen(want.path);
    if (have?.type !== "file" || have.sha256 !== fileAt(want.path)?.sha256) changed.add(want.path);
  }
  const kept = new Set(heldOf(register.after, "file").map(({ held }) => held.path));
  for (const { held } of heldOf(register.before, "file")) if (!kept.has(held.path)) changed.add(held.path);
  return changed;
}

/** What the folder that TFTP serves will hold, by the names in it. */
export function folderAfter({ change, register, facts, fileAt }: Ground): ReadonlyMap<string, InFolder> {
  const { answers } = facts;
  const directory = heldOf(register.after, "tftpd")[0]?.held.directory;
  if (directory === undefined) return new Map();
  const files = folderNow(directory, answers);
  const inside = (path: string): string | undefined =>
    path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : undefined;
  const kept = new Set(heldOf(register.after, "file").map(({ held }) => held.path));
  for (const { held } of heldOf(register.before, "file")) {
    const name = inside(held.path);
    if (name !== undefined && !kept.has(held.path)) files.delete(name);
  }
  for (const { want } of wantsOf(change.puts, "file")) {
    const name = inside(want.path);
    const { mode, content } = want;
    if (name !== undefined) files.set(name, { type: "file", mode, sha256: fileAt(want.path)?.sha256, content });
  }
  for (const { want } of wantsOf(change.puts, "take")) {
    const name = inside(want.path);
    if (name === undefined) continue;
    const { sha256, from } = fileAt(want.path) ?? {};
    const content = from === want.path ? files.get(name)?.content : answers.path(takenKey(want.path))?.content;
    files.set(name, { type: "file", mode: want.mode, sha256, content });
  }
  return files;
}

/** What that folder holds now. */
export function folderNow(directory: string, answers: HostAnswers): Map<string, InFolder> {
  const files = new Map<string, InFolder>();
  for (const { path, type, mode, target, sha256 } of answers.folder(folderKey) ?? []) {
    if (type === "absent") continue;
    const name = path.slice(directory.length + 1);
    const content = Object.hasOwn(bootChain, name) ? answers.path(chainFileKey(name))?.content : undefined;
    files.set(name, { type, mode, target, sha256, content });
  }
  return files;
}

/** The key of the question how a file begins that was taken out of a package. */
export function takenKey(path: string): string {
  return `taken ${path}`;
}
