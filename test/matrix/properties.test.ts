import { createHash, generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";

const { privateKey } = generateKeyPairSync("ed25519", {
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});

const up = ["up", "--yes", "--skip-preview"];

/** What users of Pulumi do with properties by habit, with the real engine; nobody is at the address of this node 0. */
describe("the properties of a machine", () => {
  let project: ScratchProject;

  const program = (mac: string, options: string, more = ""): string => `
const pulumi = require("@pulumi/pulumi");
const netboot = require("pulumi-netboot");
const connection = { host: "192.0.2.1", privateKey: ${JSON.stringify(privateKey)}, hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1Gf0yMTkGvRwWrRk8mrxlI5m8Jz0yq6m5fQ5kq0p6e" };
const network = { interface: "eth1", cidr: "192.168.1.0/24", address: "192.168.1.2" };
${more}
const server = new netboot.NetbootServer("node0", { connection, network });
const n1 = new netboot.OlaNode("n1", { server, macs: ["${mac}"], address: "192.168.1.11", options: { "root-path": "/srv" } }, { ${options} });
const { macs, address, hostname, firmware, loader, comment, lastBoot, nextBoot } = n1;
exports.n1 = { macs, address, hostname, firmware, loader, options: n1.options, comment, lastBoot, nextBoot };
const fleet = new netboot.OlaFleet("rack", { server, nodes: { n2: { macs: ["52-54-00-00-00-02"], address: "192.168.1.12", loader: "snponly.efi" } } });
exports.n2 = fleet.nodes["n2"];
exports.nextBoots = fleet.nextBoots;
exports.addressOfN2 = fleet.nodes["n2"].address;
exports.place = server.network.cidr;
`;
  const [old, other] = ["52:54:00:00:00:01", "52:54:00:00:00:0a"];

  async function run(text: string, args: readonly string[]): Promise<string> {
    project.write({ "index.js": text });
    return (await project.succeed(args)).output;
  }

  beforeAll(async () => {
    project = await scratchProject({ files: { "index.js": program(old, "") }, name: "properties" });
    const stub =
      'exports.commit = async (_connection, { declaration }) => ({ machine: "0123456789ab", how: "changed", outputs: declaration?.id.startsWith("BootFile") ? { sha256: "0".repeat(64), bytes: "1" } : {}, drift: [] });';
    project.write({ "node_modules/pulumi-netboot/dist/provider/conversation/groupCommit.js": stub });
    await project.succeed(up);
  });
  afterAll(() => project?.remove());

  it("are its arguments, in a program and in the state", async () => {
    const outputs = await project.outputs();
    const n1 = {
      macs: [old],
      address: "192.168.1.11",
      hostname: "n1",
      firmware: "x64",
      options: { "root-path": "/srv" },
    };
    expect(outputs["n1"]).toMatchObject({
      ...n1,
      nextBoot: expect.stringMatching(/^192\.168\.1\.11 n1 \(52:54:00:00:00:01\)\n/),
    });
    expect(outputs["n2"]).toMatchObject({
      macs: ["52:54:00:00:00:02"],
      hostname: "n2",
      loader: "snponly.efi",
      nextBoot: expect.stringContaining("UEFI x64 → snponly.efi sha256:"),
    });
    expect([outputs["addressOfN2"], outputs["place"]]).toEqual(["192.168.1.12", "192.168.1.0/24"]);
    const { deployment } = await project.state();
    const of = (name: string) => deployment.resources?.find(({ urn }) => urn.endsWith(`::${name}`));
    const { firmware: _, ...stored } = n1;
    expect(of("n1")).toMatchObject({ inputs: stored, outputs: stored });
    const server = of("node0");
    expect(server?.outputs).toMatchObject({ network: { interface: "eth1" }, connection: { host: "192.0.2.1" } });
    expect(JSON.stringify(deployment)).not.toContain("PRIVATE KEY");
  });

  it("are drawn by the names that a program knows, and no keys of ours", async () => {
    const renamed = program(old, 'aliases: [{ name: "n1" }]')
      .replace('OlaNode("n1"', 'OlaNode("m1"')
      .replace("52-54-00-00-00-02", "52-54-00-00-00-03")
      .replace("network });", "network, time: false });")
      .replace('address: "192.168.1.2"', 'address: "192.168.1.3"');
    const drawn = await run(renamed, ["preview", "--diff"]);
    expect(drawn).toMatch(/~ hostname +: "n1" => "m1"/);
    expect(drawn).toMatch(
      /~ rows: \n +- n2 192\.168\.1\.12 n2 52:54:00:00:00:02 snponly\.efi\n +\+ n2 192\.168\.1\.12 n2 52:54:00:00:00:03 snponly\.efi\n/,
    );
    const columns = await run(renamed, ["preview"]);
    expect(columns).toContain("OlaFleet rack update [diff: ~rows]");
    expect(columns).toMatch(/Packages node0-packages update \[diff: ~packages\]/);
    expect(drawn + columns).not.toMatch(/__\w+|Sha256/);
  });

  it("are not drawn as others where only the way to node 0 is another, and a wrong one at that", async () => {
    const wrong = program(old, "").replace("AAAAIJ1Gf0y", "AAAAIJ1Gf0z");
    const output = await run(wrong, ["preview", "--diff"]);
    expect(output).toContain("next boot changes for none of 2 nodes");
    expect(output).toMatch(/~ hostKey: /);
    const [resources, outputs] = output.split("--outputs:--");
    expect(resources).not.toMatch(/~ (nextBoot|chains)|after this up/);
    expect(outputs).not.toMatch(/~ nextBoots/);
  });

  it("stay as they were where the engine is told so, and with them what is said of the next boot", async () => {
    const kept = program(other, 'ignoreChanges: ["macs"]');
    expect(await run(kept, ["preview"])).toContain("next boot changes for none of 2 nodes");
    await run(kept, [...up, "--expect-no-changes"]);
    const { macs, nextBoot } = (await project.outputs())["n1"] as { macs: string[]; nextBoot: string };
    expect(macs).toEqual([old]);
    expect(nextBoot).toContain(`(${old})`);
    const both = `${kept}\nnew netboot.OlaNode("n3", { server, macs: ["${old}"], address: "192.168.1.13" });`;
    project.write({ "index.js": both });
    const { code, output: refused } = await project.pulumi(["preview"]);
    expect(code).not.toBe(0);
    expect(refused).toMatch(/the MAC 52:54:00:00:00:01 is that of OlaNode "n[13]" already, which ignoreChanges/);
  });

  it("of a server's parts are left as they were by a transform, and a warning tells of an option that does nothing", async () => {
    const artifacts = "network, artifacts: { refindConf: { timeoutSeconds: 9 } } }";
    const other = (opts: string) => program(old, "").replace("network });", `${artifacts}, ${opts});`);
    const idle = await run(other('{ ignoreChanges: ["artifacts"] }'), ["preview"]);
    expect(idle).toContain(
      'ignoreChanges: ["artifacts"] does nothing here, for Pulumi hands it to no part of a component',
    );
    expect(idle).toContain("next boot changes for 2 of 2 nodes");
    const [, recipe] = /as in (transforms: .*: undefined\])/.exec(idle) ?? [];
    expect(await run(other(`{ ${recipe} }`), ["preview"])).toContain("next boot changes for none of 2 nodes");
  });

  it("are what a transform makes of them, and wrong ones are refused", async () => {
    const transform = (mac: string) =>
      `transforms: [({ props, opts }) => ({ props: props.macs ? { ...props, macs: ["${mac}"] } : props, opts })]`;
    const output = await run(program(old, transform("52-54-00-00-00-0B")), ["preview", "--diff"]);
    expect(output).toMatch(/\+ host n1-nic0 \{ hardware ethernet 52:54:00:00:00:0b; /);
    expect(output).toMatch(/\+ 192\.168\.1\.11 n1 \(52:54:00:00:00:0b\)/);
    expect(output).toContain("1 of 2 nodes: n1 (NICs 52:54:00:00:00:01 → 52:54:00:00:00:0b)");
    project.write({ "index.js": program(old, transform("52:54")) });
    const refused = await project.pulumi(["preview"]);
    expect(refused.code).not.toBe(0);
    expect(refused.output).toMatch(/resource 'n1' has a problem: macs\[0\]: "52:54" is no hardware address/);
  });

  it.each(["registerResourceTransform", "registerStackTransformation"])(
    "are what %s for the whole stack sets, as if the program had written it",
    async (register) => {
      const more = `pulumi.runtime.${register}(({ type, props, opts }) => type.endsWith(":OlaNode") ? { props: { ...props, loader: "snponly.efi", comment: "set" }, opts } : undefined);`;
      const output = await run(program(old, "", more), ["preview", "--diff"]);
      expect(output).toMatch(/\+ UEFI x64 → snponly\.efi sha256:/);
      expect(output).toContain("1 of 2 nodes: n1 (ipxe.efi → snponly.efi)");
      expect(output).not.toContain("__");
      await run(program(old, "", more), up);
      const { nextBoot } = (await project.outputs())["n1"] as { nextBoot: string };
      expect(nextBoot).toContain("UEFI x64 → snponly.efi sha256:");
      await run(program(old, "", more), [...up, "--expect-no-changes"]);
      await run(program(old, ""), up);
    },
  );

  it("tell of a boot with the file that a transform has written", async () => {
    const text = "timeout 9\\ndefault_selection 1\\n";
    const more = `pulumi.runtime.registerStackTransformation(({ name, props, opts }) => name.endsWith("refind.conf") ? { props: { ...props, content: "${text}" }, opts } : undefined);`;
    const output = await run(program(old, "", more), ["preview", "--diff"]);
    const sum = /refind\.conf 453785cb → ([0-9a-f]{8})/.exec(output)?.[1];
    expect(output).toMatch(new RegExp(`2 of 2 nodes: n1, n2 \\(both: refind\\.conf 453785cb → ${sum}`));
    expect(createHash("sha256").update("timeout 9\ndefault_selection 1\n").digest("hex").slice(0, 8)).toBe(sum);
  });

  it("replace it where that is asked for, and are secrets where that is", async () => {
    const replaced = await run(program(other, 'replaceOnChanges: ["macs"]'), ["preview", "--diff"]);
    expect(replaced).toMatch(/OlaNode: \(replace\)/);
    await run(program(old, 'additionalSecretOutputs: ["nextBoot"]'), up);
    const exported = JSON.stringify(
      (await project.state()).deployment.resources?.find(({ urn }) => urn.endsWith("::n1")),
    );
    expect(exported).not.toContain("UEFI x64");
    const { stdout } = await project.succeed(["stack", "output", "--json"]);
    expect(JSON.parse(stdout).n1).toMatchObject({ macs: [old], nextBoot: "[secret]" });
  });
});
