import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "../lab/index.mts";
import { runCommand } from "../tools/command.mts";
import { cacheFolder } from "../tools/engine.mts";

/** The release that is measured against. */
export const pyinfraVersion = "3.10.0";

/** What a run of the deploy is to make. */
export interface DeployOptions {
  readonly machines: number;
  /** The folder with the files that node 0 serves. */
  readonly bootFiles: string;
  /** Which of TimeServer, NameServer, Firewall belong to it. */
  readonly parts: readonly string[];
}

/** pyinfra from PyPI, in an environment of its own under the cache folder; made once. */
export async function bringPyinfra(): Promise<string> {
  const folder = join(cacheFolder(), "bench", `pyinfra-${pyinfraVersion}`);
  const program = join(folder, "bin/pyinfra");
  // Such an environment can't be moved to its place when it is ready, so a file says that it is whole.
  const whole = join(folder, "whole");
  if (existsSync(whole)) return program;
  rmSync(folder, { recursive: true, force: true });
  await succeed(["python3", "-m", "venv", folder]);
  await succeed([join(folder, "bin/pip"), "install", "--quiet", `pyinfra==${pyinfraVersion}`]);
  writeFileSync(whole, "");
  return program;
}

/** Runs bench/peers/pyinfra against a lab's node 0. */
export async function deploy(pyinfra: string, lab: Lab, { machines, bootFiles, parts }: DeployOptions): Promise<void> {
  const { host, hostKey, privateKeyPath, privateInterface, privateAddress, privateCidr } = lab.node0;
  await succeed([pyinfra, "-y", "inventory.py", "deploy.py"], {
    cwd: join(import.meta.dirname, "peers/pyinfra"),
    env: {
      ...process.env,
      NODE0: host,
      NODE0_HOST_KEY: hostKey,
      NODE0_KEY: privateKeyPath,
      INTERFACE: privateInterface,
      ADDRESS: privateAddress,
      CIDR: privateCidr,
      SUBNET: "10.20.0.0",
      NETMASK: "255.255.252.0",
      BROADCAST: "10.20.3.255",
      MACHINES: String(machines),
      BOOT_FILES: bootFiles,
      PARTS: parts.join(" "),
      PYTHONDONTWRITEBYTECODE: "1",
    },
  });
}

async function succeed(command: readonly string[], options: Parameters<typeof runCommand>[1] = {}): Promise<void> {
  const { code, output } = await runCommand(command, { timeoutSeconds: 600, ...options });
  if (code !== 0) throw new Error(`${command.join(" ")} ended with exit code ${code}\n${output.slice(-4000)}`);
}
