import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BootReport, type Lab, labUp } from "../../lab/index.mts";
import type { ScratchProject } from "../../tools/scratch.mts";
import { guideProject, loginsOf } from "../support/node0";

/** The guide's node 0 from first to last, as a user does it: the real engine, a real Debian, a real UEFI machine. */
describe("examples/guide", () => {
  let lab: Lab;
  let project: ScratchProject;

  beforeAll(async () => {
    lab = await labUp();
    project = await guideProject(lab);
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  it("previews without a connection", async () => {
    const { stdout } = await project.succeed(["preview", "--diff", "--show-full-output"]);
    expect(stdout).toContain("+ 15 to create");
    expect(stdout).toContain("subnet 192.168.1.0 netmask 255.255.255.240 {");
    expect(await loginsOf(lab)).toBe(0);
  });

  it("makes node 0 serve, over one connection, with apt's progress on the rows", async () => {
    const { output } = await project.succeed(["up", "--yes", "--skip-preview"]);
    expect(output).toContain("+ 15 created");
    expect(output).toMatch(/netboot:Packages node0-packages creating .*apt: (Unpacking|Setting up) /);
    // The boot packages came beside the others, and left nothing behind.
    expect(output).not.toContain("apt: fetching");
    const { stdout } = await lab.node0.run("ls /var/lib/pulumi-netboot");
    expect(stdout).not.toContain("taking");
    expect(await loginsOf(lab)).toBe(1);
  });

  it("shows what the next boot will do, and what node 0 was seen to serve", async () => {
    const { nextBoot, verified } = await project.outputs();
    expect(nextBoot).toMatch(
      /^from the pool node-1 \(52:54:00:12:34:56\)\nUEFI x64 → ipxe\.efi sha256:67c7f1f8e0…\niPXE → refind\.pxe sha256:[0-9a-f]{10}… → refind_x64\.efi sha256:862e7825a4…, refind\.conf sha256:[0-9a-f]{10}…\n→ first loader on a local disk$/,
    );
    expect(verified).toBe("DHCP offered an address of the pool, ipxe.efi, then refind.pxe (1 MAC)");
  });

  it("takes the binaries out of their packages without installing those", async () => {
    const { stdout } = await lab.node0.run(
      "dpkg -l ipxe refind 2>/dev/null | grep -c ^ii || true; sha256sum /srv/tftp/ipxe.efi",
    );
    expect(stdout.split("\n")[0]).toBe("0");
    expect(stdout).toContain("67c7f1f8e062968209ca055283ca782f21faf6a18f55dd19848601bbaf8ed7aa");
  });

  it("serves the private side and nothing else", async () => {
    const { stdout } = await lab.node0.run("ss -H -lun sport = :69; ss -H -l --packet; cat /proc/net/packet");
    expect(stdout).toContain("192.168.1.1:69");
    expect(stdout).not.toMatch(/0\.0\.0\.0:69|\*:69/);
    expect(stdout).not.toMatch(/eno1\b/);
  });

  it("boots a machine through the guide's nine steps from its local disk", async () => {
    const machine = await lab.machine({ name: "node-1", macs: ["52:54:00:12:34:56"] });
    const report: BootReport = await machine.boot();
    await machine.off();
    expect(report.serial).toContain("local disk system of node-1 is up");
    expect(report.steps.filter(({ seconds }) => seconds === undefined)).toEqual([]);
    expect(report.steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("changes nothing the second time, without a connection", async () => {
    const logins = await loginsOf(lab);
    const { stdout } = await project.succeed(["up", "--yes", "--skip-preview", "--expect-no-changes"]);
    expect(stdout).toContain("15 unchanged");
    expect(await loginsOf(lab)).toBe(logins);
  });

  it("previews a change as the lines that differ, without a connection", async () => {
    const logins = await loginsOf(lab);
    const program = await import("node:fs/promises").then(({ readFile }) =>
      readFile(`${project.folder}/examples/guide/index.ts`, "utf8"),
    );
    project.write({
      "examples/guide/index.ts": program
        .replace(
          "  unknownMachines:",
          "  artifacts: { refindConf: { timeoutSeconds: 3 }, bootScript: { attempts: 5 } },\n  unknownMachines:",
        )
        .replace('router: "192.168.1.1"', 'router: "192.168.1.1", leaseSeconds: 3600'),
    });
    const { stdout, output } = await project.succeed(["preview", "--diff"]);
    expect(stdout).toMatch(/- timeout 1\n\s*\+ timeout 3/);
    expect(stdout).toMatch(/- default-lease-time 7200;\n/);
    expect(stdout).toMatch(/\+ default-lease-time 3600;\n/);
    expect(stdout).toMatch(/- .*\b3\b.*\n\s*\+ .*\b5\b/);
    expect(stdout).toMatch(/~ nextBoot/);
    expect(output).toMatch(
      /^\s*next boot changes for 1 of 1 node: node-1 \(refind\.pxe \w{8} → \w{8}, refind\.conf \w{8} → \w{8}\)$/m,
    );
    expect(await loginsOf(lab)).toBe(logins);
  });

  it("carries the change out over one connection, restarting dhcpd once", async () => {
    const logins = await loginsOf(lab);
    const starts = "journalctl -q -o cat -u isc-dhcp-server.service --grep '^Started ' | wc -l";
    const before = Number((await lab.node0.run(starts)).stdout);
    await project.succeed(["up", "--yes", "--skip-preview"]);
    expect(await loginsOf(lab)).toBe(logins + 1);
    expect(Number((await lab.node0.run(starts)).stdout)).toBe(before + 1);
    const { stdout } = await lab.node0.run("cat /srv/tftp/refind.conf /etc/dhcp/dhcpd.conf");
    expect(stdout).toMatch(/^timeout 3$/m);
    expect(stdout).toMatch(/^default-lease-time 3600;$/m);
  });

  it("serves again after a power cut, without another up", async () => {
    await lab.node0.powerCut();
    await lab.node0.powerOn();
    const machine = await lab.machine({ name: "node-1", macs: ["52:54:00:12:34:56"] });
    const report = await machine.boot();
    await machine.off();
    expect(report.reachedDisk).toBe(true);
  });

  it("is gone after destroy", async () => {
    await project.succeed(["destroy", "--yes", "--skip-preview"]);
    const { stdout } = await lab.node0.run(
      "systemctl is-active isc-dhcp-server tftpd-hpa; systemctl is-enabled isc-dhcp-server tftpd-hpa; ls -A /srv/tftp /var/lib/pulumi-netboot",
      { check: false },
    );
    expect(stdout).toBe("inactive\ninactive\nmasked\nmasked\n/srv/tftp:\n\n/var/lib/pulumi-netboot:\npackages\n");
  });
});
