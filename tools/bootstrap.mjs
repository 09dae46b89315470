/**
 * The first thing that runs in a fresh clone, on whatever Node is there (20 or later), before anything is installed:
 * brings the dependencies, and for a task that needs the machine its Debian packages, then runs the task on Node 24.
 * Says nothing when there is nothing to do.
 *
 *     node tools/bootstrap.mjs <task> [arguments]
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** Task → what Node 24 runs for it; `machine`: it needs Linux, root, and the packages of lab/packages.json. */
const tasks = {
  quickstart: { run: ["tools/quickstart.mts"], machine: true },
  test: { run: ["tools/test.mts"], machine: true },
  "test:unit": { run: ["node_modules/vitest/vitest.mjs", "run", "--project", "unit"], machine: false },
  "test:faults": { run: ["test/system/faults/main.mts"], machine: true },
  "test:matrix": { run: ["tools/matrix.mts"], machine: true },
  check: { run: ["tools/test.mts", "--without-host"], machine: false },
  docs: { run: ["tools/docs.mts"], machine: false },
  release: { run: ["tools/release.mts"], machine: true },
  lab: { run: ["lab/cli.mts"], machine: true },
  bench: { run: ["bench/main.mts"], machine: true },
  pictures: { run: ["tools/pictures.mts"], machine: true },
};

const root = fileURLToPath(new URL("..", import.meta.url));
const nodeModules = join(root, "node_modules");
const bin = join(nodeModules, ".bin");

/** @param {string} line */
function say(line) {
  process.stderr.write(`${line}\n`);
}

/**
 * @param {string} sentence
 * @returns {never}
 */
function refuse(sentence) {
  say(sentence);
  process.exit(1);
}

/**
 * @param {string[]} command
 * @param {import("node:child_process").SpawnSyncOptions} [options]
 */
function succeeds([program, ...args], options) {
  const { status } = spawnSync(program, args, {
    cwd: root,
    stdio: ["ignore", process.stderr, process.stderr],
    ...options,
  });
  return status === 0;
}

function node24Works() {
  const { status, stdout } = spawnSync(join(bin, "node"), ["--version"], { encoding: "utf8" });
  return status === 0 && stdout.startsWith("v24.");
}

function installDependencies() {
  if (installed() && node24Works()) return;
  say("installing the dependencies (npm ci)");
  // No package's install script is needed but the one of `node`, which fetches Node 24 itself. (npm may be told not
  // to run scripts, and later versions of npm do not run them unasked: so it is asked for by name.)
  const quiet = ["--loglevel=error", "--no-audit", "--no-fund"];
  if (!installed() && !succeeds(["npm", "ci", "--ignore-scripts", ...quiet])) {
    refuse("npm ci failed: its own words are above");
  }
  if (!node24Works()) succeeds(["npm", "rebuild", "node", "--ignore-scripts=false", ...quiet]);
  if (!node24Works()) {
    refuse("node_modules/.bin/node is not Node 24: the npm package `node` could not fetch it (try `npm rebuild node`)");
  }
}

/** Whether node_modules holds what the lock file names, by the record that npm leaves when it is done. */
function installed() {
  const record = join(nodeModules, ".package-lock.json");
  if (!existsSync(record)) return false;
  const there = JSON.parse(readFileSync(record, "utf8")).packages;
  const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  return Object.entries(wanted).every(
    ([path, entry]) => path === "" || there[path]?.version === entry.version || (entry.optional && !there[path]),
  );
}

/** @returns {string[]} what to put before a command so that root runs it: nothing, or sudo */
function asRoot() {
  return process.getuid?.() === 0 ? [] : ["sudo", "-n"];
}

/** @param {string} task */
function prepareMachine(task) {
  const needs = `\`npm run ${task}\` starts virtual machines on this one, so it needs Linux, and root or passwordless sudo`;
  if (process.platform !== "linux") refuse(`${needs}: this is ${process.platform}`);
  if (asRoot().length > 0 && !succeeds([...asRoot(), "true"], { stdio: "ignore" })) {
    refuse(`${needs}: this is user ${process.getuid?.()}, and \`sudo -n true\` fails`);
  }

  const missing = missingPackages();
  if (missing.length === 0) return;
  if (!succeeds(["sh", "-c", "command -v apt-get"], { stdio: "ignore" })) {
    refuse(
      `${needs}, and these Debian packages or their like, which only apt-get can bring here: ${missing.join(" ")}`,
    );
  }

  say(`installing ${missing.length} Debian packages (apt-get): ${missing.join(" ")}`);
  const apt = [...asRoot(), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "DPkg::Lock::Timeout=600"];
  const install = [...apt, "install", "--yes", "--no-install-recommends", ...missing];
  // The package lists may be missing, or older than what the mirror still has; they are asked for anew only then.
  if (!succeeds([...install, "--download-only"])) {
    if (!succeeds([...apt, "update"])) refuse("apt-get update failed: its own words are above");
  }
  if (!succeeds(install)) refuse("apt-get install failed: its own words are above");
}

/**
 * The packages of lab/packages.json of which the program or file is not there: name → path, or several by `|`.
 * @returns {string[]}
 */
function missingPackages() {
  const list = join(root, "lab/packages.json");
  /** @type {Record<string, string>} */
  const packages = existsSync(list) ? JSON.parse(readFileSync(list, "utf8")).packages : {};
  return Object.keys(packages).filter((name) => !packages[name]?.split("|").some((path) => existsSync(path)));
}

/**
 * @param {string[]} command
 * @param {boolean} machine
 */
function run(command, machine) {
  const environment = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ""}` };
  const [program, ...args] = [join(bin, "node"), ...command];
  const inherit = /** @type {const} */ ({ cwd: root, stdio: "inherit" });
  // The terminal sends Ctrl-C to the task as well, and the task tidies up: its end is waited for.
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.on(signal, () => {});
  if (!machine || asRoot().length === 0) return spawnSync(program, args, { ...inherit, env: environment });

  // The lab makes namespaces and mounts, so the whole task runs as root; what it wrote here is the user's afterwards.
  const kept = ["PATH", "TERM", "CI", "http_proxy", "https_proxy", "no_proxy"]
    .filter((name) => environment[name] !== undefined)
    .map((name) => `${name}=${environment[name]}`);
  const done = spawnSync("sudo", ["-n", "env", ...kept, program, ...args], inherit);
  const owner = `${process.getuid?.()}:${process.getgid?.()}`;
  succeeds(["sudo", "-n", "find", root, "-xdev", "-user", "root", "-exec", "chown", "-h", owner, "{}", "+"]);
  return done;
}

function main() {
  const [task, ...args] = process.argv.slice(2);
  if (task === undefined || !Object.hasOwn(tasks, task)) {
    refuse(`usage: node tools/bootstrap.mjs ${Object.keys(tasks).join(" | ")}`);
  }
  if (Number.parseInt(process.versions.node, 10) < 20) {
    refuse(`this needs Node 20 or later to begin with: here is ${process.version}`);
  }
  const { run: command, machine } = tasks[/** @type {keyof typeof tasks} */ (task)];
  installDependencies();
  if (machine) prepareMachine(task);
  if (!existsSync(join(root, command[0] ?? ""))) refuse(`there is no ${command[0]} yet`);
  const { status, signal, error } = run([...command, ...args], machine);
  if (error) refuse(`the task could not be started: ${error.message}`);
  process.exit(status ?? (signal === null ? 1 : 130));
}

main();
