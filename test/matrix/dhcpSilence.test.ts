import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { labUp } from "../../lab/index.mts";
import { scratchProject } from "../../tools/scratch.mts";
import type { Silence } from "../support/dhcpSilence.mts";
import { programOn } from "../support/node0";

const up = ["up", "--yes", "--skip-preview"];
const hex = (number: number): string => number.toString(16).padStart(2, "0");
const macOf = (index: number): string => `52:54:00:${hex(index >> 16)}:${hex((index >> 8) & 255)}:${hex(index & 255)}`;

/** How long DHCP is silent when one machine more comes, to a client that asks every 5 ms; what is seen goes into docs/kea.md. */
describe("DHCP while a machine comes", () => {
  const cases = [3, 10_000].flatMap((count) => ["isc", "kea"].map((daemon) => [daemon, count] as const));

  it.each(cases)("is there before and after, by %s with %i machines", async (daemon, count) => {
    const lab = await labUp({ privateCidr: "10.20.0.0/16", privateAddress: "10.20.0.1" });
    await lab.segment.run(["ip", "route", "add", "255.255.255.255/32", "dev", lab.segment.clientInterface]);
    const program = (more: number): string =>
      programOn(
        lab,
        `const node0 = new netboot.NetbootServer("node0", { connection, network, time: false, names: false, dhcp: { daemon: "${daemon}" } });
         const hex = (number: number) => number.toString(16).padStart(2, "0");
         const nodes = Object.fromEntries(Array.from({ length: ${count + more} }, (_, index) => [\`n\${index}\`, {
           macs: [\`52:54:00:\${hex(index >> 16)}:\${hex((index >> 8) & 255)}:\${hex(index & 255)}\`],
           address: \`10.20.\${1 + Math.floor(index / 200)}.\${1 + (index % 200)}\`,
         }]));
         new netboot.OlaFleet("rack", { server: node0, nodes });`,
      );
    const project = await scratchProject({ files: { "index.ts": program(0) }, name: "silence" });
    try {
      await project.succeed(up);
      project.write({ "index.ts": program(1) });
      const client = join(process.cwd(), "test/support/dhcpSilence.mts");
      const asking = lab.segment.run([process.execPath, client, macOf(0), "45"]);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await project.succeed(up);
      const seen = JSON.parse((await asking).stdout) as Silence;
      console.info(`${daemon}, ${count} machines: ${JSON.stringify(seen)}`);
      expect(seen.asked).toBeGreaterThan(1000);
      expect(seen.lost).toBeLessThan(seen.asked / 10);
    } finally {
      await project.remove();
      await lab.down();
    }
  });
});
