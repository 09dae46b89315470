import { expect } from "vitest";
import type { Lab } from "../../lab/index.mts";
import type { ScratchProject } from "../../tools/scratch.mts";
import { loginsOf } from "./node0.ts";

/** A node 0 with a machine and a fleet, as statements of a program. */
export const declared = `
  const node0 = new netboot.NetbootServer("node0", { connection, network, time: false, names: false });
  const reference = node0.reference; export { reference as node0 };
  new netboot.OlaNode("a", { server: node0, macs: ["52:54:00:00:03:01"], address: "192.168.1.3" });
  new netboot.OlaFleet("rack", { server: node0, nodes: { c: { macs: ["52:54:00:00:03:03"], address: "192.168.1.5" } } });`;

/** Where drop-ins for the TFTP server lie. */
export const dropIns = "/etc/systemd/system/tftpd-hpa.service.d";

/** What somebody does, how a preview shows it, and a question that answers 1 when it is mended. */
export type Harm = readonly [harm: string, shown: RegExp, whole: string];

const up = ["up", "--yes", "--skip-preview"];

/** Does harm to node 0, and sees it in a preview, mended by one up, and nothing left to do. */
export async function seeMended(lab: Lab, project: ScratchProject, cases: readonly Harm[]): Promise<void> {
  for (const [harm] of cases) await lab.node0.run(harm);
  const { output } = await project.succeed(["preview", "--refresh", "--diff", "--show-full-output"]);
  for (const [, shown] of cases) expect(output).toMatch(shown);
  expect(output).toMatch(/^next boot changes for .*; that is by the program: on node 0 node0-\S+.* not as declared/m);
  const { output: told } = await project.succeed([...up, "--refresh"]);
  // All is mended in one transaction, so nothing of before is warned of.
  expect(told).not.toMatch(/not proved/);
  for (const [harm, , whole] of cases) {
    expect([harm, (await lab.node0.run(whole, { check: false })).stdout]).toEqual([harm, "1\n"]);
  }
  const logins = await loginsOf(lab);
  await project.succeed([...up, "--expect-no-changes"]);
  expect(await loginsOf(lab)).toBe(logins);
}
