import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { describeKea } from "../support/describeKea";
import { netbootCommand, programOn } from "../support/node0";
import { type Arena, arena } from "../system/faults/round.mts";

const up = ["up", "--yes", "--skip-preview"];

describeKea("trixie");

describe("a node 0 without Kea, bullseye", () => {
  it("is refused, with the release that has it", async () => {
    const lab = await labUp({ release: "bullseye" });
    const server = 'new netboot.NetbootServer("node0", { connection, network, dhcp: { daemon: "kea" } });';
    const project = await scratchProject({ files: { "index.ts": programOn(lab, server) }, name: "kea" });
    try {
      const { code, output } = await project.pulumi(up);
      expect(code).not.toBe(0);
      expect(output).toMatch(
        /apt knows no package kea-dhcp4-server on this host: Debian has it since 12\. [\s\S]*\[PACKAGES_FAILED\]/,
      );
    } finally {
      await project.remove();
      await lab.down();
    }
  });
});

/** What a boot needs is there after each of these, by the one or by the other. */
describe("a change of the DHCP server that is killed", () => {
  let lab: Lab;
  let project: ScratchProject;
  let daemon = "isc";

  const mac = "52:54:00:00:02:02";
  const program = (): string =>
    programOn(
      lab,
      `const node0 = new netboot.NetbootServer("node0", { connection, network, time: false, names: false, dhcp: { daemon: "${daemon}" } });
       new netboot.OlaNode("db1", { server: node0, macs: ["52:54:00:00:02:01", "${mac}"], address: "192.168.1.3" });`,
    );

  beforeAll(async () => {
    lab = await labUp();
    await lab.segment.run(["ip", "address", "add", "192.168.1.14/28", "dev", lab.segment.clientInterface]);
    await lab.segment.run(["ip", "route", "add", "255.255.255.255/32", "dev", lab.segment.clientInterface]);
    project = await scratchProject({ files: { "index.ts": program() }, name: "killed" });
    await project.succeed(up);
    // Both packages are there, so that each change is one transaction.
    await lab.node0.run(
      "ln -s /dev/null /etc/systemd/system/kea-dhcp4-server.service && apt-get -q -y install --no-install-recommends kea-dhcp4-server",
    );
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  it.each([0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.2, 1.6])(
    "leaves one of the two, whole: %d s after its journal",
    async (after) => {
      daemon = daemon === "isc" ? "kea" : "isc";
      project.write({ "index.ts": program() });
      const killed = lab.node0.run(
        `until grep -q '^unit ' /var/lib/pulumi-netboot/journal 2>/dev/null; do sleep 0.01; done; sleep ${after}
       systemctl list-units --plain --no-legend --state=running 'pulumi-netboot-*' | awk '!/firewall/ { print $1 }' | xargs -r systemctl kill --signal=KILL`,
        { check: false },
      );
      await project.pulumi(up);
      await killed;
      const { stdout } = await lab.node0.run(
        `until [ ! -e /var/lib/pulumi-netboot/journal ]; do sleep 0.1; done; sleep 2
       systemctl is-active isc-dhcp-server kea-dhcp4-server; ls /etc/dhcp/netboot /etc/kea/netboot 2>/dev/null`,
        { check: false },
      );
      expect(stdout).toMatch(
        /^(active\ninactive\n\/etc\/dhcp\/netboot:\nhosts\.conf|inactive\nactive\n\/etc\/kea\/netboot:\nreservations\.json)\n$/,
      );
      const client = join(process.cwd(), "test/support/dhcpClient.mts");
      const asked = JSON.stringify([{ mac, arch: [7] }]);
      const { stdout: answers } = await lab.segment.run([process.execPath, client, asked]);
      expect(JSON.parse(answers)).toMatchObject([{ type: "ack", address: "192.168.1.3", filename: "ipxe.efi" }]);
      await project.succeed(up);
      const states = await lab.node0.run("systemctl is-active isc-dhcp-server kea-dhcp4-server", { check: false });
      expect(states.stdout).toBe(daemon === "isc" ? "active\ninactive\n" : "inactive\nactive\n");
    },
  );
});

/** As dhcpd's own configuration is: kept, taken over while it runs, and given back. */
describe("a Kea that somebody set up", () => {
  it("becomes ours by one up, and is theirs again after destroy", async () => {
    const lab = await labUp();
    const theirs = readFileSync("test/cases/import/kea-dhcp4.conf", "utf8");
    await lab.node0.run(
      `DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends kea-dhcp4-server
       cat > /etc/kea/kea-dhcp4.conf <<'TEXT'\n${theirs}TEXT
       systemctl restart kea-dhcp4-server; sleep 2; systemctl is-active kea-dhcp4-server`,
    );
    const server = `const node0 = new netboot.NetbootServer("node0", { connection, network, time: false, names: false, dhcp: { daemon: "kea" } });
      new netboot.OlaNode("db1", { server: node0, macs: ["52:54:00:00:02:01"], address: "192.168.1.3" });`;
    const project = await scratchProject({ files: { "index.ts": programOn(lab, server) }, name: "theirs" });
    try {
      const { host, hostKey, privateKeyPath } = lab.node0;
      const way = ["--host", host, "--host-key", hostKey, "--private-key-path", privateKeyPath];
      await netbootCommand(project, "import", ...way, "--output", "imported");
      const imported = readFileSync(join(project.folder, "imported/index.ts"), "utf8");
      expect(imported).toContain('dhcp: {\n    daemon: "kea",\n  },');
      expect(imported).not.toMatch(/before the first|replace/);
      const { output } = await project.succeed(up);
      expect(output).toMatch(
        /kea-dhcp4\.conf was there already, as a package or somebody left it; it is kept, and comes back on destroy/,
      );
      await project.succeed([...up, "--expect-no-changes"]);
      const other = server.replace('daemon: "kea"', 'daemon: "isc"');
      project.write({ "index.ts": programOn(lab, other) });
      const refused = await project.pulumi(up);
      expect(refused.output).toMatch(/kea-dhcp4-server\.service served here before the first up.*\[OCCUPIED\]/s);
      project.write({ "index.ts": programOn(lab, server) });
      await project.succeed(up);
      await project.succeed(["destroy", "--yes", "--skip-preview"]);
      const { stdout } = await lab.node0.run(
        "systemctl is-active kea-dhcp4-server; systemctl show -P FragmentPath kea-dhcp4-server; cat /etc/kea/kea-dhcp4.conf",
      );
      expect(stdout).toBe(`active\n/lib/systemd/system/kea-dhcp4-server.service\n${theirs}`);
    } finally {
      await project.remove();
      await lab.down();
    }
  });
});

/** A few rounds of what `npm run test:faults -- --kea` plays by the hundred. */
describe("a node 0 that Kea serves, whatever goes wrong in an up,", () => {
  let place: Arena;

  beforeAll(async () => {
    place = await arena({}, false, true);
  });

  afterAll(() => place?.remove());

  it.each([
    ["Kea stands still", 700],
    ["Kea ends", 701],
    ["Kea's socket is gone", 702],
  ])("serves one whole state, and the next up reaches the goal: %s", async (fault, seed) => {
    const { violations, output } = await place.round(seed, fault);
    expect(violations, output).toEqual([]);
  });
});
