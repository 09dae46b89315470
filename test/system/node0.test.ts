import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { differences, guideProject, loginsOf, programOn, restless } from "../support/node0";

const up = ["up", "--yes", "--skip-preview"];
const destroy = ["destroy", "--yes", "--skip-preview"];

/** What a transaction does to a host on which somebody else had his own services before. */
describe("node 0", () => {
  let lab: Lab;
  let before: string;

  beforeAll(async () => {
    lab = await labUp();
    // A user's own: a DHCP server that runs, a TFTP server with files, odd modes and owners.
    await lab.node0.run(`
      export DEBIAN_FRONTEND=noninteractive
      apt-get -q -y install --no-install-recommends isc-dhcp-server tftpd-hpa dnsmasq-base
      cat > /etc/dhcp/dhcpd.conf <<'CONF'
# my own
subnet 192.168.1.0 netmask 255.255.255.240 { range 192.168.1.10 192.168.1.12; }
CONF
      chmod 0640 /etc/dhcp/dhcpd.conf
      sed -i 's/^INTERFACESv4=.*/INTERFACESv4="eno2"/' /etc/default/isc-dhcp-server
      echo mine > /srv/tftp/ipxe.efi
      echo other > /srv/tftp/other.txt
      chown tftp:games /srv/tftp/ipxe.efi
      chmod 0604 /srv/tftp/ipxe.efi
      touch -d '2020-02-02 02:02:02 UTC' /srv/tftp/ipxe.efi
      systemctl restart isc-dhcp-server tftpd-hpa`);
    before = await lab.node0.listing();
  });

  afterAll(() => lab?.down());

  async function afterDestroy(): Promise<readonly string[]> {
    const changed = differences(before, await lab.node0.listing());
    return [...changed]
      .filter(([path]) => !restless.some((pattern) => pattern.test(path)))
      .filter(([path]) => !path.startsWith("/var/lib/dhcp/"))
      .map(([path, { before: was, after: is }]) => `${path}: ${was} → ${is}`);
  }

  describe("to a user with sudo", () => {
    let project: ScratchProject;

    beforeAll(async () => {
      project = await guideProject(lab, "operator");
    });

    afterAll(() => project?.remove());

    it("is taken over and given back: files, modes, owners, times, units", async () => {
      const { stdout: preview } = await project.succeed(["preview", "--diff"]);
      for (const path of ["/etc/dhcp/dhcpd.conf", "/etc/dhcp/netboot/hosts.conf", "/etc/default/tftpd-hpa"]) {
        expect(preview).toContain(`"${path}"`);
      }
      const { output } = await project.succeed(up);
      // What was there is printed with what becomes of it; it is kept besides.
      expect(output).toMatch(
        /dhcpd\.conf was there already, as a package or somebody left it; it is kept, and comes back on destroy/,
      );
      expect(output).toContain("-# my own");
      const served = await lab.node0.run(
        "cat /etc/dhcp/dhcpd.conf; stat -c '%a %U:%G' /srv/tftp/ipxe.efi; cat /srv/tftp/other.txt",
      );
      expect(served.stdout).toContain("written by pulumi-netboot");
      expect(served.stdout).toContain("644 root:root\nother\n");
      await project.succeed(destroy);
      expect(await afterDestroy()).toEqual([]);
      const { stdout } = await lab.node0.run(
        "stat -c '%a %U:%G %Y' /srv/tftp/ipxe.efi; systemctl is-active isc-dhcp-server tftpd-hpa; pgrep -c dhcpd",
      );
      expect(stdout).toBe("604 tftp:games 1580608922\nactive\nactive\n1\n");
    });
  });
});

describe("a pristine node 0", () => {
  let lab: Lab;
  let project: ScratchProject;

  beforeAll(async () => {
    lab = await labUp();
    project = await scratchProject({
      files: {
        "index.ts": programOn(
          lab,
          "new netboot.NetbootServer('node0', { connection, network, removePackages: true });",
        ),
      },
      name: "pristine",
    });
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  it("is as it was after destroy, where the packages go too", async () => {
    const units = "systemctl list-units --all --plain --no-legend '*.service' | awk '{ print $1, $3 }' | sort";
    const running = await lab.node0.run(units);
    const before = await lab.node0.listing();
    await project.succeed(up);
    await project.succeed(destroy);
    const changed = differences(before, await lab.node0.listing());
    const left = [...changed.keys()].filter((path) => !restless.some((pattern) => pattern.test(path)));
    // Debian's packages leave their accounts behind, and isc-dhcp-server takes a folder along that Debian's client shares.
    expect(left).toEqual(["/etc/group", "/etc/gshadow", "/etc/passwd", "/etc/shadow", "/var/lib/dhcp"]);
    const states = (text: string): string[] =>
      // Whoever logs in over SSH brings units of his own.
      text.split("\n").filter((line) => line.endsWith(" active") && !line.startsWith("user"));
    expect(states((await lab.node0.run(units)).stdout)).toEqual(states(running.stdout));
  });
});

/** What is refused once the host is seen, and what a refusal leaves behind. */
describe("an up that node 0 refuses", () => {
  let lab: Lab;
  let project: ScratchProject;
  const server = "const node0 = new netboot.NetbootServer('node0', { connection, network });";

  beforeAll(async () => {
    lab = await labUp();
    project = await scratchProject({ files: { "index.ts": programOn(lab, server) }, name: "refused" });
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  it.each([
    [
      "an interface that does not exist",
      'interface: "eno9"',
      /network\.interface: there is no interface "eno9"; this host has .*eno2 \(52:54:00:/,
    ],
    [
      "an address that the interface has not",
      'address: "192.168.1.9"',
      /network\.address: eno2 has not the address 192\.168\.1\.9\/28; it has 192\.168\.1\.1\/28/,
    ],
    [
      "the interface of the default route",
      'interface: "eno1", address: ADDRESS, cidr: CIDR',
      /network\.interface: eno1 carries the default route/,
    ],
  ])("refuses %s, and touches nothing", async (_name, wrong, expected) => {
    const { stdout: route } = await lab.node0.run("ip -4 -o address show dev eno1 | awk '{print $4}'");
    const [address = "", prefix = ""] = route.trim().split("/");
    const bits = address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
    const size = 2 ** (32 - Number(prefix));
    const first = bits - (bits % size);
    const cidr = `${[24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join(".")}/${prefix}`;
    const values = wrong.replace("ADDRESS", JSON.stringify(address)).replace("CIDR", JSON.stringify(cidr));
    // The DHCP server alone, so that nothing else has a reason to change the host.
    project.write({
      "index.ts": programOn(lab, `new netboot.DhcpServer("dhcp", { connection, network: { ...network, ${values} } });`),
    });
    const before = await lab.node0.listing();
    const { code, output } = await project.pulumi(up);
    expect(code).not.toBe(0);
    expect(output).toMatch(expected);
    const changed = [...differences(before, await lab.node0.listing()).keys()];
    expect(changed.filter((path) => !restless.some((pattern) => pattern.test(path)))).toEqual([]);
  });

  it("says what dhcpd said of a statement it does not know, and changes nothing", async () => {
    project.write({ "index.ts": programOn(lab, server) });
    await project.succeed(up);
    const before = await lab.node0.listing();
    project.write({
      "index.ts": programOn(
        lab,
        'const node0 = new netboot.NetbootServer("node0", { connection, network, dhcp: { extraConfig: "frobnicate on;" } });',
      ),
    });
    const { code, output } = await project.pulumi(up);
    expect(code).not.toBe(0);
    expect(output).toMatch(
      /dhcpd refused the new configuration:[\s\S]*Nothing was changed, and node 0 serves what it served/,
    );
    expect(output).toMatch(/\/etc\/dhcp\/dhcpd\.conf line \d+: .*\n.*frobnicate/);
    const changed = [...differences(before, await lab.node0.listing()).keys()];
    expect(changed.filter((path) => !restless.some((pattern) => pattern.test(path)))).toEqual([]);
  });

  it("puts the previous configuration back when the daemon does not serve the new one", async () => {
    // dhcpd finds nothing wrong with it, but does not start: the lease file is a folder.
    const spoil = "mv /var/lib/dhcp/dhcpd.leases /var/lib/dhcp/kept && mkdir /var/lib/dhcp/dhcpd.leases";
    const mend = "rmdir /var/lib/dhcp/dhcpd.leases && mv /var/lib/dhcp/kept /var/lib/dhcp/dhcpd.leases";
    const { stdout: config } = await lab.node0.run("cat /etc/dhcp/dhcpd.conf");
    await lab.node0.run(spoil);
    project.write({
      "index.ts": programOn(
        lab,
        'const node0 = new netboot.NetbootServer("node0", { connection, network: { ...network, leaseSeconds: 600 } });',
      ),
    });
    const { code, output } = await project.pulumi(up);
    await lab.node0.run(mend);
    expect(code).not.toBe(0);
    expect(output).toMatch(/isc-dhcp-server\.service does not stay up/);
    expect(output).toMatch(/the previous configuration was put back/);
    expect((await lab.node0.run("cat /etc/dhcp/dhcpd.conf")).stdout).toBe(config);
    expect((await lab.node0.run("ls -A /var/lib/pulumi-netboot/undo")).stdout).toBe("");
    // Without any other help the next run reaches the goal.
    await project.succeed(up);
    expect((await lab.node0.run("systemctl is-active isc-dhcp-server")).stdout).toBe("active\n");
  });

  it("commits the good machines of a group without the one that is refused", async () => {
    const machines = (last: number, known = "server"): Record<string, string> => ({
      "index.ts": programOn(
        lab,
        `const server = pulumi.output(new pulumi.StackReference("organization/refused/dev").requireOutput("node0")) as any;
         for (const [name, last] of [["a", 1], ["b", ${last}], ["c", 3]] as const) {
           new netboot.OlaNode(name, { server: ${known}, macs: [\`52:54:00:00:00:0\${last}\`], address: \`192.168.1.\${10 + last}\` });
         }`,
      ),
    });
    const other = await scratchProject({
      files: machines(2),
      name: "other",
      sharing: project,
    });
    try {
      project.write({
        "index.ts": programOn(
          lab,
          `${server}
           new netboot.OlaNode("mine", { server: node0, macs: ["52:54:00:00:00:02"], address: "192.168.1.5" });
           export const reference = node0.reference;
           export { reference as node0 };`,
        ),
      });
      await project.succeed(up);
      const { code, output } = await other.pulumi(up);
      expect(code).not.toBe(0);
      expect(output).toMatch(/the MAC 52:54:00:00:00:02 belongs to OlaNode\/refused\/dev\/mine already/);
      expect(output).toMatch(
        /Nothing of this change was done; of this run stands on node 0: OlaNode\/other\/dev\/a, OlaNode\/other\/dev\/c \[CLASH\]/,
      );
      const { stdout } = await lab.node0.run("grep -o '^host [^ ]*' /etc/dhcp/netboot/hosts.conf");
      expect(stdout.trim().split("\n").sort()).toEqual(["host a-nic0", "host c-nic0", "host mine-nic0"]);
      // What dhcpd -t would let through: a pool around a machine of the other stack, or one of it that knows of no pool.
      const withPool = (from: number, to: number): Record<string, string> => ({
        "index.ts": programOn(
          lab,
          `const pool = { from: "192.168.1.${from}", to: "192.168.1.${to}" };
           const node0 = new netboot.NetbootServer("node0", { connection, network: { ...network, pool } });
           const reference = node0.reference; export { reference as node0 };`,
        ),
      });
      const { stdout: config } = await lab.node0.run("cat /etc/dhcp/dhcpd.conf");
      project.write(withPool(12, 14));
      const around = await project.pulumi(up);
      expect(around.code).not.toBe(0);
      expect(around.output).toMatch(
        /machines of other stacks have addresses in the new pool: c \(192\.168\.1\.13, OlaNode\/other\/dev\/c\); move them first/,
      );
      expect((await lab.node0.run("cat /etc/dhcp/dhcpd.conf")).stdout).toBe(config);
      project.write(withPool(14, 14));
      await project.succeed(up);
      const withoutPool = "{ ...known.settings, network: { ...known.settings.network, pool: undefined } }";
      other.write(machines(4, `server.apply((known: any) => ({ ...known, settings: ${withoutPool} }))`));
      const inside = await other.pulumi(up);
      expect(inside.code).not.toBe(0);
      expect(inside.output).toMatch(/b: 192\.168\.1\.14 lies in the pool of DhcpServer\/refused\/dev\/node0-dhcp/);
      expect((await lab.node0.run("cat /etc/dhcp/netboot/hosts.conf")).stdout).not.toContain("host b-nic0");
      // The server can't go while the other stack has machines on it.
      const refused = await project.pulumi(destroy);
      expect(refused.code).not.toBe(0);
      expect(refused.output).toMatch(
        /(other stacks still have machines on this DHCP server|machines of other stacks boot by it): OlaNode\/other\/dev\/a, OlaNode\/other\/dev\/c/,
      );
      // Nor can anything else that its machines boot by.
      const { stdout: left } = await lab.node0.run(
        "systemctl is-active isc-dhcp-server tftpd-hpa; ls /srv/tftp | sort | tr '\\n' ' '; grep -o '^host [^ ]*' /etc/dhcp/netboot/hosts.conf",
      );
      expect(left).toBe(
        "active\nactive\nipxe.efi refind.conf refind.pxe refind_x64.efi snponly.efi host a-nic0\nhost c-nic0\n",
      );
      await other.succeed(destroy);
    } finally {
      await other.remove();
    }
    await project.succeed(destroy);
  });
});

describe("a machine's state", () => {
  let lab: Lab;
  let project: ScratchProject;

  beforeAll(async () => {
    lab = await labUp();
    project = await scratchProject({
      files: {
        "index.ts": programOn(
          lab,
          `const node0 = new netboot.NetbootServer("node0", { connection: { ...connection, dialErrorLimit: 0, privateKey: pulumi.secret(process.getBuiltinModule("node:fs").readFileSync(connection.privateKeyPath, "utf8")), privateKeyPath: undefined }, network });
           new netboot.OlaNode("db-1", { server: node0, macs: ["04:3f:72:aa:00:01", "04:3f:72:aa:00:02", "04:3f:72:aa:00:03", "04:3f:72:aa:00:04"], address: "192.168.1.11" });`,
        ),
      },
      name: "state",
    });
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  it("is at most 1.3 kB with four NICs, beside the provider's text and the connection, and holds no key in clear", async () => {
    await project.succeed(up);
    const { deployment } = await project.state();
    const node = deployment.resources?.find(({ type }) => type === "pulumi-nodejs:dynamic/netboot:OlaNode");
    const size = [node?.inputs, node?.outputs]
      .map((values) => {
        const { __provider: _text, connection: _connection, ...rest } = values ?? {};
        return Buffer.byteLength(JSON.stringify(rest));
      })
      .reduce((sum, bytes) => sum + bytes, 0);
    expect(size).toBeGreaterThan(200);
    expect(size).toBeLessThanOrEqual(1300);
    expect(JSON.stringify(deployment)).not.toContain("OPENSSH PRIVATE KEY");
  });

  it("shows in a refresh what somebody changed on node 0, and the next up mends it", async () => {
    await lab.node0.run(
      "sed -i 's/^timeout 1$/timeout 20/' /srv/tftp/refind.conf; systemctl stop tftpd-hpa; echo x > /srv/tftp/ipxe.efi",
    );
    const logins = await loginsOf(lab);
    const { stdout } = await project.succeed(["preview", "--refresh", "--diff"]);
    expect(await loginsOf(lab)).toBe(logins + 1);
    expect(stdout).toMatch(/timeout 20/);
    await project.succeed(["refresh", "--yes", "--skip-preview"]);
    const { output: previewed } = await project.succeed(["preview"]);
    expect(previewed).toMatch(/mends what a refresh found: tftpd-hpa\.service does not run: inactive/);
    const { output } = await project.succeed(up);
    expect(output).toMatch(/refind\.conf was changed by hand since the last run; it is overwritten, and kept as /);
    expect(output).toContain("-timeout 20");
    const { stdout: seen } = await lab.node0.run(
      "grep ^timeout /srv/tftp/refind.conf; systemctl is-active tftpd-hpa; sha256sum /srv/tftp/ipxe.efi",
    );
    expect(seen).toMatch(/^timeout 1\nactive\n67c7f1f8/);
    await project.succeed([...up, "--expect-no-changes"]);
  });

  it("says that an unreachable host is an error, never deleted", async () => {
    await lab.node0.run("systemctl stop ssh.socket ssh.service 2>/dev/null; true");
    const { code, output } = await project.pulumi(["refresh", "--yes", "--skip-preview"], { timeoutSeconds: 240 });
    await lab.node0.run("systemctl start ssh.service");
    expect(code).not.toBe(0);
    expect(output).toContain(lab.node0.host);
    expect((await project.state()).deployment.resources?.length).toBeGreaterThan(10);
  });
});
