/**
 * The lab by hand.
 *
 * ```
 * npm run lab -- up [--name lab0] [--release bookworm|bullseye|trixie] [--cidr 192.168.1.0/28] [--address 192.168.1.1] [--beside lab0] [--machine]
 * npm run lab -- ssh [name] [command …]
 * npm run lab -- boot [name] <machine> [--mac 52:54:00:12:34:01]… [--firmware x64|ia32] [--boot-from 0] [--screenshots folder]
 * npm run lab -- list
 * npm run lab -- down [name] | --all
 * ```
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  type BootReport,
  type BootStep,
  type Lab,
  labDown,
  labList,
  labOpen,
  labRequirements,
  labUp,
  type Release,
} from "./index.mts";

const usage = `usage:
  npm run lab -- up [--name N] [--release bookworm|bullseye|trixie] [--cidr 192.168.1.0/28] [--address 192.168.1.1] [--beside lab0] [--machine]
  npm run lab -- ssh [N] [command …]
  npm run lab -- boot [N] <machine> [--mac 52:54:00:12:34:01]… [--firmware x64|ia32] [--boot-from 0] [--screenshots folder]
  npm run lab -- list
  npm run lab -- down [N] | --all`;

/** Becomes root by passwordless sudo, if that is what is missing. Returns only if there is nothing to become. */
function becomeRoot(): void {
  if (process.platform !== "linux" || process.getuid?.() === 0) return;
  const kept = "XDG_CACHE_HOME,PATH,http_proxy,https_proxy,no_proxy";
  const asRoot = ["-n", `--preserve-env=${kept}`, process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  if (spawnSync("sudo", ["-n", "true"], { stdio: "ignore" }).status !== 0) return;
  // The other process gets the same signals from the terminal; this one only hands on how it ends.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);
  process.exit(spawnSync("sudo", asRoot, { stdio: "inherit" }).status ?? 1);
}

async function main(): Promise<void> {
  const [command = "", ...rest] = process.argv.slice(2);
  const commands: Record<string, (args: string[]) => Promise<void>> = { up, ssh, boot, list, down };
  const chosen = commands[command];
  if (chosen === undefined) throw new Error(usage);
  becomeRoot();
  const missing = await labRequirements();
  if (missing !== undefined) throw new Error(missing);
  await chosen(rest);
}

async function up(args: string[]): Promise<void> {
  const { values } = parse(args, {
    name: {},
    release: {},
    cidr: {},
    address: {},
    beside: {},
    machine: { type: "boolean" },
  });
  const started = Date.now();
  const { name, release, cidr, address, beside } = values as Record<string, string | undefined>;
  const lab = await untilSignal((signal) =>
    labUp({
      ...(name !== undefined && { name }),
      ...(release !== undefined && { release: release as Release }),
      ...(cidr !== undefined && { privateCidr: cidr }),
      ...(address !== undefined && { privateAddress: address }),
      ...(beside !== undefined && { beside }),
      ...(values["machine"] === true && { node0: "machine" as const }),
      keep: true,
      signal,
      onProgress: say,
    }),
  );
  const { host, hostKey, privateKeyPath, privateInterface, privateAddress, privateCidr } = lab.node0;
  const again = lab.name;
  say(`up in ${((Date.now() - started) / 1000).toFixed(1)} s

For a Pulumi program (the key stays in the lab; it is worth nothing elsewhere):
  pulumi config set host ${host}
  pulumi config set hostKey "${hostKey}"
  pulumi config set interface ${privateInterface}
  pulumi config set address ${privateAddress}
  pulumi config set cidr ${privateCidr}
  pulumi config set --secret privateKey < ${privateKeyPath}

By hand:
  npm run lab -- ssh ${again}
  npm run lab -- boot ${again} node1 --mac 52:54:00:12:34:01
  npm run lab -- down ${again}`);
}

/** A lab that is only half up when somebody presses Ctrl-C goes away again. */
async function untilSignal(make: (signal: AbortSignal) => Promise<Lab>): Promise<Lab> {
  const interruption = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => {
    say(`${signal}: clearing away what is made so far`);
    interruption.abort(new Error("interrupted; nothing of the lab is left"));
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  try {
    return await make(interruption.signal);
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

async function ssh(args: string[]): Promise<void> {
  const { lab, rest } = await choose(args);
  const { host, hostKey, privateKeyPath, user } = lab.node0;
  const folder = mkdtempSync(join(tmpdir(), "lab-ssh-"));
  const knownHosts = join(folder, "known_hosts");
  writeFileSync(knownHosts, `${host} ${hostKey}\n`);
  const options = [
    `UserKnownHostsFile=${knownHosts}`,
    "StrictHostKeyChecking=yes",
    "IdentitiesOnly=yes",
    "LogLevel=ERROR",
  ];
  const argv = [
    "-F",
    "none",
    "-i",
    privateKeyPath,
    ...options.flatMap((option) => ["-o", option]),
    `${user}@${host}`,
    ...rest,
  ];
  const { status } = spawnSync("ssh", argv, { stdio: "inherit" });
  rmSync(folder, { recursive: true });
  process.exitCode = status ?? 1;
}

async function boot(args: string[]): Promise<void> {
  const { values, positionals } = parse(args, {
    mac: { multiple: true },
    firmware: {},
    "boot-from": {},
    screenshots: {},
  });
  const { lab, rest } = await choose(positionals);
  const [name] = rest;
  if (name === undefined) throw new Error(`name the machine, as in: npm run lab -- boot ${lab.name} node1`);
  const { firmware, "boot-from": bootFrom, screenshots } = values as Record<string, string | undefined>;
  const machine = await lab.machine({
    name,
    macs: (values["mac"] as string[] | undefined) ?? ["52:54:00:12:34:01"],
    ...(firmware !== undefined && { firmware: firmware as "x64" | "ia32" }),
    ...(bootFrom !== undefined && { bootFrom: Number(bootFrom) }),
  });
  say(`${name} is on`);
  const onStep = (step: BootStep) => say(describeStep(step));
  const report = await machine.boot({
    screenshots: screenshots ?? join(tmpdir(), `lab-screenshots-${lab.name}`),
    onStep,
  });
  await machine.off();
  say(describeEnd(name, report));
  process.exitCode = report.reachedDisk ? 0 : 1;
}

function describeStep({ step, what, seconds, evidence }: BootStep): string {
  const when = seconds === undefined ? "  not seen" : `${seconds.toFixed(1).padStart(7)} s`;
  return `${step} ${when}  ${what}: ${evidence}`;
}

function describeEnd(name: string, report: BootReport): string {
  const picture = report.refindScreenshot ?? report.screenshots.at(-1)?.path;
  const lines = report.steps.filter(({ seconds }) => seconds === undefined).map(describeStep);
  if (report.reachedDisk) lines.push(`${name} booted from its disk by way of node 0`);
  else if (report.firmwareFellBack)
    lines.push(`the network did not start ${name}; its firmware went on to the disk by itself`);
  else if (report.networkGaveUp) lines.push(`the network did not start ${name}; its firmware has given it up`);
  else lines.push(`${name} did not boot; the end of its console:`, ...report.serial.trimEnd().split("\n").slice(-8));
  if (picture !== undefined) lines.push(`its screen: ${picture}`);
  return lines.join("\n");
}

async function list(): Promise<void> {
  for (const name of await labList()) {
    const { release, node0 } = await labOpen(name);
    console.log(
      `${name}  ${release}  ${node0.host}  ${node0.privateInterface} ${node0.privateAddress} in ${node0.privateCidr}`,
    );
  }
}

async function down(args: string[]): Promise<void> {
  const { values, positionals } = parse(args, { all: { type: "boolean" } });
  const labs = await labList();
  const names = values["all"] ? labs : [positionals[0] ?? onlyOne(labs)];
  for (const name of names) {
    if (!labs.includes(name)) throw new Error(`there is no lab "${name}"; ${describeLabs(labs)}`);
    await labDown(name);
    say(`lab "${name}" is down, and nothing of it is left`);
  }
}

/** The lab that the first word names, or the only one there is. */
async function choose(words: string[]): Promise<{ lab: Lab; rest: string[] }> {
  const labs = await labList();
  const [first = "", ...others] = words;
  if (labs.includes(first)) return { lab: await labOpen(first), rest: others };
  return { lab: await labOpen(onlyOne(labs)), rest: words };
}

function onlyOne(labs: readonly string[]): string {
  const [only, ...others] = labs;
  if (only === undefined || others.length > 0) throw new Error(`say which lab: ${describeLabs(labs)}`);
  return only;
}

function describeLabs(labs: readonly string[]): string {
  return labs.length === 0
    ? "there is none (npm run lab -- up)"
    : `there is ${labs.map((name) => `"${name}"`).join(", ")}`;
}

function parse(args: string[], options: Record<string, { type?: "string" | "boolean"; multiple?: boolean }>) {
  const typed = Object.entries(options).map(
    ([name, option]) => [name, { type: "string" as const, ...option }] as const,
  );
  return parseArgs({ args, allowPositionals: true, options: Object.fromEntries(typed) });
}

function say(line: string): void {
  console.log(line);
}

await main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
