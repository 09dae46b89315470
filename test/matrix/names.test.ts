import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type PulumiOptions, type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { hostsOf, netbootCommand, programOn, recordsOf, tokensOn } from "../support/node0";

const up = ["up", "--yes", "--skip-preview"];
const server =
  "const node0 = new netboot.NetbootServer('node0', { connection, network, time: false, names: false }); export const reference = node0.reference;";

const node = (name: string, n: number, opts = "{}") =>
  `new netboot.OlaNode("${name}", { server: node0, macs: ["52:54:00:00:06:0${n}"], address: "192.168.1.${n + 1}" }, ${opts});`;
const rack = (...numbers: readonly number[]) => {
  const nodes = numbers.map((n) => `"r-${n}": { macs: ["52:54:00:00:09:1${n}"], address: "192.168.1.${10 + n}" }`);
  return `new netboot.OlaFleet("rack", { server: node0, nodes: { ${nodes.join(", ")} } });`;
};

/** Whatever Pulumi does to names and to states, a resource keeps what it has on node 0, and no two share a record. */
describe("a resource's record", () => {
  let lab: Lab;
  let project: ScratchProject;
  /** Somebody with a state of his own, whose project and stack are named alike. */
  let colleague: ScratchProject;

  beforeAll(async () => {
    lab = await labUp();
    project = await scratchProject({ files: { "index.ts": programOn(lab, "") }, name: "names" });
    colleague = await scratchProject({ files: { "index.ts": programOn(lab, "") }, name: "names" });
  });

  afterAll(async () => {
    await colleague?.remove();
    await project?.remove();
    await lab?.down();
  });

  async function apply(statements: readonly string[], by = project, options: PulumiOptions = {}) {
    by.write({ "index.ts": programOn(lab, statements.join("\n")) });
    return await by.pulumi(up, options);
  }

  async function applied(statements: readonly string[], by = project, options: PulumiOptions = {}): Promise<string> {
    const { code, output } = await apply(statements, by, options);
    expect(code, output).toBe(0);
    return output;
  }

  const hosts = () => hostsOf(lab);
  const records = () => recordsOf(lab);
  const verify = async (stack = "dev") => (await netbootCommand(project, "verify", "--stack", stack)).stdout;

  it("is its stack's from the first run on: one of the same name takes nothing over, however often it tries", async () => {
    const machines = [server, node("node-1", 1)];
    await applied(machines);
    for (const _attempt of ["first", "again"]) {
      const { code, output } = await apply(machines, colleague);
      expect(code).not.toBe(0);
      expect(output).toMatch(/a stack that is named names\/dev has .*\[CLASH\]/s);
    }
    await colleague.succeed(["destroy", "--yes", "--skip-preview"]);
    expect(hosts()).toEqual(["node-1 01"]);
    await project.succeed([...up, "--expect-no-changes"]);
    expect(await verify()).toMatch(/1 machine, all served/);
  });

  it("stays its own when it is renamed and its old name is given to another", async () => {
    await applied([server, node("node-1", 1)]);
    const renamed = `new netboot.OlaNode("web-1", { server: node0, macs: ["52:54:00:00:06:01"], address: "192.168.1.2" }, { aliases: [{ name: "node-1" }] });`;
    await applied([server, renamed]);
    await applied([server, node("web-1", 1), node("node-1", 2)]);
    expect(hosts()).toEqual(["node-1 02", "web-1 01"]);
    expect(records()).toEqual(["OlaNode/names/dev/node-1", expect.stringMatching(/^OlaNode\/names\/dev\/node-1~/)]);
    expect(await verify()).toMatch(/^ok {6}node-1 .*:?\n.*ok {6}web-1 .*\n\n2 machines, all served/m);
    await project.succeed([...up, "--expect-no-changes"]);
  });

  it("is met by its id in a run that refreshes, though the state has it under another one's name", async () => {
    const both = [server, node("web-1", 1), node("node-1", 2)];
    for (const command of [["preview"], up]) await project.succeed([...command, "--refresh", "--expect-no-changes"]);
    // Another machine under the id with a suffix, and somebody's hand in the block of the one that has its id.
    await lab.node0.run("sed -i '/^host web-1-nic0/d' /etc/dhcp/netboot/hosts.conf");
    project.write({ "index.ts": programOn(lab, [server, node("web-1", 1), node("node-1", 3)].join("\n")) });
    const preview = await project.succeed(["preview", "--refresh"]);
    expect(preview.output).toMatch(/web-1 \(missing on node 0\)/);
    expect(preview.output).toMatch(/OlaNode \(web-1\):\n +not as declared: web-1 is missing$/m);
    expect(preview.output).toMatch(/on node 0 as it is now: machines: [^\n]*~ node-1/);
    expect(preview.output).not.toMatch(/this is refused/);
    const { output } = await project.succeed([...up, "--refresh"]);
    expect(output).not.toMatch(/ created /);
    expect(hosts()).toEqual(["node-1 03", "web-1 01"]);
    await applied(both);
    expect(hosts()).toEqual(["node-1 02", "web-1 01"]);
    expect(await verify()).toMatch(/2 machines, all served/);
  });

  it("is found again by a create, when only the state forgot it", async () => {
    const urn = (await project.succeed(["stack", "--show-urns"])).stdout.match(/urn:\S+OlaNode::web-1/)?.[0] ?? "";
    await project.succeed(["state", "delete", "--yes", urn]);
    await applied([server, node("web-1", 1), node("node-1", 2)]);
    expect(hosts()).toEqual(["node-1 02", "web-1 01"]);
  });

  it("is told of, and given back, where another resource of its stack takes what it has in a run that leaves it out", async () => {
    const both = [server, node("web-1", 1), node("node-1", 2)];
    project.write({ "index.ts": programOn(lab, [server, node("web-1", 3), node("node-1", 1)].join("\n")) });
    const { output } = await project.succeed([...up, "--target", "**OlaNode::node-1"]);
    expect(output).toMatch(/ was that of OlaNode\/names\/dev\/web-1, which has lost the machine to this one/);
    await applied(both);
    expect(await verify()).toMatch(/^FAILED {2}web-1 /m);
    expect((await netbootCommand(project, "doctor", "--stack", "dev")).stdout).toMatch(
      /another resource took it over, and node 0 does not serve it/,
    );
    await project.succeed([...up, "--refresh"]);
    expect(hosts()).toEqual(["node-1 02", "web-1 01"]);
    expect(await verify()).toMatch(/2 machines, all served/);
  });

  it("is known as its stack's by a run that the engine shows nothing else of the state", async () => {
    project.write({ "index.ts": programOn(lab, [server, node("web-1", 1), node("other", 2)].join("\n")) });
    const { output } = await project.succeed([...up, "--target", "**OlaNode::other"]);
    expect(output).toMatch(/ was that of OlaNode\/names\/dev\/node-1, which has lost the machine to this one/);
    expect(hosts()).toEqual(["other 02", "web-1 01"]);
    await applied([server, node("web-1", 1), node("other", 2)]);
    await applied([server, node("web-1", 1), node("node-1", 2)]);
    expect(hosts()).toEqual(["node-1 02", "web-1 01"]);
  });

  it("goes to what comes in its place where all of a server is made anew, of which nothing else is seen before", async () => {
    const machines = [node("web-1", 1), node("node-1", 2)];
    const before = tokensOn(lab);
    expect(before).toHaveLength(1);
    const urnOf = async (kind: string) =>
      (await project.succeed(["stack", "--show-urns"])).stdout.match(new RegExp(`urn:\\S+:${kind}::\\S+`))?.[0] ?? "";
    const isServed = async () => {
      expect(hosts()).toEqual(["node-1 02", "web-1 01"]);
      expect(tokensOn(lab)).toEqual(before);
      expect(await verify()).toMatch(/2 machines, all served/);
    };
    // Another name, and another parent, both without an alias.
    await applied([server.replace("'node0'", "'third'"), ...machines]);
    await isServed();
    const below = `const site = new (class extends pulumi.ComponentResource { constructor() { super("acme:index:Site", "site"); } })();`;
    await applied([below, server.replace(" });", " }, { parent: site });"), ...machines]);
    await isServed();
    await applied([server, ...machines]);
    await isServed();
    await project.succeed([...up, "--replace", await urnOf("Packages")]);
    await isServed();
    await project.succeed(["state", "taint", await urnOf("Packages")]);
    await project.succeed(up);
    await isServed();
    await project.succeed([...up, "--expect-no-changes"]);
  });

  it("is written anew when its resource is replaced", async () => {
    const urn = (await project.succeed(["stack", "--show-urns"])).stdout.match(/urn:\S+OlaNode::web-1/)?.[0] ?? "";
    const before = records();
    await project.succeed([...up, "--replace", urn]);
    expect(hosts()).toEqual(["node-1 02", "web-1 01"]);
    expect(records()).toEqual(before);
    expect(await verify()).toMatch(/2 machines, all served/);
  });

  it("is not taken over by a stack that is named alike, and its way out is told", async () => {
    const before = hosts();
    const { code, output } = await apply([server, node("web-1", 4)], colleague);
    expect(code).not.toBe(0);
    expect(output).toMatch(/a stack that is named names\/dev has this resource here/);
    expect(output).toMatch(/PULUMI_NETBOOT_TAKE_OVER=names\/dev/);
    await colleague.succeed(["destroy", "--yes", "--skip-preview"]);
    expect(hosts()).toEqual(before);
    expect(await verify()).toMatch(/2 machines, all served/);
  });

  it("keeps what it has when its stack gets another name, and its stack's new machines are beside it", async () => {
    await project.succeed(["stack", "rename", "live"]);
    const machines = [server, node("web-1", 1), node("node-1", 2), node("new-1", 3)];
    // Nothing but the names: only then anything else.
    const renamed = await applied([server, node("web-1", 1), node("node-1", 2)], project, { stack: "live" });
    expect(renamed).toMatch(/OlaNode node-1 updated/);
    expect(renamed).not.toMatch(/restarting|not proved/);
    const output = await applied(machines, project, { stack: "live" });
    expect(output).not.toMatch(/not proved/);
    expect(hosts()).toEqual(["new-1 03", "node-1 02", "web-1 01"]);
    // One stack: a machine goes from a resource that was made under the old name to one of the new name.
    const moved = [server, node("app-1", 1), node("node-1", 2), node("new-1", 3)];
    await applied(moved, project, { stack: "live" });
    expect(hosts()).toEqual(["app-1 01", "new-1 03", "node-1 02"]);
  });

  it("is taken over where the operator says that the other stack is no more, which then knows", async () => {
    await applied([server, node("app-1", 1), node("node-1", 2), node("new-1", 3), rack(1, 2)], project, {
      stack: "live",
    });
    const machines = [server, node("node-1", 2), node("new-1", 3), rack(1)];
    const { output } = await apply(machines, colleague, { stack: "live" });
    expect(output).toMatch(/a stack that is named names\/live has/);
    const env = { PULUMI_NETBOOT_TAKE_OVER: "names/live" };
    const taking = await applied(machines, colleague, { stack: "live", env });
    // A fleet with fewer machines than the other stack has in it takes their boots away.
    expect(taking).toMatch(
      /OlaFleet \(rack\)[\s\S]*in the stack that is taken over it has r-2 as well, which is not here/,
    );
    const seen = await verify("live");
    expect(seen).toMatch(/^FAILED {2}new-1 .*node 0 has it of another stack of this name, which took it over$/m);
    expect(seen).toMatch(/^FAILED {2}node-1 .*node 0 has it of \S+ no more: another resource has its MAC/m);
    for (const name of ["r-1", "r-2"]) expect(seen).toMatch(new RegExp(`^FAILED  ${name} .*which took it over$`, "m"));
    expect(seen).toMatch(/5 machines, 4 not served/);
    const doctor = (await netbootCommand(project, "doctor", "--stack", "live")).stdout;
    expect(doctor).toMatch(/OlaNode\/names\/live\/new-1: the resource: node 0 has it of another stack of this name/);
    const again = [server, node("app-1", 1), node("node-1", 2), node("new-1", 5)];
    expect((await apply(again, project, { stack: "live" })).output).toMatch(
      /a stack that is named names\/live has this resource here/,
    );
    expect(doctor).not.toMatch(/mends what differs/);
    // Its own end takes nothing away that the other one has.
    const { output: ended } = await project.succeed(["destroy", "--yes", "--skip-preview", "--stack", "live"]);
    expect(ended).toMatch(/which took it over; it stays there, and only this stack's state lets it go/);
    expect(hosts()).toEqual(["new-1 03", "node-1 02", "r-1 11"]);
  });
});
