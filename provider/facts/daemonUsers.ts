import { daemonUsers } from "../os/daemonUsers";
import type { Answers, Fact } from "./question";

// A package that is not there yet makes its user when it comes. getent ends with 2 where there is none of that name.
const tellGone = `while [ $# -gt 2 ]; do
  case $(dpkg-query -W -f '\${Status}' "$2" 2>/dev/null) in
  *" installed") getent passwd "$3" >/dev/null; [ $? -eq 2 ] && echo "gone $1" ;;
  esac
  shift 3
done`;

const key = "daemonUsers.gone";

/** Which of these units run, or would, as a user whom somebody has deleted: a daemon runs on, and does not start again. */
export function daemonUserFacts(units: readonly string[]): Fact<ReadonlySet<string>> {
  const words = [...new Set(units)].toSorted().flatMap((unit) => {
    const known = daemonUsers[unit];
    return known === undefined ? [] : [unit, known.package, known.user];
  });
  return {
    questions: words.length === 0 ? {} : { [key]: { ask: "run", argv: ["sh", "-c", tellGone, "sh", ...words] } },
    read: (answers: Answers) =>
      new Set([...(answers.ran(key)?.said ?? "").matchAll(/^gone (\S+)$/gm)].map(([, unit = ""]) => unit)),
  };
}
