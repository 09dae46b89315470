import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import type { DhcpAnswer } from "../support/dhcpClient.mts";
import { netbootCommand, programOn } from "../support/node0";

/** On a kernel of its own, for by that systemd keeps addresses from a unit, which a container of the lab can't. */
describe("the port on which a Kea hears the other one of two", () => {
  let lab: Lab;
  let project: ScratchProject;

  beforeAll(async () => {
    lab = await labUp({ node0: "machine" });
    project = await scratchProject({
      files: {
        "index.ts": programOn(
          lab,
          `const server = new netboot.NetbootServer("node0", {
             connection, network: { ...network, pool: { from: "192.168.1.6", to: "192.168.1.9" } }, time: false, names: false,
             dhcp: { daemon: "kea", highAvailability: "hot-standby", otherDhcpServers: ["192.168.1.14"] } });
           new netboot.OlaFleet("rack", { server, nodes: {
             a: { macs: ["52:54:00:00:32:01"] }, b: { macs: ["52:54:00:00:32:02"], address: "192.168.1.3" } } });`,
        ),
      },
      name: "port",
    });
    await project.succeed(["up", "--yes", "--skip-preview"]);
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  it("is the other one's alone", async () => {
    const ask = async (address: string): Promise<string> => {
      const nic = lab.segment.clientInterface;
      const says = `curl -sS -m 8 -H 'Content-Type: application/json' -d '{"command": "ha-heartbeat"}' http://192.168.1.1:8001/`;
      const as = `ip address flush dev ${nic}; ip address add ${address}/28 dev ${nic}; ${says} 2>&1`;
      return (await lab.segment.run(["sh", "-c", as], { check: false })).stdout;
    };
    expect(await ask("192.168.1.13")).toMatch(/timed out/);
    expect(await ask("192.168.1.14")).toMatch(/"state": "partner-down"/);
  });

  it("keeps no machine from its boot", async () => {
    await lab.segment.run(["ip", "route", "replace", "255.255.255.255/32", "dev", lab.segment.clientInterface]);
    const clients = JSON.stringify(["01", "02"].map((last) => ({ mac: `52:54:00:00:32:${last}`, arch: [7] })));
    const { stdout } = await lab.segment.run([
      process.execPath,
      join(process.cwd(), "test/support/dhcpClient.mts"),
      clients,
    ]);
    expect((JSON.parse(stdout) as readonly DhcpAnswer[]).map(({ type }) => type)).toEqual(["ack", "ack"]);
    expect((await netbootCommand(project, "verify", "--stack", "dev")).stdout).toMatch(/^2 machines, all served$/m);
  });
});
