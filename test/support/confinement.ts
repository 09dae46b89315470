import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp, type Release } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { type Execution, executionsOf, inWords, type Profile, parseProfile, tracedCalls } from "./appArmor.ts";
import { programOn } from "./node0.ts";

/** The daemons of ours that Debian confines, with the unit of each. */
const confined: Readonly<Record<string, string>> = { dhcpd: "isc-dhcp-server", chronyd: "chrony" };
const packages = "isc-dhcp-server chrony tftpd-hpa dnsmasq-base";
const units = "isc-dhcp-server chrony tftpd-hpa";

/**
 * Whether the daemons could do all that they do if AppArmor held them to the profiles of their packages, which the lab's
 * kernel need not have: whatever node 0's init starts in an `up` is traced, in daemons and in their checkers, and
 * compared with the profiles; and the daemons serve with the capabilities of the profiles alone.
 */
export function describeConfinement(release: Release): void {
  describe(`AppArmor's profiles in Debian ${release}`, () => {
    let lab: Lab;
    let project: ScratchProject;
    let executions: Readonly<Record<string, readonly Execution[]>>;
    const profiles: Record<string, Profile> = {};

    const program = (): string =>
      programOn(
        lab,
        `const node0 = new netboot.NetbootServer("node0", {
           connection,
           network: { ...network, domain: "rack.example", pool: { from: "192.168.1.10", to: "192.168.1.12" } },
           time: { upstreams: ["192.0.2.1"], replace: true },
           names: { records: { filer: "192.168.1.2" } },
         });
         new netboot.OlaNode("a", { server: node0, macs: ["52:54:00:00:08:01"], address: "192.168.1.5" });
         new netboot.OlaNode("b", { server: node0, macs: ["52:54:00:00:08:09"] });`,
      );

    beforeAll(async () => {
      lab = await labUp({ release });
      await lab.segment.run(["ip", "address", "add", "192.168.1.14/28", "dev", lab.segment.clientInterface]);
      await lab.segment.run(["ip", "route", "add", "255.255.255.255/32", "dev", lab.segment.clientInterface]);
      // The daemons too, so that apt's own work is not traced.
      await lab.node0.run(
        `apt-get -q -y install --no-install-recommends strace apparmor ${packages} && systemctl stop ${units}`,
      );
      project = await scratchProject({ files: { "index.ts": program() }, name: "confined" });
      for (const [name, unit] of Object.entries(confined)) {
        const { stdout } = await lab.node0.run(`apparmor_parser --preprocess /etc/apparmor.d/usr.sbin.${name}`);
        const profile = parseProfile(stdout);
        profiles[name] = profile;
        await lab.node0.run(`mkdir -p ${folderOf(unit)} && cat > ${folderOf(unit)}/confined.conf`, {
          input: `[Service]\nCapabilityBoundingSet=\nCapabilityBoundingSet=${inSystemd(profile)}\n`,
        });
      }
      await lab.node0.run("systemctl daemon-reload");
      const trace = await traced(lab, async () => {
        await project.succeed(["up", "--yes", "--skip-preview"]);
        await beServed(lab);
        await lab.node0.run(`
          cp /etc/dhcp/dhcpd.conf /srv/elsewhere.conf
          systemd-run --quiet --wait dhcpd -t -4 -cf /srv/elsewhere.conf
          systemctl stop ${units} netboot-names`);
      });
      const names = Object.keys(confined);
      executions = Object.fromEntries(names.map((name) => [name, executionsOf(trace, [`/usr/sbin/${name}`])]));
    });

    afterAll(async () => {
      await project?.remove();
      await lab?.down();
    });

    /** What the runs with such a command line did. */
    const accessesOf = (name: string, argv: RegExp) =>
      (executions[name] ?? []).filter((execution) => argv.test(execution.argv)).flatMap(({ accesses }) => accesses);
    const seen = (name: string, argv: RegExp) => accessesOf(name, argv).map(inWords);

    it("are there for dhcpd and chronyd, and for no other daemon of ours", async () => {
      const { stdout } = await lab.node0.run(`dpkg -L ${packages} | grep '^/etc/apparmor.d/usr' | sort`);
      expect(stdout).toBe("/etc/apparmor.d/usr.sbin.chronyd\n/etc/apparmor.d/usr.sbin.dhcpd\n");
    });

    it("let dhcpd do all that its unit and its checker do", () => {
      const { refused } = profiles["dhcpd"] as Profile;
      expect(refused(accessesOf("dhcpd", /^(?!.*elsewhere)/))).toEqual([]);
      expect(seen("dhcpd", / -t .*candidate/)).toEqual(
        expect.arrayContaining(["r /etc/dhcp/.netboot-candidate.conf", "r /etc/dhcp/netboot/.hosts.conf.netboot-new"]),
      );
      expect(seen("dhcpd", / -f /)).toEqual(
        expect.arrayContaining([
          "r /etc/dhcp/dhcpd.conf",
          "r /etc/dhcp/netboot/hosts.conf",
          "w /var/lib/dhcp/dhcpd.leases",
          "network packet raw",
        ]),
      );
    });

    it("let chronyd do all that its unit and its checker do", () => {
      const { refused } = profiles["chronyd"] as Profile;
      expect(refused(accessesOf("chronyd", /./))).toEqual([]);
      expect(seen("chronyd", / -p /)).toEqual(
        expect.arrayContaining([
          "r /etc/chrony/.netboot-candidate.conf",
          "r /etc/chrony/conf.d/.netboot.conf.netboot-new",
        ]),
      );
      expect(seen("chronyd", / -F /)).toEqual(
        expect.arrayContaining([
          "r /etc/chrony/conf.d/netboot.conf",
          "w /run/chrony/chronyd.pid",
          "network inet dgram",
        ]),
      );
    });

    it("refuse a configuration elsewhere, so that the tests above can fail", () => {
      const { refused } = profiles["dhcpd"] as Profile;
      expect(refused(accessesOf("dhcpd", /elsewhere/))).toEqual(["r /srv/elsewhere.conf"]);
    });

    it("give the capabilities with which the daemons have just served, and their checkers run", async () => {
      const checkers = { dhcpd: "-t -4 -cf /etc/dhcp/dhcpd.conf", chronyd: "-p -f /etc/chrony/chrony.conf" };
      for (const [name, words] of Object.entries(checkers)) {
        const capabilities = inSystemd(profiles[name] as Profile);
        await lab.node0.run(
          `systemd-run --quiet --wait --pipe -p CapabilityBoundingSet='${capabilities}' /usr/sbin/${name} ${words}`,
        );
      }
      const { stdout } = await lab.node0.run("journalctl -q -b | grep -iE '(dhcpd|chronyd)\\[.*not permitted' || true");
      expect(stdout).toBe("");
    });

    it("need those capabilities, so that the test above can fail", async () => {
      const { stdout } = await lab.node0.run(`
        sed -i 's/CAP_NET_RAW//' ${folderOf("isc-dhcp-server")}/confined.conf
        systemctl daemon-reload
        timeout 20 journalctl -q -n 0 -f -u isc-dhcp-server | grep -m 1 -i 'not permitted' & listens=$!
        sleep 1
        systemctl start --no-block isc-dhcp-server
        wait $listens`);
      expect(stdout).toMatch(/Operation not permitted/);
    });

    it("are what Debian's own apparmor_parser compiles", async () => {
      for (const name of Object.keys(confined)) {
        await lab.node0.run(`apparmor_parser --skip-kernel-load --skip-cache /etc/apparmor.d/usr.sbin.${name}`);
      }
    });
  });
}

/** The same for Kea, with its checker, a change that it reads anew, and what it starts itself. */
export function describeKeaConfinement(release: Release): void {
  describe(`AppArmor's profile for Kea in Debian ${release}`, () => {
    let lab: Lab;
    let project: ScratchProject;
    let executions: readonly Execution[];
    let profile: Profile;

    beforeAll(async () => {
      lab = await labUp({ release });
      await lab.node0.run(
        "apt-get -q -y install --no-install-recommends strace apparmor kea-dhcp4-server tftpd-hpa && systemctl stop kea-dhcp4-server tftpd-hpa",
      );
      const server = `const node0 = new netboot.NetbootServer("node0", {
        connection, network, dhcp: { daemon: "kea", highAvailability: "hot-standby", otherDhcpServers: ["192.168.1.14"] },
        time: false, names: false });`;
      const node = (last: number): string =>
        `new netboot.OlaNode("n${last}", { server: node0, macs: ["52:54:00:00:08:0${last}"], address: "192.168.1.${last}" });`;
      project = await scratchProject({ files: { "index.ts": programOn(lab, server + node(5)) }, name: "confined" });
      const { stdout } = await lab.node0.run("apparmor_parser --preprocess /etc/apparmor.d/usr.sbin.kea-dhcp4");
      // What it owns is made by itself: its leases, its socket, its lock and its process's number.
      profile = parseProfile(stdout, true);
      await lab.node0.run(
        `mkdir -p ${folderOf("kea-dhcp4-server")} && cat > ${folderOf("kea-dhcp4-server")}/confined.conf`,
        {
          input: `[Service]\nCapabilityBoundingSet=\nCapabilityBoundingSet=${inSystemd(profile)}\n`,
        },
      );
      await lab.node0.run("systemctl daemon-reload");
      const trace = await traced(lab, async () => {
        await project.succeed(["up", "--yes", "--skip-preview"]);
        project.write({ "index.ts": programOn(lab, server + node(5) + node(6)) });
        await project.succeed(["up", "--yes", "--skip-preview"]);
        await lab.node0.run("systemctl stop kea-dhcp4-server");
      });
      executions = executionsOf(trace, ["/usr/sbin/kea-dhcp4"]);
    });

    afterAll(async () => {
      await project?.remove();
      await lab?.down();
    });

    it("lets it do all that its unit, its checker and its control socket do", () => {
      const accesses = executions.flatMap((execution) => execution.accesses);
      expect(profile.refused(accesses)).toEqual([]);
      expect(accesses.map(inWords)).toEqual(
        expect.arrayContaining([
          "r /etc/kea/.netboot-candidate.conf",
          "r /etc/kea/netboot/.reservations.json.netboot-new",
          "r /etc/kea/kea-dhcp4.conf",
          "r /etc/kea/netboot/reservations.json",
          "network packet raw",
          // By which it hears a partner.
          "network inet stream",
        ]),
      );
    });
  });
}

/** For drop-ins that a reboot forgets. */
function folderOf(unit: string): string {
  return `/run/systemd/system/${unit}.service.d`;
}

function inSystemd({ capabilities }: Profile): string {
  return capabilities.map((name) => `CAP_${name.toUpperCase()}`).join(" ");
}

/** What node 0's init, and all that it starts, asks of the kernel while something is done. */
async function traced(lab: Lab, work: () => Promise<void>): Promise<string> {
  const trace = lab.node0.run(`strace -f -y -s 4096 -p 1 -o /root/trace -e trace=${tracedCalls.join(",")}`, {
    check: false,
  });
  await lab.node0.run("until grep -q '^TracerPid:.*[1-9]' /proc/1/status; do sleep 0.1; done");
  await work();
  await lab.node0.run("pkill -INT -x strace");
  await trace;
  return (await lab.node0.run("cat /root/trace")).stdout;
}

/** A machine gets a lease of the pool, a file and an answer to a name; the agent's proof has asked for the rest, the time among it. */
async function beServed({ segment, node0 }: Lab): Promise<void> {
  const client = (name: string, ...words: readonly string[]) =>
    segment.run([process.execPath, join(process.cwd(), "test/support", name), ...words]);
  const { stdout: answers } = await client("dhcpClient.mts", JSON.stringify([{ mac: "52:54:00:00:08:09", arch: [7] }]));
  expect(JSON.parse(answers)).toMatchObject([{ type: "ack", filename: "ipxe.efi" }]);
  expect((await client("tftpClient.mts", node0.privateAddress, "refind.pxe")).stdout).toContain("#!ipxe");
  const { stdout: name } = await segment.run(["dig", `@${node0.privateAddress}`, "+short", "filer.rack.example"]);
  expect(name).toBe("192.168.1.2\n");
}
