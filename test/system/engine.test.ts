import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { bare, disconnect, hostKey, startTcp } from "../support/sshServer.ts";

const program = `
import * as pulumi from "@pulumi/pulumi";

interface NoteInputs { text: string }

const provider: pulumi.dynamic.ResourceProvider = {
  create: async (inputs: NoteInputs) => {
    const { version } = require("pulumi-netboot/package.json");
    return { id: "note", outs: { ...inputs, version, node: process.version } };
  },
  update: async (_id: string, olds: object, news: NoteInputs) => ({ outs: { ...olds, ...news } }),
};

class Note extends pulumi.dynamic.Resource {
  declare readonly text: pulumi.Output<string>;
  declare readonly version: pulumi.Output<string>;
  declare readonly node: pulumi.Output<string>;
  constructor(name: string, args: { text: pulumi.Input<string> }, options?: pulumi.CustomResourceOptions) {
    super(provider, name, { version: undefined, node: undefined, ...args }, options, "test", "Note");
  }
}

const seen = new pulumi.ResourceHook(
  "seen",
  async (change) => {
    const lines = change.newInputs?.text.trimEnd().split("\\n").length;
    console.log(\`hook saw \${lines} lines in \${pulumi.runtime.isDryRun() ? "preview" : "update"}\`);
  },
  { onDryRun: true },
);
const config = new pulumi.Config();
if (config.get("text") === "") throw new pulumi.RunError("a note needs a text");
const note = new Note("note", { text: config.require("text") }, { hooks: { beforeCreate: [seen], beforeUpdate: [seen] } });
export const { text, version, node } = note;
`;

describe("engineEnvironment", () => {
  let project: ScratchProject;

  beforeAll(async () => {
    project = await scratchProject({ name: "engine", files: { "index.ts": program } });
    await project.config({ text: "first line\nsecond line\nthird line\n" });
  });
  afterAll(async () => {
    await project?.pulumi(["destroy", "--yes", "--skip-preview"]);
    await project?.remove();
  });

  it("previews a TypeScript program, and runs its hooks in the preview", async () => {
    const { output } = await project.succeed(["preview", "--diff"]);
    expect(output).toContain("+ pulumi-nodejs:dynamic/test:Note: (create)");
    expect(output).toContain("hook saw 3 lines in preview");
  });

  it("creates a dynamic resource on Node 24, whose closure finds the installed package", async () => {
    await project.succeed(["up", "--yes", "--skip-preview"]);
    const outputs = await project.outputs();
    expect(outputs).toMatchObject({
      text: "first line\nsecond line\nthird line\n",
      version: expect.stringMatching(/^\d+\./),
    });
    expect(outputs["node"]).toMatch(/^v24\./);
  });

  it("changes nothing the second time", async () => {
    await project.succeed(["up", "--yes", "--expect-no-changes"]);
    await project.succeed(["refresh", "--yes", "--expect-no-changes"]);
  });

  it("shows one changed line as one line", async () => {
    await project.config({ text: "first line\n2nd line\nthird line\n" });
    const { stdout } = await project.succeed(["preview", "--diff"]);
    expect(stdout).toMatch(/^\s+- second line$/m);
    expect(stdout).toMatch(/^\s+\+ 2nd line$/m);
    await project.succeed(["up", "--yes"]);
  });

  it("reports what a program says when it fails", async () => {
    await project.config({ text: "" });
    const { code, output } = await project.pulumi(["preview"]);
    expect(code).not.toBe(0);
    expect(output).toContain("a note needs a text");
  });

  it("answers the commands around a program", async () => {
    for (const command of [["about"], ["stack", "export"], ["cancel", "--yes"], ["destroy", "--yes"]]) {
      await project.succeed(command);
    }
    const { deployment } = await project.state();
    expect(deployment.resources ?? []).toEqual([]);
  });
});

describe("a host that writes to the terminal", () => {
  it("neither moves its cursor nor ends the engine, and its error has a code", async () => {
    const port = await startTcp((socket) => {
      socket.write("SSH-2.0-OpenSSH_9.2\r\n");
      // The engine gives up at a colour that it does not know, and leaves the stack locked.
      socket.write(disconnect("\u001b]0;owned\u0007\u001b[2Jall is well <{%no%}>"));
    });
    const connection = JSON.stringify({ host: "127.0.0.1", port, hostKey: bare(hostKey.public), dialErrorLimit: 0 });
    const hostile = `
import * as netboot from "pulumi-netboot";
new netboot.TftpServer("tftp", { connection: ${connection}, address: "192.168.1.1" });
`;
    const project = await scratchProject({ name: "hostile", files: { "index.ts": hostile } });
    try {
      for (const color of ["always", "never"]) {
        const { code, output } = await project.pulumi(["up", "--yes", "--skip-preview", "--color", color]);
        expect(output).toContain("\\u001b]0;owned\\u0007\\u001b[2Jall is well <{\\u0025no%}>");
        expect(output).toContain("[HOST_UNREACHABLE]");
        // The engine's own colours are its own.
        expect(output.replaceAll(new RegExp(`${"\u001b"}\\[[\\d;]*m`, "g"), "")).not.toMatch(/[^\P{Cc}\n\t]|panic/u);
        expect(code).not.toBe(0);
      }
      await project.succeed(["stack", "export"]);
    } finally {
      await project.remove();
    }
  });
});

describe("a program that goes wrong", () => {
  /** The package's own Node is one of those on which Pulumi's printing of an error would go on for ever. */
  const programs: readonly (readonly [string, string, readonly (string | RegExp)[]])[] = [
    [
      "in an apply of its own",
      'pulumi.output(Promise.resolve(1)).apply(() => { throw new Error("oops", { cause: new Error("inside") }); });',
      ["Error: oops", "inside"],
    ],
    [
      "because objects of its configuration are not set",
      'new netboot.NetbootServer("node0", { connection: config.getObject("connection"), network: config.getObject("network"), unknownMachine: "serve" });',
      [
        /NetbootServer \(node0\):\n +error: connection: is required; write an object, as in /,
        "unknownMachine: there is no such property; did you mean unknownMachines?",
        "network: is given, and is undefined; write it as { interface: ",
      ],
    ],
    [
      "because another stack has no such output",
      'new netboot.OlaNode("n1", { server: pulumi.output(undefined), macs: ["52:54:00:12:34:56"] });',
      [/OlaNode resource 'n1' has a problem: server: is required; give a NetbootServer, a DhcpServer, or the output /],
    ],
    [
      "because its machines are not set",
      'new netboot.OlaFleet("rack", { server: new netboot.DhcpServer("dhcp", { connection, network }), nodes: config.getObject("nodes") });',
      [/OlaFleet resource 'rack' has a problem: nodes: is given, and is undefined; write it as \{ "db-1": /],
    ],
    [
      "because another stack has no output of that name",
      'new netboot.OlaNode("n1", { server: new netboot.DhcpServer("dhcp", { connection, network }), macs: [new pulumi.StackReference("organization/wrong/dev").getOutput("macOfN1")], address: "192.168.1.3" });',
      [
        /'n1' has a problem: macs\[0\]: is an output that is undefined; write six pairs of hex digits, .* It comes from the stack organization\/wrong\/dev: requireOutput, in the place of getOutput, /,
      ],
    ],
    [
      "because values of its configuration are not set",
      'new netboot.NetbootServer("node0", { connection: { ...connection, host: pulumi.output(config.get("host")) }, network: { ...network, cidr: config.get("cidr") } });',
      [
        /error: connection\.host: is an output that is undefined; write an address, .* Look at where that output is made/,
        /network\.cidr: is given, and is undefined; write the network and its prefix length, .*config\.require, in the place of config\.get/,
      ],
    ],
  ];

  let project: ScratchProject;

  beforeAll(async () => {
    project = await scratchProject({ name: "wrong", files: { "index.js": "" } });
  });
  afterAll(() => project?.remove());

  it.each(programs)("ends, and says what is wrong: %s", async (_what, statements, words) => {
    const lines = `
const pulumi = require("@pulumi/pulumi");
const netboot = require("pulumi-netboot");
const config = new pulumi.Config();
const connection = { host: "192.0.2.1", agentSocketPath: "/nobody" };
const network = { interface: "eth1", cidr: "192.168.1.0/24", address: "192.168.1.2" };
${statements}
`;
    project.write({ "index.js": lines });
    const { code, output } = await project.pulumi(["preview"], { timeoutSeconds: 120 });
    expect(code).not.toBe(0);
    for (const word of words) expect(output).toMatch(word);
    expect(output).not.toMatch(/TypeError|Cannot read/);
  });
});
