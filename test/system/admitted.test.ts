import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { saidOfRules, saidOfWay } from "../support/askNode0";
import { fetchFromOutside } from "../support/firewalls";
import { netbootCommand, programOn } from "../support/node0";
import { moreRulesets, nft, open, rulesets } from "../support/rulesets";
import { ways } from "../support/ways";

const up = ["up", "--yes", "--skip-preview"];

/** All of them are cases that run in milliseconds (test/cases/firewall); these hold the cases against the truth. */
const held = [
  ...rulesets.filter((_, index) => index % 5 === 1),
  ...moreRulesets.filter(([name]) => /by icmpx$|CIS that lets|helper for TFTP$/.test(name)),
];

/** The proof's other half: node 0's own questions do not meet its firewall, so the rules are read. */
describe("what the firewall of node 0 admits", () => {
  let lab: Lab;
  let project: ScratchProject;
  const program = (more: string): string =>
    programOn(
      lab,
      `const dhcp = new netboot.DhcpServer("dhcp", { connection, network });
       const tftp = new netboot.TftpServer("tftp", { connection, address: network.address });
       const files = new netboot.BootArtifacts("files", { connection });
       const a = (verify: netboot.Verify) => new netboot.OlaNode("a",
         { server: dhcp, macs: ["52:54:00:00:0b:01"], address: "192.168.1.3", verify }, { dependsOn: [tftp, files] });
       ${more}`,
    );

  beforeAll(async () => {
    lab = await labUp();
    await lab.node0.run(
      "DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends iptables nftables >/dev/null",
    );
    project = await scratchProject({ files: { "index.ts": program("") }, name: "admitted" });
    await project.succeed(up);
    await project.succeed(["stack", "select"]);
    await lab.node0.run("head -c 4000 /dev/zero | tr '\\0' x > /srv/tftp/greeting");
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  const said = (): Promise<string> => saidOfRules(lab, "eno2", "192.168.1.1", "192.168.1.0/28");

  it.each(held)("is told of %s", async (_name, setUp, truth, expected) => {
    await lab.node0.run(setUp);
    try {
      expect((await fetchFromOutside(lab)).length === 4000).toBe(truth);
      expect((await said()).split(":")[0]).toBe(expected);
    } finally {
      await lab.node0.run(open);
    }
  });

  it.each(ways)("is told of %s", async (_name, setUp, mend, truth, expected) => {
    await lab.node0.run(setUp);
    try {
      expect((await fetchFromOutside(lab)).length === 4000).toBe(truth);
      expect((await saidOfWay(lab, "eno2", "192.168.1.1", "192.168.1.0/28")).split(":")[0]).toBe(expected);
    } finally {
      await lab.node0.run(mend);
    }
  });

  it("lets no machine be declared that it keeps out, and tells verify", async () => {
    await lab.node0.run(nft("udp dport 69 accept;"));
    const reason =
      /node 0's firewall drops acknowledgements of files \(established udp\) of machines on eno2, by the policy of chain inet mine input; declare a Firewall/;
    project.write({ "index.ts": program("a(true);") });
    const refused = await project.pulumi(up);
    expect(refused.code).not.toBe(0);
    expect(refused.output).toMatch(reason);
    await lab.node0.run(open);
    await project.succeed(up);
    await lab.node0.run(nft("udp dport 69 accept;"));
    const { code, stdout } = await netbootCommand(project, "verify");
    expect(code).toBe(1);
    expect(stdout).toMatch(new RegExp(`^FAILED {2}a {2}${reason.source}`, "m"));
    await lab.node0.run(open);
  });

  it("warns where it can't tell, and fails whoever wants to reboot on it", async () => {
    await lab.node0.run(nft("ct state established accept; udp dport 69 limit rate 10/second accept;"));
    const reason =
      /it can't be told whether node 0's firewall lets through requests for files \(udp 69\) of machines on eno2, because of `udp dport 69 limit rate 10\/second.* accept` in chain inet mine input/;
    project.write({ "index.ts": program("export const { verified } = a(true); dhcp;") });
    await project.succeed([...up, "--refresh"]);
    project.write({ "index.ts": program('const node = a({ again: "1" }); export const { verified } = node;') });
    const { code, output } = await project.pulumi(up);
    expect(code).not.toBe(0);
    expect(output).toMatch(reason);
    const table = await netbootCommand(project, "verify");
    expect(table.code).toBe(1);
    expect(table.stdout).toMatch(/^FAILED {2}a {2}not proved: it can't be told/m);
    project.write({ "index.ts": program("const node = a({ again: undefined }); export const { verified } = node;") });
    await project.succeed([...up]);
    expect((await project.outputs())["verified"]).toMatch(
      /^DHCP offered 192\.168\.1\.3, ipxe\.efi, then refind\.pxe \(1 MAC\)/,
    );
    await lab.node0.run(open);
  });
});
