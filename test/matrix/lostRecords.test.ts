import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { netbootCommand, programOn } from "../support/node0";

/** Somebody cleaned up /var/lib, or restored a node 0 without it. */
describe("a node 0 that has lost our records", () => {
  let lab: Lab;
  let project: ScratchProject;
  const program = (time: string): string =>
    programOn(
      lab,
      `const server = new netboot.NetbootServer("node0", { connection, network, time: ${time}, names: false });
       new netboot.OlaNode("a", { server, macs: ["52:54:00:00:08:01"], address: "192.168.1.3" });`,
    );

  beforeAll(async () => {
    lab = await labUp();
    project = await scratchProject({ files: { "index.ts": program("true") }, name: "lost" });
    await project.succeed(["up", "--yes", "--skip-preview"]);
    await lab.node0.run("rm -r /var/lib/pulumi-netboot");
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  it("is told of by doctor, with what the next up needs", async () => {
    const { code, stdout } = await netbootCommand(project, "doctor", "--stack", "dev");
    expect(code).toBe(1);
    expect(stdout).toMatch(/DhcpServer\/lost\/dev\/node0-dhcp: is not on this host any more$/m);
    expect(stdout).toMatch(
      /TimeServer\/lost\/dev\/node0-time: .*any more\. If chrony still is, say `time: \{ replace: true \}`/,
    );
    expect(stdout).toMatch(/`pulumi up --refresh` mends what differs/);
  });

  it("is refused for chrony alone, in the same words, and serves on", async () => {
    const { code, output } = await project.pulumi(["up", "--yes", "--skip-preview", "--refresh"]);
    expect(code).not.toBe(0);
    expect(output).toMatch(/Say time: \{ replace: true \}/);
    const { stdout } = await lab.node0.run("systemctl is-active isc-dhcp-server tftpd-hpa");
    expect(stdout).toBe("active\nactive\n");
  });

  it("is gone on with where the program says whose chrony it is", async () => {
    project.write({ "index.ts": program("{ replace: true }") });
    await project.succeed(["up", "--yes", "--skip-preview", "--refresh"]);
    expect((await netbootCommand(project, "verify", "--stack", "dev")).stdout).toMatch(/1 machine, all served/);
    await project.succeed(["up", "--yes", "--skip-preview", "--refresh", "--expect-no-changes"]);
    expect((await netbootCommand(project, "doctor", "--stack", "dev")).stdout).toMatch(/^all as the stack has it/);
  });

  it("serves no more after a destroy: what we wrote before the loss is nobody's, and does not come back", async () => {
    await project.succeed(["destroy", "--yes", "--skip-preview"]);
    const { stdout } = await lab.node0.run(
      "systemctl is-active isc-dhcp-server tftpd-hpa; grep -rl 'ritten by pulumi-netboot' /etc; true",
    );
    expect(stdout).toBe("inactive\ninactive\n");
  });
});
