import { join } from "node:path";
import type { Lab } from "../lab/index.mts";
import { runCommand } from "../tools/command.mts";
import { type ScratchProject, scratchProject } from "../tools/scratch.mts";

/** A lab whose private network has room for ten thousand machines. */
export const vast = { privateCidr: "10.20.0.0/16", privateAddress: "10.20.0.1" } as const;

/** What it takes to prove all machines of a large fleet on demand. */
export interface FleetProof {
  readonly machines: number;
  /** Discovers that dhcpd answered: two stages of each of two NICs. */
  readonly questions: number;
  /** `npx pulumi-netboot verify`, from its start to its table. */
  readonly seconds: number;
  /** What dhcpd itself needed of a processor for its answers: nobody asks it faster. */
  readonly dhcpdSeconds: number;
}

/** Where sshd is reached. */
interface At {
  readonly host: string;
  readonly port: number;
}

/** A program with one OlaFleet of so many machines with two NICs each. */
export function vastProgram(lab: Lab, machines: number, settings = "", at: At = lab.node0): string {
  const { host, port } = at;
  const { hostKey, privateKeyPath, privateInterface, privateAddress, privateCidr } = lab.node0;
  return `
import * as netboot from "pulumi-netboot";

const node0 = new netboot.NetbootServer("node0", {
  connection: ${JSON.stringify({ host, port, hostKey, privateKeyPath })},
  network: ${JSON.stringify({ interface: privateInterface, cidr: privateCidr, address: privateAddress })},
  ${settings}
});

const hex = (number: number) => number.toString(16).padStart(2, "0");
const nodes = Object.fromEntries(
  Array.from({ length: ${machines} }, (_, i) => [
    \`m\${i}\`,
    {
      macs: [0, 1].map((nic) => \`52:54:00:\${hex(nic)}:\${hex(i >> 8)}:\${hex(i & 255)}\`),
      address: \`10.20.\${1 + Math.floor(i / 250)}.\${1 + (i % 250)}\`,
    },
  ]),
);
new netboot.OlaFleet("fleet", { server: node0, nodes });
`;
}

export async function vastProject(lab: Lab, machines: number, settings = "", at?: At): Promise<ScratchProject> {
  return await scratchProject({ files: { "index.ts": vastProgram(lab, machines, settings, at) }, name: "vast" });
}

/** Proves all machines of a stack that is up. */
export async function measureFleetProof(lab: Lab, project: ScratchProject, machines: number): Promise<FleetProof> {
  await project.succeed(["stack", "select"]);
  const usedSeconds = async (): Promise<number> =>
    Number((await lab.node0.run("systemctl show --value -p CPUUsageNSec isc-dhcp-server")).stdout) / 1e9;
  const before = await usedSeconds();
  const command = join(project.folder, "node_modules/pulumi-netboot/dist/provider/cli/main.js");
  const start = performance.now();
  const { code, stdout, stderr } = await runCommand([process.execPath, command, "verify"], {
    cwd: project.folder,
    env: project.env,
  });
  const seconds = (performance.now() - start) / 1000;
  if (code !== 0 || !stdout.includes(`${machines} machines, all served`)) {
    throw new Error(`verify ended with ${code}: ${stdout.slice(-400)}${stderr}`);
  }
  return { machines, questions: 4 * machines, seconds, dhcpdSeconds: (await usedSeconds()) - before };
}
