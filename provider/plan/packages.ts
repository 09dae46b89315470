import { complaintOf, failedPackages, type Packages, unremoved } from "../facts/packages";
import type { Ran, Seen } from "../facts/question";
import { dhcpBackends } from "../formats/dhcpBackend";
import type { Declaration, Want } from "../kinds/want";
import { packagedUnitFiles } from "../os/packages";
import { unitFile } from "../os/paths";
import { type Held, heldOf, type Register } from "./records";
import type { Refusal } from "./refusal";
import {
  type GiveBack,
  planGivingBack,
  planReplaced,
  type ReplacedRow,
  type ReturningRow,
  refuseTimeDaemon,
} from "./timeDaemon";
import type { Warning } from "./warning";

/** A link to `/dev/null` that keeps a unit from being started. */
export interface Mask {
  readonly path: string;
  /** Where it is while apt runs: hooks of apt look for what is new in /etc. */
  readonly early: string;
  /** Whose unit it is. */
  readonly package: string;
  /** Where the unit itself lies, once the package is there. */
  readonly hides: readonly string[];
}

/** A file that is taken out of a copy of a package, of which nothing else is installed. */
export interface Take {
  readonly id: string;
  /** Where it will be on node 0. */
  readonly path: string;
  /** `refind`, or `refind=0.13.2-1`. */
  readonly package: string;
  /** Where it may lie in the package; the first that is there is taken. */
  readonly members: readonly string[];
}

/**
 * What node 0 brings before a transaction, in this order: masks, notes, apt with what goes on beside it, then packages that
 * are only unpacked. It can't be undone, and nothing that it brings serves. Lists of flat rows, so that it travels as lines.
 */
export interface BringPlan {
  /** What apt installs; where there is nothing, only `take` is done. */
  readonly install: readonly string[];
  /** On whose rows apt's progress is shown. */
  readonly tell: readonly string[];
  /** Made before apt runs, and in /etc after it, unless the package is not there then, or turned out to have no such unit. */
  readonly masks: readonly Mask[];
  /** Of which the configuration is there already, so that it stays when we take them away again. */
  readonly configured: readonly string[];
  /** Packages for which others go, written down before; forgotten if apt did neither. */
  readonly standIns: readonly string[];
  readonly rows: readonly ReplacedRow[];
  /** `name=version` of what goes, fetched beside so that it can come back without a mirror. */
  readonly keep: readonly string[];
  /** Fetched and unpacked beside, for so many files that others will take. */
  readonly fetch: readonly { readonly package: string; readonly files: number }[];
  /** Where other DHCP servers are listened for meanwhile. */
  readonly listen: readonly { readonly interface: string; readonly address: string }[];
  readonly take: readonly Take[];
  /** A package that was unpacked before counts for so long. */
  readonly freshSeconds: number;
}

/** What came of it. */
export interface BringReport {
  /** What apt said to the installation; absent if nothing was to be installed. */
  readonly apt?: Ran;
  /** What is on the host now and was not before. */
  readonly brought: readonly string[];
  /** Why a package could not be unpacked; node 0 stops there. */
  readonly unfetched?: Ran & { readonly package: string };
  readonly taken: readonly Taken[];
}

/** A file of a package, as it lies unpacked on node 0. */
export interface Taken {
  readonly path: string;
  /** Absent if the package has none of the members. */
  readonly from?: string;
  readonly sha256?: string;
  readonly bytes?: number;
}

/** What is known when packages are planned. */
export interface PackageKnowledge {
  readonly puts: readonly Declaration[];
  readonly register: Register;
  readonly packages: Packages;
  seen(path: string): Seen | undefined;
  /** The interface that `name:eno2` or `mac:52:54:00:12:34:56` means, if there is one. */
  interfaceOf(wanted: string): string | undefined;
}

type WantOf<W extends Want["want"]> = Extract<Want, { readonly want: W }>;

function wantsOf<W extends Want["want"]>(
  puts: readonly Declaration[],
  word: W,
): readonly { readonly id: string; readonly want: WantOf<W> }[] {
  return puts
    .toSorted((one, other) => (one.id < other.id ? -1 : 1))
    .flatMap(({ id, wants }) => wants.flatMap((want) => (want.want === word ? [{ id, want: want as WantOf<W> }] : [])));
}

/** What must be brought before the transaction can be planned; nothing if all is there. */
export function planBring(knowledge: PackageKnowledge): BringPlan | Refusal | undefined {
  const { puts, packages } = knowledge;
  const refusal = refuseTimeDaemon(puts, packages);
  if (refusal !== undefined) return refusal;
  const wanted = wantsOf(puts, "package");
  const missing = [...new Set(wanted.map(({ want }) => want.name))].filter((name) => !packages.installed(name));
  const { needed } = planTakes(knowledge);
  if (missing.length === 0) {
    return needed.length === 0 ? undefined : { ...nothing, take: needed };
  }
  const { standIns, rows } = planReplaced(puts, packages);
  return {
    ...nothing,
    install: missing.toSorted(),
    tell: [...new Set(wanted.map(({ id }) => id))],
    masks: planMasks(
      wanted.flatMap(({ want }) => (missing.includes(want.name) ? [want] : [])),
      packages,
    ),
    configured: missing.filter((name) => packages.leftConfiguration(name)).toSorted(),
    standIns,
    rows,
    keep: rows.map((row) => `${row.package}=${row.version}`),
    fetch: planFetches(puts),
    listen: wantsOf(puts, "listenFor")
      .slice(0, 1)
      .flatMap(({ want }) => {
        const name = knowledge.interfaceOf(want.interface);
        return name === undefined ? [] : [{ interface: name, address: want.address }];
      }),
    take: needed,
  };
}

const nothing: BringPlan = {
  install: [],
  tell: [],
  masks: [],
  configured: [],
  standIns: [],
  rows: [],
  keep: [],
  fetch: [],
  listen: [],
  take: [],
  freshSeconds: 3600,
};

/** Whoever runs on this host already is not masked, be it by his own hand that he does not. */
function planMasks(wanted: readonly WantOf<"package">[], { unitFiles }: Packages): readonly Mask[] {
  const masks = wanted.flatMap(({ name, units }) =>
    units.filter((unit) => !unitFiles.has(unit)).map((unit) => maskOf(name, unit)),
  );
  return masks.filter(({ path }, index) => masks.findIndex((mask) => mask.path === path) === index);
}

function maskOf(name: string, unit: string): Mask {
  const early = `/usr/local/lib/systemd/system/${unit}`;
  return { path: unitFile(unit), early, package: name, hides: packagedUnitFiles(unit) };
}

function planFetches(puts: readonly Declaration[]): BringPlan["fetch"] {
  const files = new Map(wantsOf(puts, "fetch").map(({ want }) => [want.package, want.files]));
  return [...files].map(([name, count]) => ({ package: name, files: count }));
}

/** A file that came out of the same package before, and is on the disk as it was written. */
export interface Kept {
  readonly id: string;
  readonly path: string;
  readonly mode: string;
  readonly sha256: string;
}

/** The files out of packages: those that must be taken now, and those that are there as they were taken. */
export function planTakes({ puts, register, seen }: Pick<PackageKnowledge, "puts" | "register" | "seen">): {
  readonly needed: readonly Take[];
  readonly kept: readonly Kept[];
} {
  const needed: Take[] = [];
  const kept: Kept[] = [];
  for (const { id, want } of wantsOf(puts, "take")) {
    const { path, mode, members, version } = want;
    const sha256 = takenBefore(register.before.get(id)?.held ?? [], want);
    const have = seen(path);
    if (sha256 !== undefined && have?.type === "file" && have.sha256 === sha256) kept.push({ id, path, mode, sha256 });
    else
      needed.push({ id, path, package: version === undefined ? want.package : `${want.package}=${version}`, members });
  }
  return { needed, kept };
}

function takenBefore(held: readonly Held[], want: WantOf<"take">): string | undefined {
  const isSame = (each: Held): boolean =>
    each.want === "taken" && each.path === want.path && each.package === want.package && each.version === want.version;
  if (!held.some(isSame)) return undefined;
  return held.flatMap((each) => (each.want === "file" && each.path === want.path ? [each.sha256] : []))[0];
}

/** What went wrong with the bringing; `packages` as node 0 has them afterwards. */
export function refuseBring(plan: BringPlan, report: BringReport, packages: Packages): Refusal | undefined {
  const missing = plan.install.filter((name) => !packages.installed(name));
  if (report.apt !== undefined && missing.length > 0) {
    return { code: "PACKAGES_FAILED", message: whyNotInstalled(plan, missing, report.apt.said) };
  }
  const failed = report.unfetched;
  if (failed !== undefined) {
    const id = plan.take.find((take) => take.package === failed.package)?.id;
    return { code: "PACKAGES_FAILED", ...(id !== undefined && { id }), message: whyNotFetched(failed) };
  }
  const found = new Set(report.taken.flatMap(({ path, from }) => (from === undefined ? [] : [path])));
  const lacking = plan.take.find(({ path }) => !found.has(path));
  return lacking && { code: "PACKAGES_FAILED", id: lacking.id, message: whyNotTaken(lacking) };
}

/** Why apt did not install packages, in its own words. */
function whyNotInstalled({ rows }: BringPlan, missing: readonly string[], said: string): string {
  const expected = new Set(rows.map((row) => row.package));
  const gone = unremoved(said).filter((name) => !expected.has(name));
  if (gone.length > 0) {
    return `apt would remove ${gone.join(", ")} for ${missing.join(", ")}, which can't be beside it on one host; if nobody needs it, remove it yourself, then run again`;
  }
  const others = failedPackages(said).filter((name) => !missing.includes(name));
  const late = dhcpBackends.find(
    ({ package: name, since }) => since !== undefined && said.includes(`Unable to locate package ${name}`),
  );
  if (late !== undefined) {
    return `apt knows no package ${late.package} on this host: Debian has it since ${late.since}. Leave dhcp.daemon out (for a DhcpServer alone: daemon) to serve by dhcpd; or, on a newer Debian, have \`apt-get update\` work there`;
  }
  return [
    `apt could not install ${missing.join(", ")}${others.length === 0 ? "" : `, because of ${others.join(", ")}, which was not asked for`}:`,
    complaintOf(said),
    others.length === 0
      ? "make apt work on node 0, then run again"
      : `mend ${others.join(", ")} on node 0 (\`dpkg --configure -a\` shows the same words), then run again`,
  ].join("\n");
}

/** What is to be said where all is there and apt has failed all the same, on account of a package that is none of ours. */
export function warnOfApt({ apt }: BringReport, { id }: { readonly id: string }): readonly Warning[] {
  if (apt === undefined || apt.status === 0) return [];
  const names = failedPackages(apt.said).join(", ") || "something else";
  return [{ id, text: `apt brought what was asked for, and failed on account of ${names}:\n${complaintOf(apt.said)}` }];
}

function whyNotFetched({ package: name, said }: Ran & { readonly package: string }): string {
  return [
    `apt could not fetch ${name}:`,
    complaintOf(said),
    `make \`apt-get download ${name}\` work on node 0, or give the file itself: { file: "…" }`,
  ].join("\n");
}

function whyNotTaken({ package: name, members }: Take): string {
  return `the package ${name} has none of ${members.join(", ")}; give the file itself: { file: "…" }`;
}

/** What a refusal after the bringing must add: apt can't be undone. Empty if apt brought nothing. */
export function renderBrought(brought: readonly string[]): string {
  return brought.length === 0 ? "" : `what apt installed for it stays, and nothing of it serves: ${brought.join(", ")}`;
}

/** What node 0 does when the change stands. What fails here changes nothing that serves, and the next run goes on with it. */
export interface AfterCommit {
  /** First: what stood in for others goes, and they come back. */
  readonly giveBack: readonly GiveBack[];
  readonly returning: readonly ReturningRow[];
  /** Then all packages that we brought, unless others would go with them; node 0 has their list. */
  readonly purge: readonly { readonly tell: string }[];
  /** Masks that go with the packages, where their units are gone. */
  readonly unmask: readonly Mask[];
  /** So many files were taken out of an unpacked package; with the last of those that it was unpacked for it goes. */
  readonly taken: readonly { readonly package: string; readonly files: number }[];
}

/** What follows a commit. `dropped` are the resources that the change takes away. */
export function planAfterCommit(
  knowledge: Pick<PackageKnowledge, "puts" | "register" | "packages">,
  dropped: readonly string[],
  taken: readonly Take[],
): AfterCommit {
  const { puts, register, packages } = knowledge;
  const ids = [...puts.map(({ id }) => id), ...dropped];
  const counts = Map.groupBy(taken, (take) => take.package);
  return {
    ...planGivingBack(puts, register, packages, ids),
    ...planPurge(puts, register, dropped),
    taken: [...counts].map(([name, takes]) => ({ package: name, files: takes.length })),
  };
}

/** The packages go with the resource that says so, if nobody needs any of them. */
function planPurge(
  puts: readonly Declaration[],
  register: Register,
  dropped: readonly string[],
): Pick<AfterCommit, "purge" | "unmask"> {
  const put = new Set(puts.map(({ id }) => id));
  const entry = dropped
    .toSorted()
    .flatMap((id) => (register.after.has(id) || put.has(id) ? [] : (register.before.get(id) ?? [])))
    .find(({ held }) => held.some(({ want }) => want === "purge"));
  const isNeeded =
    wantsOf(puts, "package").length > 0 || heldOf(register.after, "package").some(({ id }) => !put.has(id));
  if (entry === undefined || isNeeded) return { purge: [], unmask: [] };
  return {
    purge: [{ tell: entry.id }],
    unmask: entry.held.flatMap((held) =>
      held.want === "package" ? held.units.map((unit) => maskOf(held.name, unit)) : [],
    ),
  };
}

/** How the purging went. */
export interface Purged {
  readonly packages: readonly string[];
  /** What apt would have taken along, so that nothing was purged. */
  readonly others: readonly string[];
  readonly apt: Ran;
}

/** What is said on the row of the resource with which the packages should go; nothing if they are gone. */
export function renderPurged({ packages, others, apt }: Purged): string | undefined {
  const names = packages.join(", ");
  if (others.length > 0) {
    return `the packages ${names} stay, stopped and masked, because ${others.join(", ")} would go with them`;
  }
  if (apt.status === 0) return undefined;
  return `apt could not purge ${names}; they stay, stopped and masked\n${complaintOf(apt.said)}`;
}
