import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp, type Release } from "../../lab/index.mts";
import type { ScratchProject } from "../../tools/scratch.mts";
import { guideProject } from "../support/node0";

const releases: readonly Release[] = ["bullseye", "bookworm", "trixie"];
const cases = releases.flatMap((release) => ["root", "operator"].map((user) => ({ release, user })));

/** The same program on every Debian that we serve, as root and as a user who works through sudo. */
describe.each(cases)("examples/guide on $release as $user", ({ release, user }) => {
  let lab: Lab;
  let project: ScratchProject;

  beforeAll(async () => {
    lab = await labUp({ release });
    project = await guideProject(lab, user);
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  it("makes node 0 serve", async () => {
    const { output } = await project.succeed(["up", "--yes", "--skip-preview"]);
    expect(output).toMatch(/\+ \d+ created/);
  });

  it("boots a machine through the nine steps from its local disk", async () => {
    const machine = await lab.machine({ name: "node-1", macs: ["52:54:00:12:34:56"] });
    const report = await machine.boot();
    await machine.off();
    expect(report.steps.filter(({ seconds }) => seconds === undefined)).toEqual([]);
    expect(report.reachedDisk).toBe(true);
  });

  it("changes nothing the second time", async () => {
    await project.succeed(["up", "--yes", "--skip-preview", "--expect-no-changes"]);
  });

  it("serves again after a reboot", async () => {
    await lab.node0.reboot();
    const machine = await lab.machine({ name: "node-1", macs: ["52:54:00:12:34:56"] });
    const report = await machine.boot();
    await machine.off();
    expect(report.reachedDisk).toBe(true);
  });

  it("is gone after destroy", async () => {
    await project.succeed(["destroy", "--yes", "--skip-preview"]);
    const { stdout } = await lab.node0.run("systemctl is-active isc-dhcp-server tftpd-hpa; ls -A /srv/tftp", {
      check: false,
    });
    expect(stdout).toBe("inactive\ninactive\n");
  });
});
