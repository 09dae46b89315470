import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { netbootCommand, programOn } from "../support/node0";

/** A program that names a MAC twice is refused in its preview; an `up` without one, or of a part of it, may get as far as node 0. */
describe("a fleet's machine that another resource takes and gives back", () => {
  let lab: Lab;
  let project: ScratchProject;
  const up = ["up", "--yes", "--skip-preview"];
  const write = (last: number): void =>
    project.write({
      "index.ts": programOn(
        lab,
        `const server = new netboot.NetbootServer("node0", { connection, network, time: false, names: false });
         new netboot.OlaNode("db-1", { server, macs: ["52:54:00:00:09:01", "52:54:00:00:09:0${last}"], address: "192.168.1.3" });
         new netboot.OlaFleet("rack", { server, nodes: { u2: { macs: ["52:54:00:00:09:07"], address: "192.168.1.7" } } });`,
      ),
    });
  const verify = () => netbootCommand(project, "verify", "--stack", "dev");

  beforeAll(async () => {
    lab = await labUp();
    project = await scratchProject({ files: { "index.ts": "" }, name: "taken" });
    write(4);
    await project.succeed(up);
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  it("is told by the one that takes it, and by each later change until it is declared anew", async () => {
    write(7);
    const { output } = await project.pulumi([...up, "--target", "**db-1"]);
    expect(output).toContain("which has lost the machine to this one");
    expect((await verify()).stdout).toMatch(/^FAILED +u2 +node 0 has it of OlaFleet\/taken\/dev\/rack no more/m);
    write(4);
    const given = await project.succeed(up);
    expect(given.output).toMatch(
      /another resource has taken machines of OlaFleet\/taken\/dev\/rack, which node 0 serves no more as this state has them\. `pulumi up --refresh`/,
    );
    await project.succeed([...up, "--refresh"]);
    expect((await verify()).stdout).toMatch(/^2 machines, all served$/m);
    write(5);
    const { output: after } = await project.succeed(up);
    expect(after).not.toContain("has taken machines");
  });
});
