import { spawn } from "node:child_process";
import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupOf, inCgroup, killCgroup, tryRemove } from "./cgroup.mts";
import { cardsOf, networkOf } from "./network.mts";
import {
  consoleEnd,
  diskOf,
  greets,
  node0Root,
  type Power,
  type PowerOnOptions,
  type RunOptions,
  unmountDisk,
} from "./node0.mts";
import { type Answer, run, waitFor } from "./program.mts";
import { shellQuote } from "./rootFileSystem.mts";
import { type LabRecord, labFolder } from "./state.mts";

/** Node 0 as a machine: a kernel of Debian's in QEMU, with a drive that forgets what was not flushed (nbd.mts). */
export const machine: Power = { on: powerOn, cut: powerCut, reboot, run: runInside, look };

/** Makes a disk that node 0 was installed on one for a machine, and takes the kernel out of it. */
export async function prepareMachine(record: LabRecord): Promise<void> {
  const root = node0Root(record.name);
  for (const { name, mac } of cardsOf(record)) {
    writeFileSync(
      join(root, `etc/systemd/network/10-${name}.link`),
      `[Match]\nMACAddress=${mac}\n\n[Link]\nName=${name}\n`,
    );
  }
  const boot = join(root, "boot");
  for (const part of ["vmlinuz", "initrd"]) {
    const file = readdirSync(boot).find((name) => name.startsWith(`${part}-`) || name.startsWith(`${part}.img-`));
    if (file === undefined) throw new Error(`there is no ${part} on node 0's disk`);
    copyFileSync(join(boot, file), join(labFolder(record.name), part));
  }
  const { host } = networkOf(record.slot);
  writeFileSync(join(labFolder(record.name), "known_hosts"), `${host} ${record.hostKey}\n`);
  await unmountDisk(record.name);
}

/** The control groups of the machine with whoever talks to it, and of its drive, which outlives it by a moment. */
function groupsOf({ slot }: LabRecord): { group: string; drive: string } {
  const lab = cgroupOf(networkOf(slot).id);
  return { group: join(lab, "node0"), drive: join(lab, "drive") };
}

/** Switches node 0 on, and returns when its systemd is done with booting and its sshd answers. */
async function powerOn(record: LabRecord, { clock, signal }: PowerOnOptions = {}): Promise<void> {
  const { group, drive } = groupsOf(record);
  if (existsSync(group)) throw new Error(`node 0 of lab "${record.name}" is already on`);
  const folder = labFolder(record.name);
  const socket = join(folder, "drive");
  rmSync(socket, { force: true });
  start(record, drive, [process.execPath, join(import.meta.dirname, "nbd.mts"), diskOf(record.name), socket]);
  await waitFor("node 0's drive", () => existsSync(socket) || undefined, { timeoutMs: 20_000, signal });
  const cards = cardsOf(record).flatMap(({ name, mac }) => [
    "-netdev",
    `tap,id=${name},ifname=${name},script=no,downscript=no`,
    "-device",
    `virtio-net-pci,netdev=${name},mac=${mac},romfile=`,
  ]);
  start(record, group, [
    "nsenter",
    `--net=/run/netns/${networkOf(record.slot).node0Namespace}`,
    "qemu-system-x86_64",
    "-machine",
    // Never KVM: see machine.mts.
    "q35,accel=tcg",
    "-m",
    "768",
    "-nodefaults",
    "-no-user-config",
    "-display",
    "none",
    "-kernel",
    join(folder, "vmlinuz"),
    "-initrd",
    join(folder, "initrd"),
    "-append",
    "root=/dev/vda ro console=ttyS0",
    "-rtc",
    `base=${clock === undefined ? "utc" : clock.toISOString().slice(0, 19)}`,
    "-drive",
    `if=none,id=disk,format=raw,cache=writeback,file=nbd+unix:///?socket=${socket}`,
    "-device",
    "virtio-blk-pci,drive=disk",
    "-device",
    "virtio-rng-pci",
    ...cards,
    "-chardev",
    `file,id=console,append=on,path=${join(folder, "node0.log")}`,
    "-serial",
    "chardev:console",
  ]);
  await isUp(record, { signal });
}

function start(record: LabRecord, group: string, argv: readonly string[]): void {
  const log = openSync(join(labFolder(record.name), "node0.log"), "a");
  const [file = "", ...args] = inCgroup(group, argv);
  spawn(file, args, { detached: true, stdio: ["ignore", log, log] }).unref();
  closeSync(log);
}

/** Waits until node 0 is up, and is another run of it than the one that the kernel called `previous`. */
async function isUp(
  record: LabRecord,
  { previous, signal }: { previous?: string | undefined; signal?: AbortSignal | undefined },
): Promise<void> {
  const { host } = networkOf(record.slot);
  let seen = "no answer of its sshd";
  const console = () => `${seen}; end of ${labFolder(record.name)}/node0.log:\n${consoleEnd(record)}`;
  await waitFor(
    "the start of node 0",
    async () => {
      if (!(await greets(host, 22))) return undefined;
      await connectTo(record);
      const { stdout, stderr } = await runInside(
        record,
        "cat /proc/sys/kernel/random/boot_id; systemctl is-system-running; cat /sys/class/net/eno2/operstate",
        { check: false, timeoutMs: 60_000 },
      );
      seen = `its boot, systemctl is-system-running and the state of eno2: "${(stdout + stderr).trim()}"`;
      const [boot, state, cable] = stdout.split("\n");
      return (boot !== previous && /^(running|degraded)$/.test(state ?? "") && cable === "up") || undefined;
    },
    { timeoutMs: 180_000, everyMs: 500, seen: console, signal },
  );
}

/** One login that all scripts share, since each takes an emulated machine a second. It ends with the machine. */
async function connectTo(record: LabRecord): Promise<void> {
  const socket = controlSocket(record);
  const { code } = await run(ssh(record, ["-O", "check"]), { check: false });
  if (code === 0) return;
  rmSync(socket, { force: true });
  start(record, groupsOf(record).group, ssh(record, ["-M", "-N"]));
  await waitFor("a login on node 0", () => existsSync(socket) || undefined, { timeoutMs: 30_000 }).catch(
    () => undefined,
  );
}

function controlSocket(record: LabRecord): string {
  return join(labFolder(record.name), "ssh");
}

function ssh(record: LabRecord, args: readonly string[]): string[] {
  const folder = labFolder(record.name);
  const options = [
    `ControlPath=${controlSocket(record)}`,
    `UserKnownHostsFile=${join(folder, "known_hosts")}`,
    "StrictHostKeyChecking=yes",
    "IdentitiesOnly=yes",
    "BatchMode=yes",
    "LogLevel=ERROR",
  ].flatMap((option) => ["-o", option]);
  return [
    "ssh",
    "-F",
    "none",
    "-i",
    join(folder, "id_ed25519"),
    ...options,
    ...args,
    `root@${networkOf(record.slot).host}`,
  ];
}

/** Runs a script as root in node 0, by SSH. */
async function runInside(record: LabRecord, script: string, options: RunOptions = {}): Promise<Answer> {
  const { group } = groupsOf(record);
  if (!existsSync(group)) throw new Error(`node 0 of lab "${record.name}" is off`);
  const environment = "LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive";
  const argv = [...ssh(record, []), `env ${environment} /bin/sh -c ${shellQuote(script)}`];
  return await run(inCgroup(group, argv), { ...options, shown: script });
}

/** The soft reboot: systemd stops everything in its order and starts again. */
async function reboot(record: LabRecord): Promise<void> {
  const { stdout } = await runInside(record, "cat /proc/sys/kernel/random/boot_id");
  await runInside(record, "systemctl reboot", { check: false });
  await isUp(record, { previous: stdout.trim() });
}

/** The machine ends in the middle of an instruction, and its drive forgets. */
async function powerCut(record: LabRecord): Promise<void> {
  const { group, drive } = groupsOf(record);
  await killCgroup(group);
  for (const path of [group, drive]) {
    await waitFor(`the end of ${path}`, () => tryRemove(path) || undefined, { timeoutMs: 20_000 });
  }
}

/** Copies folders of node 0, those that there are. */
async function look(record: LabRecord, folders: readonly string[]): Promise<void> {
  const root = node0Root(record.name);
  for (const folder of folders) rmSync(join(root, folder), { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  const pack = `cd / && tar -c $(ls -d ${folders.map((folder) => `.${folder}`).join(" ")} 2>/dev/null)`;
  const argv = [...ssh(record, []), pack].map(shellQuote).join(" ");
  await run(["/bin/sh", "-c", `${argv} | tar -x -p -C ${shellQuote(root)}`]);
}
