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
      "next boot changes for 2 of 2 nodes: n1, n2 (both new)",
    ]);
  });

  it("says in it what becomes of machines that nobody declares", async () => {
    const address = 'address: "192.168.1.2"';
    const pool = `${address}, pool: { from: "192.168.1.100", to: "192.168.1.120" } }, unknownMachines: "serve"`;
    project.write({ "index.js": late("").replace(`${address} }`, pool) });
    const { output } = await project.succeed(["preview"]);
    expect(output).toMatch(
      /next boot changes for 2 of 2 nodes: .*; machines that nobody declares boot by node 0, too$/m,
    );
  });

  it("has none where it fails", async () => {
    project.write({ "index.js": late('throw new Error("the program ends here");') });
    const { code, output } = await project.pulumi(["preview"]);
    expect(code).not.toBe(0);
    expect(output).toContain("the program ends here");
    expect(output).not.toMatch(/next boot changes/);
  });
});

describe("a program without some of its machines", () => {
  let project: ScratchProject;

  const program = (statements: string): string => `
const netboot = require("pulumi-netboot");
const connection = { host: "192.0.2.1", privateKey: ${JSON.stringify(privateKey)}, hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1Gf0yMTkGvRwWrRk8mrxlI5m8Jz0yq6m5fQ5kq0p6e" };
const server = new netboot.NetbootServer("node0", { connection, network: { interface: "eth1", cidr: "192.168.1.0/24", address: "192.168.1.2" } });
const node = (n) => ({ macs: ["52:54:00:00:0a:0" + n], address: "192.168.1." + (10 + n) });
${statements}
`;
  const whole = `
for (const n of [1, 2]) new netboot.OlaNode("n" + n, { server, ...node(n) });
new netboot.OlaFleet("rack", { server, nodes: { "n3": node(3), "n4": node(4) } });
`;

  /** The last words of a preview. */
  async function said(statements: string, options: readonly string[] = []): Promise<readonly string[]> {
    project.write({ "index.js": program(statements) });
    const { output } = await project.succeed(["preview", ...options]);
    const lines = output.match(/^ +(next boot|no more in) .*$/gm) ?? [];
    return [...new Set(lines.map((line) => line.trim()))];
  }

  beforeAll(async () => {
    project = await scratchProject({ files: { "index.js": program(whole) }, name: "less" });
    // Nobody is at that address: what would change node 0 says that it has.
    const stub =
      'exports.commit = async () => ({ machine: "0123456789ab", how: "changed", outputs: { sha256: "0".repeat(64), bytes: "1" }, drift: [] });';
    project.write({ "node_modules/pulumi-netboot/dist/provider/conversation/groupCommit.js": stub });
    await project.succeed(["up", "--yes", "--skip-preview"]);
  });
  afterAll(() => project?.remove());

  it("has nothing that goes where all are in it", async () => {
    expect(await said(whole)).toEqual(["next boot changes for none of 4 nodes"]);
  });

  it("names first a machine that goes", async () => {
    expect(await said(whole.replace("[1, 2]", "[1]"))).toEqual([
      "no more in this program: n2. Node 0 serves no machine by this name after this up, unless --target or --exclude leaves it out, or retainOnDelete or deletedWith keeps it",
      "next boot changes for none of 3 nodes",
    ]);
  });

  it("names a whole fleet that goes, and the old name of a machine", async () => {
    const renamed = whole.replace(/new netboot.OlaFleet.*/, "").replace('"n" + n', '"m" + n');
    expect(await said(renamed)).toEqual([
      "no more in this program: n1, n2, all of fleet rack (but for what the program declares elsewhere). Node 0 serves no machine by these names after this up, unless --target or --exclude leaves them out, or retainOnDelete or deletedWith keeps them",
      "next boot changes for 2 of 2 nodes: m1, m2 (both new, or of fleet rack until now)",
    ]);
  });

  it("names none that has an alias, or is in a fleet now", async () => {
    const aliased = whole.replace(
      '"n" + n, { server, ...node(n) }',
      '"m" + n, { server, ...node(n) }, { aliases: [{ name: "n" + n }] }',
    );
    expect((await said(aliased)).join()).not.toMatch(/no more in/);
    const moved = whole.replace("[1, 2]", "[1]").replace("nodes: {", 'nodes: { "n2": node(2),');
    expect(await said(moved)).toEqual(["next boot changes for none of 4 nodes"]);
    const other = moved.replace('"n2": node(2)', '"n2": { ...node(2), address: "192.168.1.19" }');
    expect(await said(other)).toEqual(["next boot changes for 1 of 4 nodes: n2 (replaced with another address)"]);
  });

  it("counts all machines where node 0 gets another address", async () => {
    project.write({ "index.js": program(whole).replace('address: "192.168.1.2"', 'address: "192.168.1.8"') });
    const { output } = await project.succeed(["preview"]);
    expect(output).toMatch(
      /next boot changes for 4 of 4 nodes: n1, n2, n3, n4 \(all: boot server 192\.168\.1\.2 → 192\.168\.1\.8\)$/m,
    );
  });

  it("says where machines come to a second node 0, and of none of their files that it changes", async () => {
    const second =
      'const other = new netboot.NetbootServer("node1", { connection: { ...connection, host: "192.0.2.3" }, network: { interface: "eth1", cidr: "192.168.1.0/24", address: "192.168.1.3" } });';
    expect(await said(`${second}\n${whole.replace(/\bserver, /g, "server: [server, other], ")}`)).toEqual([
      "next boot changes for 4 of 4 nodes: n1, n2, n3, n4 (all new on node1)",
    ]);
  });

  it.each(["refind.pxe", "refind.conf"])("has a %s that is made anew as it was be none that changes", async (file) => {
    project.write({ "index.js": program(whole) });
    const urn = `urn:pulumi:dev::less::netboot:index:NetbootServer$netboot:index:BootArtifacts$pulumi-nodejs:dynamic/netboot:BootFile::node0-artifacts-${file}`;
    const { output } = await project.succeed(["preview", "--replace", urn]);
    expect(output).toMatch(/next boot changes for none of 4 nodes$/m);
    expect(output).toMatch(/1 to replace/);
  });

  it("finds the machines of a fleet in the one that it was, if that has no alias", async () => {
    const renamed = whole.replace('"rack"', '"racks"');
    expect(await said(renamed)).toEqual(["next boot changes for none of 4 nodes"]);
    expect(await said(renamed.replace("nodes: {", 'nodes: { "x": node(5),'))).toEqual([
      expect.stringMatching(
        /^no more in this program: all of fleet rack \(but for what the program declares elsewhere\)\./,
      ),
      expect.stringMatching(/^next boot changes for 3 of 5 nodes: .* \(all new, or of fleet rack until now\)$/),
    ]);
  });

  it("names all where none is left", async () => {
    expect(await said("")).toEqual([
      "no more in this program: n1, n2, all of fleet rack. Node 0 serves no machine by these names after this up, unless --target or --exclude leaves them out, or retainOnDelete or deletedWith keeps them",
    ]);
  });

  it("speaks of the run with --target: of the file that it changes for all, and not of one that it leaves out", async () => {
    const other = (text: string) =>
      program(text).replace("network: {", "artifacts: { refindConf: { timeoutSeconds: 7 } }, network: {");
    const target = async (statements: string, ...targets: readonly string[]) => {
      project.write({ "index.js": other(statements) });
      const { output } = await project.succeed(["preview", ...targets.flatMap((urn) => ["--target", urn])]);
      return [...new Set(output.match(/^ +(next boot|no more in) .*$/gm)?.map((line) => line.trim()))];
    };
    expect(await target(whole, "**refind.conf")).toEqual([
      expect.stringMatching(/^next boot changes for 4 of 4 nodes: n1, n2, n3, n4 \(all: refind\.conf \w{8} → \w{8}\)$/),
    ]);
    expect(await target(whole, "**OlaNode::n1")).toEqual(["next boot changes for none of 4 nodes"]);
    await project.succeed(["up", "--yes", "--skip-preview", "--target", "**refind.conf"]);
    expect(await target(whole)).toEqual([
      expect.stringMatching(
        /^next boot changes for none of 4 nodes; it has changed before this run for n1, n2, n3, n4 \(all: refind\.conf /,
      ),
    ]);
    await project.succeed(["up", "--yes", "--skip-preview"]);
    expect(await target(whole)).toEqual(["next boot changes for none of 4 nodes"]);
    project.write({ "index.js": program(whole) });
    await project.succeed(["up", "--yes", "--skip-preview"]);
  });

  it("is previewed for a plan, which the up then meets", async () => {
    const env = { PULUMI_EXPERIMENTAL: "true" };
    project.write({ "index.js": program(whole.replace("[1, 2]", "[1]")) });
    await project.succeed(["preview", "--save-plan", "plan.json"], { env });
    await project.succeed(["up", "--yes", "--skip-preview", "--plan", "plan.json"], { env });
    await project.succeed(["up", "--yes", "--skip-preview", "--expect-no-changes"]);
  });
});

describe("a program with machines of which a part is secret, or comes from another resource", () => {
  let project: ScratchProject;

  const program = (mac: string, others: string): string => `
const pulumi = require("@pulumi/pulumi");
const netboot = require("pulumi-netboot");
class Order extends pulumi.dynamic.Resource {
  constructor(name) {
    const outs = { mac: "52:54:00:00:0a:05", cidr: "192.168.1.0/24", nodes: { n6: { macs: ["52:54:00:00:0a:06"], address: "192.168.1.16" } } };
    super({ create: async () => ({ id: "ordered", outs }) }, name, { mac: undefined, cidr: undefined, nodes: undefined });
  }
}
const order = new Order("order");
const connection = { host: "192.0.2.1", privateKey: ${JSON.stringify(privateKey)}, hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1Gf0yMTkGvRwWrRk8mrxlI5m8Jz0yq6m5fQ5kq0p6e" };
const serverOf = (name, host, cidr) => new netboot.NetbootServer(name, { connection: { ...connection, host }, network: { interface: "eth1", cidr, address: "192.168.1.2" } });
const server = serverOf("node0", "192.0.2.1", "192.168.1.0/24");
const node = (n, mac) => ({ macs: [mac ?? "52:54:00:00:0a:0" + n], address: "192.168.1." + (10 + n) });
const secret = pulumi.secret("${mac}");
exports.boot = new netboot.OlaNode("n1", { server, ...node(1, secret) }).nextBoot;
exports.clear = new netboot.OlaNode("n2", { server, ...node(2) }).nextBoot;
new netboot.OlaFleet("rack", { server, nodes: { "n3": node(3), "n4": node(4, "${mac.replace(/..$/, "44")}"), "n5": node(5, order.mac) } });
new netboot.OlaFleet("ordered", { server, nodes: order.nodes });
new netboot.OlaFleet("secret", { server, nodes: pulumi.secret({ "n7": node(7, "${mac.replace(/..$/, "77")}") }) });
new netboot.OlaFleet("late", { server: serverOf("node0-late", "192.0.2.2", order.cidr), nodes: { "n8": node(8) } });
${others}
`;

  beforeAll(async () => {
    project = await scratchProject({ files: { "index.js": program("52:54:00:00:0a:01", "") }, name: "secret" });
    const stub =
      'exports.commit = async () => ({ machine: "0123456789ab", how: "changed", outputs: { sha256: "0".repeat(64), bytes: "1" }, drift: [] });';
    project.write({ "node_modules/pulumi-netboot/dist/provider/conversation/groupCommit.js": stub });
  });
  afterAll(() => project?.remove());

  it("shows in its first preview all that is known, and says what is not", async () => {
    const { output } = await project.succeed(["preview", "--diff", "--show-full-output"]);
    expect(output).toMatch(/rows +: \{\n +n3: "192\.168\.1\.13 n3 [\d:a-f]+"\n +n4: ".*"\n +n5: \[unknown\]\n/);
    const texts = output.match(/^ +(clear|nextBoot) *: "192\.168\.1\.12 n2 .*$/gm);
    expect(texts).toHaveLength(2);
    for (const text of texts ?? []) expect(text).toContain("UEFI x64 → ipxe.efi (its hash after this up)\\niPXE → ");
    expect(output).not.toMatch(/(nextBoot|boot|clear) *: \[unknown\]/);
    expect(output.match(/^ *(next|which machines) .*$/gm)?.map((line) => line.trim())).toEqual([
      "next boot changes for 7 of 7 nodes: n1, n2, n3, n4, n5, n7, n8 (all new)",
      "which machines fleet ordered has is known only after this up",
    ]);
  });

  it("has as new those of a fleet of which one is secret and another one unknown", async () => {
    const unknown = 'order.id.apply(() => "52:54:00:00:0a:00")';
    const mixed = `{ "n9": node(9, pulumi.secret("52:54:00:00:0a:09")), "n0": node(0, ${unknown}) }`;
    const fleet = `new netboot.OlaFleet("mixed", { server, nodes: ${mixed} });`;
    project.write({ "index.js": program("52:54:00:00:0a:01", fleet) });
    const { output } = await project.succeed(["preview"]);
    expect(output).toContain("next boot changes for 9 of 9 nodes: n0, n1, n2, n3, n4, n5, n7 and 2 more (all new)");
    project.write({ "index.js": program("52:54:00:00:0a:01", "") });
  });

  it("is put on node 0 as any other, with its secrets in no text of the state", async () => {
    await project.succeed(["up", "--yes", "--skip-preview"]);
    await project.succeed(["up", "--yes", "--skip-preview", "--expect-no-changes"]);
    const state = JSON.stringify(await project.state());
    expect(state).toContain("192.168.1.15 n5 52:54:00:00:0a:05");
    for (const mac of ["52:54:00:00:0a:01", "52:54:00:00:0a:77"]) expect(state).not.toContain(mac);
  });

  it("is told to change where a secret does, and not more", async () => {
    project.write({ "index.js": program("52:54:00:00:0b:01", "") });
    const { output } = await project.succeed(["preview", "--diff", "--show-full-output"]);
    expect(output).toContain(
      "next boot changes for 3 of 8 nodes: n1, n7 (both changed, a part of it is secret); n4 (NICs 52:54:00:00:0a:44 → 52:54:00:00:0b:44)",
    );
    expect(output).not.toMatch(/0b:(01|77)/);
  });

  it("leaves what only the up can tell unknown where a plan may hold the up to it", async () => {
    const more = 'new netboot.BootFile("tool", { connection, source: { content: "" } });';
    const empty = 'new netboot.OlaFleet("none", { server, nodes: {} });';
    project.write({ "index.js": program("52:54:00:00:0a:01", more + empty) });
    const env = { PULUMI_EXPERIMENTAL: "true" };
    await project.succeed(["destroy", "--yes", "--skip-preview"]);
    const { output } = await project.succeed(["preview", "--diff", "--save-plan", "plan.json"], { env });
    expect(output).toMatch(/nextBoot *: \[unknown\]/);
    expect(output).toContain("has no machine: its nodes are empty");
    await project.succeed(["up", "--yes", "--skip-preview", "--plan", "plan.json"], { env });
  });

  it("names the machines that go with an inventory that came out empty, also where they are the last", async () => {
    const whole = program("52:54:00:00:0a:01", "");
    const lines = whole
      .split("\n")
      .filter((line) => !/^(exports|new netboot.OlaFleet\("(ordered|secret|late)")/.test(line));
    project.write({ "index.js": lines.join("\n") });
    await project.succeed(["up", "--yes", "--skip-preview"]);
    project.write({ "index.js": lines.join("\n").replace(/nodes: \{ "n3".*\} \}\);$/m, "nodes: {} });") });
    const { output } = await project.succeed(["preview"]);
    expect(output).toMatch(/^ *next boot changes for 3 of 3 nodes: n3, n4, n5 \(all go\)$/m);
    expect(output).toContain("has no machine: its nodes are empty");
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
      ["next boot changes for 2 of 2 nodes: n1, n2 (both new)"],
      undefined,
      ["next boot changes for 3 of 3 nodes: n1, n2, n3 (all new)"],
    ]);
    expect(previews[1]).toContain("the program ends here");
  });
});
