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
    await ip("link", "add", "eno2", "netns", node0, "type", "veth", "peer", "name", "client0", "netns", segment);
    await ip("-n", node0, "address", "add", "192.168.1.1/28", "dev", "eno2");
    await ip("-n", segment, "address", "add", "192.168.1.14/28", "dev", "client0");
    for (const [namespace, link] of [
      [node0, "lo"],
      [node0, "eno2"],
      [segment, "client0"],
    ] as const) {
      await ip("-n", namespace, "link", "set", link, "up");
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

  /** Those of the commands that the kernel takes. */
  async function load(commands: Commands): Promise<void> {
    const script = ["nft flush ruleset", ...commands.map((command) => `nft '${command}'`)].join("\n");
    await ran("sh", "-c", `${script}\ntrue`);
  }

  it("is never surer than what a machine meets", async () => {
    const count = { admitted: 0, "kept out": 0, "in doubt": 0 };
    await load([]);
    expect([await isServed(), await said()]).toEqual([true, "admitted"]);
    await fc.assert(
      fc.asyncProperty(randomRulesets, async (commands) => {
        await load(commands);
        const [words, truth] = [await said(), await isServed()];
        const word = words.split(":")[0] as keyof typeof count;
        count[word]++;
        expect({ words, isSureOf: word === "in doubt" ? truth : word === "admitted" }).toEqual({
          words,
          isSureOf: truth,
        });
      }),
      { numRuns: Number(process.env["NETBOOT_RULESETS"] ?? 60), endOnFailure: false },
    );
    // Of each some: else nothing is compared.
    expect(Math.min(...Object.values(count))).toBeGreaterThan(2);
  });
});
