import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { firewalls } from "../support/firewalls";
import { changedSince, entriesOf, netbootCommand, programOn, restless } from "../support/node0";
import {
  installAsRecorded,
  layDown,
  placeholdersOf,
  readUpgradeCase,
  recordedBefore,
  recordedProgram,
  type UpgradeCase,
} from "../support/upgradeCase";

const up = ["up", "--yes", "--skip-preview"];

/** A node 0 and a stack that an earlier version of this package made, and which this one goes on with. */
describe("what an earlier version made", () => {
  let lab: Lab;
  let project: ScratchProject;
  let node0: UpgradeCase;
  /** Before us, and with what apt brought. */
  let before: readonly string[];
  let made: string;
  let ran: string;

  beforeAll(async () => {
    lab = await labUp();
    await lab.node0.run(recordedBefore);
    const recorded = readUpgradeCase(await placeholdersOf(lab));
    node0 = recorded.node0;
    const pristine = await lab.node0.listing();
    await installAsRecorded(lab, node0);
    before = [pristine, await lab.node0.listing()];
    await layDown(lab, node0);
    await lab.node0.reboot();
    made = await lab.node0.listing();
    ran = await running();
    project = await scratchProject({ files: { "index.ts": programOn(lab, recordedProgram) }, name: "upgrade" });
    const file = join(project.root, "recorded.json");
    writeFileSync(file, JSON.stringify(recorded.stack));
    await project.succeed(["stack", "import", "--file", file]);
    await project.succeed(["stack", "select"]);
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  /** The processes that serve, and the firewall's rules. */
  async function running(): Promise<string> {
    const units = "isc-dhcp-server tftpd-hpa chrony netboot-names";
    const { stdout } = await lab.node0.run(
      `systemctl show -p Id -p ActiveState -p MainPID -p InvocationID ${units}; ${firewalls.nftables.effective}`,
    );
    return stdout;
  }

  it("serves by itself as it was recorded", () => {
    expect(ran.match(/^MainPID=[1-9]/gm)).toHaveLength(4);
    expect(ran.match(/ comment "pulumi-netboot"$/gm)).toHaveLength(6);
  });

  it("is taken over by one up, which writes and restarts only what is new in this version", async () => {
    const { output } = await project.succeed([...up, "--refresh"]);
    const others = (state: string) =>
      state.replace(/MainPID=\d+\nId=(isc-dhcp-server|tftpd-hpa|netboot-names).*\n.*\n.*\n/g, "");
    const now = await running();
    expect(others(now), output).toBe(others(ran));
    ran = now;
    const changed = await changedSince(lab, made);
    expect(changed.flatMap((line) => (line.startsWith("/var/lib/pulumi-netboot/") ? [] : line.split(": ")[0]))).toEqual(
      [
        "/etc/dhcp/dhcpd.conf",
        "/etc/netboot-names/dnsmasq.conf",
        "/etc/systemd/system/pulumi-netboot-firewall.service",
        "/etc/systemd/system/pulumi-netboot-recovery.service",
        "/etc/systemd/system/tftpd-hpa.service",
      ],
    );
  });

  it("changes nothing the second time", async () => {
    await project.succeed([...up, "--expect-no-changes"]);
    expect(await running()).toBe(ran);
  });

  it("is known to the command, by which every machine is served", async () => {
    expect((await netbootCommand(project, "doctor")).stdout).toBe("all as the stack has it\n");
    const { code, stdout, output } = await netbootCommand(project, "verify");
    expect(stdout, output).toBe(
      [
        "ok      db-1   served: 192.168.1.2, ipxe.efi, then refind.pxe (1 MAC)",
        "ok      db-2   served: 192.168.1.3, snponly.efi, then refind.pxe (2 MACs)",
        "ok      web-1  served: 192.168.1.4, ipxe.efi, then refind.pxe (1 MAC)",
        "ok      web-2  served: 192.168.1.5, ipxe.efi, then refind.pxe (1 MAC)",
        "ok      web-3  served: 192.168.1.6, ipxe.efi, then refind.pxe (1 MAC)",
        "",
        "5 machines, all served",
        "",
      ].join("\n"),
    );
    expect(code).toBe(0);
    expect(await running()).toBe(ran);
  });

  /** How many rules of ours are there once the firewall has loaded its own anew. */
  async function rulesAfterReload(): Promise<number> {
    const { stdout } = await lab.node0.run(`systemctl restart nftables; ${firewalls.nftables.effective}`);
    return stdout.match(/ comment "pulumi-netboot"$/gm)?.length ?? 0;
  }

  it("keeps its firewall's rules through a change that is refused", async () => {
    const program = recordedProgram.replace("names: {", 'dhcp: { extraConfig: "frobnicate on;" }, names: {');
    project.write({ "index.ts": programOn(lab, program) });
    const { code, output } = await project.pulumi(up);
    expect(code).not.toBe(0);
    expect(output).toMatch(/dhcpd refused the new configuration[\s\S]*Nothing was changed/i);
    expect(await running()).toBe(ran);
    expect(await rulesAfterReload()).toBe(6);
  });

  it("is changed like any other: a machine goes, another comes, and the firewall's rules stay", async () => {
    const program = recordedProgram.replace(/^new netboot.OlaNode\("db-1".*\n/m, "").replaceAll("web-3", "web-4");
    project.write({ "index.ts": programOn(lab, program) });
    await project.succeed(up);
    const { stdout } = await lab.node0.run(
      "grep -o '^host [^ ]*' /etc/dhcp/netboot/hosts.conf | sort; cat /etc/netboot-names/hosts",
    );
    expect(stdout).toMatch(/^host db-2-nic0\nhost db-2-nic1\nhost web-1-nic0\nhost web-2-nic0\nhost web-4-nic0\n/);
    expect(stdout).toMatch(/^192\.168\.1\.6 web-4\.rack\.example\.net web-4$/m);
    expect(stdout).not.toMatch(/db-1|web-3/);
    expect(await rulesAfterReload()).toBe(6);
  });

  it("is found as declared, also after a reboot", async () => {
    await lab.node0.reboot();
    await project.succeed([...up, "--refresh", "--expect-no-changes"]);
    expect((await running()).match(/ comment "pulumi-netboot"$/gm)).toHaveLength(6);
  });

  it("is given back by destroy", async () => {
    await project.succeed(["destroy", "--yes", "--skip-preview"]);
    const kept = (path: string): unknown => {
      const entry = node0.entries[`/var/lib/pulumi-netboot/kept/${encodeURIComponent(path)}`];
      return entry !== undefined && "text" in entry ? entry.text : undefined;
    };
    for (const path of ["/etc/default/tftpd-hpa", "/etc/dhcp/dhcpd.conf"]) {
      expect((await lab.node0.run(`cat ${path}`)).stdout).toBe(kept(path));
    }
    // Each path is as it was before the packages came, or as they brought it.
    const known = before.map(entriesOf);
    const now = entriesOf(await lab.node0.listing());
    const paths = new Set([...known.flatMap((each) => [...each.keys()]), ...now.keys()]);
    const odd = [...paths]
      .filter((path) => known.every((each) => each.get(path) !== now.get(path)))
      .filter((path) => !restless.some((pattern) => pattern.test(path)))
      // Debian's packages leave their accounts behind.
      .filter((path) => !/^\/etc\/g?(passwd|group|shadow)$|^\/var\/lib\/dhcp\//.test(path));
    expect(odd).toEqual(["/var/lib/pulumi-netboot", "/var/lib/pulumi-netboot/packages"]);
    const { stdout } = await lab.node0.run(
      `systemctl is-active isc-dhcp-server tftpd-hpa netboot-names; systemctl is-enabled isc-dhcp-server tftpd-hpa systemd-timesyncd
       cat /var/lib/pulumi-netboot/packages; ${firewalls.nftables.effective} | grep -c netboot`,
      { check: false },
    );
    expect(stdout).toBe(
      "inactive\ninactive\ninactive\nmasked\nmasked\nenabled\ndnsmasq-base\nisc-dhcp-server\nlibnetfilter-conntrack3\nlibnfnetlink0\ntftpd-hpa\n0\n",
    );
  });
});
