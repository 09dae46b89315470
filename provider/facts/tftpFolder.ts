import type { Answers, Question } from "./question";

const viewKey = "folder.view";
const mountsKey = "folder.mounts";
// systemd forgets a unit that does not run and that nobody waits for, until somebody names it.
const mountsOnTheWay = `set -f; path=$1; names=
while [ "\${path%/*}" != "$path" ]; do names="$names $(systemd-escape -p --suffix=mount "$path/")"; path=\${path%/*}; done
exec systemctl show -p Id,Where,ActiveState,LoadState,WantedBy,RequiredBy -- *.mount $names`;

/**
 * Where a folder lies, and whether in.tftpd, which runs in the folder that it serves since it was started, is in the one that
 * has this path now.
 */
export function servedFolderQuestions(directory: string): Readonly<Record<string, Question>> {
  const view = 'stat -Lc "%d:%i" "/proc/$(systemctl show -p MainPID --value tftpd-hpa.service)/cwd" "$1"';
  return {
    [viewKey]: { ask: "run", argv: ["sh", "-c", view, "sh", directory] },
    [mountsKey]: {
      ask: "run",
      argv: ["sh", "-c", mountsOnTheWay, "sh", directory],
    },
  };
}

const ownersKey = "folder.owners";
const tellOwners = `path=$1
while [ -n "$path" ]; do stat -c '%a %u %g %U %G %n' "$path"; path=\${path%/*}; done 2>/dev/null`;

/** A folder on the way to the boot files. */
export interface OwnedFolder {
  readonly path: string;
  /** As `chmod` writes it: `755`. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  /** Their names. */
  readonly user: string;
  readonly group: string;
}

/** Whose a folder is, and all above it. */
export function ownersQuestions(directory: string): Readonly<Record<string, Question>> {
  return { [ownersKey]: { ask: "run", argv: ["sh", "-c", tellOwners, "sh", directory] } };
}

/** The folder that was asked for first. */
export function foldersOwned(answers: Answers): readonly OwnedFolder[] {
  return [...(answers.ran(ownersKey)?.said ?? "").matchAll(/^(\d+) (\d+) (\d+) (\S+) (\S+) (\/.*)$/gm)].map(
    ([, mode = "", uid, gid, user = "", group = "", path = ""]) => ({
      ...{ path, mode, uid: Number(uid), gid: Number(gid), user, group },
    }),
  );
}

/** Whether in.tftpd serves a folder over which another file system was mounted since, or that was replaced. */
export function readsOldFolder(answers: Answers): boolean {
  // One that does not run has none, and stat says so.
  const [own, now, ...more] = (answers.ran(viewKey)?.said ?? "").trimEnd().split("\n");
  const isPlace = /^\d+:\d+$/;
  return more.length === 0 && isPlace.test(own ?? "") && isPlace.test(now ?? "") && own !== now;
}

/** A file system that is to be there, and is not. */
export interface MissingMount {
  readonly unit: string;
  readonly where: string;
  readonly state: string;
}

/** What node 0 mounts at its boot on the way to a folder, and has not mounted now. */
export function missingMounts(directory: string, answers: Answers): readonly MissingMount[] {
  const paragraphs = new Set((answers.ran(mountsKey)?.said ?? "").trimEnd().split("\n\n"));
  return [...paragraphs].flatMap((paragraph) => {
    const value = (name: string): string => new RegExp(`^${name}=(.*)$`, "m").exec(paragraph)?.[1] ?? "";
    const [where, state] = [value("Where"), value("ActiveState")];
    const isOnTheWay = where !== "" && `${directory}/`.startsWith(`${where}/`);
    const isMeant = value("LoadState") === "loaded" && `${value("WantedBy")}${value("RequiredBy")}` !== "";
    return isOnTheWay && isMeant && state !== "active" ? [{ unit: value("Id"), where, state }] : [];
  });
}
