import { afterEach, describe, expect, it } from "vitest";
import { runCommand } from "../../tools/command.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";

let project: ScratchProject;

afterEach(() => project?.remove());

describe("pulumi-netboot/testing", () => {
  it("tests examples/testing, whose inventory is right and can be wrong", async () => {
    project = await scratchProject({ from: "examples/testing" });
    const vitest = [process.execPath, "node_modules/vitest/vitest.mjs", "run"];
    const inProject = { cwd: project.folder, env: { ...project.env, NO_COLOR: "1" } };
    const right = await runCommand(vitest, inProject);
    expect(right.output).not.toContain("warning:");
    expect(right.output).toMatch(/Tests {2}2 passed/);

    const doubled = { macs: ["04:3f:72:aa:00:01"] };
    project.write({
      "inventory.json": JSON.stringify({ "db-1": { ...doubled, address: "10.20.0.11" }, "db-2": doubled }),
    });
    const wrong = await runCommand(vitest, inProject);
    expect(wrong.output).toContain(
      `OlaFleet resource 'rack-a' has a problem: nodes["db-2"].macs[0]: "04:3f:72:aa:00:01" is already used by OlaFleet "rack-a", nodes["db-1"] (macs[0]); each NIC belongs to one machine [ARGUMENTS_INVALID]`,
    );
    // The same words as a preview has.
    await project.config({ host: "node0.example" });
    const preview = await project.pulumi(["preview"]);
    expect(preview.output).toContain("OlaFleet resource 'rack-a' has a problem: ");
  });
});
