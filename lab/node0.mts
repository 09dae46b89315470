import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { cgroupOf, inCgroup, killCgroup, processesIn, runHelper, tryRemove } from "./cgroup.mts";
import { type LabNetwork, networkOf } from "./network.mts";
import { type Answer, type ProgramOptions, run, waitFor } from "./program.mts";
import { aptProxyLines, type Release, withDisk } from "./rootFileSystem.mts";
import { type LabRecord, labFolder } from "./state.mts";

export type RunOptions = Pick<ProgramOptions, "check" | "timeoutMs" | "input">;

/** Where node 0's disk is mounted on the machine. */
export function node0Root(name: string): string {
  return join(labFolder(name), "node0");
}

/** The file that is its disk. */
export function diskOf(name: string): string {
  return join(labFolder(name), "node0.ext4");
}

/** Makes the disk of node 0: a Debian with this lab's keys and addresses. Returns its host key. */
export async function installNode0(record: LabRecord, onProgress: (line: string) => void): Promise<string> {
  const root = node0Root(record.name);
  const network = networkOf(record.slot);
  const helper = (...argv: string[]) => runHelper(network.id, argv);
  await withDisk(record.release as Release, record.node0, network.id, onProgress, (image) =>
    helper("cp", "--sparse=always", "--reflink=auto", image, diskOf(record.name)),
  );
  await mountDisk(record);
  const write = (path: string, text: string) => writeFileSync(join(root, path), text);

  write("etc/hostname", "node0\n");
  write("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 node0\n::1 localhost ip6-localhost ip6-loopback\n");
  // An empty file would make the first boot a "first boot", on which systemd enables all units there are.
  write("etc/machine-id", `${randomBytes(16).toString("hex")}\n`);
  write("etc/resolv.conf", `nameserver ${network.nameserver}\n`);
  write("etc/network/interfaces", renderInterfaces(record, network));
  const proxy = await aptProxyLines();
  if (proxy !== "") write("etc/apt/apt.conf.d/90proxy", proxy);

  await helper("ssh-keygen", "-A", "-f", root);
  const key = join(labFolder(record.name), "id_ed25519");
  await helper("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", key);
  for (const home of ["root", "home/operator"])
    write(`${home}/.ssh/authorized_keys`, readFileSync(`${key}.pub`, "utf8"));
  const [type, publicKey] = readFileSync(join(root, "etc/ssh/ssh_host_ed25519_key.pub"), "utf8").split(" ");
  return `${type} ${publicKey}`;
}

async function mountDisk({ name, slot }: LabRecord): Promise<void> {
  mkdirSync(node0Root(name), { recursive: true });
  await runHelper(networkOf(slot).id, ["mount", "-o", "loop,discard", diskOf(name), node0Root(name)]);
}

/** Takes node 0's disk out of the machine's tree, and returns when the kernel has let go of it. */
export async function unmountDisk(name: string): Promise<void> {
  const root = node0Root(name);
  // Lazily: somebody may look around in it with a shell.
  if (readFileSync("/proc/self/mountinfo", "utf8").includes(` ${root} `)) await run(["umount", "--lazy", root]);
  const isAttached = () => loopDevices().some(({ file }) => file === diskOf(name));
  await waitFor("the end of node 0's disk", () => !isAttached() || undefined, { timeoutMs: 5000 }).catch(
    () => undefined,
  );
}

function loopDevices(): { device: string; file: string }[] {
  return readdirSync("/sys/block")
    .filter((device) => existsSync(`/sys/block/${device}/loop/backing_file`))
    .map((device) => ({ device, file: readFileSync(`/sys/block/${device}/loop/backing_file`, "utf8").trim() }));
}

function renderInterfaces(record: LabRecord, network: LabNetwork): string {
  const lines = [
    "source /etc/network/interfaces.d/*",
    "",
    "auto lo",
    "iface lo inet loopback",
    "",
    "auto eno1",
    "iface eno1 inet static",
    `  address ${network.host}/29`,
    `  gateway ${network.gateway}`,
    "",
    "auto eno2",
    "iface eno2 inet static",
    `  address ${record.privateAddress}/${record.privateCidr.split("/")[1]}`,
  ];
  if (record.secondPrivateCidr !== undefined) {
    const length = record.secondPrivateCidr.split("/")[1];
    lines.push("", "auto eno3", "iface eno3 inet static", `  address ${record.secondPrivateAddress}/${length}`);
  }
  return `${lines.join("\n")}\n`;
}

/** What one can do to a node 0, of whatever kind. */
export interface Power {
  on(record: LabRecord, options?: PowerOnOptions): Promise<void>;
  cut(record: LabRecord, options?: PowerCutOptions): Promise<void>;
  reboot(record: LabRecord): Promise<void>;
  run(record: LabRecord, script: string, options?: RunOptions): Promise<Answer>;
  look(record: LabRecord, folders: readonly string[]): Promise<void>;
}

export interface PowerOnOptions {
  /** What its hardware clock says. Only a machine has one. @defaultValue the time */
  readonly clock?: Date;
  readonly signal?: AbortSignal | undefined;
}

export const container: Power = {
  on: powerOn,
  cut: powerCut,
  reboot,
  run: runInside,
  look: async () => undefined,
};

/** Switches node 0 on, and returns when its systemd is done with booting and its sshd answers. */
async function powerOn(record: LabRecord, { signal }: PowerOnOptions = {}): Promise<void> {
  const { id, node0Namespace } = networkOf(record.slot);
  if (findInit(record) !== undefined) throw new Error(`node 0 of lab "${record.name}" is already on`);
  const command = [
    // Its /sys shows the interfaces of where it is started, not of where it sends node 0.
    "nsenter",
    `--net=/run/netns/${node0Namespace}`,
    "systemd-nspawn",
    "--quiet",
    "--boot",
    `--directory=${node0Root(record.name)}`,
    `--machine=${id}`,
    "--hostname=node0",
    "--register=no",
    "--keep-unit",
    `--network-namespace-path=/run/netns/${node0Namespace}`,
    "--capability=CAP_NET_ADMIN",
    "--console=pipe",
    "--link-journal=no",
    "--resolv-conf=off",
    "--timezone=off",
    "--settings=no",
  ];
  const log = openSync(join(labFolder(record.name), "node0.log"), "a");
  // Code 133 is how systemd-nspawn says that the machine in it wants to be started again.
  // The rules of a firewall go when a kernel goes down, but its namespace of the network outlives a node 0.
  const flush = `nsenter --net=/run/netns/${node0Namespace} nft flush ruleset`;
  const supervised = ["/bin/sh", "-c", `while ${flush}; "$@"; test $? -eq 133; do :; done`, "node0"];
  const group = join(cgroupOf(id), "node0");
  const [file = "", ...args] = inCgroup(group, [...supervised, ...inCgroup(join(group, "container"), command)]);
  // One hierarchy of control groups, as every Debian since 11 has, whatever this machine has; and sysctls of the network can be set.
  const settings = { SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: "1", SYSTEMD_NSPAWN_API_VFS_WRITABLE: "network" };
  const env = { ...process.env, ...settings };
  spawn(file, args, { detached: true, stdio: ["ignore", log, log], env }).unref();
  closeSync(log);
  await node0IsUp(record, { signal });
}

/** Waits until node 0 is up, and is another run of it than the one whose init had the number `previous`. */
async function node0IsUp(
  record: LabRecord,
  { previous, signal }: { previous?: number | undefined; signal?: AbortSignal | undefined },
): Promise<void> {
  const { host } = networkOf(record.slot);
  const question = "systemctl is-system-running; cat /sys/class/net/eno2/operstate";
  let seen = "no init process";
  const console = () => `${seen}; end of ${labFolder(record.name)}/node0.log:\n${consoleEnd(record)}`;
  await waitFor(
    "the start of node 0",
    async () => {
      const init = findInit(record);
      if (init === undefined || init === previous) return undefined;
      // Between the two looks at it, the process may have become another one yet.
      const answer = await runInside(record, question, { check: false, timeoutMs: 30_000 }).catch((reason: Error) => {
        seen = reason.message;
      });
      if (answer === undefined) return undefined;
      const { stdout, stderr } = answer;
      seen = `systemctl is-system-running and the state of eno2: "${(stdout + stderr).trim()}"`;
      return /^(running|degraded)\nup\n/.test(stdout) || undefined;
    },
    { timeoutMs: 120_000, seen: console, signal },
  );
  await waitFor("an answer of node 0's sshd", () => greets(host, 22), { timeoutMs: 60_000, seen: console, signal });
}

export function greets(host: string, port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2000 });
    const answer = (seen: true | undefined) => {
      socket.destroy();
      resolve(seen);
    };
    socket.once("data", (data) => answer(data.toString("latin1").startsWith("SSH-2.0") || undefined));
    for (const event of ["error", "timeout", "close"]) socket.once(event, () => answer(undefined));
  });
}

/** The soft reboot: systemd stops everything in its order and starts again. */
async function reboot(record: LabRecord): Promise<void> {
  const previous = findInit(record);
  await runInside(record, "systemctl reboot", { check: false });
  await node0IsUp(record, { previous });
}

export interface PowerCutOptions {
  /** What no fsync and no writeback had brought to the disk is gone, as in a real power cut; of a machine always. @defaultValue `false` */
  readonly loseUnsynced?: boolean;
}

/** Everything on node 0 ends in the middle of what it is doing. */
async function powerCut(record: LabRecord, { loseUnsynced = false }: PowerCutOptions = {}): Promise<void> {
  const { id } = networkOf(record.slot);
  const group = join(cgroupOf(id), "node0");
  const disk = diskOf(record.name);
  if (loseUnsynced) {
    // The file behind the disk holds what reached the disk; the rest is in the memory of the file system on top.
    writeFileSync(join(group, "cgroup.freeze"), "1");
    await run(["cp", "--sparse=always", "--reflink=auto", disk, `${disk}.now`]);
  }
  await killCgroup(group);
  await waitFor("the end of node 0's control group", () => tryRemove(group) || undefined, { timeoutMs: 10_000 });
  forgetContainer(record);
  if (loseUnsynced) {
    await unmountDisk(record.name);
    renameSync(`${disk}.now`, disk);
    await mountDisk(record);
  }
}

/** Removes what systemd-nspawn leaves in /run when it is killed. */
export function forgetContainer(record: Pick<LabRecord, "name" | "slot">): void {
  const { id } = networkOf(record.slot);
  const base = "/run/systemd/nspawn";
  const disk = statSync(node0Root(record.name), { throwIfNoEntry: false });
  const left = [`propagate/${id}`, `unix-export/${id}`, ...(disk ? [`locks/inode-${disk.dev}:${disk.ino}`] : [])];
  for (const path of left) rmSync(join(base, path), { recursive: true, force: true });
  for (const folder of ["propagate", "unix-export", "locks", "."]) {
    try {
      rmdirSync(join(base, folder));
    } catch {
      // Another container uses it, or there is none.
    }
  }
}

/** Runs a script as root in node 0, by way of the machine's kernel: no SSH, no network. */
async function runInside(record: LabRecord, script: string, options: RunOptions = {}): Promise<Answer> {
  const init = findInit(record);
  if (init === undefined) throw new Error(`node 0 of lab "${record.name}" is off`);
  const enter = [
    "nsenter",
    `--target=${init}`,
    "--mount",
    "--uts",
    "--ipc",
    "--net",
    "--pid",
    "--cgroup",
    "--root",
    "--wd",
  ];
  const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  const environment = ["/usr/bin/env", "-i", path, "HOME=/root", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"];
  return await runHelper(networkOf(record.slot).id, [...enter, ...environment, "/bin/sh", "-c", script], {
    ...options,
    shown: script,
  });
}

/** The first process of node 0, if node 0 is on. */
function findInit(record: LabRecord): number | undefined {
  const group = join(cgroupOf(networkOf(record.slot).id), "node0");
  if (!existsSync(group)) return undefined;
  return processesIn(group).find((pid) => {
    try {
      // Number 1 in a namespace one level down; and no longer the helper that becomes it.
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      return /^NSpid:\s+\d+\s+1$/m.test(status) && /^Name:\s+systemd$/m.test(status);
    } catch {
      return false;
    }
  });
}

/** The last that node 0 said on its console. */
export function consoleEnd(record: LabRecord): string {
  try {
    return readFileSync(join(labFolder(record.name), "node0.log"), "utf8")
      .split("\n")
      .slice(-15)
      .join("\n");
  } catch {
    return "(nothing)";
  }
}
