import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The contents of Debian packages in a folder of their own: nothing is installed, nothing starts. */
export interface UnpackedPackages {
  /** Stands for `/`: `${folder}/usr/sbin/dhcpd`. */
  readonly folder: string;
  remove(): Promise<void>;
}

/** Fetches packages from the distribution's archive and unpacks them; what can't be fetched fails the test. */
export async function unpackPackages(...names: readonly string[]): Promise<UnpackedPackages> {
  const folder = await mkdtemp(join(tmpdir(), "netboot-packages-"));
  const download = () =>
    run("apt-get", ["download", "--quiet", "-o", "APT::Sandbox::User=root", ...names], { cwd: folder });
  // A machine just made has no package lists yet.
  await download().catch(async () => {
    const [command = "", ...words] = [...asRoot(), "apt-get", "update", "--quiet"];
    await run(command, words);
    await download();
  });
  for (const file of await readdir(folder)) {
    if (!file.endsWith(".deb")) continue;
    await run("dpkg-deb", ["--extract", file, "."], { cwd: folder });
    await rm(join(folder, file));
  }
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** What stands before a command that needs root. */
export function asRoot(): readonly string[] {
  return process.getuid?.() === 0 ? [] : ["sudo", "-n"];
}
