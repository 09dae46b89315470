import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

/** The imports that the linter refuses in a file at this path. Overrides replace each other: so it is tried out. */
function refused(path: string, imports: readonly string[]): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), "netboot-layers-"));
  try {
    const config = JSON.parse(readFileSync("biome.json", "utf8"));
    writeFileSync(join(folder, "biome.json"), JSON.stringify({ ...config, vcs: { enabled: false } }));
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), imports.map((name) => `import ${JSON.stringify(name)};\n`).join(""));
    const biome = resolve("node_modules/.bin/biome");
    const { stdout } = spawnSync(biome, ["lint", "--reporter=json", "--only=style/noRestrictedImports", "."], {
      cwd: folder,
      encoding: "utf8",
    });
    const { diagnostics } = JSON.parse(stdout) as { diagnostics: { location: { start: { line: number } } }[] };
    return diagnostics.map(({ location }) => imports[location.start.line - 1] ?? "");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const effects = [
  "node:fs",
  "node:fs/promises",
  "ssh2",
  "node-ssh",
  "@pulumi/pulumi",
  "@pulumi/pulumi/proto/engine_pb",
  "@grpc/grpc-js",
];

describe("the layer rules of biome.json", () => {
  it.each(["values", "formats/isc", "os", "kinds", "facts", "admitted", "plan", "preview", "view"])(
    "keep provider/%s pure",
    (layer) => {
      const outside = [
        ...effects,
        "../ssh/pool",
        "../conversation/transaction",
        "../lifecycle/changes",
        "../../sdk",
        "../../sdk/index",
      ];
      const inside = ["./mac", "../values/mac", "../errors", "../zod", "handlebars/runtime"];
      expect(refused(`provider/${layer}/x.ts`, [...outside, ...inside])).toEqual(outside);
    },
  );

  it.each(["provider/index.ts", "provider/ssh/x.ts", "provider/lifecycle/x.ts"])(
    "keep the classes out of %s",
    (path) => {
      const classes = ["../sdk", "../../sdk/olaNode"];
      expect(refused(path, [...classes, ...effects, "../ssh/pool"])).toEqual(classes);
    },
  );

  it("let the classes reach what acts on a host by name only", () => {
    const acting = [
      "ssh2",
      "node-ssh",
      "../provider",
      "../provider/index",
      "../provider/ssh/pool",
      "../provider/conversation/transaction",
      "../provider/lifecycle/changes",
    ];
    expect(refused("sdk/x.ts", [...acting, "../provider/values/mac", "../provider/kinds/bootFile"])).toEqual(acting);
  });
});
