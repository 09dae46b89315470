import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ovh from "@ovhcloud/pulumi-ovh";
import * as pulumi from "@pulumi/pulumi";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import * as netboot from "../../../sdk";
import * as testing from "../../../sdk/testing";
import { type Block, blocksOf, pages, placeOf } from "../../support/docs";
import { mistakesOf, register } from "../../support/mocks";
import { ovhServer } from "../../support/ovh";
import { program as portableExecutable } from "../provider/formats/program";

const blocks = pages.flatMap(blocksOf);
const inLanguage = (...languages: readonly string[]): readonly (readonly [string, Block])[] =>
  blocks.filter(({ language }) => languages.includes(language)).map((block) => [placeOf(block), block]);

/** What statements may take for granted: name → how it came about. Each may use those above it. */
const given: Readonly<Record<string, string>> = {
  pulumi: `import * as pulumi from "@pulumi/pulumi";`,
  netboot: `import * as netboot from "pulumi-netboot";`,
  ovh: `import * as ovh from "@ovhcloud/pulumi-ovh";`,
  config: `const config = new pulumi.Config();`,
  serviceName: `const serviceName = "ns3100001.ip-203-0-113.eu";`,
  connection: `const connection = { host: "203.0.113.7" };`,
  node0: `const node0 = new netboot.NetbootServer("node0", { connection, network: { interface: "eno2", cidr: "192.168.1.0/28", address: "192.168.1.1" } });`,
  db1: `const db1 = new netboot.OlaNode("db-1", { server: node0, macs: ["04:3f:72:aa:00:01"], address: "192.168.1.5" });`,
};

/** The block as a whole program: with whatever it uses and does not say itself. */
function programOf({ text }: Block): string {
  const imports = /^import .*$/gm;
  let whole = text;
  for (const [name, statement] of Object.entries(given).reverse()) {
    const uses = new RegExp(`\\b${name}\\b`).test(
      whole
        .replace(imports, "")
        .replace(/\/\/.*$/gm, "")
        .replace(/"[^"\n]*"/g, '""'),
    );
    const declares = new RegExp(`(const|\\* as) ${name}\\b`).test(whole);
    if (uses && !declares) whole = `${statement}\n${whole}`;
  }
  return `${whole}\nexport {};\n`;
}

describe("a block of the docs", () => {
  it("says what it is", () => {
    const known: Readonly<Record<string, RegExp>> = {
      ts: /^(file=\S+|shown: .{10,})?$/,
      json: /^(file=\S+)?$/,
      yaml: /^(file=\S+)?$/,
      csv: /^(file=\S+)?$/,
      sh: /^(run|shown: .{10,})$/,
      ini: /^shown: .{10,}$/,
      text: /^(drawing|output|output: \S+)$/,
    };
    const unclear = blocks.filter(({ language, what }) => !known[language]?.test(what));
    expect(unclear.map((block) => `${placeOf(block)}: \`\`\`${block.language} ${block.what}`)).toEqual([]);
    expect(blocks.length).toBeGreaterThan(40);
  });

  it("that is run has a test that runs its page", () => {
    const test = readFileSync("test/system/gettingStarted.test.ts", "utf8");
    const run = blocks.filter(({ language, what }) => language === "sh" && what === "run");
    expect([...new Set(run.map(({ page }) => page))]).toEqual(["docs/getting-started.md"]);
    expect(test).toContain('blocksOf("docs/getting-started.md")');
  });

  it("that shows what a test sees names one that is there", () => {
    const seen = blocks.flatMap((block) => {
      const test = /^output: (\S+)$/.exec(block.what)?.[1];
      return block.language === "text" && test !== undefined ? [{ place: placeOf(block), test }] : [];
    });
    expect(seen.filter(({ test }) => !existsSync(test))).toEqual([]);
    expect(seen.length).toBeGreaterThan(3);
  });

  it.each(inLanguage("json"))("%s is JSON", (_place, { text }) => {
    expect(() => JSON.parse(text)).not.toThrow();
  });

  it.each(inLanguage("yaml"))("%s is YAML", (_place, { text }) => {
    expect(parseYaml(text)).toBeTypeOf("object");
  });
});

/** Those that need nothing which a page does not have. */
const programs = inLanguage("ts").filter(([, { what }]) => !what.startsWith("shown"));

describe("a program of the docs", () => {
  let problems: ReadonlyMap<string, readonly string[]>;

  beforeAll(() => {
    problems = typeProblems(programs.map(([, block]) => block));
  }, 60_000);

  it.each(programs)("%s is right for the compiler", (place) => {
    expect(problems.get(place) ?? []).toEqual([]);
  });
});

/** Block's place → what the compiler says, as for a user with the package installed. */
function typeProblems(checked: readonly Block[]): ReadonlyMap<string, readonly string[]> {
  const folder = join("node_modules/.cache/pulumi-netboot/docs");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const places = new Map<string, string>();
  for (const [index, block] of checked.entries()) {
    const file = join(folder, `${index}.ts`);
    writeFileSync(file, programOf(block));
    places.set(file, placeOf(block));
  }
  const compiler = ts.createProgram([...places.keys()], {
    strict: true,
    target: ts.ScriptTarget.ES2020,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ["node"],
    skipLibCheck: true,
    noEmit: true,
    paths: {
      "pulumi-netboot": [join(process.cwd(), "sdk/index.ts")],
      "pulumi-netboot/testing": [join(process.cwd(), "sdk/testing.ts")],
    },
  });
  const said = new Map<string, string[]>();
  for (const [file, place] of places) {
    const source = compiler.getSourceFile(file);
    const found = [...compiler.getSyntacticDiagnostics(source), ...compiler.getSemanticDiagnostics(source)];
    said.set(
      place,
      found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n")),
    );
  }
  return said;
}

describe("a program of the docs, against mocks", () => {
  const server = ovhServer("ns3100001.ip-203-0-113.eu", [
    "vrack_aggregation",
    "uuid",
    ["04:3f:72:aa:00:01", "04:3f:72:aa:00:02"],
  ]);
  const reference = {
    server: "DhcpServer/other/prod/node0-dhcp",
    connection: { host: "203.0.113.7" },
  };
  let folder: string;
  let before: string;

  /** Its programs read files beside them. */
  beforeAll(() => {
    before = process.cwd();
    folder = mkdtempSync(join(tmpdir(), "docs-"));
    for (const { what, text } of blocks) {
      const name = /^file=(\S+)$/.exec(what)?.[1];
      if (name !== undefined) writeFileSync(join(folder, name), text);
    }
    for (const name of ["ipxe32.efi", "refind_ia32.efi"]) {
      writeFileSync(join(folder, name), portableExecutable(0x014c));
    }
  });
  afterAll(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });

  it.each(programs)("%s has no mistake", async (_place, block) => {
    const tests: (() => Promise<void>)[] = [];
    const require = createRequire(join(before, "package.json"));
    const modules: Readonly<Record<string, unknown>> = {
      "@pulumi/pulumi": pulumi,
      "pulumi-netboot": netboot,
      "pulumi-netboot/testing": testing,
      // A test in a block is run as one, and fails as one.
      "node:test": { test: (_name: string, run: () => Promise<void>) => tests.push(run) },
      "@ovhcloud/pulumi-ovh": { ...ovh, getServerOutput: () => pulumi.output(server) },
    };
    const { outputText } = ts.transpileModule(programOf(block), {
      compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2023 },
    });
    const { privateKey } = generateKeyPairSync("ed25519", {
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
      publicKeyEncoding: { type: "spki", format: "pem" },
    });
    pulumi.runtime.setAllConfig({
      "shop:privateKey": privateKey,
      "shop:host": "203.0.113.7",
      "shop:hostKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1Gf0yMTkGvRwWrRk8mrxlI5m8Jz0yq6m5fQ5kq0p6e",
      "shop:machines": JSON.stringify({ "db-1": { macs: ["04:3f:72:aa:00:01"], address: "192.168.1.5" } }),
    });
    process.chdir(folder);
    const registered = await register(
      () => {
        new Function("require", "exports", outputText)((name: string) => modules[name] ?? require(name), {});
      },
      { reference },
    );
    process.chdir(before);
    expect(Object.values(registered).flatMap(mistakesOf)).toEqual([]);
    for (const run of tests) await run();
  });
});
