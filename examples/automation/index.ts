// A rollout, one machine after the other: preview, ask, apply, prove, reboot each, and wait until it is back.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { LocalWorkspace } from "@pulumi/pulumi/automation";

const run = promisify(execFile);

/** What `pulumi-netboot history --json` says of a machine's last boot. */
interface LastBoot {
  readonly machine?: string;
  /** When it began, in seconds since 1970. */
  readonly from?: number;
  readonly reached?: string;
}

export interface Rollout {
  /** The folder of the project, with its Pulumi.yaml. */
  readonly project: string;
  readonly stack: string;
  /** The machines to reboot, by their names, in this order. None: all is done but reboots. */
  readonly machines: readonly string[];
  /** Asks for one machine's reboot: OVHcloud's API, `ssh … systemctl reboot`, a colleague. */
  readonly reboot: (machine: string) => Promise<void>;
  readonly confirm: (question: string) => Promise<boolean>;
  readonly say?: (line: string) => void;
  /** How long a machine may take until it is back. */
  readonly minutes?: number;
}

/** Ends with an error at the first step that is not well, so that no further machine is rebooted. */
export async function rollOut(rollout: Rollout): Promise<void> {
  const { project, stack: stackName, machines, reboot, confirm, say = console.log, minutes = 15 } = rollout;
  const netboot = async (...args: readonly string[]): Promise<string> =>
    (await run("npx", ["pulumi-netboot", ...args, "--stack", stackName], { cwd: project })).stdout;

  const stack = await LocalWorkspace.selectStack({ stackName, workDir: project });
  const preview = await stack.preview({ diff: true });
  say(preview.stdout);
  say(await netboot("plan"));
  if (!(await confirm(`Bring this to node 0 of ${stackName}?`))) return;

  await stack.up({ onOutput: (text) => say(text.trimEnd()) });
  say(await netboot("verify"));

  for (const machine of machines) {
    if (!(await confirm(`Reboot ${machine}?`))) return;
    const asked = new Date();
    await reboot(machine);
    await isBack(machine, asked);
  }

  async function isBack(machine: string, since: Date): Promise<void> {
    const until = Date.now() + minutes * 60_000;
    for (;;) {
      const boots: readonly LastBoot[] = JSON.parse(await netboot("history", "--json"));
      const boot = boots.find((each) => each.machine === machine);
      // rEFInd is the last step that node 0 sees of every machine; some systems ask for their address as well.
      if ((boot?.from ?? 0) * 1000 >= since.getTime() && /^(rEFInd|system)$/.test(boot?.reached ?? "")) {
        say(`${machine} is back: ${boot?.reached}`);
        return;
      }
      if (Date.now() > until)
        throw new Error(`${machine} is not back after ${minutes} minutes; it came to ${boot?.reached ?? "nothing"}`);
      await sleep(10_000);
    }
  }
}

async function main(project: string, stack: string, machines: readonly string[]): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  await rollOut({
    project,
    stack,
    machines,
    // Through node 0, for the machines are private only.
    reboot: async (machine) => {
      await run("ssh", ["-J", process.env["NODE0"] ?? "", `root@${machine}`, "systemctl", "reboot"]);
    },
    confirm: async (question) => (await terminal.question(`${question} [y/N] `)).toLowerCase() === "y",
  });
  terminal.close();
}

if (require.main === module) {
  const [project = join(__dirname, "../fleet"), stack = "dev", ...machines] = process.argv.slice(2);
  main(project, stack, machines).catch((error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
