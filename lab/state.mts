import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** What is kept of every lab, from before its first part is made until after its last one is gone. */
export interface LabRecord {
  readonly name: string;
  readonly release: string;
  /** What node 0 is. */
  readonly node0: Node0Kind;
  /** The process that uses the lab; the lab is cleared away once that has died. `"kept"`: until somebody says `down`. */
  owner: Process | "kept";
  /** Its number on this machine: part of all its names in the kernel, and its public subnet. */
  slot: number;
  readonly privateCidr: string;
  readonly privateAddress: string;
  readonly secondPrivateCidr?: string;
  readonly secondPrivateAddress?: string;
  /** The lab on whose private segment its node 0 is. */
  readonly beside?: { readonly name: string; readonly slot: number };
  hostKey: string;
}

export type Node0Kind = "container" | "machine";

/** A process, told from a later one with the same number by the time it started and the boot of the machine. */
export interface Process {
  readonly pid: number;
  readonly started: string;
  readonly boot: string;
}

const base = "/var/lib/pulumi-netboot-lab";
const labs = join(base, "labs");
const slots = join(base, "slots");

/** The folder of a lab: its record, node 0's root file system, keys, logs, machines. */
export function labFolder(name: string): string {
  return join(labs, name);
}

/** What outlives labs and may be thrown away at any time: root file systems and disk images as they were made. */
export function cacheFolder(): string {
  return join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "pulumi-netboot", "lab");
}

export function thisProcess(): Process {
  return { pid: process.pid, started: startTime(process.pid) ?? "", boot: bootId() };
}

export function isAlive(owner: Process): boolean {
  return owner.boot === bootId() && startTime(owner.pid) === owner.started;
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

function startTime(pid: number): string | undefined {
  try {
    // The name in the second field may hold blanks and parentheses; what follows the last one is regular.
    return readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ")[19];
  } catch {
    return undefined;
  }
}

export function recordedLabs(): LabRecord[] {
  if (!existsSync(labs)) return [];
  return readdirSync(labs)
    .filter((name) => !name.startsWith("."))
    .map(readRecord)
    .filter((record) => record !== undefined)
    .sort((one, other) => one.name.localeCompare(other.name));
}

export function readRecord(name: string): LabRecord | undefined {
  try {
    return JSON.parse(readFileSync(join(labFolder(name), "lab.json"), "utf8")) as LabRecord;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw cause;
  }
}

export function writeRecord(record: LabRecord): void {
  const path = join(labFolder(record.name), "lab.json");
  writeFileSync(`${path}.new`, JSON.stringify(record, null, 2), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/**
 * Takes a name and a slot that nobody has, and writes both down before anything is made with them.
 * Two processes that claim at the same time get different ones: both are taken by an operation that fails if it was done before.
 */
export function claimLab(wanted: string | undefined, rest: Omit<LabRecord, "name" | "slot" | "hostKey">): LabRecord {
  mkdirSync(labs, { recursive: true, mode: 0o700 });
  mkdirSync(slots, { recursive: true, mode: 0o700 });
  for (let number = 0; ; number++) {
    const name = wanted ?? `lab${number}`;
    const record: LabRecord = { name, ...rest, slot: -1, hostKey: "" };
    // A folder with the record in it is moved into place: a name is never taken without saying by whom.
    const claim = join(labs, `.${name}.${process.pid}`);
    rmSync(claim, { recursive: true, force: true });
    mkdirSync(claim, { mode: 0o700 });
    writeFileSync(join(claim, "lab.json"), JSON.stringify(record), { mode: 0o600 });
    try {
      renameSync(claim, labFolder(name));
    } catch (cause) {
      rmSync(claim, { recursive: true, force: true });
      if (!["ENOTEMPTY", "EEXIST"].includes((cause as NodeJS.ErrnoException).code ?? "")) throw cause;
      if (wanted === undefined) continue;
      throw new Error(`there is already a lab "${name}"; end it (npm run lab -- down ${name}) or choose another name`);
    }
    record.slot = claimSlot(name);
    writeRecord(record);
    return record;
  }
}

/** The public subnets of all slots lie in 198.19.0.0/16, which RFC 2544 keeps for test networks: a /29 each. */
const slotLimit = 8192;

function claimSlot(name: string): number {
  for (let slot = 0; slot < slotLimit; slot++) {
    try {
      symlinkSync(labFolder(name), join(slots, String(slot)));
      return slot;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
    }
  }
  throw new Error(`all ${slotLimit} slots for labs are taken: see ${slots}`);
}

/** The slots that a lab has: one, or none if it died while claiming. */
export function slotsOf(name: string): number[] {
  if (!existsSync(slots)) return [];
  return readdirSync(slots)
    .filter((slot) => readlinkSync(join(slots, slot)) === labFolder(name))
    .map(Number);
}

/** Forgets a lab of which nothing is left: its folder, and last its slots, so that no other lab meets its remains. */
export function forgetLab(name: string): void {
  const taken = slotsOf(name);
  rmSync(labFolder(name), { recursive: true, force: true, maxRetries: 5 });
  // Not rmSync: it does not see a link whose target is gone.
  for (const slot of taken) unlinkSync(join(slots, String(slot)));
  for (const claim of existsSync(labs) ? readdirSync(labs) : []) {
    const pid = /^\..*\.(\d+)$/.exec(claim)?.[1];
    if (pid !== undefined && startTime(Number(pid)) === undefined) rmSync(join(labs, claim), { recursive: true });
  }
  for (const folder of [slots, labs, base]) {
    try {
      rmdirSync(folder);
    } catch {
      // Another lab is in it.
    }
  }
}
