import { createSocket } from "node:dgram";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { describeFirewall } from "../support/firewalls";
import { programOn } from "../support/node0";

// The others are in test/matrix.
describeFirewall("nftables");

const up = ["up", "--yes", "--skip-preview"];

describe("a host without a firewall", () => {
  let lab: Lab;
  let project: ScratchProject;
  const program = (settings: string) =>
    programOn(
      lab,
      `const firewall = new netboot.Firewall("firewall", { connection, interface: network.interface, ...${settings} });
      export const manager = firewall.manager;`,
    );
  const rules = async () => (await lab.node0.run("nft -s list ruleset")).stdout;
  const ours = async () => (await lab.node0.run("ls -d /etc/systemd/system/*netboot-firewall* || true")).stdout;

  beforeAll(async () => {
    lab = await labUp();
    project = await scratchProject({ files: { "index.ts": program("{ confine: true }") }, name: "firewall" });
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  it("is left as it is", async () => {
    await project.succeed(up);
    expect(await project.outputs()).toEqual({ manager: "none" });
    expect(await rules()).toBe("");
    expect(await ours()).toBe("");
  });

  it("gets the rules by up --refresh when it has one later; nobody outside reaches what is confined", async () => {
    // Somebody's rule lets TFTP in from everywhere.
    await lab.node0.run(`
      nft 'add table inet mine { chain input { type filter hook input priority filter; policy drop; }; }'
      nft 'add rule inet mine input tcp dport 22 accept; add rule inet mine input udp dport { 69, 1069 } accept'`);
    expect(await reached(lab, 69)).toBe(true);
    const { stdout } = await project.succeed(["refresh", "--yes", "--diff"]);
    expect(stdout).toContain("manager is nftables now");
    await project.succeed([...up, "--refresh"]);
    expect(await project.outputs()).toEqual({ manager: "nftables" });
    expect(await reached(lab, 69)).toBe(false);
    expect(await reached(lab, 1069)).toBe(true);
  });

  it("has its rules back when the new ones do not show in it", async () => {
    const before = await rules();
    await lab.node0.run(`
      mv /usr/sbin/nft /usr/sbin/nft.real
      printf '#!/bin/sh\\ncase "$*" in *insert*port\\ 123*) exit 0;; esac\\nexec nft.real "$@"\\n' > /usr/sbin/nft
      chmod 755 /usr/sbin/nft`);
    project.write({ "index.ts": program('{ services: ["ntp"] }') });
    const { code, output } = await project.pulumi(up);
    expect(code).not.toBe(0);
    expect(output).toMatch(/the rules are not in the firewall as they should be: the chain inet mine input/);
    await lab.node0.run("mv /usr/sbin/nft.real /usr/sbin/nft");
    expect(await rules()).toBe(before);
    await project.succeed(["destroy", "--yes", "--skip-preview"]);
    expect(await rules()).not.toContain("pulumi-netboot");
    expect(await ours()).toBe("");
  });
});

/** Whether a datagram of this machine, which is on node 0's public side, gets through to a port of it. */
async function reached(lab: Lab, port: number): Promise<boolean> {
  const { host } = lab.node0;
  const listener = `use Socket; socket(S, PF_INET, SOCK_DGRAM, 0); bind(S, sockaddr_in(${port}, inet_aton("${host}"))) or die $!;
    vec($in, fileno S, 1) = 1; exit(select($in, undef, undef, 2) ? 0 : 9)`;
  const socket = createSocket("udp4");
  const timer = setInterval(() => socket.send("hello", port, host), 200);
  const { code } = await lab.node0.run(`perl -e '${listener}'`, { check: false });
  clearInterval(timer);
  socket.close();
  if (code !== 0 && code !== 9) throw new Error(`the listener ended with ${code}`);
  return code === 0;
}
