import type { Answers } from "../facts/question";
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
      const why =
        whose === undefined ? `everybody may write to it (mode ${seen.mode})` : `it belongs to the user ${whose}`;
      const isServed = path === want.directory;
      const below = isServed ? "" : `, and ${want.directory} lies below it`;
      const mend = isServed
        ? `Run \`${whose === undefined ? "chmod o-w" : "chown root"} ${path}\` there`
        : "Serve a folder that lies below root's own only, as /srv/tftp";
      return {
        code: "TRANSACTION_FAILED",
        id,
        message: `${path} is a folder in which others than root can replace what machines boot: ${why}${below}. ${mend}`,
      };
    }
  }
  return undefined;
}
