import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { whyNotAdmitted } from "../../provider/admitted/whyNotAdmitted";
import { iptables } from "../../provider/facts/iptables";
import { links } from "../../provider/facts/links";
import { nftables } from "../../provider/facts/nftables";
import type { Answers, Question, Ran } from "../../provider/facts/question";
import { trafficControl } from "../../provider/facts/trafficControl";
import { asRoot } from "../support/debianPackages.ts";
import { labPath } from "../support/firewallCases";
import { type Commands, randomRulesets } from "../support/randomRulesets";

const run = promisify(execFile);
const node0 = `netboot-${process.pid}-node0`;
const segment = `netboot-${process.pid}-segment`;

const questions: Readonly<Record<string, Question>> = {
  ...nftables.questions,
  ...iptables.questions,
  ...trafficControl.questions,
  ...links.questions,
};

function inside(namespace: string, ...command: readonly string[]): [string, string[]] {
  const [first = "", ...words] = [...asRoot(), "ip", "netns", "exec", namespace, ...command];
  return [first, words];
}

async function ran(...command: readonly string[]): Promise<Ran> {
  try {
    const { stdout, stderr } = await run(...inside(node0, ...command));
    return { status: 0, said: stdout + stderr };
  } catch (error) {
    const { code, stdout = "", stderr = "" } = error as { code?: number; stdout?: string; stderr?: string };
    return { status: typeof code === "number" ? code : 127, said: stdout + stderr };
  }
}

/** What the proof says of the rules of the kernel as they are. */
async function said(): Promise<string> {
  const recorded = new Map<string, Ran>();
  for (const [key, question] of Object.entries(questions)) {
    if (question.ask !== "run" || question.for !== undefined || question.argv[0] === "systemctl") continue;
    const { when } = question;
    if (when !== undefined && !new RegExp(when.matches, "m").test(recorded.get(when.key)?.said ?? "")) continue;
    recorded.set(key, await ran(...question.argv));
  }
  const answers: Answers = {
    ran: (key) => recorded.get(key),
    ranFor: () => undefined,
    path: () => undefined,
    folder: () => undefined,
    holders: () => undefined,
    packetSockets: () => undefined,
  };
  const rulesets = {
    nftables: nftables.read(answers),
    iptables: iptables.read(answers),
    trafficControl: trafficControl.read(answers),
    links: links.read(answers),
  };
  const why = whyNotAdmitted(rulesets, labPath);
  return why === undefined ? "admitted" : `${why.sure ? "kept out" : "in doubt"}: ${why.text}`;
}

/** Drops all that comes in by eno2, until the end of its input. */
const attach = String.raw`use strict; use warnings; use POSIX ();
my $bpf = { x86_64 => 321, aarch64 => 280 }->{ (POSIX::uname())[4] };
my ($index) = qx(ip -o link show eno2) =~ /^(\d+)/;
my ($program, $license) = (pack('C2 s l', 0xb7, 0, 0, 2) . pack('C2 s l', 0x95, 0, 0, 0), "GPL\0");
my ($at, $by) = map { unpack 'Q', pack 'P', $_ } $program, $license;
my $load = pack 'L2 Q2 L2 Q L2 a16 L2', 3, 2, $at, $by, 0, 0, 0, 0, 0, 'drop', 0, 46;
my $loaded = syscall $bpf, 5, $load, length $load;
my $link = pack 'L4 x48', $loaded, $index, 46, 0;
$| = 1;
print syscall($bpf, 28, $link, length $link) > 0 ? "attached\n" : "refused: $!\n";
<STDIN>;`;

/** The kernel itself is asked, by a machine that gets a file: no grammar of ours stands between. */
describe("what is said of any rules", () => {
  let server: ChildProcess;
  let client: ChildProcess;
  let answers: AsyncIterator<string>;

  beforeAll(async () => {
    const ip = async (...words: readonly string[]) => {
      const [first = "", ...rest] = [...asRoot(), "ip", ...words];
      await run(first, rest);
    };
    await ip("netns", "add", node0);
    await ip("netns", "add", segment);
    const cable = ["link", "add", "eno2", "address", "52:54:00:00:00:01", "netns", node0, "type", "veth"];
    await ip(...cable, "peer", "name", "client0", "address", "52:54:00:00:00:0e", "netns", segment);
    await ip("-n", node0, "address", "add", "192.168.1.1/28", "dev", "eno2");
    await ip("-n", segment, "address", "add", "192.168.1.14/28", "dev", "client0");
    for (const [namespace, link] of [
      [node0, "lo"],
      [node0, "eno2"],
      [segment, "client0"],
    ] as const) {
      await ip("-n", namespace, "link", "set", link, "up");
    }
    // They know each other, so that a ruleset that drops ARP says nothing about the next one.
    for (const [namespace, link, other, mac] of [
      [node0, "eno2", "192.168.1.14", "52:54:00:00:00:0e"],
      [segment, "client0", "192.168.1.1", "52:54:00:00:00:01"],
    ] as const) {
      await ip("-n", namespace, "neighbour", "replace", other, "lladdr", mac, "nud", "permanent", "dev", link);
    }
    const program = "test/support/kernel.mts";
    const [serve, serving] = inside(node0, process.execPath, program, "server", "192.168.1.1");
    server = spawn(serve, serving, { stdio: ["ignore", "pipe", "inherit"] });
    const [ask, asking] = inside(segment, process.execPath, program, "client", "192.168.1.1");
    client = spawn(ask, asking, { stdio: ["pipe", "pipe", "inherit"] });
    if (server.stdout === null || client.stdout === null) throw new Error("no output");
    answers = createInterface({ input: client.stdout })[Symbol.asyncIterator]();
    await createInterface({ input: server.stdout })[Symbol.asyncIterator]().next();
  });

  afterAll(async () => {
    client?.kill();
    server?.kill();
    const [first = "", ...rest] = [...asRoot(), "sh", "-c", `ip netns del ${node0}; ip netns del ${segment}`];
    await run(first, rest);
  });

  async function isServed(): Promise<boolean> {
    client.stdin?.write("\n");
    return (await answers.next()).value === "yes";
  }

  /** The same, where the machine that runs this may be too busy for an answer in time. */
  async function isServedAtLast(): Promise<boolean> {
    return (await isServed()) || (await isServed()) || (await isServed());
  }

  /** Those of the commands that the kernel takes. */
  async function load(commands: Commands): Promise<void> {
    const script = ["nft flush ruleset", ...commands.map((command) => `nft '${command}'`)].join("\n");
    await ran("sh", "-c", `${script}\ntrue`);
  }

  it("is nothing where a program of BPF is attached by tcx, which tc(8) does not show", async () => {
    await load([]);
    const [first, words] = inside(node0, "perl", "-e", attach);
    const program = spawn(first, words, { stdio: ["pipe", "pipe", "inherit"] });
    try {
      const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
      expect((await lines.next()).value).toBe("attached");
      expect(await isServed()).toBe(false);
      expect(await said()).toMatch(/^in doubt: it can't be told what programs of BPF \(tcx\) on eno2 let through;/);
    } finally {
      const ended = new Promise((resolve) => program.once("exit", resolve));
      program.stdin.end();
      await ended;
    }
    expect([await isServed(), await said()]).toEqual([true, "admitted"]);
  });

  it("is never surer than what a machine meets", async () => {
    const hunted = process.env["NETBOOT_RULESETS"];
    const count = { admitted: 0, "kept out": 0, "in doubt": 0 };
    await load([]);
    expect([await isServed(), await said()]).toEqual([true, "admitted"]);
    await fc.assert(
      fc.asyncProperty(randomRulesets, async (commands) => {
        await load(commands);
        const words = await said();
        const word = words.split(":")[0] as keyof typeof count;
        const truth = await (word === "admitted" ? isServedAtLast() : isServed());
        count[word]++;
        expect({ words, isSureOf: word === "in doubt" ? truth : word === "admitted" }).toEqual({
          words,
          isSureOf: truth,
        });
      }),
      // The same ones each time, unless somebody looks for others.
      hunted === undefined ? { numRuns: 50, seed: 1 } : { numRuns: Number(hunted) },
    );
    // Of each some: else nothing is compared.
    expect(Math.min(...Object.values(count))).toBeGreaterThan(2);
  });
});
