import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { changedSince, netbootCommand } from "../support/node0";

/** A node 0 that was set up by hand after the guide, becomes a program that goes on with it, and is given back. */
describe("a program by import", () => {
  let lab: Lab;
  let project: ScratchProject;
  let before: string;

  beforeAll(async () => {
    lab = await labUp();
    const text = (name: string): string => readFileSync(`test/cases/guide/${name}`, "utf8");
    const conf = text("dhcpd.conf").replace(/host node_1 [\s\S]*/, 'include "/etc/dhcp/machines.conf";\n');
    await lab.node0.run(`
      export DEBIAN_FRONTEND=noninteractive
      apt-get -q -y install --no-install-recommends isc-dhcp-server tftpd-hpa ipxe
      cd /tmp && apt-get -q download ipxe refind && for deb in ipxe_*.deb refind_*.deb; do dpkg-deb -x $deb by-hand; done
      cp by-hand/usr/share/refind/refind/refind_x64.efi by-hand/boot/ipxe.efi /srv/tftp/ && rm -r by-hand *.deb
      # A byte more than the package's, so that nobody takes it for that.
      printf x >> /srv/tftp/ipxe.efi
      cp /usr/lib/ipxe/snponly.efi /srv/tftp/
      echo mine > /srv/tftp/notes.txt
      cat > /srv/tftp/refind.pxe <<'TEXT'\n${text("refind.pxe")}TEXT
      cat > /srv/tftp/refind.conf <<'TEXT'\n${text("refind.conf").replace("timeout 1", "timeout 2")}TEXT
      cat > /etc/dhcp/dhcpd.conf <<'TEXT'\n${conf}TEXT
      cat > /etc/dhcp/machines.conf <<'TEXT'
host node_1 { hardware ethernet 52:54:00:12:34:56; server-name "node_1"; }
host db-1-a { hardware ethernet 52:54:00:12:34:61; fixed-address 192.168.1.9; option host-name "db-1"; }
host db-1-b { hardware ethernet 52:54:00:12:34:62; fixed-address 192.168.1.9; option host-name "db-1"; uid "x"; }
host out { hardware ethernet 52:54:00:12:34:63; fixed-address 192.168.1.10; deny booting; }
TEXT
      sed 's/TFTP_server_address/192.168.1.1/' > /etc/default/tftpd-hpa <<'TEXT'\n${text("tftpd-hpa")}TEXT
      sed -i 's/^INTERFACESv4=.*/INTERFACESv4="eno2"/' /etc/default/isc-dhcp-server
      systemctl restart isc-dhcp-server tftpd-hpa`);
    before = await lab.node0.listing();
    project = await scratchProject({ files: { "index.ts": "" }, name: "node0" });
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  const importing = (...more: readonly string[]) => {
    const { host, hostKey, privateKeyPath } = lab.node0;
    const way = ["--host", host, "--host-key", hostKey, "--private-key-path", privateKeyPath];
    return netbootCommand(project, "import", ...way, ...more);
  };

  it("writes a program, names what it can't say, and touches nothing", async () => {
    const { code, stdout, output } = await importing("--output", "imported");
    expect(code, output).toBe(1);
    expect(stdout).toContain('/etc/dhcp/machines.conf:3: uid "x";');
    expect(stdout).toMatch(/these stay as they are, and are not declared: notes\.txt$/m);
    const program = readFileSync(join(project.folder, "imported/index.ts"), "utf8");
    const { host, hostKey, privateKeyPath } = lab.node0;
    expect(
      program
        .replace(/on \d{4}-\d\d-\d\d/, "on a day")
        .replaceAll(hostKey, "KEY")
        .replaceAll(privateKeyPath, "PATH")
        .replaceAll(host, "HOST"),
    ).toMatchInlineSnapshot(`
      "// Written by \`npx pulumi-netboot import\` from HOST, as it was set up by hand on a day.
      //
      // What is not as node 0 has it:
      //   /etc/dhcp/machines.conf:3: uid "x";  a node has nothing like it
      //   /etc/dhcp/machines.conf:4: deny booting; (host out)  dhcpd does not answer this machine; a program can only leave it out, and with unknownMachines: "serve" it is answered as any other
      //   /etc/dhcp/dhcpd.conf:62: filename "ipxe32.efi"  it is not in /srv/tftp, so no 32-bit machine boots by it; give artifacts.ipxe32 if there are some
      //   /srv/tftp: these stay as they are, and are not declared: notes.txt
      import { readFileSync } from "node:fs";
      import * as netboot from "pulumi-netboot";

      const node0 = new netboot.NetbootServer("node0", {
        connection: { host: "HOST", privateKeyPath: "PATH", hostKey: "KEY" },
        network: {
          interface: "eno2",
          cidr: "192.168.1.0/28",
          address: "192.168.1.1",
          router: "192.168.1.1",
          pool: { from: "192.168.1.2", to: "192.168.1.5" },
        },
        unknownMachines: "serve", // as there; "refuse" answers the machines below only
        dhcp: {
          // dhcpd reads or serves more than this network. The first up puts ours in its place, and destroy puts it back.
          // This goes as far as it is not below: include "/etc/dhcp/machines.conf"
          replace: true,
        },
        // As they lay on node 0. Without its line a file is pulumi-netboot's own, or Debian's.
        artifacts: {
          ipxe: { file: "artifacts/ipxe.efi" },
          refind: { file: "artifacts/refind_x64.efi" },
          bootScript: readFileSync("artifacts/refind.pxe", "utf8"),
          refindConf: readFileSync("artifacts/refind.conf", "utf8"),
        },
        time: false, // node 0 serves no time now; without this line it does
        names: false, // node 0 serves no names now; without this line it does
      });

      const fleet = new netboot.OlaFleet("fleet", {
        server: node0,
        nodes: {
          "node-1": { macs: ["52:54:00:12:34:56"] }, // /etc/dhcp/machines.conf:1, there node_1
          "db-1": { macs: ["52:54:00:12:34:61", "52:54:00:12:34:62"], address: "192.168.1.9" }, // /etc/dhcp/machines.conf:2
        },
      });

      export const boots = fleet.nextBoots;
      "
    `);
    expect(await changedSince(lab, before)).toEqual([]);
    expect((await importing("--output", "imported")).stderr).toMatch(
      /imported has Pulumi\.yaml, .* already, and nothing is overwritten/,
    );
  });

  it("is one of the commands that `npx pulumi-netboot` has, which guesses at a wrong word", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { readonly version: string };
    expect(await netbootCommand(project, "--version")).toMatchObject({ code: 0, stdout: `${version}\n` });
    const wrong = await netbootCommand(project, "imprt");
    expect(wrong).toMatchObject({ code: 2, stderr: 'there is no command "imprt"; did you mean import?\n' });
    expect((await netbootCommand(project, "doctor", "db-1")).stderr).toMatch(
      /^"db-1" is one word too many after doctor/,
    );
  });

  it("leaves a project whose first up serves the same, proved, and changes no file that it brought", async () => {
    cpSync(join(project.folder, "imported"), project.folder, { recursive: true });
    await project.succeed(["preview"]);
    const plan = await netbootCommand(project, "plan", "--stack", "dev");
    expect(plan.code, plan.output).toBe(0);
    // It lies there as the package, which is installed, has it.
    expect(plan.stdout).toMatch(/^ {2}taken out of a copy of ipxe, .*: \/srv\/tftp\/snponly\.efi$/m);
    expect(plan.stdout).not.toMatch(/^ {2}~ \/srv\/tftp\//m);
    await project.succeed(["up", "--yes"]);
    const verified = await netbootCommand(project, "verify", "--stack", "dev");
    expect(verified.output).toMatch(/^2 machines, all served$/m);
    const changed = (await changedSince(lab, before))
      .map((each) => each.replace(/: .*/, ""))
      .filter((path) => !path.startsWith("/var/lib/pulumi-netboot"));
    expect(changed).toMatchInlineSnapshot(`
      [
        "/etc/default/tftpd-hpa",
        "/etc/dhcp/dhcpd.conf",
        "/etc/dhcp/netboot",
        "/etc/dhcp/netboot/hosts.conf",
        "/etc/systemd/system/isc-dhcp-server.service",
        "/etc/systemd/system/multi-user.target.wants/isc-dhcp-server.service",
        "/etc/systemd/system/multi-user.target.wants/pulumi-netboot-firewall.service",
        "/etc/systemd/system/multi-user.target.wants/pulumi-netboot-recovery.service",
        "/etc/systemd/system/multi-user.target.wants/tftpd-hpa.service",
        "/etc/systemd/system/nftables.service.d",
        "/etc/systemd/system/nftables.service.d/pulumi-netboot.conf",
        "/etc/systemd/system/pulumi-netboot-firewall.service",
        "/etc/systemd/system/pulumi-netboot-recovery.service",
        "/etc/systemd/system/tftpd-hpa.service",
      ]
    `);
    await project.succeed(["up", "--yes", "--skip-preview", "--expect-no-changes"]);
    expect((await importing("--output", "again")).stderr).toMatch(
      /pulumi-netboot serves here already, for imported\/dev;/,
    );
  });

  it("gives back on destroy what was there", async () => {
    await project.succeed(["destroy", "--yes", "--skip-preview"]);
    expect(await changedSince(lab, before)).toEqual([]);
    const { stdout } = await lab.node0.run("systemctl is-active isc-dhcp-server tftpd-hpa");
    expect(stdout).toBe("active\nactive\n");
  });

  it("is left behind with a node 0 that is gone, by whoever names that", async () => {
    const { host } = lab.node0;
    // A way to a dead host is tried once only, and not for long.
    const program = readFileSync(join(project.folder, "index.ts"), "utf8");
    project.write({
      "index.ts": program.replace("connection: {", "connection: { dialErrorLimit: 0, perDialTimeout: 10,"),
    });
    await project.succeed(["up", "--yes", "--skip-preview"]);
    await lab.node0.powerCut();
    const everything = ["destroy", "--yes", "--skip-preview"];
    const dead = await project.pulumi(everything);
    expect(dead.code).not.toBe(0);
    expect(dead.output).toContain(
      `If ${host} is gone for good, run the same command with PULUMI_NETBOOT_FORGET=${host} in`,
    );
    const { output } = await project.succeed(everything, { env: { PULUMI_NETBOOT_FORGET: host } });
    expect(output).toContain(`${host} is left behind, as PULUMI_NETBOOT_FORGET says`);
    expect((await project.state()).deployment.resources ?? []).toEqual([]);
    await lab.node0.powerOn();
  });

  it("is listed there without its state, and cleared by a command that asks first and gives back what was there", async () => {
    const { host, hostKey, privateKeyPath } = lab.node0;
    const way = ["--host", host, "--host-key", hostKey, "--private-key-path", privateKeyPath];
    const records = (...more: readonly string[]) => netbootCommand(project, "records", ...way, ...more);
    expect((await records()).stdout).toMatch(
      new RegExp(`^${host}\\n  imported/dev: 1\\d records, 2 machines, last written 2`),
    );
    expect((await records("--clear", "imported/old")).stderr).toMatch(
      /^"imported\/old" has no records there; these stacks have: imported\/dev$/m,
    );
    const asked = await records("--clear", "imported/dev");
    expect(asked.stderr).toMatch(/this takes away 1\d records of imported\/dev, .*2 machines.* say --yes/);
    expect(asked.code).toBe(2);
    expect((await records()).stdout).toMatch(/2 machines/);
    const cleared = await records("--clear", "imported/dev", "--yes");
    expect(cleared.output).toMatch(/^1\d cleared$/m);
    expect(cleared.code).toBe(0);
    expect((await records()).stdout).toBe(`${host}: no stack has anything here\n`);
    expect(await changedSince(lab, before)).toEqual([]);
  });
});
