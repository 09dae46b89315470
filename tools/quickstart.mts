/**
 * The whole of pulumi-netboot in front of one's eyes: a node 0 in the lab, `pulumi up` of examples/guide, a UEFI machine
 * that boots from it, a preview, a second `up`, a destroy. Ends with 0 only if all of it was seen.
 *
 *     npm run quickstart [-- --release bookworm|bullseye|trixie] [--user root|operator]
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { type BootReport, type BootStep, type Lab, labUp, type Release } from "../lab/index.mts";
import { type CommandResult, runCommand } from "./command.mts";
import { findEngine } from "./engine.mts";
import { type ScratchProject, scratchProject } from "./scratch.mts";
import { room, Screen } from "./screen.mts";

const repository = join(import.meta.dirname, "..");
const output = join(repository, "output/quickstart");
const program = "index.ts";
const mac = "52:54:00:12:34:56";

/** The guide's nine steps in a few words; what was seen of each stands beside them. */
const nineSteps = [
  "firmware: DHCP discover",
  "DHCP: address and file",
  "TFTP: the iPXE binary",
  "iPXE runs",
  "iPXE: DHCP again",
  "TFTP: the script for iPXE",
  "TFTP: rEFInd, refind.conf",
  "rEFInd runs",
  "the disk's system is up",
];

const origins = { PATH: "yours", installer: "from Pulumi's installer", "Go modules": "built from Go modules" };
const change = "artifacts: { refindConf: { timeoutSeconds: 3 } }";

/** Something was not as promised; `seen` is what there was instead. */
class NotSeen extends Error {
  readonly seen: string;

  constructor(message: string, seen: string) {
    super(message);
    this.seen = seen;
  }
}

const screen = new Screen();
const options = readOptions();

function readOptions(): { release: string; user: string } {
  try {
    const known = {
      release: { type: "string", default: "bookworm" },
      user: { type: "string", default: "root" },
    } as const;
    return parseArgs({ options: known }).values;
  } catch (error) {
    process.stderr.write(
      `${(error as Error).message}\nusage: npm run quickstart [-- --release bookworm] [--user root]\n`,
    );
    process.exit(2);
  }
}

/** What has to go again, however this ends. */
let lab: Promise<Lab> | undefined;
let project: ScratchProject | undefined;
let engine: ChildProcess | undefined;

async function story(): Promise<void> {
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });

  await screen.step("the package is built, and Pulumi's engine is there", async ({ milestone, tell }) => {
    const built = await runCommand(["npm", "run", "build"], { cwd: repository });
    if (built.code !== 0) throw new NotSeen("npm run build failed", built.output);
    const { version, source } = await findEngine(milestone);
    tell(`pulumi ${version}, ${origins[source]}`);
  });

  const { node0, machine } = await screen.step("a lab is up: node 0, and its private network", async (step) => {
    lab = labUp({
      release: options.release as Release,
      onProgress: (line) => (/ is up: /.test(line) ? undefined : step.milestone(line)),
    });
    const { node0, release, machine } = await lab;
    const { host, publicInterface, privateInterface, privateAddress } = node0;
    step.tell(`Debian ${release}: ${publicInterface} ${host} for SSH, ${privateInterface} ${privateAddress} private`);
    return { node0, machine: await machine({ name: "node1", macs: [mac] }) };
  });

  const { scratch, logins } = await screen.step("the guide's program is in a folder of its own", async () => {
    const scratch = await scratchProject({
      from: "examples/guide",
      env: { NODE_OPTIONS: "--disable-warning=ExperimentalWarning" },
    });
    project = scratch;
    const { host, hostKey, privateKeyPath } = node0;
    await scratch.config({ host, hostKey, privateKeyPath, user: options.user, mac });
    const logins = async () => Number((await node0.run("journalctl -q -u ssh | grep -c Accepted || true")).stdout);
    return { scratch, logins };
  });

  await screen.step("pulumi up: node 0 serves, and has proved it", async ({ progress, tell }) => {
    const { output: said } = await pulumi(scratch, ["up", "--yes", "--skip-preview"], progress);
    const { verified, nextBoot } = await scratch.outputs();
    if (typeof verified !== "string" || !verified.startsWith("DHCP offered")) {
      throw new NotSeen("up ended well, but node-1 was not proved", String(verified));
    }
    tell(`${/\d+ created/.exec(summary(said))?.[0]}; node 0 was seen serving: ${verified}`);
    tell(`what the next boot of node-1 will do:\n${indented(String(nextBoot))}`);
  });

  const report = await screen.step("the machine came from node 0 to the system on its disk", async ({ tellNow }) => {
    tellNow("the machine is switched on; the guide's nine steps, in seconds since then:");
    const booted = await machine.boot({ screenshots: join(output, "screens"), onStep: (seen) => tellNow(row(seen)) });
    writeFileSync(join(output, "console.txt"), booted.serial);
    const { steps, requests } = booted;
    writeFileSync(join(output, "boot.json"), `${JSON.stringify({ steps, requests }, null, 1)}\n`);
    const areAllSeen = steps.every(({ seconds }) => seconds !== undefined);
    if (!booted.reachedDisk || !areAllSeen) throw new NotSeen("not all nine steps were seen", describe(booted));
    return booted;
  });

  await screen.step("a picture shows the boot loader", async ({ tell }) => {
    if (report.refindScreenshot === undefined) {
      const paths = report.screenshots.map(({ path }) => relative(repository, path)).join("\n");
      throw new NotSeen("rEFInd ran, but no picture was taken of it", paths);
    }
    const picture = join(output, "refind.png");
    copyFileSync(report.refindScreenshot, picture);
    await machine.off();
    tell(`${relative(repository, picture)}; beside it the other pictures, and the text of the console`);
  });

  const text = readFileSync(join(scratch.folder, program), "utf8");
  await screen.step(
    "pulumi preview shows what a change would do, without asking node 0",
    async ({ progress, tell }) => {
      const before = await logins();
      scratch.write({ [program]: text.replace("  unknownMachines:", `  ${change},\n  unknownMachines:`) });
      const { output: said } = await pulumi(scratch, ["preview", "--diff"], progress);
      scratch.write({ [program]: text });
      for (const line of [/^ *- timeout 1$/m, /^ *\+ timeout 3$/m, /~ nextBoot/, /~ 2 to update/]) {
        if (!line.test(said)) throw new NotSeen(`the preview does not show ${line.source}`, said);
      }
      await sameLogins(before, logins);
      tell(`with ${change}:\n${indented(differences(said))}`);
    },
  );

  await screen.step("a second pulumi up changes nothing, without asking node 0", async ({ progress, tell }) => {
    const before = await logins();
    if (before === 0) throw new NotSeen("node 0's log knows of no login at all, so it proves nothing", "");
    const { output: said } = await pulumi(scratch, ["up", "--yes", "--skip-preview", "--expect-no-changes"], progress);
    await sameLogins(before, logins);
    tell(/\d+ unchanged/.exec(summary(said))?.[0] ?? "");
  });

  await screen.step("pulumi destroy: node 0 serves nothing any more", async ({ progress, tell }) => {
    const { output: said } = await pulumi(scratch, ["destroy", "--yes", "--skip-preview"], progress);
    const left = await node0.run(
      [
        "systemctl is-active isc-dhcp-server tftpd-hpa | grep -x active",
        "find /srv/tftp /etc/dhcp/netboot /var/lib/pulumi-netboot/register -type f 2>/dev/null",
        "true",
      ].join("\n"),
    );
    if (left.stdout.trim() !== "") throw new NotSeen("destroy ended well, but left something behind", left.stdout);
    tell(`${/\d+ deleted/.exec(summary(said))?.[0]}; the packages stay on node 0, stopped and masked`);
  });
}

/** Runs pulumi; what the resources say of themselves is the progress. */
async function pulumi(
  scratch: ScratchProject,
  args: string[],
  progress: (line: string) => void,
): Promise<CommandResult> {
  const result = await scratch.pulumi(args, {
    onStart: (child) => {
      engine = child;
    },
    onLine: (line) => {
      const [, name, said] = /netboot:\w+ (\S+) \w+ing \([\d.]+s\) (.+)$/.exec(line) ?? [];
      if (said !== undefined) progress(`${name}: ${said}`);
    },
  });
  if (result.code === 0) return result;
  throw new NotSeen(`pulumi ${args.join(" ")} ended with exit code ${result.code}`, fromDiagnostics(result.output));
}

/** What the engine says at the end, if it comes so far. */
function fromDiagnostics(said: string): string {
  return said.slice(Math.max(0, said.lastIndexOf("\nDiagnostics:")));
}

async function sameLogins(before: number, logins: () => Promise<number>): Promise<void> {
  const after = await logins();
  if (after !== before) throw new NotSeen("node 0 was asked", `logins in its log: ${before} before, ${after} after`);
}

/** A step of the boot as a row of the table. */
function row({ step, seconds, evidence }: BootStep): string {
  const seen = evidence.replace(", next-server", " from").replace(/(\d) bytes/g, "$1 B");
  const columns = [String(step), (seconds?.toFixed(1) ?? "").padStart(5), (nineSteps[step - 1] ?? "").padEnd(25), seen];
  return cut(`  ${columns.join("  ")}`);
}

/** Which steps were not seen, what was seen instead, and what stood on the screen at the end. */
function describe({ steps, serial }: BootReport): string {
  const missing = steps.filter(({ seconds }) => seconds === undefined);
  const last = serial.split("\n").filter((line) => line.trim() !== "");
  return [
    ...missing.map(({ step, what, evidence }) => `step ${step}, ${what}: ${evidence}`),
    "the console's last lines:",
    ...last.slice(-8),
  ].join("\n");
}

/** The engine's own diff, without ids, and without the stack's outputs, which say it once more. */
function differences(said: string): string {
  return (said.split(/^ *--outputs:--$/m)[0] ?? "")
    .split("\n")
    .slice(1)
    .filter((line) => !/^\s*\[(id|urn)=|pulumi:pulumi:Stack|^\s*$/.test(line))
    .map((line) => line.replace(/^ {4}/, "").replace("pulumi-nodejs:dynamic/netboot:", "").trimEnd())
    .map((line) => (/^ *[-+~] /.test(line) ? line : cut(line)))
    .join("\n");
}

/** What stands below "Resources:" at the end. */
function summary(said: string): string {
  return said.slice(said.lastIndexOf("Resources:"));
}

function indented(text: string): string {
  return text.trimEnd().replace(/^/gm, "  ");
}

/** As much of a line as fits into one, below a step. */
function cut(line: string): string {
  return line.length <= room - 2 ? line : `${line.slice(0, room - 3)}…`;
}

let tidying: Promise<void> | undefined;

/** Takes the lab down and the scratch project away; once, whoever asks first. */
function tidy(): Promise<void> {
  const work = async (): Promise<void> => {
    await endOf(engine);
    const up = await lab?.catch(() => undefined);
    await up?.down();
    await project?.remove();
  };
  tidying ??= screen.step("the lab is gone, with all that it had", work, true);
  return tidying;
}

/** Lets the engine end in good order what it is in, within bounds. */
async function endOf(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGINT");
  const timer = setTimeout(() => child.kill("SIGKILL"), 15_000);
  await ended;
  clearTimeout(timer);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    screen.interrupt(`${signal}: ending what runs, and taking the lab down`);
    void tidy()
      .catch((error: Error) => screen.failure(error.message, ""))
      .finally(() => process.exit(130));
  });
}

const began = Date.now();
screen.title("pulumi-netboot quickstart", `node 0 is a Debian ${options.release}, reached as ${options.user}`);
try {
  await story();
} catch (error) {
  process.exitCode = 1;
  if (!screen.isInterrupted) screen.failure((error as Error).message, error instanceof NotSeen ? error.seen : "");
}
await tidy().catch((error: Error) => {
  process.exitCode = 1;
  screen.failure(error.message, "");
});
const seconds = Math.round((Date.now() - began) / 1000);
screen.title(process.exitCode ? `Not all of it was seen (${seconds} s).` : `All of it was seen, in ${seconds} s.`);
