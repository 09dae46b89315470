import type { Lab } from "../lab/index.mts";
import { wireTo } from "../lab/wire.mts";
import { runCommand } from "../tools/command.mts";
import { type ScratchProject, scratchProject } from "../tools/scratch.mts";
import { fleetProgram, fleetProject, roomy, withLab, withProject } from "./projects.mts";
import { alternate, type Comparison, compare, costOf, type Samples, samplesOf, seconds } from "./samples.mts";

const up = ["up", "--yes", "--skip-preview"];

/** One machine more over a link with this round trip, beside the same without. */
export async function measureFarLink(roundTripMs: number, times: number): Promise<Comparison> {
  return await withLab(roomy, async (lab) => {
    const wire = await wireTo(lab.node0.host, lab.node0.port);
    const { host, port } = wire;
    let machines = 3;
    const nics = () => Array.from({ length: machines }, () => 1);
    try {
      return await withProject(fleetProject(lab, { nics: nics(), at: { host, port } }), async (project) => {
        await project.succeed(up);
        const oneMore = (delayMs: number) => async () => {
          machines++;
          wire.treat({ delayMs });
          project.write({ "index.ts": fleetProgram(lab, { nics: nics(), at: { host, port } }) });
          return await costOf(() => project.succeed(up));
        };
        return (await alternate(times, oneMore(roundTripMs / 2), oneMore(0))).clock;
      });
    } finally {
      wire.close();
    }
  });
}

/** What loading takes where Pulumi's own package is loaded already: the classes, and what a provider needs for check and diff. In milliseconds. */
export async function measureLoading(
  project: ScratchProject,
  times: number,
): Promise<Readonly<Record<"classes" | "provider", Samples>>> {
  const loading = async (what: string): Promise<Samples> => {
    const script = `require("@pulumi/pulumi"); const began = performance.now(); require("${what}"); console.log(performance.now() - began);`;
    const seen: number[] = [];
    for (let round = 0; round < times; round++) {
      const { stdout, output, code } = await runCommand([process.execPath, "-e", script], {
        cwd: project.folder,
        env: project.env,
      });
      if (code !== 0) throw new Error(`${what} can't be loaded\n${output}`);
      seen.push(Number(stdout));
    }
    return samplesOf(seen);
  };
  return { classes: await loading("pulumi-netboot"), provider: await loading("pulumi-netboot/provider") };
}

/** One changed line on all of several node 0s of a stack, each behind this round trip, beside the same on one of them. */
export async function measureManyHosts(hosts: number, roundTripMs: number, times: number): Promise<Comparison> {
  return await withLabs(hosts, async (labs) => {
    const wires = await Promise.all(labs.map(({ node0 }) => wireTo(node0.host, node0.port)));
    let change = 0;
    const leases = labs.map(() => 3600);
    const program = (): string =>
      [
        'import * as netboot from "pulumi-netboot";',
        ...labs.flatMap(({ node0 }, at) => {
          const { hostKey, privateKeyPath, privateInterface, privateAddress, privateCidr } = node0;
          const { host, port } = wires[at] ?? node0;
          const connection = JSON.stringify({ host, port, hostKey, privateKeyPath });
          const network = { interface: privateInterface, cidr: privateCidr, address: privateAddress };
          return [
            `const s${at} = new netboot.NetbootServer("s${at}", { connection: ${connection}, time: false, names: false, network: ${JSON.stringify({ ...network, leaseSeconds: leases[at] })} });`,
            `new netboot.OlaNode("m${at}", { server: s${at}, macs: ["52:54:00:00:07:${String(at).padStart(2, "0")}"], address: "192.168.1.3" });`,
          ];
        }),
      ].join("\n");
    try {
      return await withProject(scratchProject({ files: { "index.ts": program() }, name: "hosts" }), async (project) => {
        await project.succeed([...up, "--parallel", "300"]);
        for (const wire of wires) wire.treat({ delayMs: roundTripMs / 2 });
        const changed = (howMany: number) => async () => {
          change++;
          for (let at = 0; at < howMany; at++) leases[at] = 3600 + change;
          project.write({ "index.ts": program() });
          return await seconds(() => project.succeed([...up, "--parallel", "300"]));
        };
        const [all, one]: [number[], number[]] = [[], []];
        for (let round = 0; round < times; round++) {
          all.push(await changed(hosts)());
          one.push(await changed(1)());
        }
        return compare(all, one);
      });
    } finally {
      for (const wire of wires) wire.close();
    }
  });
}

async function withLabs<T>(count: number, work: (labs: readonly Lab[]) => Promise<T>): Promise<T> {
  return count === 0 ? await work([]) : await withLab({}, (lab) => withLabs(count - 1, (more) => work([lab, ...more])));
}
