/**
 * A release in one command, from the changesets to npm.
 *
 *     node tools/release.mts              versions, tests, and a dry run of the publication: nothing leaves this machine
 *     node tools/release.mts --publish    in CI: publishes, with the provenance that CI signs
 *     node tools/release.mts --version    only the version, CHANGELOG.md, and the ranges of the examples
 *     node tools/release.mts --try        on a copy, as a test: whether a release of `dist` as it is would be whole
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, normalize, relative } from "node:path";
import { runInherited } from "./command.mts";

const repository = join(import.meta.dirname, "..");

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly repository?: { readonly url: string };
  readonly homepage?: string;
  readonly bugs?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** What would be published: path → text, and whether the repository has a path that is not published. */
export interface Publication {
  readonly manifest: Manifest;
  readonly files: ReadonlyMap<string, string>;
  isInRepository(path: string): boolean;
}

/** Programs of ours that users begin with, each a folder with a package.json. */
const programs = ["examples/**/package.json", "templates/*/package.json"];

/** What is missing in a publication, in sentences. */
export function whatIsMissing({ manifest, files, isInRepository }: Publication): readonly string[] {
  const { name, version } = manifest;
  const texts = [...files];
  const brought = new Set([name, ...Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })]);
  const missing: string[] = [];
  if (!/^\d+\.\d+\.\d+$/.test(version) || version === "0.0.0") missing.push(`${version} is no version of a release`);
  for (const field of ["repository", "homepage", "bugs"] as const) {
    if (manifest[field] === undefined) missing.push(`package.json has no ${field}`);
  }
  const changes = files.get("CHANGELOG.md") ?? "";
  if (!changes.includes(`\n## ${version}\n`)) missing.push(`CHANGELOG.md says nothing of ${name} ${version}`);
  for (const [path, text] of texts.filter(([file]) => /^dist\/.*\.(?:js|d\.ts)$/.test(file))) {
    for (const [page] of text.matchAll(/\bdocs\/[a-z0-9-]+\.md\b/g)) {
      if (!files.has(page)) missing.push(`${path} names ${page}, which is not published`);
    }
    for (const [, asked = ""] of text.matchAll(
      /(?:\bfrom |\b(?:require|import)\()"((?:@[\w-]+\/)?[\w-]+)(?:\/[^"]*)?"/g,
    )) {
      if (!brought.has(asked) && !isBuiltin(asked))
        missing.push(`${path} asks for ${asked}, which an install does not bring`);
    }
  }
  for (const [path, text] of texts.filter(([file]) => file.endsWith(".js.map"))) {
    const { sources, sourcesContent } = JSON.parse(text) as { sources: string[]; sourcesContent?: string[] };
    if (sourcesContent?.length !== sources.length) missing.push(`${path} has not its sources in it`);
  }
  for (const [path, text] of texts.filter(([file]) => file.endsWith(".md"))) {
    // A relative link leads into the repository on npm's page, and into the package where it is installed.
    for (const [, link = ""] of text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const target = normalize(join(dirname(path), link));
      if (!files.has(target) && !isInRepository(target))
        missing.push(`${path} has a link to ${target}, which is nowhere`);
    }
  }
  return missing;
}

/** Applies the changesets, and has our programs ask for the version that comes of them. */
function version(folder: string): void {
  if (globSync("[!R]*.md", { cwd: join(folder, ".changeset") }).length > 0) {
    execFileSync(join(repository, "node_modules/.bin/changeset"), ["version"], { cwd: folder, stdio: "inherit" });
  }
  const { name, version: now } = manifestIn(folder);
  for (const path of globSync(programs, { cwd: folder })) {
    const text = readFileSync(join(folder, path), "utf8");
    writeFileSync(join(folder, path), text.replace(new RegExp(`("${name}": )"[^"]*"`), `$1"^${now}"`));
  }
  const lock = join(folder, "package-lock.json");
  if (!existsSync(lock)) return;
  const locked = JSON.parse(readFileSync(lock, "utf8"));
  locked.version = locked.packages[""].version = now;
  writeFileSync(lock, `${JSON.stringify(locked, null, 2)}\n`);
}

function manifestIn(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
}

/** What npm tells of a publication. */
interface Told {
  readonly files: readonly { readonly path: string }[];
}

function publish(folder: string, ...flags: readonly string[]): string {
  const command = ["publish", "--provenance", "--ignore-scripts", "--json", ...flags];
  return execFileSync("npm", command, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

/** The dry run of a release, of a copy. */
function tryOut(): number {
  const copy = mkdtempSync(join(tmpdir(), "netboot-release-"));
  try {
    const left = ["node_modules", ".git", "test", "lab", "output"];
    cpSync(repository, copy, { recursive: true, filter: (path) => !left.includes(relative(repository, path)) });
    symlinkSync(join(repository, "node_modules"), join(copy, "node_modules"));
    version(copy);
    const manifest = manifestIn(copy);
    const told = JSON.parse(publish(copy, "--dry-run")) as Told | Record<string, Told>;
    // Later versions of npm tell it under the package's name.
    const { files: listed } = (told[manifest.name as keyof typeof told] ?? told) as Told;
    const files = new Map(listed.map(({ path }) => [path, readFileSync(join(copy, path), "utf8")]));
    const isInRepository = (path: string) => existsSync(join(repository, path));
    const missing = whatIsMissing({ manifest, files, isInRepository });
    for (const sentence of missing) console.log(sentence);
    console.log(`${manifest.name} ${manifest.version}: ${files.size} files, ${missing.length} things missing`);
    return missing.length === 0 ? 0 : 1;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function main(args: readonly string[]): number {
  const isReal = args.includes("--publish");
  if (args.includes("--try")) return tryOut();
  if (isReal && process.env["CI"] !== "true") {
    console.log("--publish is for CI, which signs where a package was built; leave it out for a dry run");
    return 1;
  }
  version(repository);
  if (args.includes("--version")) return 0;
  if (runInherited([process.execPath, "tools/test.mts"], { cwd: repository }) !== 0) return 1;
  console.log(publish(repository, ...(isReal ? [] : ["--dry-run"])));
  return 0;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
