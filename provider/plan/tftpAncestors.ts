import type { Answers } from "../facts/question";
import type { OwnedFolder } from "../facts/tftpFolder";
import { type Change, wantsOf } from "./change";
import { ancestorKey, ancestorsOf } from "./questions";
import type { Refusal } from "./refusal";

/** Accounts of people begin at 1000; below are those of daemons, as is `nobody`, and nobody logs in with them. */
const isPersons = (uid: number): boolean => uid >= 1000 && uid !== 65_534;

/**
 * A folder of somebody's above the files lets him put others in their place. The served one itself may be a daemon's, as
 * tutorials for TFTP have it.
 */
export function whyTftpFolderIsSomebodys({ puts }: Change, answers: Pick<Answers, "path">): Refusal | undefined {
  for (const { id, want } of wantsOf(puts, "tftpd")) {
    for (const path of ancestorsOf(want.directory)) {
      const seen = answers.path(ancestorKey(path));
      if (seen?.type !== "folder") continue;
      const whose = seen.uid === 0 || (path === want.directory && !isPersons(seen.uid)) ? undefined : seen.uid;
      const mode = Number.parseInt(seen.mode, 8);
      const isOpen = (mode & 0o002) !== 0 && ((mode & 0o1000) === 0 || path === want.directory);
      if (whose === undefined && !isOpen) continue;
      const opening = whose === undefined ? everybody(seen.mode) : usersOwn(`${whose}`);
      return { code: "TRANSACTION_FAILED", id, message: shownOpening(path, want.directory, opening) };
    }
  }
  return undefined;
}

/** What lets somebody exchange files in a folder, and the command that ends it. */
interface Opening {
  readonly why: string;
  readonly mend: string;
}

const everybody = (mode: string): Opening => ({ why: `everybody may write to it (mode ${mode})`, mend: "chmod o-w" });
const usersOwn = (user: string): Opening => ({ why: `it belongs to the user ${user}`, mend: "chown root" });
const groupsOwn = (group: string, mode: string): Opening => ({
  why: `the group ${group} may write to it (mode ${mode})`,
  mend: "chmod g-w",
});

function shownOpening(path: string, directory: string, { why, mend }: Opening): string {
  const isServed = path === directory;
  const below = isServed ? "" : `, and ${directory} lies below it`;
  const help = isServed
    ? `Run \`${mend} ${path}\` there`
    : "Serve a folder that lies below root's own only, as /srv/tftp";
  return `${path} is a folder in which others than root can replace what machines boot: ${why}${below}. ${help}`;
}

/** The same of node 0 as it is, where also a daemon's user is told: whoever takes that daemon over has the boot files. */
export function whyOthersMayReplace(folders: readonly OwnedFolder[]): string | undefined {
  const directory = folders[0]?.path ?? "";
  for (const { path, mode, uid, gid, user, group } of folders) {
    const bits = Number.parseInt(mode, 8);
    // In a folder above it, with the sticky bit, nobody takes another's away.
    const isSticky = (bits & 0o1000) !== 0 && path !== directory;
    const opening =
      uid !== 0
        ? usersOwn(user === "UNKNOWN" ? `${uid}` : user)
        : (bits & 0o002) !== 0 && !isSticky
          ? everybody(mode)
          : (bits & 0o020) !== 0 && gid !== 0 && !isSticky
            ? groupsOwn(group === "UNKNOWN" ? `${gid}` : group, mode)
            : undefined;
    if (opening !== undefined) return shownOpening(path, directory, opening);
  }
  return undefined;
}
