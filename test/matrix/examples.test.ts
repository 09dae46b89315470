import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";

/** The examples that `npm test` does not run already: run, run again, and leave nothing. */
describe("examples/fleet", () => {
  let lab: Lab;
  let project: ScratchProject;

  beforeAll(async () => {
    lab = await labUp({ privateCidr: "10.20.0.0/24", privateAddress: "10.20.0.1" });
    project = await scratchProject({ from: "examples/fleet" });
    const { host, hostKey, privateKeyPath } = lab.node0;
    await project.config({ host, hostKey, privateKeyPath });
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  it("serves its machines, and changes nothing the second time", async () => {
    await project.succeed(["up", "--yes", "--skip-preview"]);
    const { boots, hosts } = (await project.outputs()) as { boots: Record<string, string>; hosts: string };
    expect(Object.keys(boots)).toEqual(["db-1", "db-2"]);
    expect(boots["db-2"]).toContain("UEFI x64 → snponly.efi sha256:18fc84b6");
    expect(hosts).toBe(
      "10.20.0.11 db-1.rack-a.example.net db-1\n10.20.0.12 db-2.rack-a.example.net db-2\n10.20.0.13 spare.rack-a.example.net spare\n",
    );
    await project.succeed(["up", "--yes", "--skip-preview", "--expect-no-changes"]);
  });

  it.each([
    ["db-1", ["04:3f:72:aa:00:01", "04:3f:72:aa:00:02"]],
    ["db-2", ["04:3f:72:aa:00:03", "04:3f:72:aa:00:04"]],
  ])("boots %s from its second NIC", async (name, macs) => {
    const machine = await lab.machine({ name, macs, bootFrom: 1 });
    const report = await machine.boot();
    await machine.off();
    expect(report.reachedDisk).toBe(true);
  });

  it("leaves nothing behind", async () => {
    await project.succeed(["destroy", "--yes", "--skip-preview"]);
    expect((await lab.node0.run("ls -A /srv/tftp /var/lib/pulumi-netboot")).stdout).toBe(
      "/srv/tftp:\n\n/var/lib/pulumi-netboot:\npackages\n",
    );
  });
});
