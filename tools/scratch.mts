/**
 * Runs Pulumi programs as a user would: in a folder of their own, with this package installed there from the tarball
 * that would be published.
 */
import { createHash } from "node:crypto";
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { type CommandOptions, type CommandResult, runCommand } from "./command.mts";
import { engineEnvironment, type Say } from "./engine.mts";

const repository = join(import.meta.dirname, "..");
const repositoryModules = join(repository, "node_modules");
const own: Manifest = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));

interface Manifest {
  readonly name: string;
  readonly dependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
}

export interface ScratchOptions {
  /** A folder of the repository, copied as the project; or target → source, for several. */
  readonly from?: string | Readonly<Record<string, string>>;
  /** Path in the project → text; written over what `from` brought. */
  readonly files?: Readonly<Record<string, string>>;
  /** The project's name where no Pulumi.yaml says it. Default: that of `from`, else `scratch`. */
  readonly name?: string;
  /** The stack of every command that does not name another. Default: `dev`. */
  readonly stack?: string;
  /** Further packages, name → folder; copied into node_modules. */
  readonly packages?: Readonly<Record<string, string>>;
  /** Variables for every command. */
  readonly env?: Readonly<Record<string, string>>;
  /** Use the state and the home of another scratch project: two programs, one backend. */
  readonly sharing?: ScratchProject;
  readonly say?: Say;
}

export interface PulumiOptions extends Omit<CommandOptions, "cwd" | "env"> {
  readonly stack?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface ScratchProject {
  /** Where Pulumi.yaml is. */
  readonly folder: string;
  /** The folder around it, with its state (`state`) and PULUMI_HOME (`home`). */
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
  /** Runs `pulumi` with these arguments, never asking anything. */
  pulumi(args: readonly string[], options?: PulumiOptions): Promise<CommandResult>;
  /** As `pulumi`, but throws with all that was said unless it ended with 0. */
  succeed(args: readonly string[], options?: PulumiOptions): Promise<CommandResult>;
  /** Sets configuration values; keys without a namespace are the project's. */
  config(values: Readonly<Record<string, string>>, options?: { secret?: boolean; stack?: string }): Promise<void>;
  /** The stack's outputs, secrets included. */
  outputs(options?: PulumiOptions): Promise<Record<string, unknown>>;
  /** The stack's state, as `pulumi stack export` gives it. */
  state(options?: PulumiOptions): Promise<ExportedState>;
  /** Writes files of the project anew. */
  write(files: Readonly<Record<string, string>>): void;
  /** Removes the folder; what the program made elsewhere it does not know. */
  remove(): Promise<void>;
}

export interface ExportedState {
  readonly deployment: {
    readonly resources?: readonly {
      readonly urn: string;
      readonly type: string;
      readonly id?: string;
      readonly inputs?: Record<string, unknown>;
      readonly outputs?: Record<string, unknown>;
    }[];
    readonly pending_operations?: readonly unknown[];
  };
}

/** Makes the folder, installs this package into it, and makes the stack. */
export async function scratchProject(options: ScratchOptions): Promise<ScratchProject> {
  const tarball = await packedTarball();
  const root = await mkdtemp(join(tmpdir(), "pulumi-netboot-"));
  const home = join(options.sharing?.root ?? root, "home");
  const backend = join(options.sharing?.root ?? root, "state");
  const folder = join(root, "project");
  mkdirSync(folder);

  copySources(folder, options.from);
  writeFiles(folder, options.files ?? {});
  completeProject(folder, options.name ?? (typeof options.from === "string" ? basename(options.from) : "scratch"));
  await installPackages(folder, tarball, options.packages ?? {});

  const { pulumi: program, env: engine } = await engineEnvironment({
    home,
    backend,
    passphrase: "scratch",
    ...(options.say && { say: options.say }),
  });
  const env = { ...engine, ...options.env };
  const stackOf = (given: { stack?: string } | undefined) => given?.stack ?? options.stack ?? "dev";
  const stacks = new Set<string>();

  async function inStack(args: readonly string[], given: PulumiOptions = {}): Promise<CommandResult> {
    const { stack: _stack, env: more, ...rest } = given;
    const command = [
      program,
      ...args,
      "--non-interactive",
      ...(isAboutStacks(args) ? ["--stack", stackOf(given)] : []),
    ];
    return await runCommand(command, { ...rest, cwd: folder, env: { ...env, ...more } });
  }

  const project: ScratchProject = {
    folder,
    root,
    env,
    async pulumi(args, given) {
      const stack = stackOf(given);
      if (isAboutStacks(args) && !stacks.has(stack)) {
        const made = await runCommand([program, "stack", "init", stack, "--no-select", "--non-interactive"], {
          cwd: folder,
          env,
        });
        if (made.code !== 0 && !made.stderr.includes("already exists")) throw failure(["stack", "init", stack], made);
        stacks.add(stack);
      }
      return await inStack(args, given);
    },
    async succeed(args, given) {
      const result = await project.pulumi(args, given);
      if (result.code !== 0) throw failure(args, result);
      return result;
    },
    async config(values, given = {}) {
      const flag = given.secret ? "--secret" : "--plaintext";
      const pairs = Object.entries(values).flatMap(([key, value]) => [flag, `${key}=${value}`]);
      await project.succeed(["config", "set-all", ...pairs], given.stack === undefined ? {} : { stack: given.stack });
    },
    async outputs(given) {
      const { stdout } = await project.succeed(["stack", "output", "--json", "--show-secrets"], given);
      return JSON.parse(stdout) as Record<string, unknown>;
    },
    async state(given) {
      const { stdout } = await project.succeed(["stack", "export"], given);
      return JSON.parse(stdout) as ExportedState;
    },
    write: (files) => writeFiles(folder, files),
    remove: () => rm(root, { recursive: true, force: true }),
  };
  return project;
}

/** Which commands take `--stack`; the others refuse it. */
function isAboutStacks([command, ...rest]: readonly string[]): boolean {
  const without = [
    "about",
    "version",
    "whoami",
    "login",
    "logout",
    "plugin",
    "package",
    "schema",
    "install",
    "new",
    "help",
  ];
  // It names two itself.
  const isMove = command === "state" && rest[0] === "move";
  return command !== undefined && !without.includes(command) && !isMove && !rest.includes("--stack");
}

function failure(args: readonly string[], { code, output }: CommandResult): Error {
  return new Error(`pulumi ${args.join(" ")} ended with exit code ${code}\n${output}`);
}

function copySources(folder: string, from: ScratchOptions["from"]): void {
  const sources = typeof from === "string" ? { ".": from } : (from ?? {});
  for (const [target, source] of Object.entries(sources)) {
    cpSync(join(repository, source), join(folder, target), {
      recursive: true,
      filter: (path) => basename(path) !== "node_modules",
    });
  }
}

function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** Writes what our template would have, where it is not there: Node runs TypeScript as it is. */
function completeProject(folder: string, name: string): void {
  const main = programOf(folder);
  const type = main.endsWith(".ts") ? "module" : "commonjs";
  const defaults = {
    "Pulumi.yaml": `name: ${name}\nruntime: { name: nodejs, options: { typescript: false } }\n`,
    "package.json": `${JSON.stringify({ name, private: true, type, main }, null, 2)}\n`,
    "tsconfig.json": `${JSON.stringify({ compilerOptions: { strict: true, target: "es2020", module: "nodenext", types: ["node"] } })}\n`,
  };
  const missing = Object.entries(defaults).filter(([path]) => !existsSync(join(folder, path)));
  writeFiles(folder, Object.fromEntries(missing));
}

function programOf(folder: string): string {
  return ["index.ts", "index.js"].find((file) => existsSync(join(folder, file))) ?? "index.ts";
}

/**
 * What `npm install` would bring, without asking the registry: this package out of its tarball, and links to the
 * repository's copy of each direct dependency. Nothing else of the repository's node_modules can be seen from there.
 */
async function installPackages(
  folder: string,
  tarball: string,
  packages: Readonly<Record<string, string>>,
): Promise<void> {
  const modules = join(folder, "node_modules");
  const ownFolder = join(modules, own.name);
  mkdirSync(ownFolder, { recursive: true });
  const { code, stderr } = await runCommand(["tar", "-xzf", tarball, "--strip-components=1", "-C", ownFolder]);
  if (code !== 0) throw new Error(`${tarball} can't be unpacked: ${stderr}`);

  const program: Manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const wanted = new Set([
    ...Object.keys({
      ...own.dependencies,
      ...own.peerDependencies,
      ...program.dependencies,
      ...program.devDependencies,
    }),
    // Where Pulumi compiles a program, it does so with the TypeScript that it finds there, else with one of 2020.
    ...["typescript", "@types/node"],
  ]);
  for (const name of [own.name, ...Object.keys(packages)]) wanted.delete(name);
  for (const name of wanted) {
    const source = join(repositoryModules, name);
    if (!existsSync(source))
      throw new Error(`${folder} needs ${name}, which this repository has not: give it in \`packages\``);
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(source, join(modules, name));
  }
  for (const [name, source] of Object.entries(packages)) await cp(source, join(modules, name), { recursive: true });
}

let packing: Promise<string> | undefined;

/** The tarball that would be published from `dist` as it is; made once for each content. */
export function packedTarball(): Promise<string> {
  packing ??= pack();
  return packing;
}

async function pack(): Promise<string> {
  const built = globSync("dist/**/*.{js,ts,map,json}", { cwd: repository }).sort();
  if (built.length === 0) throw new Error("there is nothing to pack: `npm run build` first");
  const hash = createHash("sha256");
  for (const file of ["package.json", ...built]) hash.update(`${file}\0`).update(readFileSync(join(repository, file)));

  const cache = join(repositoryModules, ".cache/pulumi-netboot");
  const tarball = join(cache, `package-${hash.digest("hex").slice(0, 16)}.tgz`);
  if (existsSync(tarball)) return tarball;
  await mkdir(cache, { recursive: true });
  const staged = await mkdtemp(join(cache, "pack-"));
  try {
    const { code, stderr } = await runCommand(["npm", "pack", "--ignore-scripts", "--pack-destination", staged], {
      cwd: repository,
    });
    const [made] = globSync("*.tgz", { cwd: staged });
    if (code !== 0 || made === undefined) throw new Error(`npm pack failed\n${stderr}`);
    await rename(join(staged, made), tarball);
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
  return tarball;
}
