import { type Dirent, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Answer, type ProgramOptions, run, waitFor } from "./program.mts";

/**
 * Every process of a lab is in the lab's control group from before its first instruction on, and can't leave it. So the group
 * says, also after a crash and without guessing by name, which processes are the lab's.
 */
export function cgroupOf(id: string): string {
  return join(cgroupRoot(), id);
}

function cgroupRoot(): string {
  const [path] = mountedHierarchies("cgroup2");
  if (path === undefined) throw new Error("no cgroup2 hierarchy is mounted on this machine");
  return path;
}

function mountedHierarchies(type: "cgroup" | "cgroup2"): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((mount) => mount.includes(` - ${type} `))
    .map((mount) => mount.split(" ")[4] ?? "");
}

/** The command line that starts a program in a control group, which is made if need be. */
export function inCgroup(group: string, argv: readonly string[]): string[] {
  mkdirSync(group, { recursive: true });
  return ["/bin/sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', group, ...argv];
}

let helpers = 0;

/** Runs a program of the machine as a part of a lab: it, and all that it starts, ends at the latest with the lab. */
export async function runHelper(id: string, argv: readonly string[], options: ProgramOptions = {}): Promise<Answer> {
  const group = join(cgroupOf(id), `helper-${process.pid}-${helpers++}`);
  try {
    return await run(inCgroup(group, argv), { shown: argv.join(" "), ...options, end: () => void killCgroup(group) });
  } finally {
    // What it left in the background goes on, and keeps the group.
    tryRemove(group);
  }
}

/** The processes of a group and of all groups in it. */
export function processesIn(group: string): number[] {
  return groupsIn(group).flatMap((path) => {
    try {
      return readFileSync(join(path, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number);
    } catch {
      return [];
    }
  });
}

/** Ends all processes of a group in one blow, as a power cut does, and returns when none is left. */
export async function killCgroup(group: string): Promise<void> {
  if (!existsSync(group)) return;
  await waitFor(
    `the end of all processes in ${group}`,
    () => {
      const left = processesIn(group);
      if (left.length === 0) return true;
      if (existsSync(join(group, "cgroup.kill"))) writeFileSync(join(group, "cgroup.kill"), "1");
      else left.forEach(killProcess);
      return undefined;
    },
    { timeoutMs: 20_000, everyMs: 20, seen: () => `processes ${processesIn(group).join(", ")}` },
  );
}

/** Ends all processes of a lab, and removes its control group with the groups that systemd made in it. */
export async function removeCgroup(id: string): Promise<void> {
  await killCgroup(cgroupOf(id));
  // Where the machine still has hierarchies of the first version, systemd-nspawn makes the same groups in one of them.
  for (const root of [cgroupRoot(), ...mountedHierarchies("cgroup")]) {
    const group = join(root, id);
    // The kernel lets go of a group a moment after its last process.
    await waitFor(`the removal of ${group}`, () => tryRemove(group) || undefined, { timeoutMs: 10_000, everyMs: 20 });
  }
}

/** Removes a group if no process is left in it. */
export function tryRemove(group: string): boolean {
  try {
    for (const path of groupsIn(group)) rmdirSync(path);
    return true;
  } catch {
    return !existsSync(group);
  }
}

/** A group and all groups in it, the inner ones first. A running systemd makes and removes them while we look. */
function groupsIn(group: string): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(group, { withFileTypes: true });
  } catch {
    return [];
  }
  const inner = entries.filter((entry) => entry.isDirectory());
  return [...inner.flatMap((entry) => groupsIn(join(group, entry.name))), group];
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}
