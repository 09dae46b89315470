import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { fetchFromOutside } from "../support/firewalls";
import { netbootCommand, programOn } from "../support/node0";

const up = ["up", "--yes", "--skip-preview"];
const unit = (command: string) => `[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=${command}\\n`;
const fstab = "/var/late /srv/tftp none bind,nofail,x-systemd.requires=late.service,x-systemd.after=late.service 0 0";

/** A disk or a server for which a boot does not wait. */
describe("a TFTP folder on a file system that comes late", () => {
  let lab: Lab;
  let project: ScratchProject;

  const program = (note: string): string =>
    programOn(
      lab,
      `const server = new netboot.NetbootServer("node0", {
         connection, network, time: false, names: false, artifacts: { extra: { greeting: { content: "${note}" } } },
       });
       new netboot.OlaNode("a", { server, macs: ["52:54:00:00:07:01"], address: "192.168.1.3" });`,
    );
  const seen = async () => {
    const { stdout } = await lab.node0.run(
      "mountpoint -q /srv/tftp && echo mounted; systemctl is-active tftpd-hpa; true",
      { check: false },
    );
    return { isMounted: stdout.includes("mounted"), isServing: /^active$/m.test(stdout) };
  };

  beforeAll(async () => {
    lab = await labUp();
    await lab.node0.run(`set -e
      mkdir -p /var/late /srv/tftp
      printf '${unit("/bin/sleep 20")}' > /etc/systemd/system/late.service
      echo '${fstab}' >> /etc/fstab
      systemctl daemon-reload
      mount /srv/tftp`);
    project = await scratchProject({ files: { "index.ts": program("first") }, name: "late" });
    await project.succeed(up);
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  it("is served when it is there after a reboot, and nothing is before", async () => {
    const states: Awaited<ReturnType<typeof seen>>[] = [];
    let isBooting = true;
    const rebooting = lab.node0.reboot().finally(() => {
      isBooting = false;
    });
    // Before its init answers there is nothing to be seen.
    for (; isBooting; await wait(500))
      await seen().then(
        (state) => states.push(state),
        () => undefined,
      );
    await rebooting;
    await expect.poll(seen, { timeout: 60_000 }).toEqual({ isMounted: true, isServing: true });
    expect(states).toContainEqual({ isMounted: false, isServing: false });
    expect(states).not.toContainEqual({ isMounted: false, isServing: true });
    await expect.poll(() => fetchFromOutside(lab), { timeout: 10_000 }).toBe("first");
    expect((await netbootCommand(project, "verify", "--stack", "dev")).stdout).toMatch(/1 machine, all served/);
  });

  it("is named, and nothing is written below it, when it does not come at all", async () => {
    await lab.node0.run(`printf '${unit("/bin/false")}' > /etc/systemd/system/late.service`);
    await lab.node0.reboot();
    await wait(2000);
    expect(await seen()).toEqual({ isMounted: false, isServing: false });
    project.write({ "index.ts": program("second") });
    const { code, output } = await project.pulumi(up);
    expect(code).not.toBe(0);
    expect(output).toMatch(/\/srv\/tftp.*(mount|fstab)/s);
    expect((await lab.node0.run("ls -A /srv/tftp")).stdout).toBe("");
    expect((await netbootCommand(project, "doctor", "--stack", "dev")).stdout).toMatch(
      /srv-tftp\.mount|\/srv\/tftp.*(mount|fstab)/s,
    );
  });

  it("has the change by an up with --refresh as soon as it is there, without a reboot", async () => {
    await lab.node0.run(`printf '${unit("/bin/true")}' > /etc/systemd/system/late.service
      systemctl daemon-reload; systemctl reset-failed; systemctl start srv-tftp.mount`);
    await project.succeed([...up, "--refresh"]);
    expect(await fetchFromOutside(lab)).toBe("second");
    await project.succeed([...up, "--refresh", "--expect-no-changes"]);
    expect((await lab.node0.run("ls -A /var/late")).stdout).toContain("greeting");
  });
});
