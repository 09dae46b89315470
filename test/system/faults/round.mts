import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type Lab, type LabOptions, labUp, type Node0Kind } from "../../../lab/index.mts";
import { wireTo } from "../../../lab/wire.mts";
import type { CommandResult } from "../../../tools/command.mts";
import { providerOf } from "../../../tools/processes.mts";
import { type ScratchProject, scratchProject } from "../../../tools/scratch.mts";
import { programOn } from "../../support/node0.ts";
import {
  addressOf,
  changes,
  first,
  mac,
  ofPackages,
  otherServer,
  programFor,
  type Wanted,
  withPackages,
} from "./changes.mts";
import { dhcpServers } from "./dhcpServers.mts";
import { type Fault, faults, faultsOf, kill, type Scene } from "./faults.mts";
import { brokenFiles, isQuiet, type Listing, listingOf, notServed, transactionsOf } from "./host.mts";
import { homeOf, moveIn, notGivenBack, notLivedOn } from "./inhabited.mts";
import { randomOf } from "./random.mts";

const up = ["up", "--yes", "--skip-preview"];
const watched = ["/etc", "/srv/tftp", "/var/lib/pulumi-netboot"];
const roomy = { privateCidr: "10.20.0.0/22", privateAddress: "10.20.0.1" };

/** What one round came to. */
export interface Round {
  readonly seed: number;
  readonly fault: string;
  readonly change: string;
  /** When it struck, in milliseconds since the first connection, or since a transaction had staged its files. */
  readonly afterMs: number;
  /** How the disturbed run ended: `ok`, `failed`, `killed`. */
  readonly run: string;
  /** The state of node 0 before any other run: `old`, `new`, or `part` of the run's transactions. */
  readonly host: string;
  /** What must not be; empty if all is well. */
  readonly violations: readonly string[];
  /** What the disturbed run said, for whoever looks into a violation. */
  readonly output: string;
}

/** A node 0 to which things happen, round after round. */
export interface Arena {
  readonly lab: Lab;
  round(seed: number, fault?: string): Promise<Round>;
  /** Destroys the stacks: what of an inhabited node 0 is not as it was before the first up. */
  leave(): Promise<readonly string[]>;
  remove(): Promise<void>;
}

/**
 * Makes a node 0 with a program on it.
 *
 * @param isInhabited - whether somebody's own servers, rules, mounts and files were there first, and must stay
 * @param hasKea - whether Kea serves at first, and one DHCP server may take the other's place
 */
export async function arena(
  options: Pick<LabOptions, "node0" | "release"> = {},
  isInhabited = false,
  hasKea = false,
): Promise<Arena> {
  const node0: Node0Kind = options.node0 ?? "container";
  const lab = await labUp({ ...roomy, ...options });
  const wire = await wireTo(lab.node0.host, lab.node0.port);
  const { clientInterface } = lab.segment;
  await lab.segment.run(["ip", "address", "add", "10.20.3.250/22", "dev", clientInterface]);
  await lab.segment.run(["ip", "route", "add", "255.255.255.255/32", "dev", clientInterface]);
  await lab.node0.run(
    "DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends tcsh fish >/dev/null",
  );
  await lab.node0.run("echo mine > /etc/foreign.conf; mkdir -p /srv/tftp; echo mine > /srv/tftp/foreign.bin");
  if (isInhabited) await moveIn(lab);
  await lab.node0.look(watched);
  const home = isInhabited ? await homeOf(lab) : undefined;
  let wanted = first;
  const files = { "index.ts": programFor(lab, wire, wanted) };
  const project = await scratchProject({ files, name: "faults" });
  const other = await scratchProject({ files: { "index.ts": programOn(lab, "") }, name: "other", sharing: project });
  const upOfOther = otherStack(lab, other);
  await project.succeed(up);
  if (hasKea) {
    wanted = { ...first, daemon: "kea" };
    project.write({ "index.ts": programFor(lab, wire, wanted) });
    await project.succeed(up);
  }
  return {
    lab,
    async round(seed, fault) {
      const random = randomOf(seed);
      const name = fault ?? random.one(faultsOf(node0, wanted.daemon));
      const scene = { lab, wire, random, seed, hasKea, otherStack: upOfOther };
      const { round, reached } = await play(name, scene, project, wanted);
      wanted = reached;
      return isInhabited ? { ...round, violations: [...round.violations, ...(await notLivedOn(lab))] } : round;
    },
    async leave() {
      await other.succeed(["destroy", "--yes", "--skip-preview"]);
      await project.succeed(["destroy", "--yes", "--skip-preview"]);
      await lab.node0.look(watched);
      return home === undefined ? [] : await notGivenBack(lab, home, (path) => ofPackages.test(path));
    },
    async remove() {
      wire.close();
      await other.remove();
      await project.remove();
      await lab.down();
    },
  };
}

/** A second program that has one machine more or less each time. */
function otherStack(lab: Lab, other: ScratchProject): () => Promise<CommandResult> {
  let machines = 0;
  return async () => {
    machines = machines === 0 ? 1 : 0;
    const node = `new netboot.OlaNode("o", { server, macs: ["${mac(200)}"], address: "10.20.2.200" });`;
    const server =
      'const server = pulumi.output(new pulumi.StackReference("organization/faults/dev").requireOutput("node0")) as any;';
    other.write({ "index.ts": programOn(lab, machines === 1 ? `${server}\n${node}` : "") });
    return await other.pulumi(up, { timeoutSeconds: 120 });
  };
}

async function play(
  name: string,
  around: Omit<Scene, "wanted">,
  project: ScratchProject,
  before: Wanted,
): Promise<{ readonly round: Round; readonly reached: Wanted }> {
  const fault = faults[name];
  if (fault === undefined) throw new Error(`there is no fault "${name}"`);
  const { lab, wire, random, seed, hasKea } = around;
  // apt on an emulated machine takes minutes.
  const kinds = Object.keys(changes).filter(
    (kind) =>
      (fault.node0 !== "machine" || kind !== withPackages) &&
      (kind !== otherServer || (hasKea && fault.daemon === undefined)),
  );
  const change = fault.change ?? random.one(kinds);
  const wanted = changes[change]?.(before, random) ?? before;
  const scene: Scene = { ...around, wanted };
  await lab.node0.look(watched);
  const old = await listingOf(lab);
  await fault.arm?.(scene);
  project.write({ "index.ts": programFor(lab, wire, wanted, fault.user) });
  const violations: string[] = [];
  const { disturbed, afterMs, late } = await disturb(scene, project, fault);
  if (late > 0) violations.push(`${late} transactions began after the engine's death`);
  const run = disturbed.code === 0 ? "ok" : disturbed.code >= 124 ? "killed" : "failed";
  if (fault.harmless === true && run !== "ok") violations.push(`the run ${run}, which it need not`);
  if (run === "failed" && !told(disturbed.output)) violations.push("no message says what state node 0 is in");
  if (disturbed.code === 124) violations.push("the run did not end in three minutes");

  // Before any other run: one whole state, and served.
  if (!(await isQuiet(lab))) violations.push("node 0 was still at work two minutes later");
  await lab.node0.look(watched);
  const mayTouch = (path: string): boolean =>
    fault.touches?.test(path) === true || (change === withPackages && ofPackages.test(path));
  const isTouched = (text: string): boolean => text.split(" ").some(mayTouch);
  const untouched = (found: readonly string[]): readonly string[] => found.filter((line) => !isTouched(line));
  violations.push(...untouched(brokenFiles(lab)), ...(await notServed(lab)));
  const seen = await listingOf(lab);
  await fault.heal?.(scene);

  // The next run, without any help but `cancel` where an engine left the stack locked.
  if (run !== "ok") await project.pulumi(["cancel", "--yes"]);
  const next = await project.pulumi([...up, ...(fault.next ?? [])], { timeoutSeconds: 300 });
  if (next.code !== 0)
    violations.push(
      `the next up failed: ${next.output
        .split("\n")
        .filter((line) => /error|refus/i.test(line))
        .slice(0, 6)
        .join(" | ")}`,
    );
  await lab.node0.look(watched);
  const reached = await listingOf(lab);
  violations.push(
    ...untouched(brokenFiles(lab)).map((line) => `after the next up: ${line}`),
    ...(await notServed(lab)).map((line) => `after the next up: ${line}`),
    ...(await notReached(lab, wanted)).map((line) => `after the next up: ${line}`),
    ...strange(old, seen, reached, mayTouch),
    ...((await fault.lost?.(scene)) ?? []),
  );
  const isLike = (other: Listing): boolean =>
    [...new Set([...seen.keys(), ...other.keys()])].every(
      (path) => seen.get(path) === other.get(path) || mayTouch(path),
    );
  const host = isLike(old) ? "old" : isLike(reached) ? "new" : "part";
  return {
    round: { seed, fault: name, change, afterMs, run, host, violations, output: `${disturbed.output}\n${next.output}` },
    reached: wanted,
  };
}

/**
 * Whether a failed run said of node 0 what an operator asks first: what does it serve now? Where Pulumi itself or the
 * provider's process was ended, nobody of ours was left to say it.
 */
export function told(output: string): boolean {
  const ended =
    /error: (update (canceled|cancelled)|context canceled)|rpc error|resource monitor|error reading from server|plugin exited|could not read plugin|transport is closing|socket hang up/i;
  const states =
    /nothing was changed|changed nothing there|nothing of this change was done|as it was|serves? what it served|put back|finishes or undoes|nothing is served differently/i;
  return states.test(output) || ended.test(output);
}

/** Runs an up, and lets the fault strike at a random moment after its first connection. */
async function disturb(
  scene: Scene,
  project: ScratchProject,
  { strike, endsEngine, node0, inConversationMs }: Fault,
): Promise<{ readonly disturbed: CommandResult; readonly afterMs: number; readonly late: number }> {
  const { lab, wire, random } = scene;
  const isAimed = random.one([true, false]) && inConversationMs === undefined;
  // A transaction is over in some tenths of a second, and on an emulated machine in some seconds.
  const afterMs = random.between(0, isAimed ? 250 : 1000) * (node0 === "machine" ? 24 : 1);
  let isConnected = (): void => undefined;
  const connected = new Promise<void>((resolve) => (isConnected = resolve));
  const slow = inConversationMs === undefined ? {} : { delayMs: inConversationMs };
  if (strike !== undefined) wire.treat({ onConnection: () => isConnected(), ...slow });
  let enginePid = 0;
  const running = project.pulumi(up, {
    timeoutSeconds: 180,
    onStart: ({ pid = 0 }) => {
      enginePid = pid;
    },
  });
  if (strike === undefined) return { disturbed: await running, afterMs, late: 0 };
  await Promise.race([connected, running]);
  if (isAimed) await Promise.race([journalOf(lab), running]);
  if (inConversationMs !== undefined) await Promise.race([handsOf(lab), running]);
  await Promise.race([wait(afterMs), running]);
  const provider = endsEngine === true ? providerOf(enginePid) : undefined;
  await strike(scene, { enginePid, ended: running });
  wire.treat({});
  // What was asked for just before may still be on its way.
  await wait(300);
  const begun = endsEngine === true ? await transactionsOf(lab) : 0;
  const disturbed = await running;
  await providerEnds(lab);
  const late = endsEngine === true ? (await transactionsOf(lab)) - begun : 0;
  // It would listen for its engine for ever.
  kill(provider, "SIGKILL");
  return { disturbed, afterMs, late };
}

/** Waits until a transaction has staged its files, for as long as one may take to begin. */
async function journalOf(lab: Lab): Promise<void> {
  const look = "-e '/var/lib/pulumi-netboot/journal' and exit or select undef, undef, undef, 0.002 for 1 .. 5000";
  // The machine may be gone before it is over.
  await lab.node0.run(`perl -e "${look}"`, { check: false }).catch(() => undefined);
}

/** Waits until hands of ours hold the lock. */
async function handsOf(lab: Lab): Promise<void> {
  const look =
    "qx(systemctl list-units --no-legend pulumi-netboot-*.service) =~ /^(?!.*firewall).* running/m and exit for 1 .. 500";
  await lab.node0.run(`perl -e '${look}'`, { check: false }).catch(() => undefined);
}

/** A provider whose engine is dead ends by itself; until then it may still be at work. */
async function providerEnds(lab: Lab): Promise<void> {
  for (let before = -1, waited = 0; waited < 20; waited++) {
    const now = await transactionsOf(lab);
    if (now === before) return;
    before = now;
    await wait(1000);
  }
}

/** What the program says and node 0 has not. */
async function notReached(lab: Lab, wanted: Wanted): Promise<readonly string[]> {
  const text = (path: string): string => readFileSync(join(lab.node0.root, path), "utf8");
  const wrong: string[] = [];
  const { machines, machine, conf, lease } = dhcpServers[wanted.daemon];
  const served = [...text(machines).matchAll(machine)]
    .map(([, nic = "", address = ""]) => `${nic} ${address}`)
    .filter((line) => !line.startsWith(mac(200)))
    .sort();
  const declared = Object.entries({ ...wanted.machines, ...wanted.fleet })
    .map(([number, last]) => `${mac(Number(number))} ${addressOf(last)}`)
    .sort();
  if (served.join() !== declared.join()) wrong.push(`${machines} has ${served.join(", ")}, not ${declared.join(", ")}`);
  if (Number(lease.exec(text(conf))?.[1]) !== wanted.leaseSeconds) wrong.push("another lease time");
  if (!text("/srv/tftp/refind.conf").includes(`timeout ${wanted.timeoutSeconds}\n`)) wrong.push("another timeout");
  if (text("/srv/tftp/note.txt") !== wanted.note) wrong.push("another note.txt");
  if (!text("/etc/netboot-names/hosts").includes(`10.20.1.${wanted.filer} filer`)) wrong.push("another record");
  if (existsSync(join(lab.node0.root, "/etc/chrony/conf.d/netboot.conf")) !== wanted.time)
    wrong.push("another time server");
  // One of them keeps node 0's time, and gives the other its place back.
  const { stdout: daemons } = await lab.node0.run("dpkg -l chrony systemd-timesyncd | awk '/^.i /{ print $2 }'");
  const keeper = wanted.time ? "chrony" : "systemd-timesyncd";
  if (daemons.trim() !== keeper)
    wrong.push(`the time is kept by ${daemons.trim().split("\n").join(", ")}, not ${keeper}`);
  return wrong;
}

/** Paths that are neither as they were nor as they became: half done, foreign, or left lying about. */
function strange(
  old: Listing,
  seen: Listing,
  reached: Listing,
  mayTouch: (path: string) => boolean,
): readonly string[] {
  const isKnown = (path: string): boolean =>
    seen.get(path) === old.get(path) || seen.get(path) === reached.get(path) || mayTouch(path);
  return [...new Set([...old.keys(), ...seen.keys(), ...reached.keys()])]
    .filter((path) => !isKnown(path))
    .map((path) => `${path} was ${old.get(path)}, is ${seen.get(path)}, becomes ${reached.get(path)}`);
}
