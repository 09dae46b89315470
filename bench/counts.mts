import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "../lab/index.mts";
import { type Wire, wireTo } from "../lab/wire.mts";
import { runCommand } from "../tools/command.mts";
import type { ScratchProject } from "../tools/scratch.mts";
import { measureChangedLine, watchRefresh } from "./changedLine.mts";
import { vast, vastProgram, vastProject } from "./fleetProof.mts";
import { fleetProgram, fleetProject, withLab, withProject } from "./projects.mts";

/** What costs time everywhere, and is the same on each machine: what is counted → how many. */
export type Counts = Readonly<Record<string, number>>;

/** Counts as they are known and accepted. */
export const countsFile = join(import.meta.dirname, "counts.json");

export function knownCounts(): Counts {
  return JSON.parse(readFileSync(countsFile, "utf8"));
}

export function acceptCounts(counts: Counts): void {
  writeFileSync(countsFile, `${JSON.stringify(counts, null, 2)}\n`);
}

/** What is sent is packed, and a nonce, a key or the time packs into some bytes more or less. */
const slack = 1.05;

/** What has grown, or is not known yet, in sentences. */
export function whyGrown(counts: Counts, known: Counts): readonly string[] {
  return Object.entries(counts).flatMap(([what, count]) => {
    const before = known[what];
    if (before === undefined) return [`${what}: ${count}, and nobody has accepted a number yet`];
    const most = what.includes("bytes") ? before * slack : before;
    return !(count <= most) ? [`${what}: ${count}, where it was ${before}`] : [];
  });
}

const services = ["isc-dhcp-server", "tftpd-hpa", "netboot-names", "chrony"];

/** How many machines the fleet has that gets one more. */
const fleetSize = 300;

/** Makes two stacks and changes them: some two minutes. */
export async function measureCounts(): Promise<Counts> {
  const few = await withLab(vast, async (lab) => {
    const wire = await wireTo(lab.node0.host, lab.node0.port);
    const { host, port } = wire;
    const fleet = { nics: [1, 2, 4], at: { host, port } };
    try {
      return await withProject(fleetProject(lab, fleet), async (project) => {
        await project.succeed(up);
        const [line] = await measureChangedLine(lab, project, wire, fleet, 1);
        const changed = await changeOf(lab, project, wire, fleetProgram(lab, { ...fleet, leaseSeconds: 7000 }));
        await project.succeed([...up, "--expect-no-changes"]);
        const nothing = wire.taken().length;
        const refreshed = await watchRefresh(project, wire, 16);
        return {
          ...under("a changed line", { "round trips": line?.after.roundTrips ?? Number.NaN, ...changed }),
          "nothing to change: connections": nothing,
          ...under("a refresh", { connections: refreshed.connections, "round trips": refreshed.after.roundTrips }),
          ...under("the package", await loadedBy(project)),
        };
      });
    } finally {
      wire.close();
    }
  });
  const many = await withLab(vast, async (lab) => {
    const wire = await wireTo(lab.node0.host, lab.node0.port);
    try {
      return await withProject(vastProject(lab, fleetSize, "", wire), async (project) => {
        await project.succeed(up);
        return await changeOf(lab, project, wire, vastProgram(lab, fleetSize + 1, "", wire));
      });
    } finally {
      wire.close();
    }
  });
  return { ...few, ...under(`one machine more of ${fleetSize}`, many) };
}

const up = ["up", "--yes", "--skip-preview"];

function under(title: string, counts: Counts): Counts {
  return Object.fromEntries(Object.entries(counts).map(([what, count]) => [`${title}: ${what}`, count]));
}

/** What a change takes: on the wire, and on node 0. */
async function changeOf(lab: Lab, project: ScratchProject, wire: Wire, program: string): Promise<Counts> {
  const invocations = async () =>
    (await lab.node0.run(`systemctl show --value -p InvocationID ${services.join(" ")}`)).stdout.split(/\n+/);
  project.write({ "index.ts": program });
  wire.taken();
  const before = await invocations();
  await lab.node0.run("sleep 1; touch /run/counted; sleep 1");
  await project.succeed(up);
  const connections = wire.taken();
  const after = await invocations();
  const { stdout: files } = await lab.node0.run(
    "find / -xdev -type f -newer /run/counted -not -path '/proc/*' -not -path '/sys/*' -not -path '/run/*' -not -path '/tmp/*' -not -path '/var/tmp/*' -not -path '/var/log/*' -not -path '/var/lib/systemd/*' -not -name '*.leases*'",
  );
  const bytes = (from: "client" | "server") =>
    connections
      .flat()
      .filter((chunk) => chunk.from === from)
      .reduce((sum, chunk) => sum + chunk.bytes, 0);
  return {
    connections: connections.length,
    "bytes sent": bytes("client"),
    "bytes received": bytes("server"),
    "services restarted": before.filter((invocation, index) => invocation !== after[index]).length,
    "files written": files.split("\n").filter((line) => line !== "").length,
  };
}

/** Modules that are loaded in a run, and the outputs that a machine costs the program. */
async function loadedBy(project: ScratchProject): Promise<Counts> {
  const counted = async (script: string): Promise<number> => {
    const { stdout, output, code } = await runCommand([process.execPath, "-e", script], {
      cwd: project.folder,
      env: project.env,
    });
    if (code !== 0) throw new Error(`counting modules ended with exit code ${code}\n${output}`);
    return Number(stdout.trim().split("\n").at(-1));
  };
  const own = 'Object.keys(require.cache).filter((path) => !path.includes("/@pulumi/pulumi/")).length';
  const outputs = `
    const pulumi = require("@pulumi/pulumi");
    const netboot = require("pulumi-netboot");
    let made = 0;
    Object.defineProperty(pulumi.Output.prototype, "__pulumiOutput", { get: () => true, set: () => void made++ });
    pulumi.runtime.setMocks({ newResource: ({ name, inputs }) => ({ id: name, state: inputs }), call: () => ({}) });
    pulumi.runtime.runInPulumiStack(async () => {
      const network = { interface: "eno2", cidr: "10.20.0.0/16", address: "10.20.0.1" };
      const server = new netboot.NetbootServer("node0", { connection: { host: "node0.example" }, network });
      const declare = (i) => new netboot.OlaNode("m" + i, { server, macs: ["52:54:00:00:00:" + (10 + i)], address: "10.20.1." + i });
      const after = [];
      for (let i = 1; i <= 20; i++) { declare(i); after.push(made); }
      process.exitCode = 0;
      setTimeout(() => { console.log((after[19] - after[9]) / 10); process.exit(0); }, 1000);
    });`;
  return {
    "modules of the classes": await counted(`require("pulumi-netboot"); console.log(${own})`),
    "modules of check and diff": await counted(`require("pulumi-netboot/provider"); console.log(${own})`),
    "outputs of a machine": await counted(outputs),
  };
}
