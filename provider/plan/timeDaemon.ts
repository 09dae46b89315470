import { complaintOf, failedPackages, type Packages, type Replaced, unremoved } from "../facts/packages";
import type { Ran, Seen } from "../facts/question";
import type { Units } from "../facts/units";
import type { Declaration, Want } from "../kinds/want";
import { daemonUnits, timeDaemonProvision } from "../os/packages";
import { enablingLink } from "../os/paths";
import { type Change, wantsOf } from "./change";
import { heldOf, type Register } from "./records";
import type { Refusal } from "./refusal";

type StandIn = Extract<Want, { readonly want: "standIn" }>;

/** What went, or goes, for a package. */
export interface ReplacedRow extends Replaced {
  readonly standIn: string;
}

/** How what went for a package comes back. */
export interface ReturningRow {
  readonly standIn: string;
  readonly package: string;
  readonly version: string;
  readonly unit: string;
  /** What `systemctl is-enabled` said of it. */
  readonly fileState: string;
  /** The word of systemctl that makes it so, where there is one. */
  readonly enable?: "enable" | "disable" | "mask";
  /** Absent: nothing is known of how it ran, and so it is left as its package starts it. */
  readonly run?: "start" | "stop";
}

/** A package that goes, with what it had replaced coming back before it. */
export interface GiveBack {
  readonly package: string;
  /** What dpkg does with it; its configuration stays where it was there before us. */
  readonly how: "--purge" | "--remove";
  /** On whose rows the progress is shown. */
  readonly tell: readonly string[];
}

/** How the giving back of one package went; node 0 stops at the first that apt refuses. */
export interface GivenBack extends Ran {
  readonly package: string;
  /** What was not there any more; status and words are those of the apt that was to bring it. */
  readonly lost: readonly string[];
  /** Whether the package itself is there still. */
  readonly stays: boolean;
  /** Why dpkg could not take the package itself away; absent if it is gone. */
  readonly remains?: string;
}

function standInsOf(puts: readonly Declaration[]): readonly { readonly id: string; readonly want: StandIn }[] {
  return puts
    .toSorted((one, other) => (one.id < other.id ? -1 : 1))
    .flatMap(({ id, wants }) => wants.flatMap((want) => (want.want === "standIn" ? [{ id, want }] : [])));
}

/** A daemon that somebody chose for this host gives way only where the program says so. */
export function refuseTimeDaemon(puts: readonly Declaration[], packages: Packages): Refusal | undefined {
  for (const { id, want } of standInsOf(puts)) {
    // A marker: it was allowed once, and what is there now is ours.
    if (want.allowed || packages.standIns.has(want.package)) continue;
    const there = packages.providing([want.package, ...want.usual, ...want.others], timeDaemonProvision);
    const other = there.find(({ name }) => !want.usual.includes(name));
    if (other !== undefined) return { code: "OCCUPIED", id, message: whyOccupied(want.package, other.name) };
  }
  return undefined;
}

function whyOccupied(wanted: string, other: string): string {
  const would =
    other === wanted
      ? `${wanted} is on this host already; a drop-in of ours would be added to its configuration, and it would serve the private network only`
      : `${other} keeps the time of this host, and ${wanted} would replace it`;
  return `${would}. Say time: { replace: true } (for a TimeServer alone: replace: true) if that is right; it is put back on destroy. Or let node 0 serve no time: time: false`;
}

/** A container that may not set its clock: Debian's chrony does not start there. */
export function whyClockIsNotOurs({ puts }: Pick<Change, "puts">, startsChrony: boolean): Refusal | undefined {
  const [time] = startsChrony ? [] : wantsOf(puts, "ntp");
  return (
    time && {
      code: "OCCUPIED",
      id: time.id,
      message:
        "this host may not set its clock (it is a container without CAP_SYS_TIME), and Debian's chrony does not start on such a " +
        "one. Let it serve no time: time: false, and machines take theirs from elsewhere (network.ntpServers). Or give the container that capability",
    }
  );
}

/**
 * What apt will remove for the packages that stand in, and how it ran. Of one that an earlier run began with, what was
 * written down then: since then it may be gone.
 */
export function planReplaced(
  puts: readonly Declaration[],
  packages: Packages,
): { readonly standIns: readonly string[]; readonly rows: readonly ReplacedRow[] } {
  const wanted = new Map(standInsOf(puts).map(({ want }) => [want.package, want]));
  // One that is there already, and for which nothing went: somebody else's.
  const standing = [...wanted.values()].filter(
    ({ package: name }) => packages.standIns.has(name) || !packages.installed(name),
  );
  return {
    standIns: standing.map((want) => want.package),
    rows: standing.flatMap((want) =>
      (packages.standIns.get(want.package) ?? rowsNow(want, packages)).map((row) => ({
        standIn: want.package,
        ...row,
      })),
    ),
  };
}

function rowsNow(want: StandIn, packages: Packages): readonly Replaced[] {
  return packages
    .providing([...want.usual, ...want.others], timeDaemonProvision)
    .filter(({ name }) => name !== want.package)
    .map(({ name, version }) => ({ package: name, version, ...daemonOf(name, packages) }));
}

/** The unit that a package's daemon runs in. Another name of another package's unit is none. */
function daemonOf(name: string, { unitFiles, running }: Packages): Omit<Replaced, "package" | "version"> {
  const units = daemonUnits(name);
  const own = units.find((unit) => !["alias", "bad", undefined].includes(unitFiles.get(unit)));
  if (own === undefined) return { unit: units[0], fileState: "", activeState: "" };
  return { unit: own, fileState: unitFiles.get(own) ?? "", activeState: running.has(own) ? "active" : "inactive" };
}

/** What comes back after a change, because nothing wants any more what stands in for it. `tell`: all that the change is about. */
export function planGivingBack(
  puts: readonly Declaration[],
  register: Register,
  packages: Packages,
  tell: readonly string[],
): { readonly giveBack: readonly GiveBack[]; readonly returning: readonly ReturningRow[] } {
  const ours = new Set(puts.map(({ id }) => id));
  const wanted = new Set([
    ...standInsOf(puts).map(({ want }) => want.package),
    ...heldOf(register.after, "standIn").flatMap(({ id, held }) => (ours.has(id) ? [] : [held.package])),
  ]);
  const leaving = [...packages.standIns].filter(([name]) => !wanted.has(name));
  return {
    giveBack: leaving.map(([name]) => ({
      package: name,
      how: packages.configured.includes(name) ? "--remove" : "--purge",
      tell: tell.toSorted(),
    })),
    returning: leaving.flatMap(([name, rows]) => rows.map((row) => ({ standIn: name, ...asItWas(row) }))),
  };
}

const enabling = { enabled: "enable", disabled: "disable", masked: "mask" } as const;

function asItWas({ activeState, ...row }: Replaced): Omit<ReturningRow, "standIn"> {
  const enable = row.fileState in enabling ? enabling[row.fileState as keyof typeof enabling] : undefined;
  return {
    ...row,
    ...(enable && { enable }),
    ...(activeState !== "" && { run: activeState === "active" ? "start" : "stop" }),
  };
}

/** Why what went did not come back: the change itself stands. */
export function refuseGivenBack(given: readonly GivenBack[]): Refusal | undefined {
  const failed = given.find(({ status }) => status !== 0);
  if (failed === undefined) return undefined;
  const { package: name, lost, said, stays } = failed;
  const gone = unremoved(said).filter((each) => each !== name);
  const others = failedPackages(said).filter((each) => !lost.includes(each));
  return {
    code: "PACKAGES_FAILED",
    message: [
      `${name} serves no more, but apt could not put ${lost.join(", ")} back, which kept the time before; until then ${stays ? `${name} keeps it` : "nobody does"}.`,
      ...(gone.length === 0 ? [] : [`  apt would remove ${gone.join(", ")} for it`]),
      complaintOf(said),
      ...(others.length === 0 ? [] : [`  ${others.join(", ")} is none of ours`]),
      `make \`apt-get install ${lost.join(" ")}\` work on node 0, then run again`,
    ].join("\n"),
  };
}

/** What is said on the rows of a change of which a package remains. */
export function renderRemaining(given: readonly GivenBack[]): readonly string[] {
  return given.flatMap(({ package: name, remains }) =>
    remains === undefined
      ? []
      : [`${name} stays on the host until the next run, because dpkg could not remove it: ${remains}`],
  );
}

/**
 * What `systemctl enable` would make for units of the distribution; a link that is there already stays what it is. To be
 * planned when the packages are there, because a unit that node 0 does not know gets none.
 */
export function planEnabled(
  wants: readonly Want[],
  units: Units,
  seen: (path: string) => Seen | undefined,
): readonly Extract<Want, { readonly want: "link" }>[] {
  return wants.flatMap((want) => {
    if (want.want !== "enabled") return [];
    const path = enablingLink(want.unit);
    const have = seen(path);
    const target = have?.type === "link" ? have.target : units.get(want.unit)?.fragment;
    return target === undefined || target === "" ? [] : [{ want: "link", path, target } as const];
  });
}
