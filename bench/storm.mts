import { join } from "node:path";
import type { Lab } from "../lab/index.mts";
import { type PerfdhcpReport, parsePerfdhcp } from "./perfdhcp.mts";
import { costOf } from "./samples.mts";
import type { TftpCrowd } from "./tftpClients.mts";

/** What serves DHCP, and its unit. */
const units = { dhcpd: "isc-dhcp-server", Kea: "kea-dhcp4-server" } as const;

/** Machines that all ask for their address, each with its own MAC, and what was seen of it. */
export interface Wave {
  readonly report: PerfdhcpReport;
  /** How many of them began in a second. */
  readonly rate: number;
  /** Questions that were thrown away because the buffer of the daemon's socket was full. */
  readonly full: number;
  /** Seconds of a processor. */
  readonly processor: { readonly daemon: number; readonly journald: number };
  /** How many cores perfdhcp itself has kept busy. */
  readonly perfdhcpCores: number;
}

/** A node 0 by one of the daemons, and what it does when all its machines come back. */
export interface DhcpStorm {
  readonly daemon: keyof typeof units;
  readonly machines: number;
  /** All within a second; those without an address within a second again, 4, 12 and 28 s later, as firmware asks. */
  readonly tries: readonly Wave[];
  /** All of them at lower and lower rates, until none is lost. */
  readonly slower: readonly Wave[];
  /** All within a second, where the buffer of the daemon's socket has room for them. */
  readonly roomy: Wave;
}

/** How long firmware waits for an answer before it asks again (EDK2, and the PXE specification), and how often it asks. */
const patienceSeconds = 4;
const mostTries = 4;

/** What net.core.rmem_default is set to, so that the questions of ten thousand machines find room. */
export const roomyBytes = 32 * 2 ** 20;

/** An address of the private network that no machine has. */
const clientAddress = "10.20.255.254";

/** Questions without an answer, of both exchanges. */
export function lostOf({ report: { offers, acks } }: Wave): number {
  return offers.asked - offers.answered + (acks.asked - acks.answered);
}

/** Machines without an address. */
export function leftOf({ report: { offers, acks } }: Wave): number {
  return offers.asked - acks.answered;
}

/**
 * Has all machines of a stack that is up ask by perfdhcp, in the lab's segment. perfdhcp lies on node 0's disk, and runs beside it.
 */
export async function measureDhcpStorm(
  lab: Lab,
  daemon: DhcpStorm["daemon"],
  {
    machines,
    rates,
    rounds,
  }: { readonly machines: number; readonly rates: readonly number[]; readonly rounds: number },
): Promise<DhcpStorm> {
  await lab.node0.run("apt-get -q -y install --no-install-recommends kea-admin");
  await lab.segment.run(["ip", "address", "add", `${clientAddress}/16`, "dev", lab.segment.clientInterface]);
  for (const unit of [units[daemon], "systemd-journald"]) await hurry(lab, unit);
  const wave = (count: number, rate: number) => bestOf(rounds, () => measureWave(lab, units[daemon], count, rate));

  const tries: Wave[] = [];
  let left = machines;
  while (left > 0 && tries.length < mostTries) {
    const tried = await wave(left, left);
    tries.push(tried);
    left = leftOf(tried);
  }
  const slower: Wave[] = [];
  for (const rate of rates) {
    if (slower.concat(tries[0] ?? []).some((other) => lostOf(other) === 0)) break;
    slower.push(await wave(machines, rate));
  }
  await makeRoom(lab, units[daemon]);
  return { daemon, machines, tries, slower, roomy: await wave(machines, machines) };
}

/** Lets what is measured have the processor before whatever else the machine does, as on a node 0 that does nothing else. */
async function hurry(lab: Lab, unit: string): Promise<void> {
  await lab.node0.run(`chrt --rr --all-tasks --pid 1 $(systemctl show --value -p MainPID ${unit})`);
}

/** And the clients before it: each machine hears for itself, and none misses an answer because of the others. */
const asClients = ["chrt", "--rr", "2"];

/**
 * Gives the daemon's packet socket the room that it would have by net.core.rmem_default: that is a setting of the kernel, which
 * node 0 shares with the machine.
 */
async function makeRoom(lab: Lab, unit: string): Promise<void> {
  // The numbers are of x86-64: pidfd_open, pidfd_getfd; SOL_SOCKET's SO_DOMAIN, AF_PACKET, SO_RCVBUFFORCE (which doubles).
  await lab.node0.run(`perl - $(systemctl show --value -p MainPID ${unit}) <<'END'
my $process = syscall 434, $ARGV[0] + 0, 0;
for my $number (map { m{(\\d+)$} } glob "/proc/$ARGV[0]/fd/*") {
    my $copy = syscall 438, $process, $number + 0, 0;
    open my $socket, '+<&=', $copy or next;
    next if unpack('i', getsockopt($socket, 1, 39) // pack('i', 0)) != 17;
    setsockopt $socket, 1, 33, pack 'i', ${roomyBytes / 2} or die "no room: $!";
    $done++;
}
die "no packet socket" if !$done;
END`);
}

/** The round that the machine, which others share, has disturbed least. */
async function bestOf(rounds: number, measure: () => Promise<Wave>): Promise<Wave> {
  let best = await measure();
  for (let round = 1; round < rounds && lostOf(best) > 0; round++) {
    const wave = await measure();
    if (lostOf(wave) < lostOf(best)) best = wave;
  }
  return best;
}

async function measureWave(lab: Lab, unit: string, machines: number, perSecond: number): Promise<Wave> {
  // From 10,000 on perfdhcp does not sleep a moment, and has no time to hear the answers.
  const rate = Math.min(perSecond, 9_999);
  const command = [
    ...[...asClients, "chroot", lab.node0.root, "perfdhcp", "-4", "-l", clientAddress],
    ...["-R", `${machines}`, "-b", "mac=52:54:00:00:00:00", "-r", `${rate}`],
    // As firmware says what it is: option 93, 64-bit UEFI.
    ...["-o", "93,0007"],
    // A second number that is never reached, or it would end with the answer that makes up for the number of questions.
    ...["-n", `${machines}`, "-n", "1000000", "-W", `${patienceSeconds * 1e6}`],
    ...["-d", `${patienceSeconds}`, "-d", `${patienceSeconds}`, lab.node0.privateAddress],
  ];
  const before = await countersOf(lab, unit);
  let said = "";
  const { seconds, processorSeconds } = await costOf(async () => {
    // It ends with 3 where something was lost.
    said = (await lab.segment.run(command, { check: false })).stdout;
  });
  const after = await countersOf(lab, unit);
  return {
    report: parsePerfdhcp(said),
    rate,
    full: after.full - before.full,
    processor: { daemon: after.daemon - before.daemon, journald: after.journald - before.journald },
    perfdhcpCores: processorSeconds / seconds,
  };
}

interface Counters {
  readonly daemon: number;
  readonly journald: number;
  readonly full: number;
}

async function countersOf(lab: Lab, unit: string): Promise<Counters> {
  const { stdout } = await lab.node0.run(
    `for unit in ${unit} systemd-journald; do systemctl show --value -p CPUUsageNSec $unit; done; ss --packet --memory`,
  );
  const [daemon = 0, journald = 0] = stdout.split("\n", 2).map((nanoseconds) => Number(nanoseconds) / 1e9);
  const full = [...stdout.matchAll(/,d(\d+)\)/g)].reduce((sum, [, drops]) => sum + Number(drops), 0);
  return { daemon, journald, full };
}

/** TFTP clients that all fetch a boot file at once. */
export interface TftpStorm extends TftpCrowd {
  /** Seconds of a processor, of in.tftpd and all its processes. */
  readonly serverSeconds: number;
  /** Requests that were thrown away because the buffer of in.tftpd's socket was full. */
  readonly full: number;
}

export async function measureTftpStorm(lab: Lab, file: string, clients: number): Promise<TftpStorm> {
  await hurry(lab, "tftpd-hpa");
  const counters = async () => {
    const { stdout } = await lab.node0.run(
      // Port 69, and the number of drops at the end of the line.
      "systemctl show --value -p CPUUsageNSec tftpd-hpa; awk '$2 ~ /:0045$/ { print $NF }' /proc/net/udp",
    );
    const [nanoseconds = 0, full = 0] = stdout.split("\n", 2).map(Number);
    return { serverSeconds: nanoseconds / 1e9, full };
  };
  const before = await counters();
  const program = join(import.meta.dirname, "tftpClients.mts");
  const command = [...asClients, process.execPath, program, lab.node0.privateAddress, file, `${clients}`];
  const { stdout } = await lab.segment.run(command);
  const after = await counters();
  return {
    ...(JSON.parse(stdout) as TftpCrowd),
    serverSeconds: after.serverSeconds - before.serverSeconds,
    full: after.full - before.full,
  };
}
