import type { Answers } from "../facts/question";
import { type Change, wantsOf } from "./change";
import { ancestorKey, ancestorsOf } from "./questions";
import type { Refusal } from "./refusal";

/** Accounts of people; below are those of daemons, with which nobody logs in. */
const firstPerson = 1000;

/**
 * A folder of somebody's above the files lets him put others in their place. The served one itself may be a daemon's, as
 * tutorials for TFTP have it.
 */
export function whyTftpFolderIsSomebodys({ puts }: Change, answers: Pick<Answers, "path">): Refusal | undefined {
  for (const { id, want } of wantsOf(puts, "tftpd")) {
    for (const path of ancestorsOf(want.directory)) {
      const seen = answers.path(ancestorKey(path));
      if (seen?.type !== "folder") continue;
      const whose = seen.uid === 0 || (path === want.directory && seen.uid < firstPerson) ? undefined : seen.uid;
      const mode = Number.parseInt(seen.mode, 8);
      const isOpen = (mode & 0o002) !== 0 && ((mode & 0o1000) === 0 || path === want.directory);
      if (whose === undefined && !isOpen) continue;
      const why =
        whose === undefined ? `everybody may write to it (mode ${seen.mode})` : `it belongs to the user ${whose}`;
      const below = path === want.directory ? "" : `, and ${want.directory} lies below it`;
      return {
        code: "TRANSACTION_FAILED",
        id,
        message: `${path} is a folder in which others than root can replace what machines boot: ${why}${below}. Take a folder of root's, as /srv/tftp, or give that one to root`,
      };
    }
  }
  return undefined;
}
