import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { differences, loginsOf, netbootCommand, programOn, restless } from "../support/node0";

const up = ["up", "--yes", "--skip-preview"];

describe("packages on node 0", () => {
  let lab: Lab;
  let project: ScratchProject;
  const tftp = `new netboot.TftpServer("tftp", { connection, address: network.address });`;

  beforeAll(async () => {
    lab = await labUp();
    project = await scratchProject({
      files: { "index.ts": programOn(lab, tftp) },
      name: "packages",
    });
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  it("fail with apt's own words where no mirror answers, and leave nothing half done", async () => {
    await lab.node0.run(`
      mkdir /root/apt && mv /etc/apt/sources.list* /var/lib/apt/lists /root/apt/
      echo 'deb http://127.0.0.1:9/debian stable main' > /etc/apt/sources.list; mkdir -p /var/lib/apt/lists/partial`);
    const before = await lab.node0.listing();
    const { code, output } = await project.pulumi(up);
    expect(code).not.toBe(0);
    expect(output).toMatch(
      /apt could not install tftpd-hpa:[\s\S]*Nothing was changed, and node 0 serves what it served/,
    );
    expect(output).toMatch(
      /E: (Unable to locate package tftpd-hpa|Package .*has no installation candidate)|127\.0\.0\.1:9/,
    );
    const changed = [...differences(before, await lab.node0.listing()).keys()];
    const left = changed.filter((path) => !restless.some((pattern) => pattern.test(path)));
    expect(left.filter((path) => !path.includes("pulumi-netboot"))).toEqual([]);
    await lab.node0.run(
      "rm -rf /etc/apt/sources.list* /var/lib/apt/lists; mv /root/apt/sources.list* /etc/apt/; mv /root/apt/lists /var/lib/apt/",
    );
  });

  it("stay when what they were brought for is refused, and the refusal says so", async () => {
    const program = `new netboot.DhcpServer("dhcp", { connection, network, extraConfig: "no-such-statement 1;" });`;
    project.write({ "index.ts": programOn(lab, program) });
    const { code, output } = await project.pulumi(up);
    expect(code).not.toBe(0);
    expect(output).toMatch(
      /dhcpd refused the new configuration:[\s\S]*Nothing was changed, and node 0 serves what it served/,
    );
    expect(output).toMatch(/what apt installed for it stays, and nothing of it serves: isc-dhcp-server/);
    const { stdout } = await lab.node0.run("systemctl is-active isc-dhcp-server; dpkg -l isc-dhcp-server | tail -1", {
      check: false,
    });
    expect(stdout).toMatch(/^inactive\nii /);
    project.write({ "index.ts": programOn(lab, tftp) });
  });

  it("wait for whoever holds dpkg's lock, and say so", async () => {
    // As apt itself holds it: a lock of fcntl's on the file, here until the row has told of it.
    await lab.node0.run(`
      cat > /root/holder.pl <<'PERL'
open my $lock, ">>", "/var/lib/dpkg/lock-frontend";
my $whole = pack "s s x4 q q i x4", 1, 0, 0, 0, 0;
fcntl $lock, 6, $whole or die $!;
select undef, undef, undef, 0.1 until -e "/run/release";
PERL
      systemd-run --quiet --unit=holder perl /root/holder.pl`);
    let told = "";
    const { code, output } = await project.pulumi(up, {
      onLine: (line) => {
        if (told !== "" || !line.includes("apt: Waiting for cache lock")) return;
        told = line;
        void lab.node0.run("touch /run/release");
      },
    });
    expect(output).toContain("created");
    expect(code).toBe(0);
    expect(told).toContain("lock-frontend");
  });
});

describe("what somebody changes on node 0", () => {
  let lab: Lab;
  let project: ScratchProject;
  let other: ScratchProject;

  beforeAll(async () => {
    lab = await labUp();
    const server =
      "const node0 = new netboot.NetbootServer('node0', { connection, network, time: false, names: false }); const reference = node0.reference; export { reference as node0 };";
    const node = `new netboot.OlaNode("a", { server: node0, macs: ["52:54:00:00:03:01"], address: "192.168.1.3" });
      new netboot.OlaFleet("rack", { server: node0, nodes: { c: { macs: ["52:54:00:00:03:03"], address: "192.168.1.5" } } });`;
    project = await scratchProject({ files: { "index.ts": programOn(lab, `${server}\n${node}`) }, name: "drift" });
    await project.succeed(up);
    const join = `
      const server = new pulumi.StackReference("organization/drift/dev").requireOutput("node0");
      new netboot.OlaNode("b", { server, macs: ["52:54:00:00:03:02"], address: "192.168.1.4" });`;
    other = await scratchProject({ files: { "index.ts": programOn(lab, join) }, name: "other", sharing: project });
  });

  afterAll(async () => {
    await other?.remove();
    await project?.remove();
    await lab?.down();
  });

  it("is not what another stack declares there", async () => {
    await other.succeed(up);
    await project.succeed(["preview", "--refresh", "--expect-no-changes"]);
  });

  /** What somebody does, how a preview shows it, and a question that answers 1 when it is mended. */
  const harms: readonly (readonly [harm: string, shown: RegExp, whole: string])[] = [
    [
      "sed -i 's/^default-lease-time .*/default-lease-time 60;/' /etc/dhcp/dhcpd.conf",
      /default-lease-time 60;/,
      "grep -c '^default-lease-time 7200;' /etc/dhcp/dhcpd.conf",
    ],
    ["echo x > /srv/tftp/ipxe.efi", /ipxe\.efi was changed/, "sha256sum /srv/tftp/ipxe.efi | grep -c ^67c7f1f8"],
    [
      "chmod 600 /srv/tftp/refind.conf",
      /refind\.conf has another mode or owner: 0600 0:0/,
      "find /srv/tftp/refind.conf -perm 0644 | wc -l",
    ],
    ["rm /srv/tftp/refind.pxe", /refind\.pxe is missing/, "grep -c '^#!ipxe' /srv/tftp/refind.pxe"],
    [
      "systemctl stop tftpd-hpa",
      /tftpd-hpa\.service does not run: inactive/,
      "systemctl is-active tftpd-hpa | grep -c '^active'",
    ],
    [
      "systemctl disable isc-dhcp-server",
      /isc-dhcp-server\.service is missing/,
      "systemctl is-enabled isc-dhcp-server | grep -c '^enabled'",
    ],
    [
      "sed -i '/^host a-nic0/d' /etc/dhcp/netboot/hosts.conf",
      /not as declared: a is missing/,
      "grep -c '^host a-nic0' /etc/dhcp/netboot/hosts.conf",
    ],
    [
      "sed -i '/^host c-nic0/d' /etc/dhcp/netboot/hosts.conf",
      /2 of 2 nodes: a, c \(both missing on node 0\)/,
      "grep -c '^host c-nic0' /etc/dhcp/netboot/hosts.conf",
    ],
  ];

  it("stands on the row of its resource in a refresh, with the lines that differ and nothing else", async () => {
    await lab.node0.run("sed -i 's/^timeout 1$/timeout 9/' /srv/tftp/refind.conf; systemctl stop tftpd-hpa");
    const { stdout } = await project.succeed(["refresh", "--preview-only"]);
    expect(stdout).toContain(
      [
        "  pulumi-nodejs:dynamic/netboot:BootFile (node0-artifacts-refind.conf):",
        "    not as declared: /srv/tftp/refind.conf was changed (- as declared, + as it is now)",
        "    @@ -3 +3 @@",
        "    -timeout 1",
        "    +timeout 9",
        "",
      ].join("\n"),
    );
    expect(stdout).toMatch(
      /TftpServer \(node0-tftp\):\n +not as declared: tftpd-hpa\.service does not run: inactive \(dead\)\n\n/,
    );
    const { stdout: drawn } = await project.succeed(["refresh", "--preview-only", "--diff"]);
    expect(drawn).toMatch(/^not as declared: \/srv\/tftp\/refind\.conf .*\n@@ .*\n-timeout 1\n\+timeout 9\n/m);
    await project.succeed([...up, "--refresh"]);
  });

  it("is mended by each of several transactions, of which an early one says what a later one does", async () => {
    await lab.node0.run(`
      sed -i 's/^timeout 1$/timeout 9/' /srv/tftp/refind.conf
      sed -i 's/^default-lease-time .*/default-lease-time 60;/' /etc/dhcp/dhcpd.conf`);
    const { output } = await project.succeed([...up, "--refresh", "--parallel", "1"]);
    expect(output).toMatch(/not proved yet: TFTP served another refind\.conf .*; the `up` of this run mends what/);
    expect(output).not.toMatch(/not proved: /);
    expect(await netbootCommand(project, "verify", "--stack", "dev")).toMatchObject({ code: 0 });
  });

  const dropIns = "/etc/systemd/system/tftpd-hpa.service.d";

  async function seeMended(cases: typeof harms): Promise<void> {
    for (const [harm] of cases) await lab.node0.run(harm);
    const { output } = await project.succeed(["preview", "--refresh", "--diff", "--show-full-output"]);
    for (const [, shown] of cases) expect(output).toMatch(shown);
    const { output: told } = await project.succeed([...up, "--refresh"]);
    // All is mended in one transaction, so nothing of before is warned of.
    expect(told).not.toMatch(/not proved/);
    for (const [harm, , whole] of cases) {
      expect([harm, (await lab.node0.run(whole, { check: false })).stdout]).toEqual([harm, "1\n"]);
    }
    const logins = await loginsOf(lab);
    await project.succeed([...up, "--expect-no-changes"]);
    expect(await loginsOf(lab)).toBe(logins);
  }

  /** It runs as nothing says any more that it should: what lies there is as declared. */
  const runningHarms: typeof harms = [
    [
      `cp -p /etc/dhcp/dhcpd.conf /root/; sed -i 's/^default-lease-time .*/default-lease-time 60;/' /etc/dhcp/dhcpd.conf
      systemctl restart isc-dhcp-server; sleep 1.1; cp -p /root/dhcpd.conf /etc/dhcp/`,
      /isc-dhcp-server\.service: it reads \/etc\/dhcp\/dhcpd\.conf when it is started, and that was changed since/,
      "[ $(stat -c %Z /proc/$(systemctl show -p MainPID --value isc-dhcp-server)) -ge $(stat -c %Z /etc/dhcp/dhcpd.conf) ] && echo 1",
    ],
    [
      `mkdir ${dropIns}; printf '[Service]\nExecStart=\nExecStart=/usr/sbin/in.tftpd -L -s /srv\n' > ${dropIns}/x.conf
      systemctl daemon-reload; systemctl restart tftpd-hpa; rm -r ${dropIns}; systemctl daemon-reload`,
      /tftpd-hpa\.service: it runs as `\/usr\/sbin\/in\.tftpd -L -s \/srv`, not as `\/usr\/sbin\/in\.tftpd --foreground .* \/srv\/tftp`/,
      "tr '\\0' ' ' < /proc/$(systemctl show -p MainPID --value tftpd-hpa)/cmdline | grep -c -- '--secure.* /srv/tftp $'",
    ],
  ];

  it("is shown and mended: how a daemon runs, though all lies there as declared", () => seeMended(runningHarms));

  it("is shown and mended: a daemon that was halted, and answers nobody", () =>
    seeMended([
      [
        "systemctl freeze tftpd-hpa",
        /tftpd-hpa\.service: it is frozen, and answers nobody/,
        "systemctl show -p FreezerState tftpd-hpa | grep -c running",
      ],
      [
        "kill -STOP $(systemctl show -p MainPID --value isc-dhcp-server)",
        /isc-dhcp-server\.service: it was halted by a signal/,
        "grep -c '^State:.S' /proc/$(systemctl show -p MainPID --value isc-dhcp-server)/status",
      ],
    ]));

  it("is told by doctor: what has a daemon started otherwise, which no up takes over, and what a boot would do", async () => {
    const doctor = async () => (await netbootCommand(project, "doctor", "--stack", "dev")).stdout;
    expect(await doctor()).toMatch(/^all as the stack has it\n/);
    const jail = "/usr /lib /lib64 /bin /sbin /etc /run /dev /proc /var".replaceAll(/\S+/g, "-$&");
    await lab.node0.run(`
      systemctl disable -q pulumi-netboot-recovery; mkdir -p ${dropIns} /opt/jail/srv/tftp
      echo 'TFTP_OPTIONS="--secure --blocksize 512"' > /etc/default/other`);
    const ways: readonly (readonly [lines: string, told: RegExp])[] = [
      [
        "ExecStart=\nExecStart=/usr/sbin/in.tftpd -L -s -a 192.168.1.1:69 /srv/tftp",
        /it runs as `\/usr\/sbin\/in\.tftpd -L/,
      ],
      ["EnvironmentFile=/etc/default/other", /it runs as .*--blocksize 512/],
      [`RootDirectory=/opt/jail\nBindPaths=${jail}`, /it runs in \/opt\/jail as its root, and reads no file outside/],
    ];
    for (const [lines, told] of ways) {
      await lab.node0.run(`
        printf '[Service]\n%s\n' '${lines}' > ${dropIns}/x.conf
        systemctl daemon-reload; systemctl restart tftpd-hpa`);
      const said = await doctor();
      expect(said).toMatch(told);
      expect(said).toMatch(/tftpd-hpa\.service: it runs .*, by \/etc\/systemd\/system\/tftpd-hpa\.service\.d\/x\.conf/);
      expect(said).toMatch(/pulumi-netboot-recovery\.service: is not enabled, so nothing would undo a change/);
      expect(said).not.toMatch(/mends what differs/);
    }
    const { code, output } = await project.pulumi([...up, "--refresh"]);
    expect(code).not.toBe(0);
    expect(output).toMatch(
      /tftpd-hpa\.service\.d\/x\.conf has tftpd-hpa\.service started in another way[\s\S]*Nothing was changed/,
    );
    await lab.node0.run(`rm -r ${dropIns} /etc/default/other; systemctl daemon-reload`);
    await project.succeed([...up, "--refresh"]);
    expect(await doctor()).toMatch(/^all as the stack has it\n/);
  });

  it("is shown and mended: lines, files, modes, units, a machine's block", () => seeMended(harms));

  it("is told by doctor: a daemon that would not run after its next start, which no up stops", async () => {
    const doctor = async () => (await netbootCommand(project, "doctor", "--stack", "dev")).stdout;
    await lab.node0.run(`
      systemctl set-default -q rescue.target; mkdir -p ${dropIns}; touch /etc/maintenance; echo >> /etc/default/tftpd-hpa
      printf '[Unit]\\nConditionPathExists=!/etc/maintenance\\n' > ${dropIns}/x.conf; systemctl daemon-reload`);
    const said = await doctor();
    expect(said).toMatch(/isc-dhcp-server\.service: the next boot of node 0 goes to rescue\.target/);
    const unmet = /systemd would not start tftpd-hpa\.service now, .*ConditionPathExists=!\/etc\/maintenance/;
    expect(said).toMatch(unmet);
    const { code, output } = await project.pulumi([...up, "--refresh"]);
    expect(code).not.toBe(0);
    expect(output).toMatch(unmet);
    await lab.node0.run("systemctl is-active tftpd-hpa isc-dhcp-server");
    await lab.node0.run(`
      systemctl set-default -q multi-user.target; rm -r ${dropIns} /etc/maintenance; systemctl daemon-reload`);
    await project.succeed([...up, "--refresh"]);
    expect(await doctor()).toMatch(/^all as the stack has it\n/);
  });

  it("does not reach the hands: variables of Perl's for all units of the host", async () => {
    await lab.node0.run("systemctl set-environment PERL_UNICODE=SDAL PERL5OPT=-MNoSuchModule");
    const { stdout } = await netbootCommand(project, "verify", "--stack", "dev");
    await lab.node0.run("systemctl unset-environment PERL_UNICODE PERL5OPT");
    expect(stdout).toContain("all served");
  });

  it("is shown and mended: a package that is gone", () =>
    seeMended([
      [
        "DEBIAN_FRONTEND=noninteractive apt-get -q -y remove tftpd-hpa",
        /tftpd-hpa is missing/,
        "dpkg -l tftpd-hpa | grep -c ^ii",
      ],
    ]));
});
