import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCommand } from "../../tools/command.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";

const privateKey = generateKeyPairSync("ed25519", {
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
}).privateKey;

/** Previews the program for one count of machines after the other, and prints each preview as an event of its own. */
const automation = `
const { LocalWorkspace } = require("@pulumi/pulumi/automation");
const netboot = require("pulumi-netboot");

const program = (count) => async () => {
  const connection = { host: "192.0.2.1", privateKey: ${JSON.stringify(privateKey)}, hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1Gf0yMTkGvRwWrRk8mrxlI5m8Jz0yq6m5fQ5kq0p6e" };
  const server = new netboot.NetbootServer("node0", { connection, network: { interface: "eth1", cidr: "192.168.1.0/24", address: "192.168.1.2" } });
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (let n = 1; n <= count; n++) new netboot.OlaNode("n" + n, { server, macs: ["52:54:00:00:0a:0" + n], address: "192.168.1." + (10 + n) });
  if (count === 0) throw new Error("the program ends here");
};

(async () => {
  for (const count of [2, 0, 3]) {
    const stack = await LocalWorkspace.createOrSelectStack({ stackName: "inline", projectName: "inline", program: program(count) });
    const { stdout } = await stack.preview().catch((error) => ({ stdout: error.message }));
    console.log(JSON.stringify(stdout));
  }
})();
`;

/** Of its machines one comes late, when all before it is long registered; then it fails, or not. */
const late = (end: string): string => `
const netboot = require("pulumi-netboot");
const connection = { host: "192.0.2.1", privateKey: ${JSON.stringify(privateKey)}, hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1Gf0yMTkGvRwWrRk8mrxlI5m8Jz0yq6m5fQ5kq0p6e" };
const server = new netboot.NetbootServer("node0", { connection, network: { interface: "eth1", cidr: "192.168.1.0/24", address: "192.168.1.2" } });
new netboot.OlaNode("n1", { server, macs: ["52:54:00:00:0a:01"], address: "192.168.1.11" });
(async () => {
  await new Promise((resolve) => setTimeout(resolve, 3000));
  new netboot.OlaNode("n2", { server, macs: ["52:54:00:00:0a:02"], address: "192.168.1.12" });
  ${end}
})();
`;

describe("a program whose machines come late", () => {
  let project: ScratchProject;

  beforeAll(async () => {
    project = await scratchProject({ files: { "index.js": late("") }, name: "late" });
  });
  afterAll(() => project?.remove());

  it("has one sentence about all of them, at its end", async () => {
    const { output } = await project.succeed(["preview"]);
    expect(output.match(/^ +next boot .*$/gm)?.map((line) => line.trim())).toEqual([
      "next boot changes for 2 of 2 nodes: n1, n2 (new)",
    ]);
  });

  it("has none where it fails", async () => {
    project.write({ "index.js": late('throw new Error("the program ends here");') });
    const { code, output } = await project.pulumi(["preview"]);
    expect(code).not.toBe(0);
    expect(output).toContain("the program ends here");
    expect(output).not.toMatch(/next boot changes/);
  });
});

describe("inline programs of the Automation API", () => {
  let project: ScratchProject;

  beforeAll(async () => {
    project = await scratchProject({ files: { "index.js": automation }, name: "inline" });
  });
  afterAll(() => project?.remove());

  it("have each preview end with its own sentence, within one process", async () => {
    const { code, stdout, output } = await runCommand(["node", "index.js"], {
      cwd: project.folder,
      env: project.env,
      timeoutSeconds: 180,
    });
    expect(code, output).toBe(0);
    const previews = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as string);
    expect(previews).toHaveLength(3);
    const sentences = previews.map((text) => text.match(/^ +next boot .*$/gm)?.map((line) => line.trim()));
    expect(sentences).toEqual([
      ["next boot changes for 2 of 2 nodes: n1, n2 (new)"],
      undefined,
      ["next boot changes for 3 of 3 nodes: n1, n2, n3 (new)"],
    ]);
    expect(previews[1]).toContain("the program ends here");
  });
});
