/**
 * A lab on one Linux machine: a real Debian as node 0 (systemd, sshd), its private segment, and UEFI machines that boot from it.
 *
 * @example A fleet of one boots
 * ```ts
 * const lab = await labUp();
 * // … make lab.node0 serve …
 * const machine = await lab.machine({ name: "node1", macs: ["52:54:00:12:34:01"] });
 * const report = await machine.boot();
 * await lab.down();
 * ```
 *
 * @packageDocumentation
 */

import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupOf, inCgroup, killCgroup, removeCgroup, runHelper } from "./cgroup.mts";
import { listTree } from "./listing.mts";
import { withLock } from "./lock.mts";
import { type LabMachine, type MachineOptions, makeMachine } from "./machine.mts";
import { buildNetwork, macOf, networkOf, removeNetwork, segmentOf, uplinkCommand } from "./network.mts";
import {
  container,
  forgetContainer,
  installNode0,
  node0Root,
  type Power,
  type PowerCutOptions,
  type PowerOnOptions,
  type RunOptions,
  unmountDisk,
} from "./node0.mts";
import { machine, prepareMachine } from "./node0Machine.mts";
import type { Answer } from "./program.mts";
import { labRequirements } from "./requirements.mts";
import { type Release, releases } from "./rootFileSystem.mts";
import {
  claimLab,
  forgetLab,
  isAlive,
  type LabRecord,
  labFolder,
  type Node0Kind,
  readRecord,
  recordedLabs,
  slotsOf,
  thisProcess,
  writeRecord,
} from "./state.mts";

export type { BootEvent } from "./capture.mts";
export type { BootOptions, BootReport, LabMachine, MachineOptions } from "./machine.mts";
export type { PowerCutOptions, PowerOnOptions, RunOptions } from "./node0.mts";
export type { Answer } from "./program.mts";
export { labRequirements } from "./requirements.mts";
export type { Release } from "./rootFileSystem.mts";
export type { Node0Kind } from "./state.mts";
export type { BootStep } from "./steps.mts";

export interface LabOptions {
  /** @defaultValue a free one: `lab0`, `lab1`, … */
  readonly name?: string;
  /** The Debian of node 0. @defaultValue `"bookworm"` */
  readonly release?: Release;
  /**
   * A container starts in seconds. A machine has a kernel, a clock and a drive of its own, all emulated, and takes a minute: its
   * drive forgets at a power cut what was not flushed.
   *
   * @defaultValue `"container"`
   */
  readonly node0?: Node0Kind;
  /** The network of the OLA nodes. @defaultValue `"192.168.1.0/28"` */
  readonly privateCidr?: string;
  /** Node 0's address in it, on eno2. @defaultValue `"192.168.1.1"` */
  readonly privateAddress?: string;
  /** A second private network, on eno3. @defaultValue none */
  readonly secondPrivate?: { readonly cidr: string; readonly address: string };
  /**
   * The name of another lab, on whose private segment this one's node 0 is, too: two node 0s. It has no segment of its own, and
   * goes down before that lab. Its address is 192.168.1.14, unless `privateAddress` says another. @defaultValue none
   */
  readonly beside?: string;
  /** The lab outlives this process, until somebody takes it down by name. @defaultValue `false` */
  readonly keep?: boolean;
  readonly onProgress?: (line: string) => void;
  /** Breaks the work off: what is made so far is taken away, and the promise is rejected. */
  readonly signal?: AbortSignal;
}

export interface Lab {
  readonly name: string;
  readonly release: Release;
  readonly node0: Node0;
  readonly segment: Segment;
  /** A UEFI machine on the private segment, switched off. */
  machine(options: MachineOptions): Promise<LabMachine>;
  /** Ends everything and removes every trace. To do it twice is fine. */
  down(): Promise<void>;
}

export interface Node0 {
  /** Its public address; reachable from the machine, and only from there. */
  readonly host: string;
  readonly port: 22;
  readonly user: "root";
  /** A user who may do everything by `sudo -n`, with the same key. */
  readonly sudoUser: "operator";
  /** As in known_hosts: `ssh-ed25519 AAAA…` */
  readonly hostKey: string;
  readonly privateKeyPath: string;
  readonly privateKey: string;
  /** Has the default route. */
  readonly publicInterface: "eno1";
  readonly privateInterface: "eno2";
  readonly privateInterfaceMac: string;
  readonly privateAddress: string;
  readonly privateCidr: string;
  /** Where its disk lies on the machine, or of a node 0 that is a machine itself the folders as `look` saw them. */
  readonly root: string;
  /** Brings these folders below `root` up to date; where that is the disk itself, there is nothing to do. */
  look(folders: readonly string[]): Promise<void>;
  /**
   * Runs a shell script as root inside, without SSH or network; in a machine by SSH. Throws when it fails, unless `check` is
   * `false`.
   */
  run(script: string, options?: RunOptions): Promise<Answer>;
  /** systemctl reboot; returns when it is up again. */
  reboot(): Promise<void>;
  /** Ends all its processes at once, in the middle of whatever they do. What they wrote to files stays, unless `loseUnsynced` is set. */
  powerCut(options?: PowerCutOptions): Promise<void>;
  powerOn(options?: PowerOnOptions): Promise<void>;
  /** Its whole disk, a line for each entry: path, type, mode, owner, size, sha256 or link target; without /proc, /sys, /dev, /run, /tmp. */
  listing(options?: { exclude?: readonly string[] }): Promise<string>;
}

export interface Segment {
  /** For `ip netns exec`. */
  readonly namespace: string;
  readonly bridge: string;
  /** An interface of its own for clients (DHCP, TFTP, dig, …), up and without an address. */
  readonly clientInterface: string;
  /** Runs a program of the machine on the private segment. */
  run(argv: readonly string[], options?: RunOptions): Promise<Answer>;
}

/** Brings up a node 0 with its private segment, and returns when one can log in. */
export async function labUp(options: LabOptions = {}): Promise<Lab> {
  const missing = await labRequirements();
  if (missing !== undefined) throw new Error(missing);
  const {
    name,
    release = "bookworm",
    node0 = "container",
    secondPrivate,
    onProgress = () => undefined,
    signal,
  } = options;
  checkOptions(options);
  await removeOrphans(onProgress);
  const other = options.beside === undefined ? undefined : recordOf(options.beside);

  const record = claimLab(name, {
    owner: thisProcess(),
    release,
    node0,
    privateCidr: options.privateCidr ?? other?.privateCidr ?? "192.168.1.0/28",
    privateAddress: options.privateAddress ?? (other === undefined ? "192.168.1.1" : "192.168.1.14"),
    ...(other && { beside: { name: other.name, slot: other.slot } }),
    ...(secondPrivate && { secondPrivateCidr: secondPrivate.cidr, secondPrivateAddress: secondPrivate.address }),
  });
  // What is running for the lab ends, and so the step that waits for it fails.
  const breakOff = () => void killCgroup(cgroupOf(networkOf(record.slot).id));
  signal?.addEventListener("abort", breakOff);
  try {
    signal?.throwIfAborted();
    // Both to their end, also when one fails: what follows, or clears away, must not run beside them.
    const [installed, connected] = await Promise.allSettled([installNode0(record, onProgress), connectOutside(record)]);
    if (installed.status === "rejected") throw installed.reason;
    if (connected.status === "rejected") throw connected.reason;
    record.hostKey = installed.value;
    signal?.throwIfAborted();
    if (node0 === "machine") await prepareMachine(record);
    await powerOf(record).on(record, { signal });
    if (options.keep) record.owner = "kept";
    writeRecord(record);
  } catch (cause) {
    await labDown(record.name);
    signal?.throwIfAborted();
    throw cause;
  } finally {
    signal?.removeEventListener("abort", breakOff);
  }
  onProgress(`lab "${record.name}" is up: node 0 is a Debian ${release} at ${networkOf(record.slot).host}`);
  return openRecord(record);
}

function powerOf({ node0 }: LabRecord): Power {
  return node0 === "machine" ? machine : container;
}

function checkOptions({ name, release }: LabOptions): void {
  if (name !== undefined && !/^[a-z0-9][a-z0-9-]{0,40}$/.test(name)) {
    throw new Error(`"${name}" cannot name a lab: write letters a to z, digits and hyphens, as in "my-lab"`);
  }
  if (release !== undefined && !releases.includes(release)) {
    throw new Error(`there is no lab with the release "${release}": choose one of ${releases.join(", ")}`);
  }
}

/** Builds the networks and starts what carries node 0's connections to the world. */
async function connectOutside(record: LabRecord): Promise<void> {
  await buildNetwork(record);
  const network = networkOf(record.slot);
  const log = openSync(join(labFolder(record.name), "uplink.log"), "a");
  const [file = "", ...args] = inCgroup(join(cgroupOf(network.id), "uplink"), uplinkCommand(network));
  spawn(file, args, { detached: true, stdio: ["ignore", log, log] }).unref();
  closeSync(log);
}

/** The lab of this name, brought up by whomever. */
export async function labOpen(name: string): Promise<Lab> {
  return openRecord(recordOf(name));
}

function recordOf(name: string): LabRecord {
  const record = readRecord(name);
  if (record === undefined) {
    const others = recordedLabs().map((other) => `"${other.name}"`);
    throw new Error(`there is no lab "${name}"; there ${others.length ? `are: ${others.join(", ")}` : "is none"}`);
  }
  if (record.hostKey === "") throw new Error(`lab "${name}" is not up: somebody is making it, or died while doing so`);
  return record;
}

function openRecord(record: LabRecord): Lab {
  const network = networkOf(record.slot);
  const privateKeyPath = join(labFolder(record.name), "id_ed25519");
  const root = node0Root(record.name);
  const power = powerOf(record);
  const segment = segmentOf(record);
  return {
    name: record.name,
    release: record.release as Release,
    node0: {
      host: network.host,
      port: 22,
      user: "root",
      sudoUser: "operator",
      hostKey: record.hostKey,
      privateKeyPath,
      privateKey: readFileSync(privateKeyPath, "utf8"),
      publicInterface: "eno1",
      privateInterface: "eno2",
      privateInterfaceMac: macOf(record, "eno2"),
      privateAddress: record.privateAddress,
      privateCidr: record.privateCidr,
      root,
      look: (folders) => power.look(record, folders),
      run: (script, options) => power.run(record, script, options),
      reboot: () => power.reboot(record),
      powerCut: (options) => power.cut(record, options),
      powerOn: (options) => power.on(record, options),
      listing: (options) => listTree(root, options?.exclude),
    },
    segment: {
      namespace: segment.segmentNamespace,
      bridge: segment.bridge,
      clientInterface: segment.clientInterface,
      run: (argv, options) =>
        runHelper(network.id, ["nsenter", `--net=/run/netns/${segment.segmentNamespace}`, ...argv], options),
    },
    machine: (options) => makeMachine(record.beside === undefined ? record : recordOf(record.beside.name), options),
    down: () => labDown(record.name),
  };
}

/** Ends a lab and removes every trace of it, whatever state its maker left it in. */
export async function labDown(name: string): Promise<void> {
  await removeLab(name, () => true);
}

/**
 * One removal at a time: a slower one must not meet the lab that has taken the freed name or number meanwhile. The lock is on a folder
 * that is always there, so that not even a lock is left behind.
 */
async function removeLab(name: string, isMeant: (record: LabRecord | undefined) => boolean): Promise<void> {
  await withLock("/var/lib", async () => {
    if (!isMeant(readRecord(name))) return;
    for (const slot of slotsOf(name)) {
      await removeCgroup(networkOf(slot).id);
      forgetContainer({ name, slot });
      await unmountDisk(name);
      await removeNetwork(slot);
    }
    forgetLab(name);
  });
}

/** The names of all labs on this machine. */
export async function labList(): Promise<string[]> {
  return recordedLabs().map(({ name }) => name);
}

/** Clears away labs whose process died without taking them down. */
async function removeOrphans(onProgress: (line: string) => void): Promise<void> {
  const isOrphan = (record: LabRecord | undefined) =>
    record !== undefined && record.owner !== "kept" && !isAlive(record.owner);
  for (const record of recordedLabs().filter(isOrphan)) {
    onProgress(`clearing away lab "${record.name}", whose process died`);
    await removeLab(record.name, isOrphan);
  }
}
