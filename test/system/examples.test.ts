import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { runCommand } from "../../tools/command.mts";
import { type ScratchOptions, type ScratchProject, scratchProject } from "../../tools/scratch.mts";

const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1Gf0yMTkGvRwWrRk8mrxlI5m8Jz0yq6m5fQ5kq0p6e";
const node0 = { host: "192.0.2.1", hostKey, privateKeyPath: "/nowhere" };

/** The examples that have no test of their own here: each is previewed as it stands (test/matrix brings them to a node 0). */
describe("examples", () => {
  const made: ScratchProject[] = [];
  const projectOf = async (options: ScratchOptions, config: Readonly<Record<string, string>>) => {
    const project = await scratchProject(options);
    made.push(project);
    await project.config(config);
    return project;
  };

  afterEach(async () => {
    for (const project of made.splice(0)) await project.remove();
  });

  it("fleet has three hundred machines and one of its own", async () => {
    const project = await projectOf({ from: "examples/fleet" }, node0);
    const { output } = await project.succeed(["preview"]);
    expect(output).toMatch(/next boot changes for 301 of 301 nodes: .* \(all new\)/);
    expect(output).toContain("+ 16 to create");
  });

  it("parts have no time, no names, and a machine", async () => {
    const project = await projectOf({ from: "examples/parts" }, node0);
    const { output } = await project.succeed(["preview"]);
    expect(output).toContain("next boot changes for 1 of 1 node: db-1 (new)");
    expect(output).not.toMatch(/TimeServer|NameServer/);
  });

  it("two-stacks know each other by what the first exports", async () => {
    const first = await projectOf({ from: "examples/two-stacks/node0" }, node0);
    // Nobody is at that address: what would change node 0 says that it has.
    const stub =
      'exports.commit = async () => ({ machine: "0123456789ab", how: "changed", outputs: { sha256: "0".repeat(64), bytes: "1" }, drift: [] });';
    first.write({ "node_modules/pulumi-netboot/dist/provider/conversation/groupCommit.js": stub });
    await first.succeed(["up", "--yes", "--skip-preview"]);
    const second = await projectOf({ from: "examples/two-stacks/machines", sharing: first }, {});
    const { output } = await second.succeed(["preview"]);
    expect(output).toContain("next boot changes for 1 of 1 node: web-1 (new)");
    expect(output).toContain("UEFI x64 → ipxe.efi sha256:0000000000…");
  });

  it("policy stops a preview by what a program says, and lets another one pass", async () => {
    const { folder: pack } = await projectOf({ from: "examples/policy" }, {});
    const program = (server: string, node: string): string => `
      import * as netboot from "pulumi-netboot";
      const node0 = new netboot.NetbootServer("node0", {
        connection: { host: "192.0.2.1", hostKey: "${hostKey}", password: "x" },
        network: { interface: "eno2", address: "192.168.1.1", cidr: "192.168.1.0/28", pool: { from: "192.168.1.8", to: "192.168.1.9" } },
        ${server}
      });
      new netboot.OlaNode("a", { server: node0, macs: ["52:54:00:00:06:01"], address: "192.168.1.2", ${node} });`;
    const project = await projectOf(
      { files: { "index.ts": program('unknownMachines: "serve"', "verify: false") } },
      {},
    );
    const preview = ["preview", "--policy-pack", pack];
    const { code, output } = await project.pulumi(preview);
    expect(code, output).not.toBe(0);
    expect(output).toMatch(/no-unknown-machines .*DhcpServer: node0-dhcp/);
    expect(output.match(/pinned-artifacts .*BootFile: node0-artifacts-\S+\.efi/g)).toHaveLength(3);
    expect(output).toMatch(/verified-machines .*OlaNode: a\)/);
    const file = { package: "ipxe", version: "1.0" };
    const pinned = { ipxe: file, snponly: file, refind: { package: "refind", version: "1.0" } };
    project.write({ "index.ts": program(`artifacts: ${JSON.stringify(pinned)}`, "") });
    expect((await project.succeed(preview)).output).toMatch(/next boot changes for 1 of 1 node: a \(new\)/);

    const [, snippet = ""] =
      /^```ts .*\n([^`]*`[^`]*`[^`]*)```$/m.exec(readFileSync("examples/policy/README.md", "utf8")) ?? [];
    const policies = readFileSync(join(pack, "index.ts"), "utf8");
    const another = `{ name: "comments", description: "Why.", enforcementLevel: "mandatory", ${snippet} },\n];`;
    writeFileSync(
      join(pack, "index.ts"),
      policies.replace(/^\];$/m, () => another),
    );
    for (const macs of ['"52:54:00:00:06:02"', 'pulumi.secret("52:54:00:00:06:02")']) {
      const fleet = `
        import * as pulumi from "@pulumi/pulumi";
        new netboot.OlaFleet("rack", { server: node0, nodes: {
          b: { macs: [${macs}], address: "192.168.1.3", comment: "the first" },
          c: { macs: ["52:54:00:00:06:03"], address: "192.168.1.4" } } });`;
      project.write({ "index.ts": program(`artifacts: ${JSON.stringify(pinned)}`, "") + fleet });
      const { output: refused } = await project.pulumi(preview);
      expect(refused.match(/\S+ has no comment/g)).toEqual(["c has no comment"]);
    }
  });

  it("the template becomes a project that previews", async () => {
    const project = await projectOf({ name: "empty", files: { "index.ts": "" } }, {});
    const folder = `${project.root}/made`;
    const template = `${process.cwd()}/templates/typescript`;
    const { code, output } = await runCommand(
      ["pulumi", "new", template, "--generate-only", "--yes", "--name", "made", "--dir", folder],
      { cwd: project.root, env: project.env, timeoutSeconds: 60 },
    );
    expect(code, output).toBe(0);
    const files = await runCommand(["cat", "index.ts", "Pulumi.yaml", "package.json", "tsconfig.json"], {
      cwd: folder,
    });
    expect(files.stdout).not.toMatch(/\$\{(PROJECT|DESCRIPTION)\}/);
    const of = async (name: string) => (await runCommand(["cat", name], { cwd: folder })).stdout;
    const made = {
      "index.ts": await of("index.ts"),
      "package.json": await of("package.json"),
      "tsconfig.json": await of("tsconfig.json"),
    };
    const other = await projectOf(
      { name: "made", files: made },
      { host: "192.0.2.1", hostKey, interface: "eno2", cidr: "192.168.1.0/28", address: "192.168.1.1" },
    );
    expect((await other.succeed(["preview"])).output).toContain("next boot changes for 1 of 1 node: node-1 (new)");
  });
});
