import { execFileSync } from "node:child_process";
import {
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type CommandResult, runCommand } from "../../tools/command.mts";
import { engineEnvironment } from "../../tools/engine.mts";
import { packedTarball } from "../../tools/scratch.mts";

/** The tarball that would be published, installed from a registry by whatever people install with. */

/** Name → how it installs what package.json asks for. The programs themselves come from the registry, too. */
const managers = {
  npm: ["npm", "install", "--no-audit", "--no-fund"],
  pnpm: ["pnpm", "install", "--ignore-scripts"],
  yarn1: ["node", "yarn/bin/yarn.js", "install", "--non-interactive"],
  yarn4: ["node", "@yarnpkg/cli-dist/bin/yarn.js", "install"],
  pnp: ["node", "@yarnpkg/cli-dist/bin/yarn.js", "install"],
  bun: ["bun", "install"],
} as const;
type Manager = keyof typeof managers;

const brought = ["pnpm@12.21.0", "yarn@1.22.22", "@yarnpkg/cli-dist@4.18.1", "bun@1.4.5"];

/** The oldest and the newest SDK that are true. */
const [oldest, newest] = ["3.216.0", "^3.216.0"];

let tools: string;
let tarball: string;
let folder: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  tarball = await packedTarball();
  tools = mkdtempSync(join(tmpdir(), "netboot-managers-"));
  execFileSync("npm", ["install", "--prefix", tools, "--no-audit", "--no-fund", ...brought]);
});
afterAll(() => rmSync(tools, { recursive: true, force: true }));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const rack = `
const netboot = require("pulumi-netboot");
exports.declareRack = () => {
  const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1Gf0yMTkGvRwWrRk8mrxlI5m8Jz0yq6m5fQ5kq0p6e";
  const connection = { host: "127.0.0.1", port: 1, password: "x", hostKey, dialErrorLimit: 0 };
  const network = { interface: "eth1", cidr: "192.168.1.0/24", address: "192.168.1.2" };
  const server = new netboot.NetbootServer("node0", { connection, network });
  return new netboot.OlaNode("n1", { server, macs: ["52:54:00:00:0a:01"], address: "192.168.1.11" }).nextBoot;
};
`;

const program = {
  "Pulumi.yaml": "name: infra\nruntime: nodejs\n",
  "index.js": `exports.nextBoot = require("./rack").declareRack();\n`,
  "rack.js": rack,
};

function manifest(of: object): string {
  return JSON.stringify({ private: true, ...of });
}

const dependencies = (sdk: string): object => ({ "@pulumi/pulumi": sdk, "pulumi-netboot": `file:${tarball}` });

/** Writes the files and has them installed as a user would, with an empty state beside them. */
async function install(manager: Manager, files: Readonly<Record<string, string>>): Promise<CommandResult> {
  folder = mkdtempSync(join(tmpdir(), "netboot-install-"));
  const settings = { yarn4: "nodeLinker: node-modules\n", pnp: "nodeLinker: pnp\n" } as Readonly<
    Record<string, string>
  >;
  const own = settings[manager] === undefined ? {} : { ".yarnrc.yml": settings[manager], "yarn.lock": "" };
  write({ ...files, ...own });
  ({ env } = await engineEnvironment({ home: join(folder, "home"), backend: join(folder, "state") }));
  env = { ...env, NO_COLOR: "1", YARN_ENABLE_TELEMETRY: "0", YARN_ENABLE_IMMUTABLE_INSTALLS: "0" };
  const [name, ...args] = managers[manager].map((word) =>
    word.endsWith(".js") ? join(tools, "node_modules", word) : word,
  );
  const path = [env["PATH"], join(tools, "node_modules/.bin")].join(delimiter);
  const installed = await runCommand([name ?? "", ...args], { cwd: folder, env: { ...env, PATH: path } });
  expect(installed.code, installed.output).toBe(0);
  if (manager === "pnp") env = { ...env, NODE_OPTIONS: `--require ${join(folder, ".pnp.cjs")}` };
  return installed;
}

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

async function pulumi(args: readonly string[], where = "."): Promise<string> {
  const { output } = await runCommand(["pulumi", ...args, "--non-interactive"], { cwd: join(folder, where), env });
  return output;
}

/** What a preview says, and an up as far as the connection that is refused: the provider's process finds everything, too. */
async function previewAndUp(where = "."): Promise<string> {
  await pulumi(["stack", "init", "dev"], where);
  const preview = await pulumi(["preview"], where);
  expect(preview).toContain("next boot changes for 1 of 1 node: n1 (new)");
  const up = await pulumi(["up", "--yes", "--skip-preview"], where);
  expect(up).toContain("no connection to 127.0.0.1:1: connection refused (ECONNREFUSED)");
  expect(up).not.toContain("Cannot find");
  return preview;
}

/** The versions of all copies of Pulumi's SDK in the project. */
function sdkCopies(): readonly string[] {
  const manifests = globSync("**/node_modules/@pulumi/pulumi/package.json", { cwd: folder });
  const copies = new Set(manifests.map((path) => realpathSync(join(folder, path))));
  return [...copies].map((path) => JSON.parse(readFileSync(path, "utf8")).version);
}

describe.each(Object.keys(managers) as Manager[])("a project that %s installs", (manager) => {
  it("previews and ups, with the program's SDK and no other copy", async () => {
    // Under Plug'n'Play the oldest SDK does not find packages of its own.
    const sdk = manager === "pnp" ? newest : oldest;
    await install(manager, {
      ...program,
      "package.json": manifest({ main: "index.js", dependencies: dependencies(sdk) }),
    });
    if (manager !== "pnp") expect(sdkCopies()).toEqual([oldest]);
    await previewAndUp();
  });
});

describe.each(["npm", "pnpm", "yarn4", "pnp"] as const)(
  "a workspace of %s with a component package of one's own",
  (manager) => {
    it("finds the package though the program does not name it", async () => {
      const ofWorkspace = manager === "npm" ? "*" : "workspace:*";
      await install(manager, {
        "package.json": manifest({ name: "all", workspaces: ["infra", "rack"] }),
        "pnpm-workspace.yaml": "packages: [infra, rack]\n",
        "infra/package.json": manifest({
          name: "infra",
          main: "index.js",
          dependencies: { "@pulumi/pulumi": newest, "@acme/rack": ofWorkspace },
        }),
        "infra/Pulumi.yaml": program["Pulumi.yaml"],
        "infra/index.js": `exports.nextBoot = require("@acme/rack").declareRack();\n`,
        // With exports of its own, so that nothing else of it can be asked for.
        "rack/package.json": manifest({
          name: "@acme/rack",
          version: "1.0.0",
          exports: "./rack.js",
          dependencies: dependencies(newest),
        }),
        "rack/rack.js": rack,
      });
      await previewAndUp("infra");
      // Nor does the state name a place that only this machine has.
      const { output } = await runCommand(["pulumi", "stack", "export"], { cwd: join(folder, "infra"), env });
      expect(output).not.toContain(folder);
    });
  },
);

const esm = {
  "Pulumi.yaml": program["Pulumi.yaml"],
  "index.js": `${rack.replace(/const netboot.*/, 'import * as netboot from "pulumi-netboot";').replace("exports.declareRack =", "const declareRack =")}
export const nextBoot = declareRack();
`,
};

describe("a program", () => {
  it("may be an ES module", async () => {
    await install("npm", {
      ...esm,
      "package.json": manifest({ type: "module", main: "index.js", dependencies: dependencies(newest) }),
    });
    await previewAndUp();
  });

  it.each(["commonjs", "module"])("may be TypeScript that Node itself strips, as %s", async (type) => {
    const source = type === "module" ? esm["index.js"] : `${rack}exports.nextBoot = exports.declareRack();\n`;
    await install("npm", {
      "Pulumi.yaml": "name: infra\nruntime: { name: nodejs, options: { typescript: false } }\n",
      "index.ts": `const typed: number = 1;\nvoid typed;\n${source}`,
      "package.json": manifest({ type, main: "index.ts", dependencies: dependencies(newest) }),
    });
    await previewAndUp();
  });

  it.each(["22", "24", "25", "26"])("runs on Node %s", async (major) => {
    await install("npm", {
      ...program,
      "package.json": manifest({ main: "index.js", dependencies: { ...dependencies(newest), node: major } }),
    });
    execFileSync("npm", ["rebuild", "node", "--ignore-scripts=false"], { cwd: folder });
    const own = join(folder, "node_modules/.bin");
    expect(execFileSync(join(own, "node"), ["--version"], { encoding: "utf8" })).toMatch(new RegExp(`^v${major}\\.`));
    env = { ...env, PATH: [own, env["PATH"]].join(delimiter) };
    await previewAndUp();
  });

  it("is refused on Bun, in one sentence", async () => {
    await install("bun", {
      ...program,
      "package.json": manifest({ main: "index.js", dependencies: dependencies(newest) }),
    });
    const { code, output } = await runCommand([join(tools, "node_modules/.bin/bun"), "index.js"], { cwd: folder, env });
    expect(code).not.toBe(0);
    expect(output).toContain("pulumi-netboot needs Node, and this program runs on Bun");
    expect(output).toContain("write `runtime: nodejs` in Pulumi.yaml");
  });
});

const wrong = `{ "db-1": { macs: ["52:54:00:00:0a:01"], address: "192.168.2.11" } }`;
const declare = `
const declare = (nodes) => () => {
  const network = { interface: "eth1", cidr: "192.168.1.0/24", address: "192.168.1.2" };
  const server = new netboot.NetbootServer("node0", { connection: { host: "h" }, network });
  new netboot.OlaFleet("rack", { server, nodes });
};
`;
const cases = `
it("refuses a foreign address", () => assert.rejects(nextBootsOf(declare(${wrong})), /192\\.168\\.2\\.11 is outside the subnet 192\\.168\\.1\\.0\\/24; did you mean/));
it("tells a boot", async () => {
  const boots = await nextBootsOf(declare(${wrong.replace("2.11", "1.11")}));
  assert.match(boots["db-1"], /^192\\.168\\.1\\.11 db-1 /);
});
`;
const asCommonJs = (runner: string): string => `
const assert = require("node:assert/strict");
const netboot = require("pulumi-netboot");
const { nextBootsOf } = require("pulumi-netboot/testing");
${runner}${declare}${cases}`;
const asModule = (runner: string): string => `
import assert from "node:assert/strict";
import * as netboot from "pulumi-netboot";
import { nextBootsOf } from "pulumi-netboot/testing";
${runner}${declare}${cases}`;

describe("pulumi-netboot/testing", () => {
  it("works with Node's runner, mocha and vitest, in ES modules and CommonJS, and beside a second copy of the SDK", async () => {
    const runners = { mocha: "^11.0.0", vitest: "^5.0.0" };
    await install("npm", {
      "package.json": manifest({ dependencies: dependencies(newest), devDependencies: runners }),
      "node.test.cjs": asCommonJs(`const { it } = require("node:test");`),
      "node.test.mjs": asModule(`import { it } from "node:test";`),
      "mocha.spec.cjs": asCommonJs(""),
      "mocha.spec.mjs": asModule(""),
      "vitest.test.mjs": asModule(`import { it } from "vitest";`),
    });
    const run = (...command: string[]) => runCommand(command, { cwd: folder, env });
    expect((await run("node", "--test", "--test-reporter=tap", "node.test.cjs", "node.test.mjs")).output).toMatch(
      /^# pass 4$/m,
    );
    expect((await run("node", "node_modules/mocha/bin/mocha.js", "mocha.spec.*")).output).toContain("4 passing");
    const vitest = await run("node", "node_modules/vitest/vitest.mjs", "run", "vitest.test.mjs");
    expect(vitest.output).toMatch(/Tests {2}2 passed/);

    // A component package may bring another SDK; which one the program itself has must not matter.
    execFileSync("npm", ["install", "--prefix", join(folder, "older"), `@pulumi/pulumi@${oldest}`], { cwd: folder });
    mkdirSync(join(folder, "program/node_modules"), { recursive: true });
    symlinkSync(join(folder, "older/node_modules/@pulumi"), join(folder, "program/node_modules/@pulumi"));
    write({
      "program/index.cjs": `
const pulumi = require("@pulumi/pulumi");
const { mockEngine } = require("pulumi-netboot/testing");
const netboot = require("pulumi-netboot");
mockEngine({ config: { host: "node0.example" } }).run(() => {
  const connection = pulumi.output({ host: new pulumi.Config().require("host") });
  const network = { interface: "eth1", cidr: "192.168.1.0/24", address: "192.168.1.2" };
  const parent = new pulumi.ComponentResource("acme:index:Rack", "rack");
  const server = new netboot.NetbootServer("node0", { connection, network }, { parent });
  new netboot.OlaNode("db-1", { server, macs: ["52:54:00:00:0a:01"], address: "192.168.1.11" }, { parent });
}).then(({ nextBoots }) => console.log(nextBoots["db-1"].split("\\n")[0]));
`,
    });
    expect((await run("node", "program/index.cjs")).output).toContain("192.168.1.11 db-1 (52:54:00:00:0a:01)");
  });
});

describe("the examples and the template", () => {
  it("install by npm, each with the version that it names, and their types are right", async () => {
    const paths = globSync("{examples,templates}/**/package.json").map((path) => dirname(path));
    const { version } = JSON.parse(readFileSync("package.json", "utf8"));
    const files: Record<string, string> = { "package.json": manifest({ name: "all", workspaces: paths }) };
    for (const [number, path] of paths.entries()) {
      for (const file of globSync("*.{ts,json}", { cwd: path })) {
        files[join(path, file)] = readFileSync(join(path, file), "utf8");
      }
      const asked = JSON.parse(files[join(path, "package.json")] ?? "");
      // A range that the package meets: a registry would be asked for it. The policy pack knows the resources by their types alone.
      const range = path === "examples/policy" ? undefined : `^${version}`;
      expect([path, asked.dependencies["pulumi-netboot"]]).toEqual([path, range]);
      const named = asked.name.includes("$") ? { ...asked, name: `named-${number}` } : asked;
      const asTarball = range === undefined ? {} : { "pulumi-netboot": `file:${tarball}` };
      files[join(path, "package.json")] = JSON.stringify({
        ...named,
        dependencies: { ...named.dependencies, ...asTarball },
      });
    }
    await install("npm", files);
    for (const path of paths) {
      const tsc = [join(folder, "node_modules/.bin/tsc"), "--noEmit", "-p", "."];
      const { code, output } = await runCommand(tsc, { cwd: join(folder, path), env });
      expect(code, `${path}\n${output}`).toBe(0);
    }
  });
});
