import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Lab } from "../lab/index.mts";
import { runCommand } from "../tools/command.mts";
import { cacheFolder } from "../tools/engine.mts";

/** The releases that are measured against. */
export const versions = { pyinfra: "3.10.0", ansible: "2.18.19" } as const;

export type PeerName = keyof typeof versions;

/** What a run of a peer is to make. */
export interface PeerOptions {
  readonly machines: number;
  /** How many NICs each of them has. @defaultValue 1 */
  readonly nics?: number;
  /** The folder with the files that node 0 serves. */
  readonly bootFiles: string;
  /** Which of TimeServer, NameServer, Firewall belong to it. */
  readonly parts: readonly string[];
  /** Nothing is changed; it says what would be. @defaultValue false */
  readonly dryRun?: boolean;
}

/** Another tool, with a program that does the same work to a lab's node 0. */
export type Peer = (lab: Lab, options: PeerOptions) => Promise<void>;

/** A peer out of PyPI, in an environment of its own under the cache folder; made once. */
export async function bringPeer(name: PeerName): Promise<Peer> {
  const version = versions[name];
  const folder = join(cacheFolder(), "bench", `${name}-${version}`);
  // Such an environment can't be moved to its place when it is ready, so a file says that it is whole.
  const whole = join(folder, "whole");
  if (!existsSync(whole)) {
    rmSync(folder, { recursive: true, force: true });
    await succeed(["python3", "-m", "venv", folder]);
    const release = name === "ansible" ? `ansible-core==${version}` : `${name}==${version}`;
    await succeed([join(folder, "bin/pip"), "install", "--quiet", release]);
    writeFileSync(whole, "");
  }
  const programs = join(folder, "bin");
  return name === "ansible" ? playbook(programs) : deploy(programs);
}

/** The network as both templates want it, written as people write it: a lab has one of 10.20.0.0. */
function networkOf({ node0 }: Lab) {
  const { privateInterface, privateAddress, privateCidr } = node0;
  const isVast = privateCidr.endsWith("/16");
  return {
    interface: privateInterface,
    address: privateAddress,
    cidr: privateCidr,
    subnet: "10.20.0.0",
    netmask: isVast ? "255.255.0.0" : "255.255.252.0",
    broadcast: isVast ? "10.20.255.255" : "10.20.3.255",
  };
}

/** Runs bench/peers/pyinfra against a lab's node 0. */
function deploy(programs: string): Peer {
  return async (lab, { machines, nics = 1, bootFiles, parts, dryRun = false }) => {
    const { host, hostKey, privateKeyPath } = lab.node0;
    const network = Object.entries(networkOf(lab)).map(([key, value]) => [key.toUpperCase(), value]);
    await succeed([join(programs, "pyinfra"), dryRun ? "--dry" : "-y", "inventory.py", "deploy.py"], {
      cwd: join(import.meta.dirname, "peers/pyinfra"),
      env: {
        ...process.env,
        ...Object.fromEntries(network),
        NODE0: host,
        NODE0_HOST_KEY: hostKey,
        NODE0_KEY: privateKeyPath,
        MACHINES: String(machines),
        NICS: String(nics),
        BOOT_FILES: bootFiles,
        PARTS: parts.join(" "),
        PYTHONDONTWRITEBYTECODE: "1",
      },
    });
  };
}

/** Runs bench/peers/ansible against a lab's node 0. */
function playbook(programs: string): Peer {
  return async (lab, { machines, nics = 1, bootFiles, parts, dryRun = false }) => {
    const { host, hostKey, privateKeyPath } = lab.node0;
    const folder = mkdtempSync(join(tmpdir(), "netboot-ansible-"));
    try {
      writeFileSync(join(folder, "known_hosts"), `${host} ${hostKey}\n`);
      writeFileSync(
        join(folder, "vars.json"),
        JSON.stringify({ ...networkOf(lab), machines, nics, boot_files: bootFiles, parts }),
      );
      const reaching = `ansible_user=root ansible_ssh_private_key_file=${privateKeyPath} ansible_ssh_common_args='-o UserKnownHostsFile=${join(folder, "known_hosts")}'`;
      writeFileSync(join(folder, "inventory"), `[node0]\n${host} ${reaching}\n`);
      await succeed(
        [
          join(programs, "ansible-playbook"),
          ...["-i", join(folder, "inventory"), "-e", `@${join(folder, "vars.json")}`],
          ...(dryRun ? ["--check"] : []),
          "playbook.yml",
        ],
        {
          cwd: join(import.meta.dirname, "peers/ansible"),
          env: { ...process.env, PATH: `${programs}:${process.env["PATH"]}`, PYTHONDONTWRITEBYTECODE: "1" },
        },
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
}

async function succeed(command: readonly string[], options: Parameters<typeof runCommand>[1] = {}): Promise<void> {
  const { code, output } = await runCommand(command, { timeoutSeconds: 600, ...options });
  if (code !== 0) throw new Error(`${command.join(" ")} ended with exit code ${code}\n${output.slice(-4000)}`);
}
