/**
 * Puts what provider/zod.ts names of zod, and nothing else of it, into dist/provider/zod.js: one file with zod's licence,
 * in the place of the module that the compiler made, which would load the whole of zod out of some hundred files.
 */
import { readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { rolldown } from "rolldown";

const root = join(import.meta.dirname, "..");
const manifest = createRequire(import.meta.url).resolve("zod/package.json");
const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { readonly version: string };
const license = readFileSync(join(dirname(manifest), "LICENSE"), "utf8").trim();

const bundle = await rolldown({ input: join(root, "provider/zod.ts"), platform: "node" });
await bundle.write({
  file: join(root, "dist/provider/zod.js"),
  format: "cjs",
  esModule: true,
  banner: `/*!\nOut of zod ${version} (https://zod.dev), by tools/zod.mts:\n\n${license}\n*/`,
  sourcemap: true,
});
await bundle.close();
// No published type names zod, which an install does not bring.
rmSync(join(root, "dist/provider/zod.d.ts"));
