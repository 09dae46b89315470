import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { scratchProject } from "../../tools/scratch.mts";
import type { Silence } from "../support/dhcpSilence.mts";
import { programOn } from "../support/node0";

const up = ["up", "--yes", "--skip-preview"];
const hex = (number: number): string => number.toString(16).padStart(2, "0");
const macOf = (index: number): string => `52:54:00:${hex(index >> 16)}:${hex((index >> 8) & 255)}:${hex(index & 255)}`;

/** The machines by their numbers, as a program makes them. */
const nodesOf = (count: number): string => `
  const hex = (number: number) => number.toString(16).padStart(2, "0");
  const nodes = Object.fromEntries(Array.from({ length: ${count} }, (_, index) => [\`n\${index}\`, {
    macs: [\`52:54:00:\${hex(index >> 16)}:\${hex((index >> 8) & 255)}:\${hex(index & 255)}\`],
    address: \`10.20.\${1 + Math.floor(index / 200)}.\${1 + (index % 200)}\`,
  }]));`;

/** What a machine hears that asks every 5 ms while `act` goes on. */
async function askMeanwhile({ segment }: Lab, act: () => Promise<unknown>): Promise<Silence> {
  const client = join(process.cwd(), "test/support/dhcpSilence.mts");
  const asking = segment.run([process.execPath, client, macOf(0), "45"]);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  await act();
  return JSON.parse((await asking).stdout) as Silence;
}

async function labOfMany(more: Parameters<typeof labUp>[0] = {}): Promise<Lab> {
  const lab = await labUp({ privateCidr: "10.20.0.0/16", privateAddress: "10.20.0.1", ...more });
  await lab.segment.run(["ip", "route", "replace", "255.255.255.255/32", "dev", lab.segment.clientInterface]);
  return lab;
}

/** How long DHCP is silent when one machine more comes, to a client that asks every 5 ms; what is seen goes into docs/kea.md. */
describe("DHCP while a machine comes", () => {
  const cases = [3, 10_000].flatMap((count) => ["isc", "kea"].map((daemon) => [daemon, count] as const));

  it.each(cases)("is there before and after, by %s with %i machines", async (daemon, count) => {
    const lab = await labOfMany();
    const program = (more: number): string =>
      programOn(
        lab,
        `const node0 = new netboot.NetbootServer("node0", { connection, network, time: false, names: false, dhcp: { daemon: "${daemon}" } });
         ${nodesOf(count + more)}
         new netboot.OlaFleet("rack", { server: node0, nodes });`,
      );
    const project = await scratchProject({ files: { "index.ts": program(0) }, name: "silence" });
    try {
      await project.succeed(up);
      project.write({ "index.ts": program(1) });
      const seen = await askMeanwhile(lab, () => project.succeed(up));
      console.info(`${daemon}, ${count} machines: ${JSON.stringify(seen)}`);
      expect(seen.asked).toBeGreaterThan(1000);
      expect(seen.lost).toBeLessThan(seen.asked / 10);
    } finally {
      await project.remove();
      await lab.down();
    }
  });

  it("answers every question of a change that rolls over two node 0s with 10,000 machines", async () => {
    const one = await labOfMany();
    const other = await labOfMany({ beside: one.name, privateAddress: "10.20.0.2" });
    const serverOn = (name: string, { node0 }: Lab, daemon: string): string => {
      const { host, hostKey, privateKeyPath, privateInterface, privateAddress, privateCidr } = node0;
      const connection = JSON.stringify({ host, hostKey, privateKeyPath });
      const network = JSON.stringify({ interface: privateInterface, cidr: privateCidr, address: privateAddress });
      return `const ${name} = new netboot.NetbootServer("node0-${name}", { connection: ${connection}, network: ${network}, dhcp: { daemon: "${daemon}" }, time: false, names: false });`;
    };
    const program = (more: number): string =>
      [
        'import * as netboot from "pulumi-netboot";',
        serverOn("a", one, "isc"),
        serverOn("b", other, "kea"),
        nodesOf(10_000 + more),
        'new netboot.OlaFleet("rack", { server: [a, b], nodes });',
      ].join("\n");
    const project = await scratchProject({ files: { "index.ts": program(0) }, name: "roll" });
    try {
      await project.succeed(up);
      project.write({ "index.ts": program(1) });
      const seen = await askMeanwhile(one, async () => {
        const { output } = await project.succeed(up);
        expect(output).toMatch(/~ +2 updated/);
      });
      console.info(`two node 0s: ${JSON.stringify(seen)}`);
      expect(seen.asked).toBeGreaterThan(1000);
      expect(seen.lost).toBe(0);
    } finally {
      await project.remove();
      await other.down();
      await one.down();
    }
  });
});
