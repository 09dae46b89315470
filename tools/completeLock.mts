/**
 * Adds to package-lock.json the optional packages of other platforms that npm left out, because the registry in use did
 * not have them: a mirror may hold only what its own machines ask for. `npm ci` refuses a lock without them, everywhere.
 * To be run after an `npm install` that changed the lock; a unit test says when.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface LockEntry {
  version?: string;
  optional?: boolean;
  dev?: boolean;
  peer?: boolean;
  os?: readonly string[];
  cpu?: readonly string[];
  libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export type LockedPackages = Record<string, LockEntry>;

const systems = ["android", "darwin", "freebsd", "linux", "openharmony", "win32"];
const processors = ["arm64", "arm", "ia32", "ppc64", "riscv64", "s390x", "x64"];

/** The entries that the lock's packages name as optional, and that the lock has not. */
export function missingFromLock(packages: LockedPackages): LockedPackages {
  const missing: LockedPackages = {};
  for (const [path, entry] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (resolves(packages, path, name)) continue;
      const { cpu, libc, os } = platformOf(name);
      missing[`node_modules/${name}`] = {
        version,
        cpu,
        ...(entry.dev && { dev: true }),
        ...(libc && { libc }),
        optional: true,
        os,
        ...(entry.peer && { peer: true }),
      };
    }
  }
  return missing;
}

/** Whether a package that is installed at `path` finds the dependency, beside it or further up. */
function resolves(packages: LockedPackages, path: string, name: string): boolean {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    if (packages[join(folder, "node_modules", name)] !== undefined) return true;
    if (folder === "") return false;
  }
}

/** What a name such as `@oxlint/binding-linux-x64-musl` says of the machines that it is for. */
function platformOf(name: string): { os: readonly string[]; cpu: readonly string[]; libc?: readonly string[] } {
  const words = name.split(/[/-]/);
  const os = systems.filter((system) => words.includes(system));
  const cpu = processors.filter((processor) => words.includes(processor));
  if (os.length !== 1 || cpu.length !== 1)
    throw new Error(`${name} does not say for which platform it is: add it by hand`);
  // The glibc builds of those who build for both are not marked by everybody; the musl ones are.
  const musl = words.some((word) => word.startsWith("musl"));
  return { os, cpu, ...(musl && { libc: ["musl"] }) };
}

if (import.meta.main) {
  const file = join(import.meta.dirname, "../package-lock.json");
  const lock = JSON.parse(readFileSync(file, "utf8")) as { packages: LockedPackages };
  const missing = missingFromLock(lock.packages);
  const all = Object.entries({ ...lock.packages, ...missing }).sort(([a], [b]) => a.localeCompare(b, "en"));
  writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(all) }, null, 2)}\n`);
  console.log(`added ${Object.keys(missing).length} packages of other platforms`);
}
