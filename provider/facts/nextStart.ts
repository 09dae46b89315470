import { dropInFolders } from "./daemons";
import type { Answers, Fact, Question } from "./question";

/** What systemd would do with a unit that is to be started. */
export interface NextStart {
  /** By unit, the conditions of somebody's drop-in that do not hold now: a start would pass it over, and say nothing. */
  readonly unmet: ReadonlyMap<string, readonly string[]>;
  /** What a boot starts; undefined if it was not asked. */
  readonly boot?: {
    /** The target that it boots into. */
    readonly target: string;
    readonly starts: ReadonlySet<string>;
    /** By unit, the other ones that can't run beside it. */
    readonly conflicts: ReadonlyMap<string, readonly string[]>;
  };
}

const conditionsKey = "nextStart.conditions";

// systemd of Debian 11 can't say it of a unit: then nothing is known.
const tellUnmet = `for unit; do systemd-analyze condition --unit="$unit" || echo "unmet $unit"; done 2>&1`;

const tellBoot = `echo "target $(systemctl get-default)"
systemctl list-dependencies --plain default.target | sed 's/^ */starts /'
for unit; do
  for other in $(systemctl show -p Conflicts -p ConflictedBy -- "$unit" | sed 's/^[^=]*=//'); do echo "conflict $unit $other"; done
done`;

/** How these units, all of ours, would be started. */
export function nextStartFacts(names: readonly string[]): Fact<NextStart> {
  const asked = [...new Set(names)].toSorted();
  return {
    questions: asked.length === 0 ? {} : unmetQuestions(asked),
    read: (answers: Answers): NextStart => {
      const unmet = parseUnmet(answers.ran("nextStart.unmet")?.said ?? "", answers.ran(conditionsKey)?.said ?? "");
      const boot = answers.ran("nextStart.boot");
      return boot === undefined ? { unmet } : { unmet, boot: parseBoot(boot.said) };
    },
  };
}

/** What a boot starts is asked beside that. */
export function bootQuestions(names: readonly string[]): Readonly<Record<string, Question>> {
  return { ...unmetQuestions(names), "nextStart.boot": { ask: "run", argv: ["sh", "-c", tellBoot, "sh", ...names] } };
}

function unmetQuestions(names: readonly string[]): Readonly<Record<string, Question>> {
  return {
    [conditionsKey]: {
      ask: "run",
      argv: [
        "grep",
        "-EHrs",
        "--include=*.conf",
        "^[[:space:]]*(Condition|Assert)[A-Za-z]+[[:space:]]*=[[:space:]]*[^[:space:]]",
        ...new Set(names.flatMap(dropInFolders)),
      ],
    },
    "nextStart.unmet": {
      when: { key: conditionsKey, matches: "=" },
      ask: "run",
      argv: ["sh", "-c", tellUnmet, "sh", ...names],
    },
  };
}

/**
 * `tftpd-hpa.service: ConditionPathExists=!/etc/x failed.`, and at the end of each `unmet tftpd-hpa.service`, if that decides. A
 * condition of Debian's own unit, which ours takes the place of, stands in no drop-in.
 */
function parseUnmet(said: string, dropIns: string): ReadonlyMap<string, readonly string[]> {
  const failed = [...said.matchAll(/^(\S+): ((?:Condition|Assert)\w+=(.*)) failed\.$/gm)].filter(([, , , value = ""]) =>
    dropIns.includes(value),
  );
  return new Map(
    [...said.matchAll(/^unmet (\S+)$/gm)].flatMap(([, unit = ""]) => {
      const of = failed.flatMap(([, name, text = ""]) => (name === unit ? [text] : []));
      return of.length === 0 ? [] : [[unit, of] as const];
    }),
  );
}

function parseBoot(said: string): NonNullable<NextStart["boot"]> {
  const lines = said.split("\n").map((line) => line.split(" "));
  const conflicts = Map.groupBy(
    lines.filter(([word]) => word === "conflict"),
    ([, unit = ""]) => unit,
  );
  return {
    target: lines.find(([word]) => word === "target")?.[1] ?? "",
    starts: new Set(lines.flatMap(([word, unit]) => (word === "starts" && unit !== undefined ? [unit] : []))),
    conflicts: new Map([...conflicts].map(([unit, all]) => [unit, all.map(([, , other = ""]) => other)] as const)),
  };
}
