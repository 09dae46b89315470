import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type Lab, labUp } from "../../../lab/index.mts";
import { providerOf } from "../../../tools/processes.mts";
import { type ScratchProject, scratchProject } from "../../../tools/scratch.mts";
import type { DhcpAnswer } from "../../support/dhcpClient.mts";
import { keaState } from "../../support/keaState.ts";
import { netbootCommand } from "../../support/node0.ts";
import { type Daemon, dhcpServers } from "./dhcpServers.mts";
import { kill } from "./faults.mts";
import { brokenFiles, isQuiet } from "./host.mts";
import { type Random, randomOf } from "./random.mts";
import { type Arena, type Round, told } from "./round.mts";

const up = ["up", "--yes", "--skip-preview"];
const witness = "52:54:00:00:06:01";

/** What the program says of both. */
interface Wanted {
  readonly timeoutSeconds: number;
  /** The machines of the fleet: number → last number of the address. The first one is always there. */
  readonly fleet: Readonly<Record<number, number>>;
  /** A machine of its own. */
  readonly single: number;
}

const first: Wanted = { timeoutSeconds: 1, fleet: { 1: 3, 2: 4 }, single: 5 };

const changes: Readonly<Record<string, (wanted: Wanted, random: Random) => Wanted>> = {
  "a machine comes": ({ fleet, ...rest }, random) => ({ ...rest, fleet: { ...fleet, 3: random.between(6, 9) } }),
  "machines go": ({ fleet: { 1: stays = 3 }, ...rest }) => ({ ...rest, fleet: { 1: stays } }),
  "a machine gets another address": ({ fleet, ...rest }, random) => ({
    ...rest,
    fleet: { ...fleet, 2: random.between(10, 12) },
  }),
  "the machine that is asked for gets another address": ({ fleet, ...rest }) => ({
    ...rest,
    fleet: { ...fleet, 1: fleet[1] === 3 ? 2 : 3 },
  }),
  "the single machine and the boot menu": ({ single, timeoutSeconds, ...rest }) => ({
    ...rest,
    single: single === 5 ? 13 : 5,
    timeoutSeconds: 1 + (timeoutSeconds % 9),
  }),
};

/** What goes wrong while a change rolls over both. */
interface PairFault {
  /** The run must end well in spite of it. */
  readonly harmless?: true;
  readonly strike?: (scene: {
    readonly a: Lab;
    readonly b: Lab;
    readonly enginePid: number;
    readonly random: Random;
  }) => unknown;
}

const powerCut = async ({ node0 }: Lab, offMs: number): Promise<void> => {
  await node0.powerCut({ loseUnsynced: true });
  await wait(offMs);
  await node0.powerOn();
};
const agentKilled = ({ node0 }: Lab) =>
  node0.run("systemctl kill --signal=KILL 'pulumi-netboot-*.service'", { check: false });
const sshdKilled = ({ node0 }: Lab) =>
  node0.run("pkill -KILL -x sshd; sleep 0.3; systemctl restart ssh", { check: false });

/** What can go wrong on two node 0s. */
export const pairFaults: Readonly<Record<string, PairFault>> = {
  "nothing goes wrong on two": { harmless: true },
  "provider killed in a roll": { strike: ({ enginePid }) => kill(providerOf(enginePid), "SIGKILL") },
  "engine killed in a roll": { strike: ({ enginePid }) => kill(enginePid, "SIGKILL") },
  "Ctrl-C in a roll": { strike: ({ enginePid }) => kill(enginePid, "SIGINT") },
  "power cut of the first of two": { strike: ({ a, random }) => powerCut(a, random.between(0, 8000)) },
  "power cut of the second of two": { strike: ({ b, random }) => powerCut(b, random.between(0, 8000)) },
  "agent killed on the first of two": { strike: ({ a }) => agentKilled(a) },
  "agent killed on the second of two": { strike: ({ b }) => agentKilled(b) },
  "sshd killed on the first of two": { strike: ({ a }) => sshdKilled(a) },
  "sshd killed on the second of two": { strike: ({ b }) => sshdKilled(b) },
};

/** How two node 0s share their machines: dhcpd and Kea both answer; or of two Kea one does, and the other stands by. */
export type Sharing = "both" | "standby";

const daemonsOf: Readonly<Record<Sharing, readonly [Daemon, Daemon]>> = {
  both: ["isc", "kea"],
  standby: ["kea", "kea"],
};

/** Makes two node 0s of the same machines. */
export async function pairArena(sharing: Sharing = "both"): Promise<Arena> {
  const a = await labUp();
  const b = await labUp({ beside: a.name });
  const pair = { a, b, sharing, daemons: daemonsOf[sharing] };
  await a.segment.run(["ip", "route", "add", "255.255.255.255/32", "dev", a.segment.clientInterface]);
  let wanted = first;
  const project = await scratchProject({ files: { "index.ts": programFor(pair, wanted) }, name: "pair" });
  await project.succeed(up);
  return {
    lab: a,
    async round(seed, fault) {
      const random = randomOf(seed);
      const name = fault ?? random.one(Object.keys(pairFaults));
      const { round, reached } = await play(name, { ...pair, random, seed }, project, wanted);
      wanted = reached;
      return round;
    },
    async leave() {
      await project.succeed(["destroy", "--yes", "--skip-preview"]);
      const left = await Promise.all(
        [a, b].map(({ node0 }) =>
          node0.run("ls /var/lib/pulumi-netboot/register /etc/dhcp/netboot /etc/kea/netboot 2>/dev/null", {
            check: false,
          }),
        ),
      );
      return left.flatMap(({ stdout }) => (stdout.trim() === "" ? [] : [stdout]));
    },
    async remove() {
      await project.remove();
      await b.down();
      await a.down();
    },
  };
}

/** Two node 0s, and the DHCP server of each. */
interface Pair {
  readonly a: Lab;
  readonly b: Lab;
  readonly sharing: Sharing;
  readonly daemons: readonly [Daemon, Daemon];
}

function programFor({ a, b, sharing, daemons }: Pair, { timeoutSeconds, fleet, single }: Wanted): string {
  const server = (name: string, { node0 }: Lab, daemon: Daemon): string => {
    const { host, hostKey, privateKeyPath, privateInterface, privateAddress, privateCidr } = node0;
    const connection = JSON.stringify({ host, hostKey, privateKeyPath, dialErrorLimit: 2, perDialTimeout: 5 });
    const network = JSON.stringify({ interface: privateInterface, cidr: privateCidr, address: privateAddress });
    const dhcp = { daemon, ...(sharing === "standby" && { highAvailability: "hot-standby" }) };
    return `const ${name} = new netboot.NetbootServer("node0-${name}", { connection: ${connection}, network: ${network},
      dhcp: ${JSON.stringify(dhcp)}, artifacts: { refindConf: { timeoutSeconds: ${timeoutSeconds} } }, time: false, names: false });`;
  };
  const nodes = Object.entries(fleet).map(
    ([number, last]) => `"f${number}": { macs: ["52:54:00:00:06:0${number}"], address: "192.168.1.${last}" }`,
  );
  return [
    'import * as netboot from "pulumi-netboot";',
    server("a", a, daemons[0]),
    server("b", b, daemons[1]),
    `new netboot.OlaFleet("rack", { server: [a, b], nodes: { ${nodes.join(", ")} } });`,
    `new netboot.OlaNode("single", { server: [a, b], macs: ["52:54:00:00:06:0a"], address: "192.168.1.${single}" });`,
  ].join("\n");
}

async function play(
  name: string,
  { random, seed, ...pair }: Pair & { readonly random: Random; readonly seed: number },
  project: ScratchProject,
  before: Wanted,
): Promise<{ readonly round: Round; readonly reached: Wanted }> {
  const { a, b, sharing, daemons } = pair;
  const statesNow = (): readonly string[] => [stateOf(a, daemons[0]), stateOf(b, daemons[1])];
  const fault = pairFaults[name];
  if (fault === undefined) throw new Error(`there is no fault "${name}" of two node 0s`);
  // Some change nothing when they come again.
  const kinds = Object.keys(changes).filter(
    (kind) => JSON.stringify(changes[kind]?.(before, randomOf(seed))) !== JSON.stringify(before),
  );
  const change = random.one(kinds);
  const wanted = changes[change]?.(before, randomOf(seed)) ?? before;
  const old = statesNow();
  project.write({ "index.ts": programFor(pair, wanted) });
  const violations: string[] = [];

  // An up of both takes some seven seconds, of which the first are the program's own.
  const afterMs = random.between(1500, 10_000);
  const asking = askAllTheTime(a, sharing === "standby" ? 4 : 2);
  let enginePid = 0;
  const running = project.pulumi(up, { timeoutSeconds: 180, onStart: ({ pid = 0 }) => (enginePid = pid) });
  await Promise.race([wait(afterMs), running]);
  await fault.strike?.({ a, b, enginePid, random });
  const disturbed = await running;
  const run = disturbed.code === 0 ? "ok" : disturbed.code >= 124 ? "killed" : "failed";
  if (fault.harmless === true && run !== "ok") violations.push(`the run ${run}, which it need not`);
  if (run === "failed" && !told(disturbed.output)) violations.push("no message says what state node 0 is in");
  if (disturbed.code === 124) violations.push("the run did not end in three minutes");
  for (const [lab, daemon] of [
    [a, daemons[0]],
    [b, daemons[1]],
  ] as const) {
    const which = lab === a ? "the first" : "the second";
    if (!(await isQuiet(lab))) violations.push(`${which} was still at work two minutes later`);
    violations.push(...brokenFiles(lab).map((line) => `${which}: ${line}`));
    const { unit } = dhcpServers[daemon];
    const { stdout } = await lab.node0.run(
      `for i in $(seq 60); do systemctl is-active -q ${unit} tftpd-hpa && break; sleep 0.5; done; systemctl is-active ${unit} tftpd-hpa`,
      { check: false },
    );
    if (stdout !== "active\nactive\n") violations.push(`${which}: ${unit} and tftpd-hpa are ${stdout.trim()}`);
  }
  const unanswered = await asking.stop();
  violations.push(...unanswered.map((what) => `the machine asked in vain, ${what}`));
  const seen = statesNow();

  if (run !== "ok") await project.pulumi(["cancel", "--yes"]);
  const next = await project.pulumi(up, { timeoutSeconds: 300 });
  if (next.code !== 0) violations.push("the next up failed");
  const again = await project.pulumi([...up, "--expect-no-changes"], { timeoutSeconds: 120 });
  if (again.code !== 0) violations.push("there is something to do after the next up");
  const verified = await netbootCommand(project, "verify", "--stack", "dev");
  if (verified.code !== 0) violations.push(`verify: ${verified.stdout}`);
  if (sharing === "standby" && !(await standsBy(b))) violations.push("the second does not stand by");
  const reached = statesNow();
  const asWanted = Object.entries(wanted.fleet).map(([number, last]) => `52:54:00:00:06:0${number} 192.168.1.${last}`);
  for (const [at, state] of reached.entries()) {
    for (const line of [...asWanted, `52:54:00:00:06:0a 192.168.1.${wanted.single}`]) {
      if (!state.includes(line))
        violations.push(`after the next up ${at === 0 ? "the first" : "the second"} lacks ${line}`);
    }
  }
  // The second never has what the first has not proved.
  if (seen[1] === reached[1] && seen[1] !== old[1] && seen[0] === old[0]) {
    violations.push("the second had the new state before the first");
  }
  const isLike = (states: readonly string[]): boolean => seen.every((state, at) => state === states[at]);
  const host = isLike(old) ? "old" : isLike(reached) ? "new" : "part";
  const output = [disturbed, next, again].map((each) => each.output).join("\n");
  return { round: { seed, fault: name, change, afterMs, run, host, violations, output }, reached: wanted };
}

/** The machines that a node 0 has, and its boot menu. */
function stateOf(lab: Lab, daemon: Daemon): string {
  const { machines, machine } = dhcpServers[daemon];
  const read = (path: string): string => {
    const place = join(lab.node0.root, path);
    return existsSync(place) ? readFileSync(place, "utf8") : "";
  };
  const served = [...read(machines).matchAll(machine)].map(([, mac, address]) => `${mac} ${address}`).toSorted();
  return [...served, /^timeout \d+$/m.exec(read("/srv/tftp/refind.conf"))?.[0]].join("\n");
}

/** Whether it has come to stand by, and answers nobody. */
async function standsBy(lab: Lab): Promise<boolean> {
  for (let tries = 0; tries < 40; tries++) {
    if ((await keaState(lab)) === "standby hot-standby []") return true;
    await wait(500);
  }
  return false;
}

/** One machine asks for its boot again and again; a question that is in vain is asked again, as firmware does: so often in all. */
function askAllTheTime({ segment }: Lab, most: number): { stop(): Promise<readonly string[]> } {
  const client = join(import.meta.dirname, "../../support/dhcpClient.mts");
  const asked = JSON.stringify([{ mac: witness, arch: [7] }]);
  const whyInVain = async (): Promise<string | undefined> => {
    const { code, stdout, stderr } = await segment.run([process.execPath, client, asked], { check: false });
    const [answer] = (code === 0 ? JSON.parse(stdout) : []) as readonly DhcpAnswer[];
    return answer?.type === "ack" && answer.filename === "ipxe.efi" ? undefined : `${stdout}${stderr}`.trim();
  };
  const begun = Date.now();
  let isStopped = false;
  const all = (async () => {
    const inVain: string[] = [];
    while (!isStopped) {
      const at = Date.now() - begun;
      const seen: string[] = [];
      for (let why = await whyInVain(); why !== undefined; why = seen.length < most ? await whyInVain() : undefined) {
        seen.push(why);
      }
      if (seen.length === most) inVain.push(`${most} times, ${at} ms after the beginning: ${seen.join(", then ")}`);
    }
    return inVain;
  })();
  return {
    async stop() {
      isStopped = true;
      return await all;
    },
  };
}
