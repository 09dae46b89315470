import { type Lab, type LabOptions, labUp } from "../lab/index.mts";
import { type ScratchProject, scratchProject } from "../tools/scratch.mts";

/** A user's program of one of the measurements, with a lab's node 0 as its host. */
export async function guideProject(lab: Lab): Promise<ScratchProject> {
  const project = await scratchProject({ from: "examples/guide" });
  const { host, hostKey, privateKeyPath, privateInterface, privateAddress, privateCidr } = lab.node0;
  await project.config({
    host,
    hostKey,
    privateKeyPath,
    interface: privateInterface,
    address: privateAddress,
    cidr: privateCidr,
  });
  return project;
}

/** What else such a program says. */
export interface FleetOptions {
  /** How many NICs each machine has; all have an address. */
  readonly nics: readonly number[];
  /** @defaultValue 7200 */
  readonly leaseSeconds?: number;
  /** Where sshd is reached, if not where it listens. */
  readonly at?: { readonly host: string; readonly port: number };
}

/** Node 0 and a number of machines, in a lab whose private network is at least a /22 of 10.20.0.0. */
export function fleetProgram(lab: Lab, { nics, leaseSeconds = 7200, at }: FleetOptions): string {
  const { host, port, hostKey, privateKeyPath, privateInterface, privateAddress, privateCidr } = lab.node0;
  return `
import * as netboot from "pulumi-netboot";

const node0 = new netboot.NetbootServer("node0", {
  connection: ${JSON.stringify({ host, port, ...at, hostKey, privateKeyPath })},
  network: {
    interface: ${JSON.stringify(privateInterface)},
    cidr: ${JSON.stringify(privateCidr)},
    address: ${JSON.stringify(privateAddress)},
    leaseSeconds: ${leaseSeconds},
  },
});

for (const [i, nics] of ${JSON.stringify(nics)}.entries()) {
  const hex = (number: number) => number.toString(16).padStart(2, "0");
  new netboot.OlaNode(\`m\${i}\`, {
    server: node0,
    macs: Array.from({ length: nics }, (_, nic) => \`52:54:00:\${hex(nic)}:\${hex(i >> 8)}:\${hex(i & 255)}\`),
    address: \`10.20.\${1 + Math.floor(i / 250)}.\${1 + (i % 250)}\`,
  });
}
`;
}

export async function fleetProject(lab: Lab, options: FleetOptions): Promise<ScratchProject> {
  return await scratchProject({ files: { "index.ts": fleetProgram(lab, options) }, name: "fleet" });
}

/** A lab whose private network has room for such a fleet. */
export const roomy = { privateCidr: "10.20.0.0/22", privateAddress: "10.20.0.1" } as const;

/** How many SSH logins node 0 has seen since it booted. */
export async function loginsOf(lab: Lab): Promise<number> {
  const { stdout } = await lab.node0.run("journalctl -q -o cat -t sshd -t sshd-session --grep '^Accepted ' | wc -l", {
    check: false,
  });
  return Number(stdout);
}

const labs = new Set<Lab>();
const projects = new Set<ScratchProject>();

/** A lab, for as long as the work takes. */
export async function withLab<T>(options: LabOptions, work: (lab: Lab) => Promise<T>): Promise<T> {
  const lab = await labUp(options);
  labs.add(lab);
  try {
    return await work(lab);
  } finally {
    labs.delete(lab);
    await lab.down();
  }
}

/** A project, for as long as the work takes. */
export async function withProject<T>(
  made: Promise<ScratchProject>,
  work: (project: ScratchProject) => Promise<T>,
): Promise<T> {
  const project = await made;
  projects.add(project);
  try {
    return await work(project);
  } finally {
    projects.delete(project);
    await project.remove();
  }
}

/** Takes down what is still there, when the work is broken off. */
export async function tidy(): Promise<void> {
  await Promise.all([...[...labs].map((lab) => lab.down()), ...[...projects].map((project) => project.remove())]);
}
