import { setTimeout as wait } from "node:timers/promises";
import type { Lab, Node0Kind } from "../../../lab/index.mts";
import type { Wire } from "../../../lab/wire.mts";
import type { CommandResult } from "../../../tools/command.mts";
import { providerOf } from "../../../tools/processes.mts";
import type { Wanted } from "./changes.mts";
import { type Daemon, daemonOf, dhcpServers } from "./dhcpServers.mts";
import type { Random } from "./random.mts";

/** Where a fault happens. */
export interface Scene {
  readonly lab: Lab;
  readonly wire: Wire;
  readonly random: Random;
  readonly seed: number;
  /** Whether one DHCP server may take the other's place. */
  readonly hasKea: boolean;
  /** What the program says while it happens. */
  readonly wanted: Wanted;
  /** A second program on the same node 0: one machine comes or goes. */
  readonly otherStack: () => Promise<CommandResult>;
}

/** The `pulumi up` that it happens to. */
export interface Running {
  readonly enginePid: number;
  readonly ended: Promise<unknown>;
}

/** Something that goes wrong; what happens after a random while is `strike`, and what lasts is armed before and healed. */
export interface Fault {
  /** What it needs for a node 0. @defaultValue `"container"` */
  readonly node0?: Node0Kind;
  /** The DHCP server that it happens to. @defaultValue any */
  readonly daemon?: Daemon;
  /** The kind of change that it can happen to. @defaultValue any */
  readonly change?: string;
  readonly arm?: (scene: Scene) => unknown;
  readonly strike?: (scene: Scene, running: Running) => unknown;
  readonly heal?: (scene: Scene) => unknown;
  /** Whom the disturbed run logs in as. @defaultValue "root" */
  readonly user?: string;
  /** The run must end well in spite of it. */
  readonly harmless?: boolean;
  /** Paths that it changes itself. */
  readonly touches?: RegExp;
  /** How the next run is asked for, where the usual words are not enough. */
  readonly next?: readonly string[];
  /** It strikes while the hands wait for their plan: on a link that holds every byte back for so many milliseconds. */
  readonly inConversationMs?: number;
  /** It ends the engine: whatever has not begun by then must not begin. */
  readonly endsEngine?: boolean;
  /** What is lost in the end. */
  readonly lost?: (scene: Scene) => Promise<readonly string[]>;
}

/** Sends a signal to a process, if it is still there. */
export function kill(pid: number | undefined, signal: "SIGKILL" | "SIGINT"): void {
  if (pid === undefined) return;
  try {
    process.kill(pid, signal);
  } catch {
    // It was faster.
  }
}

/** A drop-in for dhcpd's unit that works against the new configuration and lets the old one be. */
async function sabotage({ lab, wanted }: Scene, lines: (isNew: string) => string): Promise<void> {
  const isNew = `grep -q "default-lease-time ${wanted.leaseSeconds};" /etc/dhcp/dhcpd.conf`;
  await lab.node0.run(`mkdir -p ${dropIn} && cat > ${dropIn}/fault.conf && systemctl daemon-reload`, {
    input: `[Service]\n${lines(isNew)}\n`,
  });
}

const dropIn = "/etc/systemd/system/isc-dhcp-server.service.d";
const endSabotage = ({ lab }: Scene) => lab.node0.run(`rm -r ${dropIn}; systemctl daemon-reload`);

/** As apt itself holds it: a lock of fcntl's on the file, for some seconds. */
function holdLock(seconds: number): string {
  return `systemd-run --quiet --collect --unit=holder perl -e '
    open my $lock, ">>", "/var/lib/dpkg/lock-frontend";
    my $whole = pack "s s x4 q q i x4", 1, 0, 0, 0, 0;
    fcntl $lock, 6, $whole or die $!;
    sleep ${seconds}'`;
}

/** Holds DHCP's port for as long as the new configuration is there. */
function thief({ leaseSeconds }: Wanted): string {
  return `use Socket;
    socket S, PF_INET, SOCK_DGRAM, 0;
    bind S, sockaddr_in(67, INADDR_ANY) or die $!;
    select undef, undef, undef, 0.02 while qx(cat /etc/dhcp/dhcpd.conf) =~ /default-lease-time ${leaseSeconds};/`;
}

/** Fills the disk, and leaves some room. */
async function fill({ lab, random }: Scene, leave: number): Promise<void> {
  const left = random.between(0, leave);
  await lab.node0.run(`
    set -- $(stat -f -c '%f %S' /)
    size=$(( $1 * $2 - ${left} * 1024 ))
    until fallocate -l $size /root/filler 2>/dev/null; do size=$((size - 262144)); done`);
}

/** What its hardware clock says after a power cut: a date some years ahead or, as with an empty battery, long past. */
async function bootAt({ lab }: Scene, clock: Date): Promise<void> {
  await lab.node0.powerOn({ clock });
  const { stdout } = await lab.node0.run("journalctl -q -b -k -o cat --grep 'setting system clock to'");
  const day = clock.toISOString().slice(0, 10);
  if (!stdout.includes(day)) throw new Error(`node 0 was to boot on ${day}, but its kernel says: ${stdout}`);
}

export const faults: Readonly<Record<string, Fault>> = {
  "nothing goes wrong": { harmless: true },
  "TCP cut after some bytes": {
    arm: ({ wire, random }) => wire.treat({ cutAfterBytes: random.between(0, 60_000) }),
    heal: ({ wire }) => wire.treat({}),
  },
  "TCP cut at some time": { strike: ({ wire }) => wire.cut() },
  "sshd killed": {
    strike: ({ lab }) => lab.node0.run("pkill -KILL -x sshd; sleep 0.3; systemctl restart ssh", { check: false }),
  },
  "provider killed": { strike: (_, { enginePid }) => kill(providerOf(enginePid), "SIGKILL") },
  "engine killed": { endsEngine: true, strike: (_, { enginePid }) => kill(enginePid, "SIGKILL") },
  "Ctrl-C": { strike: (_, { enginePid }) => kill(enginePid, "SIGINT") },
  "Ctrl-C twice": {
    strike: async ({ random }, { enginePid }) => {
      kill(enginePid, "SIGINT");
      await wait(random.between(0, 500));
      kill(enginePid, "SIGINT");
    },
  },
  "agent killed": {
    strike: ({ lab }) => lab.node0.run("systemctl kill --signal=KILL 'pulumi-netboot-*.service'", { check: false }),
  },
  "the client dies between facts and plan": {
    inConversationMs: 300,
    strike: (_, { enginePid }) => kill(providerOf(enginePid), "SIGKILL"),
  },
  "half a plan arrives": {
    inConversationMs: 300,
    strike: async ({ wire, random }, { ended }) => {
      wire.treat({ delayMs: 300, cutAfterBytes: random.between(0, 6000) });
      await Promise.race([ended, wait(20_000)]);
    },
  },
  "the plan comes too late": {
    inConversationMs: 300,
    strike: async ({ wire }, { ended }) => {
      wire.treat({ delayMs: 26_000 });
      await Promise.race([ended, wait(40_000)]);
    },
  },
  "node 0 reboots between facts and plan": {
    inConversationMs: 300,
    strike: async ({ lab }) => {
      await lab.node0.powerCut({ loseUnsynced: true });
      await lab.node0.powerOn();
    },
  },
  "another stack in the middle of the conversation": {
    inConversationMs: 300,
    harmless: true,
    strike: async ({ otherStack }) => {
      const { code, output } = await otherStack();
      if (code !== 0) throw new Error(`the other stack's up failed\n${output}`);
    },
    touches: /^\/etc\/(dhcp\/netboot\/hosts\.conf|kea\/netboot\/reservations\.json|netboot-names\/hosts)$/,
  },
  "power cut": {
    strike: async ({ lab }) => {
      await lab.node0.powerCut({ loseUnsynced: true });
      await lab.node0.powerOn();
    },
  },
  "power cut of a machine": {
    node0: "machine",
    strike: async ({ lab }) => {
      await lab.node0.powerCut();
      await lab.node0.powerOn();
    },
  },
  "power cut of a machine whose clock jumps": {
    node0: "machine",
    strike: async (scene) => {
      const years = scene.random.one([-10, -1, 1, 8]);
      await scene.lab.node0.powerCut();
      await bootAt(scene, new Date(Date.now() + years * 365 * 24 * 3600 * 1000));
    },
  },
  "disk full": {
    arm: (scene) => fill(scene, 400),
    heal: ({ lab }) => lab.node0.run("rm -f /root/filler"),
  },
  "a file system read-only": {
    arm: async ({ lab, random }) => {
      const folder = random.one(["/etc", "/etc/dhcp", "/srv/tftp", "/var/lib/pulumi-netboot"]);
      await lab.node0.run(
        `mount --bind ${folder} ${folder} && mount -o remount,ro,bind ${folder} && echo ${folder} > /run/read-only`,
      );
    },
    heal: ({ lab }) => lab.node0.run("umount $(cat /run/read-only)"),
  },
  "/tmp noexec": {
    harmless: true,
    arm: ({ lab }) => lab.node0.run("mount -t tmpfs -o noexec,mode=1777 tmpfs /tmp"),
    heal: ({ lab }) => lab.node0.run("umount /tmp"),
  },
  "a slow link": {
    harmless: true,
    arm: ({ wire }) => wire.treat({ delayMs: 150, bytesPerSecond: 8000 }),
    heal: ({ wire }) => wire.treat({}),
  },
  "another login shell": {
    harmless: true,
    arm: ({ lab, random }) =>
      lab.node0.run(`usermod --shell ${random.one(["/bin/dash", "/bin/csh", "/usr/bin/fish"])} root`),
    heal: ({ lab }) => lab.node0.run("usermod --shell /bin/bash root"),
    touches: /^\/etc\/passwd$/,
  },
  "sudo asks for a password": {
    user: "operator",
    arm: ({ lab }) => lab.node0.run("echo 'operator ALL=(ALL:ALL) ALL' > /etc/sudoers.d/operator"),
    heal: ({ lab }) => lab.node0.run("echo 'operator ALL=(ALL:ALL) NOPASSWD: ALL' > /etc/sudoers.d/operator"),
    touches: /^\/etc\/sudoers\.d/,
  },
  "sudo wants a terminal": {
    user: "operator",
    arm: ({ lab }) => lab.node0.run("echo 'Defaults requiretty' > /etc/sudoers.d/terminal"),
    heal: ({ lab }) => lab.node0.run("rm /etc/sudoers.d/terminal"),
    touches: /^\/etc\/sudoers\.d/,
  },
  "a user with sudo": { harmless: true, user: "operator" },
  "dpkg's lock is held": {
    change: "packages come or go",
    harmless: true,
    arm: ({ lab, random }) => lab.node0.run(holdLock(random.between(1, 8))),
    // It has ended by itself.
    heal: ({ lab }) => lab.node0.run("systemctl stop holder 2>/dev/null || true"),
  },
  "apt is killed": {
    change: "packages come or go",
    // Whatever of it is at work at some moment after it began.
    strike: ({ lab, random }) => {
      const victim = random.one(["apt-get", "dpkg", "apt-get|dpkg|dpkg-deb"]);
      const within = (what: string) => `for i in $(seq 400); do ${what} && break; sleep 0.01; done`;
      return lab.node0.run(
        `${within("pgrep -x 'apt-get|dpkg' >/dev/null")}; sleep ${random.between(0, 30) / 10}; ${within(`pkill -KILL -x '${victim}'`)}`,
        { check: false },
      );
    },
  },
  "a noisy .bashrc": {
    harmless: true,
    arm: ({ lab }) =>
      lab.node0.run(
        "cp /root/.bashrc /root/.bashrc.was; (echo 'echo hello; echo world >&2'; cat /root/.bashrc.was) > /root/.bashrc",
      ),
    heal: ({ lab }) => lab.node0.run("mv /root/.bashrc.was /root/.bashrc"),
  },
  "dhcpd refuses to start": {
    daemon: "isc",
    change: "a lease time",
    arm: (scene) => sabotage(scene, (isNew) => `ExecStartPre=/bin/sh -c '! ${isNew}'`),
    heal: endSabotage,
    touches: /^\/etc\/systemd\/system\/isc-dhcp-server\.service\.d/,
  },
  "its port is taken": {
    daemon: "isc",
    change: "a lease time",
    // Somebody binds it while dhcpd is restarted, and lets go when the old configuration is back.
    arm: async (scene) => {
      await scene.lab.node0.run("cat > /root/thief.pl", { input: thief(scene.wanted) });
      await sabotage(
        scene,
        (isNew) =>
          `ExecStartPre=/bin/sh -c '! ${isNew} || { systemd-run --quiet --collect perl /root/thief.pl; sleep 0.5; }'`,
      );
    },
    heal: endSabotage,
    touches: /^\/etc\/systemd\/system\/isc-dhcp-server\.service\.d/,
  },
  "dhcpd starts and does not serve": {
    daemon: "isc",
    change: "a lease time",
    arm: async (scene) => {
      const { stdout } = await scene.lab.node0.run("grep ^ExecStart= /etc/systemd/system/isc-dhcp-server.service");
      const command = stdout.trim().replace("ExecStart=", "");
      await sabotage(
        scene,
        (isNew) => `ExecStart=\nExecStart=/bin/sh -c '${isNew} && exec sleep infinity; exec ${command}'`,
      );
    },
    heal: endSabotage,
    touches: /^\/etc\/systemd\/system\/isc-dhcp-server\.service\.d/,
  },
  "Kea stands still": {
    daemon: "kea",
    strike: ({ lab, random }) =>
      lab.node0.run(
        `systemctl kill -s STOP kea-dhcp4-server; sleep ${random.between(1, 12)}; systemctl kill -s CONT kea-dhcp4-server`,
        { check: false },
      ),
  },
  "Kea ends": {
    daemon: "kea",
    strike: ({ lab }) => lab.node0.run("systemctl kill -s KILL kea-dhcp4-server; sleep 2", { check: false }),
  },
  "Kea's socket is gone": {
    daemon: "kea",
    // A change that Kea is told of: the run fails by it, and the restart that puts the old state back makes it anew.
    change: "a machine comes",
    arm: ({ lab }) => lab.node0.run("rm -f /run/kea/kea4-ctrl-socket"),
  },
  "clock of a machine jumps": {
    node0: "machine",
    harmless: true,
    strike: ({ lab, random }) => lab.node0.run(`date -s '${random.one(["-3 years", "-1 hour", "1 hour", "5 years"])}'`),
  },
  "clock of a machine runs backward while dhcpd does not serve": {
    node0: "machine",
    daemon: "isc",
    change: "a lease time",
    arm: (scene) =>
      sabotage(
        scene,
        (isNew) =>
          `ExecStartPost=/bin/sh -c '${isNew} || exit 0; until ss -Hlun sport = 67 | grep -q .; do sleep 0.1; done; kill -STOP $MAINPID'`,
      ),
    heal: endSabotage,
    touches: /^\/etc\/systemd\/system\/isc-dhcp-server\.service\.d/,
    strike: ({ lab }) => lab.node0.run("for step in $(seq 60); do date -s '-1 hour'; sleep 0.2; done"),
  },
  "another stack at the same time": {
    harmless: true,
    strike: async ({ otherStack }) => {
      const { code, output } = await otherStack();
      if (code !== 0) throw new Error(`the other stack's up failed\n${output}`);
    },
    touches: /^\/etc\/(dhcp\/netboot\/hosts\.conf|kea\/netboot\/reservations\.json|netboot-names\/hosts)$/,
  },
  // The proof may meet it, and then the change is undone.
  "a human with an editor": {
    strike: ({ lab, random, seed }) =>
      lab.node0.run(
        `echo '# by hand ${seed}' >> ${random.one([dhcpServers[daemonOf(lab)].conf, "/srv/tftp/refind.conf"])}`,
      ),
    touches: /^\/etc\/(dhcp\/dhcpd|kea\/kea-dhcp4)\.conf|^\/srv\/tftp\/refind\.conf/,
    // What somebody wrote after the run is drift, which only a refresh can see.
    next: ["--refresh"],
    lost: async ({ lab, seed }) => {
      const { stdout } = await lab.node0.run(`grep -rlx '# by hand ${seed}' /var/lib/pulumi-netboot/edits`, {
        check: false,
      });
      return stdout === "" ? [`the line "# by hand ${seed}" is kept nowhere`] : [];
    },
  },
};

/** The faults that a node 0 of this kind can meet, with this DHCP server if it is said. */
export function faultsOf(node0: Node0Kind, served?: Daemon): readonly string[] {
  return Object.entries(faults).flatMap(([name, { node0: kind = "container", daemon }]) =>
    kind === node0 && (served === undefined || daemon === undefined || daemon === served) ? [name] : [],
  );
}
