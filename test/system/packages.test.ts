import { mkdirSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
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

/** What other forms of installing come to is seen in test/matrix/packages.test.ts. */
describe("a component package of one's own, which alone names this one", () => {
  it("is enough for the program, in the provider's process as well", async () => {
    const files = {
      "index.js": `require("@acme/rack").declareRack();`,
      "rack/package.json": `{ "name": "@acme/rack", "exports": "./rack.js", "dependencies": { "pulumi-netboot": "*" } }`,
      "rack/rack.js": `
const netboot = require("pulumi-netboot");
exports.declareRack = () => {
  const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1Gf0yMTkGvRwWrRk8mrxlI5m8Jz0yq6m5fQ5kq0p6e";
  const connection = { host: "127.0.0.1", port: 1, password: "x", hostKey, dialErrorLimit: 0 };
  new netboot.TftpServer("tftp", { connection, address: "192.168.1.1" });
};
`,
    };
    project = await scratchProject({ name: "infra", files });
    // As pnpm lays a workspace out.
    project.write({ "package.json": `{ "name": "infra", "main": "index.js", "dependencies": { "@acme/rack": "*" } }` });
    const [modules, rack] = [join(project.folder, "node_modules"), join(project.folder, "rack")];
    mkdirSync(join(modules, "@acme"));
    symlinkSync(rack, join(modules, "@acme/rack"));
    mkdirSync(join(rack, "node_modules"));
    renameSync(join(modules, "pulumi-netboot"), join(rack, "node_modules/pulumi-netboot"));

    await project.succeed(["preview"]);
    const { output } = await project.pulumi(["up", "--yes", "--skip-preview"]);
    expect(output).toContain("no connection to 127.0.0.1:1: connection refused (ECONNREFUSED)");
  });
});
