import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type PulumiOptions, type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { hostsOf, netbootCommand, programOn, recordsOf } from "../support/node0";

const up = ["up", "--yes", "--skip-preview"];
const server =
  "const node0 = new netboot.NetbootServer('node0', { connection, network, time: false, names: false }); export const reference = node0.reference;";

const node = (name: string, n: number) =>
  `new netboot.OlaNode("${name}", { server: node0, macs: ["52:54:00:00:06:0${n}"], address: "192.168.1.${n + 1}" });`;

/** A resource keeps what it has on node 0 when its state goes elsewhere, or is one of yesterday. */
describe("a resource's record, whose state", () => {
  let lab: Lab;
  let project: ScratchProject;

  beforeAll(async () => {
    lab = await labUp();
    project = await scratchProject({ files: { "index.ts": programOn(lab, "") }, name: "names" });
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  async function apply(statements: readonly string[], options: PulumiOptions = {}) {
    project.write({ "index.ts": programOn(lab, statements.join("\n")) });
    return await project.pulumi(up, options);
  }

  async function applied(statements: readonly string[], options: PulumiOptions = {}): Promise<string> {
    const { code, output } = await apply(statements, options);
    expect(code, output).toBe(0);
    return output;
  }

  const hosts = () => hostsOf(lab);
  const records = () => recordsOf(lab);
  const verify = async (stack = "dev") => (await netbootCommand(project, "verify", "--stack", stack)).stdout;

  it("moves to another stack, goes there with it, and back", async () => {
    const urnIn = async (stack: string) =>
      (await project.succeed(["stack", "--show-urns"], { stack })).stdout.match(/urn:\S+OlaNode::node-1/)?.[0] ?? "";
    const move = async (source: string, dest: string) =>
      await project.succeed(["state", "move", "--yes", "--source", source, "--dest", dest, await urnIn(source)]);
    const elsewhere =
      'const node0 = pulumi.output(new pulumi.StackReference("organization/names/dev").requireOutput("reference")) as any;';
    await applied([server, node("web-1", 1), node("node-1", 2)]);
    await project.succeed(["stack"], { stack: "other" });
    await move("dev", "other");
    await applied([elsewhere, node("node-1", 2)], { stack: "other" });
    await applied([server, node("web-1", 1)]);
    expect(hosts()).toEqual(["node-1 02", "web-1 01"]);
    expect(records()).toHaveLength(2);
    expect(await verify("other")).toMatch(/^ok {6}node-1 [\s\S]*1 machine, all served/m);
    const { code, output } = await apply([server, node("web-1", 1), node("mine", 2)]);
    expect(code).not.toBe(0);
    expect(output).toMatch(/names\/other\/node-1[\s\S]*\[CLASH\]/);
    await applied([server, node("web-1", 1)]);
    await move("other", "dev");
    await applied([server, node("web-1", 1), node("node-1", 2)]);
    expect(hosts()).toEqual(["node-1 02", "web-1 01"]);
    expect(await verify()).toMatch(/2 machines, all served/);
    await project.succeed(["destroy", "--yes", "--skip-preview"], { stack: "other" });
    expect(hosts()).toEqual(["node-1 02", "web-1 01"]);
  });

  it("is restored from a backup of yesterday, is gone on with", async () => {
    const yesterday = join(project.root, "yesterday.json");
    await applied([server, node("web-1", 1), node("node-1", 2), node("db-1", 3)]);
    await project.succeed(["stack", "export", "--file", yesterday]);
    const today = [server, node("web-1", 5), node("node-1", 2), node("db-1", 3), node("new-1", 4)];
    await applied(today);
    const { stdout: urns } = await project.succeed(["stack", "--show-urns"]);
    for (const name of ["node-1", "db-1"]) {
      await project.succeed([...up, "--replace", urns.match(new RegExp(`urn:\\S+OlaNode::${name}`))?.[0] ?? ""]);
    }
    await project.succeed(["stack", "import", "--file", yesterday]);
    expect((await netbootCommand(project, "verify", "--stack", "dev")).stdout).toMatch(
      /db-1 .*node 0 has it made anew since this state was written/,
    );
    expect(await verify()).toMatch(/web-1 .*node 0 has it as another run declared it/);
    const { output: late } = await apply([
      server,
      node("web-1", 1),
      node("node-1", 2),
      node("db-1", 3),
      node("late-1", 6),
    ]);
    expect(late).toMatch(/node 0 has \S+\/web-1 as another run declared it[^\n]*may be wrong/);
    project.write({ "index.ts": programOn(lab, today.join("\n")) });
    const { output } = await project.succeed(["preview", "--refresh"]);
    expect(output).not.toMatch(/refused|CLASH/);
    await project.succeed([...up, "--refresh"]);
    expect(hosts()).toEqual(["db-1 03", "new-1 04", "node-1 02", "web-1 05"]);
    expect(await verify()).toMatch(/4 machines, all served/);
    await project.succeed([...up, "--refresh", "--expect-no-changes"]);
    await applied([server, node("web-1", 1), node("node-1", 2)]);
  });

  it("has another parent, with an alias, is not touched", async () => {
    await applied([server, node("web-1", 1)]);
    const before = records();
    const inRack = `class Rack extends pulumi.ComponentResource { constructor() { super("acme:index:Rack", "rack", {}, {}); } }
      new netboot.OlaNode("web-1", { server: node0, macs: ["52:54:00:00:06:01"], address: "192.168.1.2" },
        { parent: new Rack(), aliases: [{ parent: pulumi.rootStackResource }] });`;
    expect(await applied([server, inRack])).not.toMatch(/restarting|creating.*OlaNode|OlaNode.*creating|deleting/);
    expect(records()).toEqual(before);
    expect(await verify()).toMatch(/1 machine, all served/);
    await project.succeed([...up, "--expect-no-changes"]);
  });

  it("belongs to a project of another name, has that name, and nothing restarts", async () => {
    await applied([server, node("web-1", 1), node("node-1", 2)]);
    await project.succeed(["stack", "rename", "organization/renamed/dev"]);
    const manifest = readFileSync(join(project.folder, "Pulumi.yaml"), "utf8");
    project.write({ "Pulumi.yaml": manifest.replace(/^name: names$/m, "name: renamed") });
    expect(await applied([server, node("web-1", 1), node("node-1", 2)])).not.toMatch(/restarting|not proved/);
    expect(hosts()).toEqual(["node-1 02", "web-1 01"]);
    expect(await verify()).toMatch(/2 machines, all served/);
    await project.succeed([...up, "--expect-no-changes"]);
  });
});
