import type { HostAnswers } from "../facts/question";
import { missingMounts } from "../facts/tftpFolder";
import { bootChain } from "../values/bootChain";
import { type Change, wantsOf } from "./change";
import type { Ground } from "./ground";
import { chainFileKey, folderKey } from "./questions";
import { heldOf, type Register } from "./records";
import type { Refusal } from "./refusal";
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

/** The folder is to be on a file system that is not mounted: files would go below it, and none be there after the next boot. */
export function whyNotMounted({ after }: Register, { puts }: Change, answers: HostAnswers): Refusal | undefined {
  const [tftp] = heldOf(after, "tftpd");
  if (tftp === undefined) return undefined;
  const folder = `${tftp.held.directory}/`;
  const written = [...wantsOf(puts, "file"), ...wantsOf(puts, "take")].find(({ want }) => want.path.startsWith(folder));
  const id = puts.has(tftp.id) ? tftp.id : written?.id;
  const [missing] = missingMounts(tftp.held.directory, answers);
  if (id === undefined || missing === undefined) return undefined;
  const { unit, where, state } = missing;
  return {
    code: "NOT_SERVING",
    id,
    message:
      `${tftp.held.directory} is to be on the file system that ${unit} mounts on ${where}, and that is ${state} now: files would ` +
      `go below it. Mount it (systemctl start ${unit}), or take it out of /etc/fstab and \`systemctl daemon-reload\``,
  };
}
