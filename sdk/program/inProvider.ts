import { createRequire } from "node:module";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { KindName } from "../../provider/kinds";

/**
 * A provider that holds no code of its own. Pulumi stores its text in the state of every resource, so each method is
 * one call into the package that is installed: a new release then acts on old stacks, and the text never changes.
 */
export function inProvider(kind: string): pulumi.dynamic.ResourceProvider {
  return {
    check: async (olds, news) => require("pulumi-netboot/provider").check(kind, olds, news),
    diff: async (id, olds, news) => require("pulumi-netboot/provider").diff(kind, id, olds, news),
    create: async (news) => require("pulumi-netboot/provider").create(kind, news),
    read: async (id, props) => require("pulumi-netboot/provider").read(kind, id, props),
    update: async (id, olds, news) => require("pulumi-netboot/provider").update(kind, id, olds, news),
    delete: async (id, props) => require("pulumi-netboot/provider").remove(kind, id, props),
  };
}

/**
 * This package, where the program does not name it but a package that it uses does, such as a component of one's own. With
 * pnpm and Yarn's PnP each package finds only what itself names, and a closure stands where the program does: so what the
 * program names is looked through, and what that names. It is looked for whenever a provider starts, for a path in a state
 * would be wrong on the next machine and after the next install. What is named and not installed is passed over.
 */
// biome-ignore lint/suspicious/noExplicitAny: as what `require` gives, of which the closures of {@link inProvider} are made.
const throughOthers = (): any => {
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

/** As {@link inProvider}, for a program that finds the package only through others. */
export function inProviderThroughOthers(kind: string): pulumi.dynamic.ResourceProvider {
  return {
    check: async (olds, news) => throughOthers().check(kind, olds, news),
    diff: async (id, olds, news) => throughOthers().diff(kind, id, olds, news),
    create: async (news) => throughOthers().create(kind, news),
    read: async (id, props) => throughOthers().read(kind, id, props),
    update: async (id, olds, news) => throughOthers().update(kind, id, olds, news),
    delete: async (id, props) => throughOthers().remove(kind, id, props),
  };
}

/** Whether a closure finds the package: it stands in the folder where the program runs. */
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

const of = isNamedByProgram() ? inProvider : inProviderThroughOthers;

/** One object a kind: Pulumi serialises each object once. */
export const providers: Readonly<Record<KindName, pulumi.dynamic.ResourceProvider>> = {
  BootFile: of("BootFile"),
  DhcpServer: of("DhcpServer"),
  Firewall: of("Firewall"),
  NameServer: of("NameServer"),
  OlaFleet: of("OlaFleet"),
  OlaNode: of("OlaNode"),
  Packages: of("Packages"),
  TftpServer: of("TftpServer"),
  TimeServer: of("TimeServer"),
};
