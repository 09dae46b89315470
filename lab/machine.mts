import { spawn } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { type BootEvent, CaptureReader } from "./capture.mts";
import { cgroupOf, inCgroup, killCgroup, runHelper, tryRemove } from "./cgroup.mts";
import { diskSpeech, type Firmware, makeDisk } from "./disk.mts";
import { networkOf } from "./network.mts";
import { run, waitFor } from "./program.mts";
import { Monitor } from "./qmp.mts";
import { parsePpm, renderPng } from "./screen.mts";
import { type LabRecord, labFolder } from "./state.mts";
import { type BootStep, type ConsoleLine, planSteps } from "./steps.mts";

export interface MachineOptions {
  readonly name: string;
  /** One to eight network cards, in the order in which the firmware boots from them. */
  readonly macs: readonly string[];
  /** @defaultValue `"x64"` */
  readonly firmware?: Firmware;
  /** The index of the card that the firmware tries first. @defaultValue 0 */
  readonly bootFrom?: number;
  /** The indices of cards whose cable is out. @defaultValue none */
  readonly unplugged?: readonly number[];
  /** Has a local disk with a system on it, after the network in the boot order. @defaultValue `true` */
  readonly disk?: boolean;
  /** The bridge its cards are on: "private", or "private2" in a lab that has one. @defaultValue `"private"` */
  readonly bridge?: string;
}

export interface BootOptions {
  /** @defaultValue three minutes for each card: the firmware asks DHCP and HTTP for half of that before it tries the next one */
  readonly timeoutMs?: number;
  /** The folder for pictures of the screen. @defaultValue the machine's own, which goes with the lab */
  readonly screenshots?: string;
  /**
   * What ends the wait: that the disk's system is up, though the firmware may need minutes to get there by itself, or that the
   * firmware has tried PXE on all cards in vain.
   *
   * @defaultValue whichever comes first
   */
  readonly until?: "disk" | "network-gave-up";
  readonly onStep?: (step: BootStep) => void;
}

export interface BootReport {
  /** The system on the local disk is up, and what the network served has started it. */
  readonly reachedDisk: boolean;
  /** The firmware gave the network up and started the disk itself, which a server of OVHcloud's must not be left to. */
  readonly firmwareFellBack: boolean;
  /** The firmware has tried PXE on all cards in vain. */
  readonly networkGaveUp: boolean;
  /** The machine's console, without the codes that move its cursor. */
  readonly serial: string;
  readonly steps: readonly BootStep[];
  /** All different pictures, in order. */
  readonly screenshots: readonly { readonly path: string; readonly seconds: number }[];
  /** The picture that shows rEFInd. */
  readonly refindScreenshot?: string;
  /** DHCP and TFTP of this machine. */
  readonly requests: readonly BootEvent[];
}

export interface LabMachine {
  readonly name: string;
  /** Switches it on, and off and on again if it was on, and follows its boot to the end. */
  boot(options?: BootOptions): Promise<BootReport>;
  off(): Promise<void>;
}

const firmwares = {
  x64: { code: "OVMF_CODE_4M.fd", variables: "OVMF_VARS_4M.fd", secure: false },
  // Debian builds the 32 bit one only with Secure Boot compiled in (not enforced without keys); that one needs SMM.
  ia32: { code: "OVMF32_CODE_4M.secboot.fd", variables: "OVMF32_VARS_4M.fd", secure: true },
} as const;

export async function makeMachine(record: LabRecord, options: MachineOptions): Promise<LabMachine> {
  checkMachine(options);
  const folder = join(labFolder(record.name), "machines", options.name);
  mkdirSync(folder, { recursive: true });
  const { name, firmware = "x64", disk = true } = options;
  if (disk) await makeDisk(name, firmware, join(folder, "disk.img"));
  copyFileSync(join("/usr/share/OVMF", firmwares[firmware].variables), join(folder, "variables.fd"));
  const off = () => switchOff(record, options);
  return {
    name,
    boot: async (bootOptions = {}) => {
      await off();
      const boot = new Boot(record, options, folder, bootOptions);
      return await boot.follow();
    },
    off,
  };
}

function checkMachine({ name, macs, bootFrom = 0 }: MachineOptions): void {
  if (!/^[a-z0-9][a-z0-9-]{0,40}$/i.test(name)) {
    throw new Error(`"${name}" cannot name a machine: write letters, digits and hyphens, as in "node1"`);
  }
  if (macs.length < 1 || macs.length > 8)
    throw new Error(`machine "${name}" has ${macs.length} network cards; give it one to eight`);
  if (macs[bootFrom] === undefined) throw new Error(`machine "${name}" has no network card ${bootFrom} to boot from`);
}

/** The control group of what runs for a machine: QEMU and the capture. */
function groupOf(record: LabRecord, machine: string): string {
  return join(cgroupOf(networkOf(record.slot).id), `machine-${machine}`);
}

/** The names of a machine's taps: as long as the kernel allows, and different for machines at the same time. */
function tapsOf({ macs }: MachineOptions): string[] {
  return macs.map((mac) => `t${mac.replaceAll(":", "").toLowerCase()}`);
}

async function switchOff(record: LabRecord, options: MachineOptions): Promise<void> {
  const group = groupOf(record, options.name);
  await killCgroup(group);
  if (existsSync(group))
    await waitFor("the end of a control group", () => tryRemove(group) || undefined, { timeoutMs: 10_000 });
  const { segmentNamespace } = networkOf(record.slot);
  for (const tap of tapsOf(options)) await run(["ip", "-n", segmentNamespace, "link", "del", tap], { check: false });
}

/** One boot of a machine, from power on until its disk's system speaks or there is nothing left to wait for. */
class Boot {
  private readonly record: LabRecord;
  private readonly machine: MachineOptions;
  private readonly folder: string;
  private readonly options: BootOptions;
  private readonly console: ConsoleLine[] = [];
  private readonly pictures: { path: string; seconds: number }[] = [];
  private lastPicture: Buffer = Buffer.alloc(0);
  private readonly reported = new Set<number>();
  private powerOn = 0;
  private refindScreenshot: string | undefined;

  constructor(record: LabRecord, machine: MachineOptions, folder: string, options: BootOptions) {
    this.record = record;
    this.machine = machine;
    this.folder = folder;
    this.options = options;
  }

  async follow(): Promise<BootReport> {
    await this.plugIn();
    const pcap = join(this.folder, "capture.pcap");
    await this.startCapture(pcap);
    const serial = join(this.folder, "serial.log");
    rmSync(serial, { force: true });
    const monitor = await this.startMachine(serial);
    try {
      this.powerOn = Date.now();
      for (const card of this.machine.unplugged ?? []) await monitor.ask("set_link", { name: `net${card}`, up: false });
      await monitor.ask("cont");
      return await this.watch(monitor, new Tail(pcap), new Tail(serial));
    } finally {
      monitor.close();
    }
  }

  private async plugIn(): Promise<void> {
    const { id, segmentNamespace, bridge } = networkOf(this.record.slot);
    const ip = (...args: string[]) => runHelper(id, ["ip", "-n", segmentNamespace, ...args]);
    for (const tap of tapsOf(this.machine)) {
      await ip("tuntap", "add", tap, "mode", "tap");
      await ip("link", "set", tap, "master", this.machine.bridge ?? bridge, "up");
    }
  }

  private async startCapture(path: string): Promise<void> {
    rmSync(path, { force: true });
    const { bridge } = networkOf(this.record.slot);
    const log = `${path}.log`;
    const filter = "udp and not port 123 and not port 53";
    this.start(
      [
        "tcpdump",
        "--immediate-mode",
        "-i",
        this.machine.bridge ?? bridge,
        "-n",
        "-U",
        "-Z",
        "root",
        "-s",
        // A slot of the kernel's ring is as large as the longest packet may be: with tcpdump's own 256 kB it has eight.
        "2000",
        "-B",
        "16384",
        "-w",
        path,
        filter,
      ],
      log,
    );
    const seen = () => readFileSync(log, "utf8");
    await waitFor("tcpdump's capture", () => /listening on/.test(seen()) || undefined, { timeoutMs: 20_000, seen });
  }

  private async startMachine(serial: string): Promise<Monitor> {
    const { name, macs, bootFrom = 0, firmware = "x64", disk = true } = this.machine;
    const { code, secure } = firmwares[firmware];
    const taps = tapsOf(this.machine);
    // The card to boot from, then the others in their order, then the disk.
    const order = [bootFrom, ...[...macs.keys()].filter((index) => index !== bootFrom)];
    const cards = macs.flatMap((mac, index) => [
      "-netdev",
      `tap,id=net${index},ifname=${taps[index]},script=no,downscript=no`,
      "-device",
      // Without QEMU's own iPXE in the card: the firmware's PXE asks, as on a server.
      `virtio-net-pci,netdev=net${index},mac=${mac},romfile=,bootindex=${order.indexOf(index) + 1}`,
    ]);
    const socket = join(this.folder, "monitor");
    rmSync(socket, { force: true });
    const log = join(this.folder, "qemu.log");
    this.start(
      [
        "qemu-system-x86_64",
        "-name",
        name,
        "-machine",
        // Never KVM: some machines have a /dev/kvm that can't run a firmware's first instructions, and stops there without a word.
        `q35,accel=tcg,smm=${secure ? "on" : "off"}`,
        ...(secure ? ["-global", "driver=cfi.pflash01,property=secure,value=on"] : []),
        "-m",
        "512",
        "-nodefaults",
        "-no-user-config",
        // A machine that switches itself off stands still, and can be looked at.
        "-no-shutdown",
        "-display",
        "none",
        "-vga",
        "std",
        "-drive",
        `if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/${code}`,
        "-drive",
        `if=pflash,format=raw,unit=1,file=${join(this.folder, "variables.fd")}`,
        "-device",
        "virtio-rng-pci",
        // Nobody answers IPv6 here; the firmware would ask for minutes before it tries the next card.
        "-fw_cfg",
        "name=opt/org.tianocore/IPv6PXESupport,string=no",
        ...cards,
        ...(disk
          ? [
              "-drive",
              `if=none,id=disk,format=raw,file=${join(this.folder, "disk.img")}`,
              "-device",
              `ide-hd,bus=ide.0,drive=disk,bootindex=${macs.length + 1}`,
            ]
          : []),
        "-serial",
        `file:${serial}`,
        "-qmp",
        `unix:${socket},server=on,wait=off`,
        "-S",
      ],
      log,
    );
    return await Monitor.open(socket, 30_000, () => readFileSync(log, "utf8"));
  }

  private start(argv: readonly string[], log: string): void {
    const { segmentNamespace } = networkOf(this.record.slot);
    const output = openSync(log, "w");
    const inSegment = ["nsenter", `--net=/run/netns/${segmentNamespace}`, ...argv];
    const [file = "", ...args] = inCgroup(groupOf(this.record, this.machine.name), inSegment);
    spawn(file, args, { detached: true, stdio: ["ignore", output, output] }).unref();
    closeSync(output);
  }

  private async watch(monitor: Monitor, pcap: Tail, serial: Tail): Promise<BootReport> {
    const { timeoutMs = 180_000 * this.machine.macs.length, until } = this.options;
    const capture = new CaptureReader(this.powerOn);
    const speech = diskSpeech(this.machine.name);
    let raw = "";
    for (;;) {
      capture.read(pcap.read());
      raw += serial.read().toString("latin1");
      this.readConsole(raw);
      const events = capture.events.filter(({ mac }) => this.machine.macs.some((own) => own.toLowerCase() === mac));
      const steps = planSteps({ events, console: this.console, speech });
      this.report(steps);
      await this.photograph(monitor, steps);

      const seen = (step: number) => steps[step - 1]?.seconds !== undefined;
      const gaveUp = this.hasGivenUp();
      const over = (seen(9) && until !== "network-gave-up") || (gaveUp && until !== "disk");
      if (!over && this.seconds() * 1000 < timeoutMs) {
        await new Promise((wake) => setTimeout(wake, 100));
        continue;
      }
      await this.takePicture(monitor);
      // What has come so far stays on the screen, and the machine no longer takes this one's time.
      await monitor.ask("stop");
      return {
        reachedDisk: seen(9) && !this.fellBack(),
        firmwareFellBack: this.fellBack(),
        networkGaveUp: gaveUp,
        serial: this.console.map(({ text }) => `${text}\n`).join(""),
        steps,
        screenshots: this.pictures,
        ...(this.refindScreenshot !== undefined && { refindScreenshot: this.refindScreenshot }),
        requests: events,
      };
    }
  }

  private seconds(): number {
    return (Date.now() - this.powerOn) / 1000;
  }

  private readConsole(raw: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
    const lines = raw.replace(/\x1b\[[0-9;?=]*[A-Za-z]/g, "").split(/[\r\n]+/);
    const seconds = this.seconds();
    lines.forEach((text, index) => {
      const known = this.console[index];
      this.console[index] = { text, seconds: known?.seconds ?? seconds };
    });
  }

  private report(steps: readonly BootStep[]): void {
    for (const step of steps) {
      if (step.seconds === undefined || this.reported.has(step.step)) continue;
      this.reported.add(step.step);
      this.options.onStep?.(step);
    }
  }

  /** The firmware says of each card, in its order, that there is nothing to boot from it. */
  private hasGivenUp(): boolean {
    const failed = this.console.filter(({ text }) => /failed to (load|start) Boot\w+ "UEFI PXEv4/.test(text));
    return failed.length >= this.machine.macs.length;
  }

  /** The firmware names what it starts; "UEFI PXEv4 (MAC:…)" and "UEFI HTTPv4 (MAC:…)" are the network. */
  private fellBack(): boolean {
    return this.console.some(({ text }) => /BdsDxe: starting Boot\w+ "(?!UEFI (PXE|HTTP))/.test(text));
  }

  private lastLook = 0;
  private menuTaken = false;

  /** From the moment when rEFInd is on its way until the disk's system is there: it shows itself for a second only. */
  private async photograph(monitor: Monitor, steps: readonly BootStep[]): Promise<void> {
    const seen = (step: number) => steps[step - 1]?.seconds !== undefined;
    const showsMenu = seen(8) && this.console.some(({ text }) => text.includes("rEFInd - Main Menu"));
    const interval = seen(7) && !seen(9) ? 300 : 3000;
    const isDue = Date.now() - this.lastLook >= interval || (showsMenu && !this.menuTaken);
    if (!isDue) return;
    this.lastLook = Date.now();
    const path = await this.takePicture(monitor);
    if (path !== undefined && seen(8) && !seen(9) && !this.menuTaken) this.refindScreenshot = path;
    this.menuTaken ||= showsMenu;
  }

  /** Keeps the picture if it is not the one before. */
  private async takePicture(monitor: Monitor): Promise<string | undefined> {
    const draft = join(this.folder, "screen.ppm");
    const seconds = this.seconds();
    await monitor.ask("screendump", { filename: draft });
    const data = readFileSync(draft);
    if (data.equals(this.lastPicture)) return undefined;
    this.lastPicture = data;
    const folder = resolve(this.options.screenshots ?? join(this.folder, "screenshots"));
    mkdirSync(folder, { recursive: true });
    const path = join(folder, `${this.machine.name}-${seconds.toFixed(1).padStart(5, "0")}s.png`);
    writeFileSync(path, renderPng(parsePpm(data)));
    this.pictures.push({ path, seconds });
    return path;
  }
}

/** What a file has got since the last look. */
class Tail {
  private readonly path: string;
  private position = 0;

  constructor(path: string) {
    this.path = path;
  }

  read(): Buffer {
    if (!existsSync(this.path)) return Buffer.alloc(0);
    const file = openSync(this.path, "r");
    try {
      const buffer = Buffer.alloc(1 << 20);
      const parts: Buffer[] = [];
      for (;;) {
        const length = readSync(file, buffer, 0, buffer.length, this.position);
        if (length === 0) return Buffer.concat(parts);
        parts.push(Buffer.from(buffer.subarray(0, length)));
        this.position += length;
      }
    } finally {
      closeSync(file);
    }
  }
}
