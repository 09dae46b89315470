import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import type { HostPlan } from "../../provider/cli/plan";
import type { CommandResult } from "../../tools/command.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { firewalls } from "../support/firewalls";
import { netbootCommand, programOn } from "../support/node0";

const up = ["up", "--yes", "--skip-preview"];

/** `npx pulumi-netboot plan`: what an up would do to node 0, which is not touched. */
describe("a plan", () => {
  let lab: Lab;
  let project: ScratchProject;

  const program = (rest: string, more = ""): string =>
    programOn(
      lab,
      `const node0 = new netboot.NetbootServer("node0", { connection, network${more} });
       new netboot.OlaNode("a", { server: node0, macs: ["52:54:00:00:08:01", "52:54:00:00:08:02"], address: "192.168.1.3" });
       ${rest}`,
    );
  const rack = (m1: string): string =>
    `new netboot.OlaFleet("rack", { server: node0, nodes: {
       m1: { macs: ["52:54:00:00:08:03"], address: "${m1}" },
       m2: { macs: ["52:54:00:00:08:04"], address: "192.168.1.5", loader: "snponly.efi" },
       m3: { macs: ["52:54:00:00:08:05"], address: "192.168.1.7" },
     } });`;

  beforeAll(async () => {
    lab = await labUp();
    await lab.node0.run(firewalls.nftables.setUp);
    project = await scratchProject({ files: { "index.ts": program(rack("192.168.1.4")) }, name: "plan" });
    await project.succeed(["stack", "ls"]);
    await project.succeed(["stack", "select"]);
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  const netboot = (...args: readonly string[]): Promise<CommandResult> => netbootCommand(project, "plan", ...args);

  /** Every file, folder and link of ours and of the system's configuration, with times, and what apt has done. */
  const stateOfNode0 = async (): Promise<string> => {
    const { stdout } = await lab.node0.run(
      `{ find /etc /srv /var/lib/pulumi-netboot /var/lib/dpkg /var/cache/apt -printf '%p %y %m %U:%G %s %l %T@\\n' 2>/dev/null | sort
         find /etc /srv /var/lib/pulumi-netboot -type f -exec sha256sum {} + 2>/dev/null | sort
         cat /var/log/apt/history.log 2>/dev/null
         nft list ruleset
         systemctl show -p InvocationID,ActiveState isc-dhcp-server tftpd-hpa netboot-names chrony systemd-timesyncd; } | sha256sum`,
    );
    return stdout;
  };

  /** What a plan says; node 0 must be what it was. */
  const planned = async (...args: readonly string[]): Promise<CommandResult> => {
    const before = await stateOfNode0();
    const result = await netboot(...args);
    expect(await stateOfNode0(), result.output).toBe(before);
    return result;
  };

  it("of an empty node 0 tells packages, files, machines, units, the firewall and the questions", async () => {
    const { code, stdout, stderr } = await planned();
    expect(code, stderr).toBe(0);
    for (const line of [
      "  apt brings chrony, dnsmasq-base, isc-dhcp-server, tftpd-hpa",
      "  systemd-timesyncd goes for chrony, and comes back on destroy",
      "  taken out of a copy of ipxe, of which nothing else is installed: /srv/tftp/ipxe.efi, /srv/tftp/snponly.efi",
      "  + /etc/dhcp/netboot/hosts.conf  (from the machines of all stacks)",
      "  + m1  192.168.1.4, 52:54:00:00:08:03  (OlaFleet/plan/dev/rack)",
      "  isc-dhcp-server.service starts",
      "  managed by nftables",
      "  + allow in on eno2 udp 67",
      "  at the head of the chain inet filter input",
      "  DHCP, as firmware and as iPXE from each MAC: a, m1, m2, m3",
    ]) {
      expect(stdout.split("\n")).toContain(line);
    }
    expect(stdout).toMatch(/^ {2}\+ \/etc\/dhcp\/dhcpd\.conf {2}\(\d+ lines\)$/m);
    expect(stdout).toMatch(/^ {2}kept from starting until then: isc-dhcp-server\.service/m);
    expect(stdout).not.toMatch(/silent|refused/);
  });

  it("says that a secret in the connection can't be had before the first up, and what to do", async () => {
    const key = JSON.stringify(lab.node0.privateKey);
    const secret = `{ ...connection, privateKeyPath: undefined, privateKey: pulumi.secret(${key}) }`;
    project.write({ "index.ts": program("").replace("{ connection,", `{ connection: ${secret},`) });
    const { code, stderr } = await planned();
    expect(code).toBe(2);
    expect(stderr).toMatch(/its connection holds a secret, .* Plan with an SSH agent or with privateKeyPath/);
    project.write({ "index.ts": program(rack("192.168.1.4")) });
  });

  it("says what pulumi itself finds wrong with the program", async () => {
    project.write({ "index.ts": program(rack("192.168.2.4")) });
    const { code, stderr } = await planned();
    expect(code).toBe(2);
    expect(stderr).toMatch(/192\.168\.2\.4 is outside the subnet/);
    project.write({ "index.ts": program(rack("192.168.1.4")) });
  });

  it("after the up there is nothing to do, and the up did what was told", async () => {
    const { stdout: json } = await planned("--json", "--stack", "dev");
    const [told] = JSON.parse(json) as readonly HostPlan[];
    await project.succeed(up);
    for (const { path, how } of told?.plan?.files ?? []) {
      expect([path, how]).toEqual([path, "comes"]);
      await lab.node0.run(`test -e ${path}`);
    }
    const { stdout: rules } = await lab.node0.run("nft list chain inet filter input");
    expect(rules.match(/comment "pulumi-netboot"/g)).toHaveLength(told?.plan?.firewall?.comes.length ?? 0);
    expect(await planned()).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^nothing to do: the program is as the state has it/),
    });
  });

  it("tells a machine whose lines somebody changed, which the up asks for", async () => {
    await lab.node0.run("sed -i 's/192\\.168\\.1\\.7;/192.168.1.14;/' /etc/dhcp/netboot/hosts.conf");
    await project.succeed(["refresh", "--yes", "--skip-preview"]);
    const { stdout } = await planned();
    expect(stdout).toContain(
      "machines:\n  ~ m3  somebody changed it on node 0; it is put back as declared  (OlaFleet/plan/dev/rack)\n",
    );
    expect(stdout).toContain("  DHCP, as firmware and as iPXE from each MAC: m1, m2, m3\n");
    const offers = async (): Promise<number> => {
      const { stdout } = await lab.node0.run(
        "journalctl -q -o cat -u isc-dhcp-server.service --grep '^DHCPOFFER on 192.168.1.7 to 52:54:00:00:08:05' || true",
      );
      return stdout.split("\n").filter((line) => line !== "").length;
    };
    const before = await offers();
    await project.succeed(up);
    expect(await offers()).toBe(before + 2);
  });

  it("tells that a machine which goes into a fleet is told the same by DHCP", async () => {
    const index = program(rack("192.168.1.4"));
    const into = index
      .replace(/new netboot\.OlaNode\("a".*\n/, "")
      .replace("m1: {", 'a: { macs: ["52:54:00:00:08:01", "52:54:00:00:08:02"], address: "192.168.1.3" },\nm1: {');
    project.write({ "index.ts": into });
    const { stdout } = await planned();
    project.write({ "index.ts": index });
    expect(stdout).toContain(
      "machines:\n  ~ a  declared by OlaNode/plan/dev/a until now, and told the same by DHCP  (OlaFleet/plan/dev/rack)\n",
    );
  });

  it("of a change shows the lines that differ on the host, the machines, and the silence of DHCP", async () => {
    const other = `${rack("192.168.1.6")} new netboot.OlaNode("b", { server: node0, macs: ["52:54:00:00:08:09"], address: "192.168.1.9" });`;
    project.write({ "index.ts": program(other, ", artifacts: { refindConf: { timeoutSeconds: 3 } }") });
    await lab.node0.run("sed -i 's/^timeout 1$/timeout 9/' /srv/tftp/refind.conf");
    const { code, stdout } = await planned();
    expect(code, stdout).toBe(0);
    expect(stdout).toContain(
      [
        "  ~ /etc/dhcp/netboot/hosts.conf  (from the machines of all stacks)",
        "  ~ /etc/netboot-names/hosts  (from the names of all machines)",
        "  ~ /srv/tftp/refind.conf  (somebody changed it since the last run; that is kept beside)",
      ].join("\n"),
    );
    expect(stdout).toContain("\n      -timeout 9\n      +timeout 3\n");
    expect(stdout).toContain(
      [
        "machines:",
        "  + b  192.168.1.9, 52:54:00:00:08:09  (OlaNode/plan/dev/b)",
        "  ~ m1  192.168.1.4 → 192.168.1.6  (OlaFleet/plan/dev/rack)",
        "units:",
        "  isc-dhcp-server.service restarts",
        "  netboot-names.service reads anew",
        "  DHCP is silent for about 0.1 s at each restart; a machine that asks then asks again by itself",
      ].join("\n"),
    );
    const [plan] = JSON.parse((await planned("--json")).stdout) as readonly HostPlan[];
    expect(plan?.plan?.units).toEqual([
      { unit: "isc-dhcp-server.service", how: "restarts" },
      { unit: "netboot-names.service", how: "reads anew" },
    ]);
    expect(plan).toMatchObject({ host: lab.node0.host, refused: [], notPlanned: [] });
  });

  it("is a line beside the resources of a preview that refreshes, which changes nothing either", async () => {
    const before = await stateOfNode0();
    const { stdout } = await project.succeed(["preview", "--refresh"]);
    expect(await stateOfNode0(), stdout).toBe(before);
    expect(stdout).toMatch(/on node 0 as it is now: ~ \/srv\/tftp\/refind\.conf$/m);
    const told = stdout.split("\n").filter((line) => line.startsWith("    on node 0 as it is now: "));
    expect(told.join("\n")).toMatch(/\+ b\b/);
    expect(told.join("\n")).toMatch(/~ m1\b/);
    for (const once of [
      "isc-dhcp-server.service restarts",
      "netboot-names.service reads anew",
      "DHCP is silent for about 0.1 s",
    ]) {
      expect(
        told.filter((line) => line.includes(once)),
        stdout,
      ).toHaveLength(1);
    }
    const plain = await project.succeed(["preview"]);
    expect(plain.stdout).not.toMatch(/as it is now/);
    const refreshed = await project.succeed(["refresh", "--preview-only"]);
    expect(refreshed.stdout).not.toMatch(/on node 0 as it is now/);
  });

  it("tells in such a preview what is refused", async () => {
    await lab.node0.run("cp /etc/hosts.deny /root/hosts.deny; echo 'in.tftpd: ALL' >> /etc/hosts.deny");
    const { stdout } = await project.succeed(["preview", "--refresh"]);
    await lab.node0.run("mv /root/hosts.deny /etc/hosts.deny");
    expect(stdout).toMatch(/as .* is now, this is refused: .*hosts\.deny.*\[NOT_SERVING\]/);
  });

  it("refuses what nobody can replace, as the up would", async () => {
    const refused = async (before: string, after: string) => {
      await lab.node0.run(before);
      const { code, stdout } = await planned();
      await lab.node0.run(after);
      expect(code).toBe(1);
      return /^refused:\n {2}(.*)$/m.exec(stdout)?.[1];
    };
    const conf = "/srv/tftp/refind.conf";
    expect(await refused(`chattr +i ${conf}`, `chattr -i ${conf}`)).toBe(
      `BootFile/plan/dev/node0-artifacts-refind.conf: ${conf} cannot be replaced: it is immutable (lsattr) [TRANSACTION_FAILED]`,
    );
    const folder = "/etc/dhcp/netboot";
    const mounting = `mount --bind ${folder} ${folder}; mount -o remount,ro,bind ${folder}`;
    expect(await refused(mounting, `umount ${folder}`)).toMatch(
      `${folder}/hosts.conf cannot be replaced: ${folder} is mounted read-only (findmnt) [TRANSACTION_FAILED]`,
    );
  });

  it("tells what is refused and why, and plans the rest", async () => {
    await lab.node0.run("chmod 600 /srv/tftp/snponly.efi");
    const { code, stdout } = await planned();
    await lab.node0.run("chmod 644 /srv/tftp/snponly.efi");
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^refused:\n {2}OlaFleet\/plan\/dev\/rack: snponly\.efi .*the user tftp may not read it \(mode 0600\); m2 would not boot \[NOT_SERVING\]$/m,
    );
    expect(stdout).toMatch(/^ {2}\+ b {2}192\.168\.1\.9/m);
    expect(stdout).not.toMatch(/^ {2}~ m1 /m);
    expect(await lab.node0.run("cat /srv/tftp/refind.conf")).toMatchObject({
      stdout: expect.stringContaining("timeout 9"),
    });
  });

  it("of a fleet with secret machines tells the rest, and never a secret", async () => {
    const fleet = (m1: string, m2: string, more: string) =>
      `new netboot.OlaFleet("rack", { server: node0, nodes: {
         m1: { macs: ["52:54:00:00:08:03"], address: "${m1}" },
         m2: { macs: [${m2}], address: "192.168.1.5", loader: "snponly.efi" }, ${more}
       } });`;
    project.write({ "index.ts": program(fleet("192.168.1.6", '"52:54:00:00:08:0a"', "")) });
    await project.succeed([...up, "--refresh"]);
    const secret = 'm3: { macs: [pulumi.secret("52:54:00:00:08:0c")], address: "192.168.1.8" }';
    project.write({ "index.ts": program(fleet("192.168.1.7", 'pulumi.secret("52:54:00:00:08:0b")', secret)) });
    const { code, stdout } = await planned();
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/^ {2}~ m1 {2}192\.168\.1\.6 → 192\.168\.1\.7/m);
    expect(stdout).not.toMatch(/^ {2}[-~+] m[23] |52:54:00:00:08:0[bc]/m);
    expect(stdout).toContain(
      "  OlaFleet/plan/dev/rack, m2: a secret, which is not shown; planned as the stack has it until now\n",
    );
    expect(stdout).toContain("  OlaFleet/plan/dev/rack, m3: a secret, which is not shown\n");
  });

  it("of a destroy by an empty program tells what comes back", async () => {
    project.write({ "index.ts": programOn(lab, "") });
    const { code, stdout } = await planned();
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/^ {2}chrony goes, and systemd-timesyncd comes back$/m);
    expect(stdout).toMatch(/^ {2}- a {2}192\.168\.1\.3/m);
    expect(stdout).toMatch(/^ {2}isc-dhcp-server\.service stops$/m);
    expect(stdout).toMatch(/^ {2}- allow in on eno2 udp 67$/m);
  });
});
