import { createRequire } from "node:module";
import { join } from "node:path";
import type { KindName } from "../../provider/kinds";
import * as pulumi from "./pulumi";

/**
 * This package, where the program does not name it but a package that it uses does, such as a component of one's own. With
 * pnpm and Yarn's PnP each package finds only what itself names, and the text stands where the program does: so what the
 * program names is looked through, and what that names. It is looked for whenever a provider starts, for a path in a state
 * would be wrong on the next machine and after the next install. What is named and not installed is passed over.
 */
// biome-ignore lint/suspicious/noExplicitAny: as what `require` gives, in whose place it stands.
export const throughOthers = (): any => {
  const [module, fs, path] = [require("node:module"), require("node:fs"), require("node:path")];
  const memory = globalThis as { pulumiNetbootProvider?: unknown };
  if (memory.pulumiNetbootProvider !== undefined) return memory.pulumiNetbootProvider;
  const manifestIn = (folder: string): string => path.join(folder, "package.json");
  let program = process.cwd();
  while (!fs.existsSync(manifestIn(program)) && path.dirname(program) !== program) program = path.dirname(program);
  const folders = new Set([program]);
  for (const folder of folders) {
    const from = module.createRequire(manifestIn(folder));
    try {
      from.resolve("pulumi-netboot/provider");
    } catch {
      const manifest = fs.existsSync(manifestIn(folder)) ? JSON.parse(fs.readFileSync(manifestIn(folder), "utf8")) : {};
      const { dependencies, devDependencies, optionalDependencies, peerDependencies } = manifest;
      const named = { ...dependencies, ...devDependencies, ...optionalDependencies, ...peerDependencies };
      for (const name of Object.keys(named)) {
        try {
          const pnp = module.findPnpApi?.(folder);
          const places = from.resolve.paths(name).map((place: string) => path.join(place, name));
          const at = pnp ? pnp.resolveToUnqualified(name, manifestIn(folder)) : places.find(fs.existsSync);
          folders.add(fs.realpathSync(at));
        } catch {}
      }
      continue;
    }
    memory.pulumiNetbootProvider = from("pulumi-netboot/provider");
    return memory.pulumiNetbootProvider;
  }
  throw new Error(
    `pulumi-netboot is found neither from ${program} nor from what its package.json names; add it to its dependencies`,
  );
};

/** Whether a text of ours finds the package: it stands in the folder where the program runs. */
function isNamedByProgram(): boolean {
  try {
    createRequire(join(process.cwd(), "index.js")).resolve("pulumi-netboot/provider");
    return true;
  } catch {
    return false;
  }
}

if (process.versions["bun"] !== undefined) {
  throw new pulumi.RunError(
    "pulumi-netboot needs Node, and this program runs on Bun, where Pulumi has no dynamic providers; " +
      "write `runtime: nodejs` in Pulumi.yaml (`bun install` may go on bringing the packages)",
  );
}

const ours = isNamedByProgram() ? '() => require("pulumi-netboot/provider")' : throughOthers.toString();

/**
 * The text of a kind's provider, which Pulumi stores in the state of every resource and runs. It holds no code of its own:
 * each method is one call into the package that is installed, so that a new release acts on old stacks at once.
 *
 * Pulumi's `dynamic.Resource` would make such a text of an object, with TypeScript's parser, Node's inspector and every
 * module of Node, in each run.
 */
export function providerText(kind: KindName, from: string = ours): string {
  const call = (operation: string, ...args: readonly string[]) =>
    `async (${args.join(", ")}) => ours().${operation}(${[JSON.stringify(kind), ...args].join(", ")})`;
  return `const ours = ${from};
exports.handler = () => ({
  check: ${call("check", "olds", "news")},
  diff: ${call("diff", "id", "olds", "news")},
  create: ${call("create", "news")},
  read: ${call("read", "id", "props")},
  update: ${call("update", "id", "olds", "news")},
  delete: ${call("remove", "id", "props")},
});
`;
}
