/**
 * The whole of pulumi-netboot in front of one's eyes: a node 0 in the lab, `pulumi up` of examples/guide, a UEFI machine
 * that boots from it, a preview, a second `up`, a destroy. Ends with 0 only if all of it was seen.
 *
 *     npm run quickstart [-- --release bookworm|bullseye|trixie] [--user root|operator]
 */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { type BootReport, type BootStep, type Lab, labUp, type Release } from "../lab/index.mts";
import { type CommandResult, runCommand } from "./command.mts";
import { findEngine } from "./engine.mts";
import { type ScratchProject, scratchProject } from "./scratch.mts";
import { Screen, wrapped } from "./screen.mts";

const repository = join(import.meta.dirname, "..");
const output = join(repository, "output/quickstart");
const program = "examples/guide/index.ts";
const mac = "52:54:00:12:34:56";

/** The guide's nine steps in a few words; what was seen of each stands beside them. */
const nineSteps = [
  "the firmware asks DHCP",
  "DHCP: an address and a file",
  "TFTP: the iPXE binary",
  "iPXE runs",
  "iPXE asks DHCP",
  "TFTP: the script for iPXE",
  "TFTP: rEFInd, refind.conf",
  "rEFInd runs",
  "the local disk's system is up",
];

/** Something was not as promised; `seen` is what there was instead. */
class NotSeen extends Error {
  readonly seen: string;

  constructor(message: string, seen: string) {
    super(message);
    this.seen = seen;
  }
}

const screen = new Screen();
const { values: options } = parseArgs({
  options: { release: { type: "string", default: "bookworm" }, user: { type: "string", default: "root" } },
});

/** What has to go again, however this ends. */
let lab: Promise<Lab> | undefined;
let project: ScratchProject | undefined;

async function story(): Promise<void> {
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });

  await screen.step("the package is built, and Pulumi's engine is there", async (progress) => {
    const built = await runCommand(["npm", "run", "build"], { cwd: repository });
    if (built.code !== 0) throw new NotSeen("npm run build failed", built.output);
    const { version, source } = await findEngine(progress);
    return [
      `pulumi ${version}, ${source === "PATH" ? "yours" : `from ${source === "installer" ? "its installer" : source}`}`,
    ];
  });

  const { node0, machine } = await screen.step("a lab is up: node 0, and its private network", async (progress) => {
    lab = labUp({ release: options.release as Release, onProgress: progress });
    const up = await lab;
    const machine = await up.machine({ name: "node1", macs: [mac] });
    const { host, publicInterface, privateInterface, privateAddress } = up.node0;
    screen.note(
      `Debian ${up.release}, ${publicInterface} ${host} (SSH), ${privateInterface} ${privateAddress} (private)`,
    );
    return { node0: up.node0, machine };
  });

  const scratch = await scratchProject({
    from: { "Pulumi.yaml": "Pulumi.yaml", "examples/guide": "examples/guide" },
    env: { NODE_OPTIONS: "--disable-warning=ExperimentalWarning" },
  });
  project = scratch;
  const { host, hostKey, privateKeyPath } = node0;
  await scratch.config({ host, hostKey, privateKeyPath, user: options.user });
  const logins = async () => Number((await node0.run("journalctl -q -u ssh | grep -c Accepted || true")).stdout);

  await screen.step("pulumi up: node 0 serves", async (progress) => {
    const { output: said } = await pulumi(scratch, ["up", "--yes", "--skip-preview"], progress);
    const { verified, nextBoot } = await scratch.outputs();
    if (typeof verified !== "string" || !verified.startsWith("DHCP offered")) {
      throw new NotSeen("up ended well, but node-1 was not proved", String(verified));
    }
    return [
      `${/\d+ created/.exec(said)?.[0]}; seen: ${verified}`,
      "the next boot of the machine:",
      ...indented(String(nextBoot)),
    ];
  });

  const report = await screen.step("the machine boots from node 0 to its own disk", async () => {
    screen.note("the guide's nine steps, in seconds since power on:");
    const booted = await machine.boot({ screenshots: join(output, "screens"), onStep: showStep });
    writeFileSync(join(output, "console.txt"), booted.serial);
    if (!booted.reachedDisk)
      throw new NotSeen("the machine did not come to its disk by way of node 0", describe(booted));
    return booted;
  });

  await screen.step("a picture shows the boot loader", async () => {
    if (report.refindScreenshot === undefined) {
      const paths = report.screenshots.map(({ path }) => relative(repository, path)).join("\n");
      throw new NotSeen("rEFInd ran, but no picture was taken of it", paths);
    }
    copyFileSync(report.refindScreenshot, join(output, "refind.png"));
    await machine.off();
    return [`${relative(repository, join(output, "refind.png"))}; others, and the console's text, beside it`];
  });

  const text = readFileSync(join(scratch.folder, program), "utf8");
  await screen.step("a preview shows what a change would do, and asks nobody", async (progress) => {
    const before = await logins();
    const changed = text.replace(
      "  unknownMachines:",
      "  artifacts: { refindConf: { timeoutSeconds: 3 } },\n  unknownMachines:",
    );
    scratch.write({ [program]: changed });
    const { output: said } = await pulumi(scratch, ["preview", "--diff"], progress);
    scratch.write({ [program]: text });
    for (const line of [/^ *- timeout 1$/m, /^ *\+ timeout 3$/m, /~ nextBoot/, /~ 2 to update/]) {
      if (!line.test(said)) throw new NotSeen(`the preview does not show ${line.source}`, said);
    }
    await sameLogins(before, logins);
    return [
      "with refindConf: { timeoutSeconds: 3 } in the program, pulumi preview --diff:",
      ...indented(differences(said)),
    ];
  });

  await screen.step("a second pulumi up changes nothing, and asks nobody", async (progress) => {
    const before = await logins();
    if (before === 0) throw new NotSeen("node 0's log knows of no login at all, so it proves nothing", "");
    const { output: said } = await pulumi(scratch, ["up", "--yes", "--skip-preview", "--expect-no-changes"], progress);
    await sameLogins(before, logins);
    return [/\d+ unchanged/.exec(said)?.[0] ?? ""];
  });

  await screen.step("pulumi destroy: node 0 serves nothing any more", async (progress) => {
    const { output: said } = await pulumi(scratch, ["destroy", "--yes", "--skip-preview"], progress);
    const left = await node0.run(
      "systemctl is-active isc-dhcp-server tftpd-hpa | grep -x active; find /srv/tftp /etc/dhcp/netboot /var/lib/pulumi-netboot/register 2>/dev/null -type f; true",
    );
    if (left.stdout.trim() !== "") throw new NotSeen("destroy ended well, but left something behind", left.stdout);
    return [`${/\d+ deleted/.exec(said)?.[0]}; its packages stay on node 0, stopped and masked`];
  });
}

/** Runs pulumi; what the resources say of themselves is the progress. */
async function pulumi(
  scratch: ScratchProject,
  args: string[],
  progress: (line: string) => void,
): Promise<CommandResult> {
  const result = await scratch.pulumi(args, {
    onLine: (line) => {
      const [, name, said] = /netboot:\w+ (\S+) \w+ing \([\d.]+s\) (.+)$/.exec(line) ?? [];
      if (said !== undefined) progress(`${name}: ${said}`);
    },
  });
  if (result.code === 0) return result;
  throw new NotSeen(`pulumi ${args.join(" ")} ended with exit code ${result.code}`, result.output);
}

async function sameLogins(before: number, logins: () => Promise<number>): Promise<void> {
  const after = await logins();
  if (after !== before) throw new NotSeen("node 0 was asked", `logins in its log: ${before} before, ${after} after`);
}

function showStep({ step, seconds, evidence }: BootStep): void {
  const time = seconds === undefined ? "" : seconds.toFixed(1);
  const [first = "", ...more] = wrapped(evidence, 50);
  screen.note(`${step}  ${time.padStart(5)}  ${(nineSteps[step - 1] ?? "").padEnd(29)}  ${first}`);
  for (const line of more) screen.note(`${"".padEnd(41)}${line}`);
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
    .join("\n");
}

function indented(text: string): string[] {
  return text.split("\n").map((line) => `  ${line}`);
}

let tidying: Promise<void> | undefined;

/** Takes the lab down and the scratch project away; once, whoever asks first. */
function tidy(): Promise<void> {
  tidying ??= screen.step("the lab is taken down, with all it had", async () => {
    const up = await lab?.catch(() => undefined);
    await Promise.all([up?.down(), project?.remove()]);
  });
  return tidying;
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    screen.interrupt(`${signal}: taking the lab down`);
    void tidy().finally(() => process.exit(130));
  });
}

const began = Date.now();
screen.title(
  "pulumi-netboot: node 0, a machine that boots from it, and a change",
  `Debian ${options.release}, as ${options.user}`,
);
try {
  await story();
} catch (error) {
  process.exitCode = 1;
  screen.failure((error as Error).message, error instanceof NotSeen ? error.seen : "");
}
await tidy().catch((error: Error) => {
  process.exitCode = 1;
  screen.failure(error.message, "");
});
const seconds = Math.round((Date.now() - began) / 1000);
screen.title(process.exitCode ? `Not all of it was seen (${seconds} s).` : `All of it was seen, in ${seconds} s.`);
