import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import type { CommandResult } from "../../tools/command.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { changedSince, netbootCommand } from "../support/node0";

/** A node 0 that was set up by hand after the guide's edition for Kea, becomes a program of which Kea is the server, and is given back. */
describe("a program by import from Kea", () => {
  let lab: Lab;
  let project: ScratchProject;
  let before: string;

  beforeAll(async () => {
    lab = await labUp();
    const text = (name: string): string => readFileSync(`test/cases/${name}`, "utf8");
    await lab.node0.run(`
      export DEBIAN_FRONTEND=noninteractive
      apt-get -q -y install --no-install-recommends kea-dhcp4-server tftpd-hpa
      cd /tmp && apt-get -q download ipxe refind && for deb in ipxe_*.deb refind_*.deb; do dpkg-deb -x $deb by-hand; done
      cp by-hand/usr/share/refind/refind/refind_x64.efi by-hand/boot/ipxe.efi /srv/tftp/ && rm -r by-hand *.deb
      cat > /srv/tftp/refind.pxe <<'TEXT'\n${text("guide/refind.pxe")}TEXT
      cat > /srv/tftp/refind.conf <<'TEXT'\n${text("guide/refind.conf")}TEXT
      cat > /etc/kea/kea-dhcp4.conf <<'TEXT'\n${text("import/kea-dhcp4.conf")}TEXT
      sed 's/TFTP_server_address/192.168.1.1/' > /etc/default/tftpd-hpa <<'TEXT'\n${text("guide/tftpd-hpa")}TEXT
      systemctl restart kea-dhcp4-server tftpd-hpa; sleep 2; systemctl is-active kea-dhcp4-server`);
    before = await lab.node0.listing();
    project = await scratchProject({ files: { "index.ts": "" }, name: "kea" });
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  const netboot = (...args: readonly string[]): Promise<CommandResult> => netbootCommand(project, ...args);
  const importing = (output: string) => {
    const { host, hostKey, privateKeyPath } = lab.node0;
    const way = ["--host", host, "--host-key", hostKey, "--private-key-path", privateKeyPath];
    return netboot("import", ...way, "--output", output);
  };

  it("has Kea's network, its machines and the files, says what it can't, and touches nothing", async () => {
    const { code, stdout, output } = await importing("imported");
    expect(code, output).toBe(1);
    expect(stdout).toMatch(/kea-dhcp4\.conf:37: filename "ipxe32\.efi" {2}it is not in \/srv\/tftp/);
    expect(stdout).not.toMatch(/systemctl (disable|stop)/);
    const program = readFileSync(join(project.folder, "imported/index.ts"), "utf8");
    for (const line of [
      '    daemon: "kea",',
      '    cidr: "192.168.1.0/28",',
      '    router: "192.168.1.1",',
      '    domain: "rack.example.net",',
      '    ntpServers: ["192.168.1.1"],',
      '    pool: { from: "192.168.1.10", to: "192.168.1.13" },',
      '    ipxe: { file: "artifacts/ipxe.efi" },',
    ]) {
      expect(program.split("\n")).toContain(line);
    }
    expect(program).toMatch(
      /"node-1": \{ macs: \["52:54:00:12:34:56"\], address: "192\.168\.1\.2", options: \{ "time-offset": 3600 \} \}/,
    );
    expect(program).toMatch(/"node-2": \{ macs: \["52:54:00:12:34:57"\] \}/);
    expect(await changedSince(lab, before)).toEqual([]);
  });

  it("has plan say what of Kea's becomes ours, and leaves node 0 as it was", async () => {
    cpSync(join(project.folder, "imported"), project.folder, { recursive: true });
    await project.succeed(["preview"]);
    const { stdout } = await netboot("plan", "--stack", "dev");
    expect(stdout).toMatch(
      /~ \/etc\/kea\/kea-dhcp4\.conf {2}\(it was there before us; it is kept, and comes back on destroy\)/,
    );
    expect(stdout).toMatch(/\+ \/etc\/kea\/netboot\/reservations\.json/);
    expect((await changedSince(lab, before)).filter((each) => !each.startsWith("/var/lib/pulumi-netboot"))).toEqual([]);
  });

  it("goes on with Kea while it serves: all machines served, proved, and no other file changed", async () => {
    await project.succeed(["up", "--yes", "--skip-preview"]);
    expect((await netboot("verify", "--stack", "dev")).stdout).toMatch(/^2 machines, all served$/m);
    expect(await netboot("doctor", "--stack", "dev")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^all as/),
    });
    const changed = (await changedSince(lab, before)).map((each) => each.replace(/: .*/, ""));
    expect(changed.filter((path) => path.startsWith("/srv/") || path.startsWith("/etc/kea/"))).toEqual([
      "/etc/kea/kea-dhcp4.conf",
      "/etc/kea/netboot",
      "/etc/kea/netboot/reservations.json",
      "/srv/tftp/snponly.efi",
    ]);
    const { stdout } = await lab.node0.run(
      "systemctl is-active kea-dhcp4-server; dpkg -l isc-dhcp-server 2>&1 | grep -c ^ii || true",
    );
    expect(stdout).toBe("active\n0\n");
    await project.succeed(["up", "--yes", "--skip-preview", "--expect-no-changes"]);
    expect((await importing("again")).stderr).toMatch(/pulumi-netboot serves here already, for \S+\/dev;/);
  });

  it("gives back on destroy what was there, and Kea serves by it again", async () => {
    await project.succeed(["destroy", "--yes", "--skip-preview"]);
    const left = (await changedSince(lab, before)).map((each) => each.replace(/: .*/, ""));
    expect(left.filter((path) => /^\/(srv|etc\/(kea|default\/tftpd-hpa))/.test(path))).toEqual([]);
    const { stdout } = await lab.node0.run("sleep 2; systemctl is-active kea-dhcp4-server tftpd-hpa");
    expect(stdout).toBe("active\nactive\n");
  });
});
