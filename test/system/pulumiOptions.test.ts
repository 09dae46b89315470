import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";

/** Nobody is at that address: what would change node 0 writes down what it was asked for, and says that it was done. */
const stub = `
const { appendFileSync } = require("node:fs");
exports.commit = async (_connection, change) => {
  const id = change.kind === "put" ? change.declaration.id : change.id;
  if (id.endsWith("/slow")) await new Promise((done) => setTimeout(done, 2500));
  appendFileSync("sent.log", change.kind + " " + id.replace("/options/dev", "") + "\\n");
  return { machine: "0123456789ab", how: "changed", outputs: { sha256: "0".repeat(64), bytes: "1" }, drift: [] };
};
`;

const program = (...statements: readonly string[]): string => `
const pulumi = require("@pulumi/pulumi");
const netboot = require("pulumi-netboot");
const connection = { host: "192.0.2.1", privateKeyPath: "/nowhere", hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1Gf0yMTkGvRwWrRk8mrxlI5m8Jz0yq6m5fQ5kq0p6e" };
const network = { interface: "eth1", cidr: "192.168.1.0/24", address: "192.168.1.2" };
const node = (n) => ({ macs: ["52:54:00:00:0a:0" + n], address: "192.168.1." + (10 + n) });
const rack = new pulumi.ComponentResource("my:rack:Rack", "rack");
${statements.join("\n")}
`;
const server = `const server = new netboot.NetbootServer("node0", { connection, network });`;
const machine = (name: string, args: string, opts: string): string =>
  `new netboot.OlaNode("${name}", { server, ${args} }, ${opts});`;

/** docs/pulumi-options.md, row by row: what Pulumi's options do to a machine and to node 0. Each case goes on from the last. */
describe("Pulumi's options", () => {
  let project: ScratchProject;

  const write = (...statements: readonly string[]): void => project.write({ "index.js": program(...statements) });
  const up = (...options: readonly string[]) => project.succeed(["up", "--yes", "--skip-preview", ...options]);
  /** What node 0 was asked for since the last look. */
  const sent = (): readonly string[] => {
    const log = join(project.folder, "sent.log");
    const lines = readFileSync(log, "utf8").split("\n");
    writeFileSync(log, "");
    return lines.filter((line) => line.includes("OlaNode"));
  };

  beforeAll(async () => {
    project = await scratchProject({ files: { "index.js": program(), "sent.log": "" }, name: "options" });
    project.write({ "node_modules/pulumi-netboot/dist/provider/conversation/groupCommit.js": stub });
  });
  afterAll(() => project?.remove());

  it("customTimeouts, provider, dependsOn, additionalSecretOutputs: a machine takes its time, through a provider of its own, in its turn", async () => {
    write(
      server,
      `const mine = new pulumi.ProviderResource("pulumi-nodejs", "mine", {});`,
      `const slow = ${machine("slow", "...node(1)", '{ customTimeouts: { create: "1s" } }')}`,
      machine("n2", "...node(2)", "{ provider: mine, dependsOn: slow, protect: true }"),
      machine("n3", "...node(3)", '{ retainOnDelete: true, additionalSecretOutputs: ["verified"] }'),
    );
    await up();
    const order = sent();
    expect(order).toHaveLength(3);
    expect(order.indexOf("put OlaNode/n2")).toBeGreaterThan(order.indexOf("put OlaNode/slow"));
    const { deployment } = await project.state();
    const secret = deployment.resources?.find(({ urn }) => urn.endsWith("::n3"));
    expect(secret).toMatchObject({ additionalSecretOutputs: ["verified"] });
  });

  it("protect: a machine that is taken out of the program fails the preview", async () => {
    write(server, machine("slow", "...node(1)", "{}"), machine("n3", "...node(3)", "{ retainOnDelete: true }"));
    const { code, output } = await project.pulumi(["preview"]);
    expect(code).not.toBe(0);
    expect(output).toMatch(/OlaNode::n2" cannot be deleted\s+because it is protected/);
    await project.succeed(["state", "unprotect", "--all", "--yes"]);
  });

  it("aliases, parent, hooks: a machine goes on by another name, and below a component", async () => {
    write(
      server,
      `const mine = new pulumi.ResourceHook("mine", () => console.log("a hook of mine"), { onDryRun: true });`,
      machine("quick", '...node(1), hostname: "slow"', '{ aliases: [{ name: "slow" }] }'),
      machine("n2", "...node(2)", "{ parent: rack, aliases: [{ parent: pulumi.rootStackResource }] }"),
      machine("n3", "...node(3)", "{ retainOnDelete: true }"),
      machine("n4", "...node(4)", "{ hooks: { beforeCreate: [mine] } }"),
    );
    const { output } = await project.succeed(["preview"]);
    expect(output).toMatch(/~ .*OlaNode quick update/);
    expect(output).toMatch(/~ .*OlaNode n2 update/);
    expect(output).not.toMatch(/OlaNode \w+ (delete|replace)|no more in this program/);
    expect(output).toContain("a hook of mine");
    expect(output).toContain("next boot changes for 1 of 4 nodes: n4 (new)");
  });

  it("retainOnDelete: node 0 is asked for nothing, and keeps what it has", async () => {
    write(server, machine("slow", "...node(1)", "{ deletedWith: server.dhcp }"), machine("n2", "...node(2)", "{}"));
    const { output } = await up();
    expect(output).toMatch(/OlaNode n3 deleted .*\[retain\]/);
    expect(sent().filter((line) => line.includes("n3"))).toEqual([]);
  });

  it("--json: the sentence is among the diagnostics", async () => {
    write(server, machine("slow", "...node(7)", "{ deletedWith: server.dhcp }"), machine("n2", "...node(2)", "{}"));
    const { stdout } = await project.succeed(["preview", "--json"]);
    const { diagnostics } = JSON.parse(stdout) as { diagnostics: { message?: string }[] };
    expect(diagnostics.map(({ message }) => message).join()).toContain("next boot changes for 1 of 2 nodes: slow (");
  });

  it("transforms: a file that one changes is the file of the next boot", async () => {
    const nines = '{ ...props, content: props.content.replace("timeout 1", "timeout 9") }';
    write(
      `pulumi.runtime.registerResourceTransform(({ name, props, opts }) => name.endsWith("refind.conf") ? { props: ${nines}, opts } : undefined);`,
      server,
      machine("slow", "...node(1)", "{ deletedWith: server.dhcp }"),
      machine("n2", "...node(2)", "{}"),
    );
    const { output } = await project.succeed(["preview", "--diff"]);
    expect(output).toContain("+ timeout 9");
    expect(output).toMatch(
      /next boot changes for 2 of 2 nodes: n2, slow \(both: refind\.conf|: slow, n2 \(both: refind\.conf/,
    );
  });

  it("ignoreChanges: of everything, a machine stays as the state has it, and another one cannot take its address", async () => {
    const others = (address: string): readonly string[] => [
      server,
      machine("slow", address, '{ deletedWith: server.dhcp, ignoreChanges: ["*"] }'),
    ];
    write(...others("...node(7)"), machine("n2", "...node(2)", "{}"));
    const { output } = await up();
    expect(output).not.toMatch(/OlaNode slow/);
    expect(sent()).toEqual([]);
    const { output: told } = await project.succeed(["preview"]);
    expect(told).toContain("next boot changes for none of 2 nodes");
    write(...others("...node(7)"), machine("n2", "...node(1)", "{}"));
    const { code, output: refused } = await project.pulumi(["preview"]);
    expect(code).not.toBe(0);
    expect(refused).toMatch(/address: the address 192\.168\.1\.11 is that of OlaNode "(?:slow|n2)" already/);
  });

  it("deleteBeforeReplace, --replace: without it a machine is served all the while", async () => {
    for (const [option, order] of [
      ["deleteBeforeReplace: true", ["drop OlaNode/n2", "put OlaNode/n2"]],
      ["", ["put OlaNode/n2", "drop OlaNode/n2"]],
    ] as const) {
      write(
        server,
        machine("slow", "...node(1)", "{ deletedWith: server.dhcp }"),
        machine("n2", "...node(2)", `{ ${option} }`),
      );
      await up("--replace", "**OlaNode::n2");
      expect(sent()).toEqual(order);
    }
  });

  it("deletedWith: node 0 is not asked to take the machine away", async () => {
    await project.succeed(["destroy", "--yes", "--skip-preview"]);
    expect(sent()).toEqual(["drop OlaNode/n2"]);
  });
});
