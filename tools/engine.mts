/**
 * Finds Pulumi's engine for the tests, the quickstart and a developer's shell, without touching anybody's own:
 * the `pulumi` on PATH, else Pulumi's installer, else a build from Go modules; the last two into a cache of ours.
 *
 *     eval "$(node tools/engine.mts)"        a shell with `pulumi`, a home and a backend of its own
 */
import { accessSync, constants, existsSync, globSync, mkdirSync, realpathSync } from "node:fs";
import { copyFile, link, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { quoted, runCommand } from "./command.mts";

/** What we install or build where there is none. */
const engineVersion = "3.259.0";
/** From here on an engine keeps the inputs that a provider reads back, by which `refresh` shows drift. */
const oldestVersion = "3.216.0";

const repository = join(import.meta.dirname, "..");
const nodeBin = join(repository, "node_modules/.bin");

export interface Engine {
  /** The path of `pulumi`. */
  readonly pulumi: string;
  readonly version: string;
  /** Where it came from. */
  readonly source: "PATH" | "installer" | "Go modules";
}

export type Say = (line: string) => void;
const sayOnStandardError: Say = (line) => process.stderr.write(`${line}\n`);

/** The folder that outlives clones: `$XDG_CACHE_HOME/pulumi-netboot`. */
export function cacheFolder(): string {
  return join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "pulumi-netboot");
}

/** Finds `pulumi`, and brings it if there is none: seconds if it can be downloaded, else some four minutes, once. */
export async function findEngine(say: Say = sayOnStandardError): Promise<Engine> {
  return (await onPath(say)) ?? (await cached()) ?? (await bring(say));
}

async function onPath(say: Say): Promise<Engine | undefined> {
  const pulumi = findOnPath("pulumi");
  if (pulumi === undefined) return undefined;
  const version = await versionOf(pulumi);
  if (version === undefined || isOlder(version, oldestVersion)) {
    say(`${pulumi} is left alone: it is ${version ?? "not to be run"}, and this needs ${oldestVersion} or later`);
    return undefined;
  }
  if (findOnPath(languageHost) === undefined && !existsSync(join(dirname(realpathSync(pulumi)), languageHost))) {
    say(`${pulumi} is left alone: there is no ${languageHost} beside it`);
    return undefined;
  }
  return { pulumi, version, source: "PATH" };
}

const languageHost = "pulumi-language-nodejs";

function findOnPath(program: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, program))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function versionOf(pulumi: string): Promise<string | undefined> {
  const { code, stdout } = await runCommand([pulumi, "version"], {
    env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" },
    timeoutSeconds: 30,
  });
  return code === 0 ? /^v?(\d+\.\d+\.\d+)/.exec(stdout)?.[1] : undefined;
}

/** Whether a version such as `3.99.1` comes before another. */
export function isOlder(version: string, than: string): boolean {
  return version.localeCompare(than, "en", { numeric: true }) < 0;
}

const folderOfVersion = () => join(cacheFolder(), "engine", engineVersion);

async function cached(): Promise<Engine | undefined> {
  const folder = folderOfVersion();
  const pulumi = join(folder, "pulumi");
  if (!isExecutable(pulumi)) return undefined;
  const source = (await readFile(join(folder, "source"), "utf8")) as Engine["source"];
  return { pulumi, version: engineVersion, source };
}

async function bring(say: Say): Promise<Engine> {
  const folder = folderOfVersion();
  await mkdir(dirname(folder), { recursive: true });
  return await locked(`${folder}.lock`, say, async () => {
    const meanwhile = await cached();
    if (meanwhile !== undefined) return meanwhile;

    // What a killed run left here is half a build.
    for (const left of globSync(`${folder}.new-*`)) await rm(left, { recursive: true, force: true });
    const staged = await mkdtemp(`${folder}.new-`);
    try {
      const problem = await download(staged, say);
      if (problem !== undefined) {
        say(
          `pulumi ${engineVersion} can't be downloaded (${problem}): building it from Go modules, once, in about four minutes`,
        );
        await build(staged, say);
      }
      await writeFile(join(staged, "source"), problem === undefined ? "installer" : "Go modules");
      await rename(staged, folder);
    } finally {
      await rm(staged, { recursive: true, force: true });
    }
    const brought = await cached();
    if (brought === undefined) throw new Error(`${folder} was filled a moment ago, and there is no pulumi in it`);
    return brought;
  });
}

/** Pulumi's own installer, given a home of its own, so that it leaves the user's alone. Returns why it did not work. */
async function download(target: string, say: Say): Promise<string | undefined> {
  const home = await mkdtemp(join(tmpdir(), "pulumi-installer-"));
  try {
    const script = join(home, "install.sh");
    const response = await fetch("https://get.pulumi.com/install.sh", { signal: AbortSignal.timeout(8000) });
    if (!response.ok) return `get.pulumi.com answers ${response.status}`;
    await writeFile(script, await response.text());

    say(`downloading pulumi ${engineVersion} with Pulumi's installer`);
    const { code, stdout, stderr } = await runCommand(["sh", script, "--version", engineVersion, "--no-edit-path"], {
      cwd: home,
      env: { ...process.env, HOME: home },
      timeoutSeconds: 300,
    });
    const installed = join(home, ".pulumi/bin");
    if (code !== 0 || !isExecutable(join(installed, "pulumi"))) {
      return `its installer failed: ${lastLine(stderr) ?? lastLine(stdout) ?? `exit code ${code}`}`;
    }
    const { code: copied } = await runCommand(["cp", "-R", `${installed}/.`, target]);
    return copied === 0 ? undefined : `its files could not be copied to ${target}`;
  } catch (error) {
    const cause = (error as Error).cause as { code?: string } | undefined;
    return `get.pulumi.com: ${cause?.code ?? (error as Error).message}`;
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

function lastLine(text: string): string | undefined {
  return text.trimEnd().split("\n").at(-1) || undefined;
}

/** The command line of the engine, from the Go modules that tools/engine/go.mod and go.sum pin. */
async function build(target: string, say: Say): Promise<void> {
  if (findOnPath("go") === undefined) {
    throw new Error(
      `pulumi is not on PATH, can't be downloaded, and can't be built, as there is no Go: install pulumi ${oldestVersion} or later, or Go 1.26 or later (https://go.dev/dl), and put it on PATH`,
    );
  }
  const began = Date.now();
  const seconds = () => Math.round((Date.now() - began) / 1000);
  const sign = setInterval(() => say(`building pulumi: ${seconds()} s`), 30_000);
  const stamp = `github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${engineVersion}`;
  const { code, stderr } = await runCommand(
    [
      ...[
        "go",
        "build",
        "-mod=readonly",
        "-trimpath",
        "-tags",
        "osusergo,grpcnotrace",
        "-ldflags",
        `-s -w -X ${stamp}`,
      ],
      ...["-o", `${target}/`, "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"],
    ],
    { cwd: join(import.meta.dirname, "engine"), env: { ...process.env, CGO_ENABLED: "0", GOWORK: "off" } },
  );
  clearInterval(sign);
  if (code !== 0) {
    const words = stderr.split("\n").filter((line) => !line.startsWith("go: downloading "));
    throw new Error(`pulumi could not be built from Go modules\n${words.slice(-20).join("\n")}`);
  }
  await addStandIns(target);
  say(`built pulumi in ${seconds()} s`);
}

/** Where the language host beside an engine of ours finds this clone's languageHost.mts: the cache outlives clones. */
const standInVariable = "NETBOOT_LANGUAGE_HOST";

/** The two programs that the engine starts, and that the build of its command line does not bring. */
async function addStandIns(folder: string): Promise<void> {
  const host = `#!/bin/sh
# The stand-in for Pulumi's own: see tools/languageHost.mts of pulumi-netboot.
exec node "\${${standInVariable}:?is not set: run pulumi in the environment of tools/engine.mts}" "$@"
`;
  await writeFile(join(folder, languageHost), host, { mode: 0o755 });
  const dynamic = "pulumi-resource-pulumi-nodejs";
  await copyFile(join(repository, "node_modules/@pulumi/pulumi", dynamic), join(folder, dynamic));
}

/** Does the work while it holds the lock; a lock whose holder is dead is taken over. */
async function locked<T>(lock: string, say: Say, work: () => Promise<T>): Promise<T> {
  const claim = `${lock}.${process.pid}`;
  await writeFile(claim, String(process.pid));
  try {
    let told = false;
    while (!(await taken(claim, lock))) {
      const holder = Number(await readFile(lock, "utf8").catch(() => "0"));
      if (holder > 0 && !isAlive(holder)) {
        await rm(lock, { force: true });
        continue;
      }
      if (!told) say(`process ${holder} is bringing pulumi: waiting for it`);
      told = true;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  } finally {
    await rm(claim, { force: true });
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

/** link() makes the lock with its content in one step, and fails if there is one. */
async function taken(claim: string, lock: string): Promise<boolean> {
  try {
    await link(claim, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

export interface EngineEnvironment {
  /** The path of `pulumi`. */
  readonly pulumi: string;
  /** The whole environment to run it in. */
  readonly env: NodeJS.ProcessEnv;
}

/**
 * An environment in which `pulumi` and all it starts run on Node 24 and keep to the given folders; no `PULUMI_…` of the
 * caller's gets in.
 *
 * @param settings - `home`: PULUMI_HOME. `backend`: a folder, or a URL, for the state. `passphrase`: for its secrets.
 */
export async function engineEnvironment(settings: {
  readonly home: string;
  readonly backend: string;
  readonly passphrase?: string;
  readonly say?: Say;
}): Promise<EngineEnvironment> {
  const engine = await findEngine(settings.say);
  const { home, backend, passphrase = "" } = settings;
  mkdirSync(home, { recursive: true });
  if (!backend.includes("://")) mkdirSync(backend, { recursive: true });

  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("PULUMI_") && name !== "NODE_OPTIONS",
  );
  const path = [nodeBin, dirname(engine.pulumi), process.env["PATH"] ?? ""];
  return {
    pulumi: engine.pulumi,
    env: {
      ...Object.fromEntries(inherited),
      PATH: path.join(delimiter),
      [standInVariable]: join(import.meta.dirname, "languageHost.mts"),
      PULUMI_HOME: home,
      PULUMI_BACKEND_URL: backend.includes("://") ? backend : `file://${backend}`,
      PULUMI_CONFIG_PASSPHRASE: passphrase,
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      PULUMI_DISABLE_REGISTRY_RESOLVE: "true",
      PULUMI_SUPPRESS_NEO_LINK: "true",
      PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS: "true",
    },
  };
}

if (import.meta.main) {
  const folder = join(cacheFolder(), "shell");
  const { env } = await engineEnvironment({ home: join(folder, "home"), backend: join(folder, "state") });
  for (const [name, value] of Object.entries(env)) {
    if (name === "PATH" || name === standInVariable || name.startsWith("PULUMI_"))
      console.log(`export ${name}=${quoted(value ?? "")}`);
  }
}
