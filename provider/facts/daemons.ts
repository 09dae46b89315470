import { valuesOf } from "../formats/systemd/command";
import type { Answers, Fact } from "./question";

/** The main process of a unit as it runs, which need not be what lies on the disk. */
export interface Daemon {
  readonly unit: string;
  readonly pid: number;
  /** The words that it was started with. */
  readonly words: readonly string[];
  /** The folder that it takes for `/`. */
  readonly root: string;
  /** The second since 1970 in which it was started, by the clock as that was then: as a file's time of change is. */
  readonly started: number;
  /** It was halted, by a signal or with its whole unit, and does nothing until it goes on. */
  readonly halted?: "stopped" | "frozen";
  /** A file of the unit was changed since systemd read it: the next start is another. */
  readonly needsReload: boolean;
}

/** A setting of somebody's drop-in that decides what a unit's program is, what it is told, and which files it sees. */
export interface Override {
  readonly unit: string;
  readonly path: string;
  readonly setting: (typeof settings)[number];
  readonly value: string;
}

const settings = ["ExecStart", "EnvironmentFile", "RootDirectory", "RootImage"] as const;

export interface Daemons {
  /** Those that run, by their units. */
  readonly running: ReadonlyMap<string, Daemon>;
  readonly overrides: readonly Override[];
}

const properties = "Id,MainPID,ExecMainStartTimestamp,NeedDaemonReload,RootDirectory,RootImage,FreezerState";

// Times of systemctl are in the zone of whoever asks. Its `--timestamp` is newer than Debian 11.
const script = `export TZ=UTC
for unit; do
  said=$(systemctl show -p ${properties} -- "$unit")
  pid=$(printf '%s\\n' "$said" | sed -n 's/^MainPID=//p')
  printf '%s\\nRoot=%s\\nIsOurRoot=%s\\nState=%s\\nWords=%s\\n\\n' "$said" "$(readlink "/proc/$pid/root")" \\
    "$(test "/proc/$pid/root/" -ef / && echo yes || echo no)" \\
    "$(sed -n 's/^State:[[:space:]]*//p' "/proc/$pid/status")" "$(tr '\\0' '\\t' < "/proc/$pid/cmdline")"
done 2>/dev/null`;

/** How the daemons of these units run. Nothing is asked where there are none. */
export function daemonFacts(names: readonly string[]): Fact<Daemons> {
  const asked = [...new Set(names)].toSorted();
  return {
    questions:
      asked.length === 0
        ? {}
        : {
            "daemons.running": { ask: "run", argv: ["sh", "-c", script, "sh", ...asked] },
            "daemons.overrides": {
              ask: "run",
              argv: [
                "grep",
                "-EHrs",
                "--include=*.conf",
                `^[[:space:]]*(${settings.join("|")})[[:space:]]*=`,
                ...new Set(asked.flatMap(dropInFolders)),
              ],
            },
          },
    read: (answers: Answers): Daemons => ({
      running: new Map(
        parseDaemons(answers.ran("daemons.running")?.said ?? "").map((each) => [each.unit, each] as const),
      ),
      overrides: parseOverrides(asked, answers.ran("daemons.overrides")?.said ?? ""),
    }),
  };
}

const unitFolders = [
  "/etc/systemd/system",
  "/run/systemd/system",
  "/usr/local/lib/systemd/system",
  "/usr/lib/systemd/system",
];

/** Where drop-ins of a unit lie: of its name, of each beginning of it that ends in a dash, and of all services. */
export function dropInFolders(unit: string): readonly string[] {
  const dashes = [...unit.matchAll(/-/g)].map(({ index }) => `${unit.slice(0, index + 1)}.service`);
  return unitFolders.flatMap((folder) => [unit, ...dashes, "service"].map((name) => `${folder}/${name}.d`));
}

function parseDaemons(said: string): readonly Daemon[] {
  return said.split("\n\n").flatMap((paragraph): readonly Daemon[] => {
    const value = (name: string): string => new RegExp(`^${name}=(.*)$`, "m").exec(paragraph)?.[1] ?? "";
    const words = value("Words").split("\t").slice(0, -1);
    if (words.length === 0) return [];
    const [, day, time] = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC$/.exec(value("ExecMainStartTimestamp")) ?? [];
    return [
      {
        unit: value("Id"),
        pid: Number(value("MainPID")),
        words,
        root: rootOf(value),
        started: Date.parse(`${day}T${time}Z`) / 1000,
        needsReload: value("NeedDaemonReload") === "yes",
        ...haltedBy(value),
      },
    ];
  });
}

function haltedBy(value: (name: string) => string): Pick<Daemon, "halted"> {
  if (value("FreezerState") === "frozen") return { halted: "frozen" };
  return /^[Tt]/.test(value("State")) ? { halted: "stopped" } : {};
}

/** By chroot it has a path. systemd's RootDirectory and RootImage make it the root of another tree of mounts: `/` again. */
function rootOf(value: (name: string) => string): string {
  if (value("IsOurRoot") !== "no" || value("Root") !== "/") return value("Root");
  return value("RootDirectory") || value("RootImage") || "another file system";
}

/** `path:ExecStart=…`, as grep prints it. */
function parseOverrides(units: readonly string[], said: string): readonly Override[] {
  const byPath = Map.groupBy([...said.matchAll(/^(.*?\.conf):(.*)$/gm)], ([, path = ""]) => path);
  return [...byPath].flatMap(([path, lines]) => {
    const text = lines.map(([, , line]) => line).join("\n");
    const own = units.filter((name) => dropInFolders(name).some((folder) => path.startsWith(`${folder}/`)));
    return settings.flatMap((setting) => {
      const value = valuesOf(text, setting).at(-1);
      return value === undefined ? [] : own.map((unit) => ({ unit, path, setting, value }));
    });
  });
}
