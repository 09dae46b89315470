import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { declared, dropIns, seeMended } from "../support/drift.ts";
import { netbootCommand, programOn } from "../support/node0";

const up = ["up", "--yes", "--skip-preview"];

describe("how somebody has daemons run on node 0", () => {
  let lab: Lab;
  let project: ScratchProject;

  beforeAll(async () => {
    lab = await labUp();
    project = await scratchProject({ files: { "index.ts": programOn(lab, declared) }, name: "daemons" });
    await project.succeed(up);
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  it("is shown and mended: a daemon that was halted, and answers nobody", () =>
    seeMended(lab, project, [
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
    seeMended(lab, project, [
      [
        "DEBIAN_FRONTEND=noninteractive apt-get -q -y remove tftpd-hpa",
        /tftpd-hpa is missing/,
        "dpkg -l tftpd-hpa | grep -c ^ii",
      ],
    ]));
});
