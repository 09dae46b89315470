import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { declared, dropIns, type Harm, seeMended } from "../support/drift.ts";
import { differences, netbootCommand, programOn, restless } from "../support/node0";

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

const oneMore = `new netboot.OlaNode("d", { server: node0, macs: ["52:54:00:00:03:04"], address: "192.168.1.6" });`;

describe("what somebody changes on node 0", () => {
  let lab: Lab;
  let project: ScratchProject;
  let other: ScratchProject;

  beforeAll(async () => {
    lab = await labUp();
    project = await scratchProject({ files: { "index.ts": programOn(lab, declared) }, name: "drift" });
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

  const harms: readonly Harm[] = [
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
    // There the engine has what it is told of a resource on its standard error.
    const { stderr: drawn } = await project.succeed(["refresh", "--preview-only", "--diff"]);
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

  it("keeps a machine from being declared where nobody would serve it its files, and nothing is touched before", async () => {
    const before = await lab.node0.run("cat /etc/dhcp/netboot/hosts.conf; systemctl show -p MainPID isc-dhcp-server");
    await lab.node0.run("systemctl stop tftpd-hpa");
    project.write({ "index.ts": programOn(lab, `${declared}\n${oneMore}`) });
    const why = /get no answer: tftpd-hpa\.service does not run; `pulumi up --refresh` starts it/;
    const planned = await netbootCommand(project, "plan", "--stack", "dev");
    expect(planned).toMatchObject({ code: 1, stdout: expect.stringMatching(why) });
    const { code, output } = await project.pulumi(up);
    expect(code).not.toBe(0);
    expect(output).toMatch(why);
    expect(output).toMatch(/Nothing was changed, and node 0 serves what it served/);
    const after = await lab.node0.run("cat /etc/dhcp/netboot/hosts.conf; systemctl show -p MainPID isc-dhcp-server");
    expect(after.stdout).toBe(before.stdout);
    await project.succeed([...up, "--refresh"]);
  });

  it("is told where a change of a machine has the DHCP server read it", async () => {
    await lab.node0.run("sed -i 's/^default-lease-time .*/default-lease-time 60;/' /etc/dhcp/dhcpd.conf");
    project.write({ "index.ts": programOn(lab, declared) });
    const told = /dhcpd\.conf was changed by hand since the last run, .* is in force from then on/;
    expect((await netbootCommand(project, "plan", "--stack", "dev")).stdout).toMatch(told);
    const { output } = await project.succeed(up);
    expect(output).toMatch(told);
    await project.succeed([...up, "--refresh"]);
    project.write({ "index.ts": programOn(lab, `${declared}\n${oneMore}`) });
    expect((await project.succeed(up)).output).not.toMatch(told);
    project.write({ "index.ts": programOn(lab, declared) });
    await project.succeed(up);
  });

  it("is told where the state is one of before: by verify, a refresh, and beside whatever else changes", async () => {
    const before = join(project.root, "before.json");
    await project.succeed(["stack", "export", "--file", before]);
    const elsewhere = declared.replace('address: "192.168.1.5"', 'address: "192.168.1.9"');
    expect(elsewhere).not.toBe(declared);
    project.write({ "index.ts": programOn(lab, elsewhere) });
    await project.succeed(up);
    await project.succeed(["stack", "import", "--file", before]);
    const why = /node 0 has it as another run declared it, of which this state knows nothing/;
    const verified = await netbootCommand(project, "verify", "--stack", "dev");
    expect(verified).toMatchObject({ code: 1, stdout: expect.stringMatching(/^FAILED {2}c /m) });
    expect(verified.stdout).toMatch(/^ok {6}a /m);
    const doctor = await netbootCommand(project, "doctor", "--stack", "dev");
    expect(doctor.stdout.match(new RegExp(why, "g"))).toHaveLength(1);
    project.write({ "index.ts": programOn(lab, `${declared}\n${oneMore}`) });
    expect((await project.succeed(up)).output).toMatch(/node 0 has OlaFleet\S+ as another run declared it/);
    const { output } = await project.succeed(["preview", "--refresh"]);
    expect(output).toMatch(/c \(not as declared on node 0: the resource: node 0 has it as another run/);
    project.write({ "index.ts": programOn(lab, declared) });
    const { output: mended } = await project.succeed([...up, "--refresh"]);
    expect(mended).toMatch(why);
    expect((await lab.node0.run("grep -c 'fixed-address 192.168.1.5;' /etc/dhcp/netboot/hosts.conf")).stdout).toBe(
      "1\n",
    );
    expect(await netbootCommand(project, "verify", "--stack", "dev")).toMatchObject({ code: 0 });
    await project.succeed([...up, "--refresh", "--expect-no-changes"]);
    // A boot file of another run, of which each next boot is told.
    project.write({
      "index.ts": programOn(
        lab,
        declared.replace("network,", "network, artifacts: { refindConf: { timeoutSeconds: 3 } },"),
      ),
    });
    await project.succeed(up);
    await project.succeed(["stack", "import", "--file", before]);
    project.write({ "index.ts": programOn(lab, `${declared}\n${oneMore}`) });
    expect((await project.succeed(up)).output).toMatch(
      /node 0 has BootFile\S+refind\.conf, OlaFleet\S+, OlaNode\S+\/a as another run declared it/,
    );
    project.write({ "index.ts": programOn(lab, declared) });
    await project.succeed([...up, "--refresh"]);
    expect(await netbootCommand(project, "verify", "--stack", "dev")).toMatchObject({ code: 0 });
  });

  /** It runs as nothing says any more that it should: what lies there is as declared. */
  const runningHarms: readonly Harm[] = [
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

  it("is shown and mended: how a daemon runs, though all lies there as declared", () =>
    seeMended(lab, project, runningHarms));

  it("is shown and mended: lines, files, modes, units, a machine's block", () => seeMended(lab, project, harms));
});
