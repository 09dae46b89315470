import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { netbootCommand, programOn } from "../support/node0";

const up = ["up", "--yes", "--skip-preview"];
const parts = {
  files: 'const files = new netboot.BootArtifacts("files", { connection });',
  tftp: 'new netboot.TftpServer("tftp", { connection, address: network.address }, { dependsOn: files });',
  dhcp: 'const dhcp = new netboot.DhcpServer("dhcp", { connection, network });',
  firewall:
    'new netboot.Firewall("firewall", { connection, interface: network.interface, services: ["dhcp", "tftp"] });',
};
const machine =
  'new netboot.OlaNode("web-1", { server: dhcp, macs: ["52:54:00:00:06:01"], address: "192.168.1.2" }, { dependsOn: files });';

/** A part by which machines boot stays as long as they do, be it of the same program. */
describe("a part of a node 0 out of its parts", () => {
  let lab: Lab;
  let project: ScratchProject;

  const without = (...names: readonly string[]): string => {
    const kept = Object.entries(parts).flatMap(([name, text]) => (names.includes(name) ? [] : [text]));
    return programOn(lab, [...kept, ...(names.includes("machine") ? [] : [machine])].join("\n"));
  };

  beforeAll(async () => {
    lab = await labUp();
    await lab.node0.run(`
      apt-get -q -y install --no-install-recommends nftables
      nft 'add table inet filter'
      nft 'add chain inet filter input { type filter hook input priority 0; policy drop; }'
      nft 'add rule inet filter input iifname lo accept'
      nft 'add rule inet filter input ct state established,related accept'
      nft 'add rule inet filter input tcp dport 22 accept'`);
    project = await scratchProject({ files: { "index.ts": without("machine") }, name: "parts" });
    await project.succeed(up);
    project.write({ "index.ts": without() });
    await project.succeed(up);
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  const verified = async (): Promise<string> => (await netbootCommand(project, "verify", "--stack", "dev")).stdout;

  it.each([
    ["firewall", /node 0's firewall drops requests for files \(udp 69\) of machines on eno2/],
    ["tftp", /nobody serves TFTP on 192\.168\.1\.1, where DHCP sends machines for refind\.pxe/],
  ])("does not go while a machine needs it: %s", async (part, told) => {
    project.write({ "index.ts": without(part) });
    const { code, output } = await project.pulumi(up);
    expect(code).not.toBe(0);
    expect(output).toMatch(told);
    expect(await verified()).toMatch(/1 machine, all served/);
  });

  it("goes with the machine, in one up", async () => {
    project.write({ "index.ts": without("machine", "tftp", "firewall") });
    await project.succeed(up);
    expect(
      (await lab.node0.run("nft list ruleset; systemctl is-active tftpd-hpa", { check: false })).stdout,
    ).not.toMatch(/pulumi-netboot|^active$/m);
  });
});
