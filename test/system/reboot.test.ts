import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { programOn } from "../support/node0";

/** Node 0 goes down and comes back, and nobody runs anything. */
describe("a reboot of node 0", () => {
  let lab: Lab;
  let project: ScratchProject;

  beforeAll(async () => {
    lab = await labUp();
    await lab.segment.run(["ip", "address", "add", "192.168.1.14/28", "dev", lab.segment.clientInterface]);
    const program = programOn(
      lab,
      `const node0 = new netboot.NetbootServer("node0", { connection, network });
       new netboot.OlaNode("a", { server: node0, macs: ["52:54:00:00:09:01"], address: "192.168.1.3" });`,
    );
    project = await scratchProject({ files: { "index.ts": program }, name: "reboot" });
    await project.succeed(["up", "--yes", "--skip-preview"]);
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  /** What listens on the private address, and the state of dhcpd. */
  async function serving(): Promise<readonly string[]> {
    const { stdout } = await lab.node0.run(
      "ss -H -lntu src 192.168.1.1 | awk '{print $1, $5}' | sort; systemctl is-active isc-dhcp-server",
      { check: false },
    );
    return stdout.trim().split("\n");
  }

  const all = ["tcp 192.168.1.1:53", "udp 192.168.1.1:123", "udp 192.168.1.1:53", "udp 192.168.1.1:69", "active"];

  it("leaves everything served, though the private interface comes a quarter of a minute late", async () => {
    expect(await serving()).toEqual(all);
    await lab.node0.run(`
      sed -i 's/^auto eno2/allow-hotplug-not eno2/' /etc/network/interfaces
      ip addr flush dev eno2; ip link set eno2 down
      cat > /etc/systemd/system/late.service <<'UNIT'
[Service]
ExecStart=/bin/sh -c 'sleep 15; ip link set eno2 up; ip addr add 192.168.1.1/28 dev eno2'
[Install]
WantedBy=multi-user.target
UNIT
      systemctl enable late.service`);
    await lab.node0.reboot();
    // Whoever could not bind tries again after some seconds.
    for (let waited = 0; waited < 60 && (await serving()).length < all.length; waited++) {
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    expect(await serving()).toEqual(all);
    const { stdout } = await lab.segment.run(["dig", "@192.168.1.1", "+short", "+time=2", "-q", "a"]);
    expect(stdout).toBe("192.168.1.3\n");
  });

  it("is followed by a machine's boot, to the system on its disk", async () => {
    const machine = await lab.machine({ name: "a", macs: ["52:54:00:00:09:01"] });
    const report = await machine.boot();
    await machine.off();
    expect(report.serial).toContain("local disk system of a is up");
    expect(report.steps.filter(({ seconds }) => seconds === undefined)).toEqual([]);
  });
});
