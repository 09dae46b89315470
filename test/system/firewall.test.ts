import { createSocket } from "node:dgram";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { describeFirewall } from "../support/describeFirewall";
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
    await lab.node0.run(
      "DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends iptables >/dev/null",
    );
    project = await scratchProject({ files: { "index.ts": program("{ confine: true }") }, name: "firewall" });
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  it("gets no rule, and a unit that watches for one who loads some", async () => {
    await project.succeed(up);
    expect(await project.outputs()).toEqual({ manager: "none" });
    expect(await rules()).toBe("");
    expect(await ours()).toContain("pulumi-netboot-firewall.service");
    await project.succeed([...up, "--expect-no-changes", "--refresh"]);
  });

  it("has the rules as soon as it has a firewall; nobody outside reaches what is confined", async () => {
    // Somebody's rule lets TFTP in from everywhere.
    await lab.node0.run(`
      nft 'add table inet mine { chain input { type filter hook input priority filter; policy drop; }; }'
      nft 'add rule inet mine input tcp dport 22 accept; add rule inet mine input udp dport { 69, 1069 } accept'`);
    await expect.poll(rules, { timeout: 5000 }).toContain("pulumi-netboot");
    expect(await reached(lab, 69)).toBe(false);
    expect(await reached(lab, 1069)).toBe(true);
    const { stdout } = await project.succeed(["refresh", "--yes", "--diff"]);
    expect(stdout).toContain("the firewall is now managed by nftables");
    await project.succeed([...up, "--refresh"]);
    expect(await project.outputs()).toEqual({ manager: "nftables" });
  });

  const legacy = (rule: string) => `iptables-legacy ${rule}`;

  it.each([
    [
      "iptables-legacy",
      ["nft flush ruleset", ...["-F", "-P INPUT DROP", "-A INPUT -p tcp --dport 22 -j ACCEPT"].map(legacy)].join("\n"),
      "iptables-legacy-save",
    ],
    [
      "nft",
      [...["-P INPUT ACCEPT", "-F"].map(legacy), "nft flush ruleset", "nft -f /etc/mine.nft"].join("\n"),
      "nft -s list ruleset",
    ],
  ])(
    "has them back whenever somebody's service has loaded others by %s, also late in a boot",
    async (_by, load, list) => {
      /** The rules of ours. */
      const marked = async (): Promise<number> => {
        const { stdout } = await lab.node0.run(list);
        return stdout.split("\n").filter((line) => / (--)?comment "?pulumi-netboot"?( |$)/.test(line)).length;
      };
      await lab.node0.run(
        `set -e
      echo 'table inet mine { chain input { type filter hook input priority filter; policy drop; iifname "lo" accept; ct state established accept; tcp dport 22 accept; }; }' > /etc/mine.nft
      printf '#!/bin/sh\n%s\n' "$(cat)" > /usr/local/sbin/mine; chmod 755 /usr/local/sbin/mine
      printf '[Unit]\nAfter=network-online.target\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStartPre=/bin/sleep 3\nExecStart=/usr/local/sbin/mine\n[Install]\nWantedBy=multi-user.target\n' > /etc/systemd/system/firewall.service
      systemctl daemon-reload; systemctl enable --quiet firewall`,
        { input: load },
      );
      for (const how of [() => lab.node0.run("systemctl restart firewall"), () => lab.node0.reboot()]) {
        await how();
        await lab.node0.run("until systemctl is-active -q firewall; do sleep 0.2; done");
        await expect.poll(marked, { timeout: 20_000 }).toBe(8);
      }
      await project.succeed([...up, "--refresh"]);
      const { stdout } = await lab.node0.run("journalctl -q -o cat -b -u pulumi-netboot-firewall");
      expect(stdout).toMatch(/somebody took the rules of pulumi-netboot out of the chain .*; they are there again/);
    },
  );

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
    await expect
      .poll(async () => (await lab.node0.run("pgrep -f 'agent[.]pl firewall'", { check: false })).stdout, {
        timeout: 20_000,
      })
      .toBe("");
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
