/**
 * Holds the hands to .perltidyrc and .perlcriticrc: tells each file and line that is not as perltidy would write it or
 * that perlcritic refuses, and fails if there is one.
 *
 *     node tools/lintPerl.mts [--write]        with --write, perltidy writes its own instead
 */
import { spawnSync } from "node:child_process";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const files = globSync("provider/hands/*.pl", { cwd: root }).sort();

/** What a program says; it must be there. */
function say(program: string, args: readonly string[], input?: string): string {
  const { stdout, stderr, error } = spawnSync(program, args, { cwd: root, input, encoding: "utf8" });
  if (error !== undefined) {
    throw new Error(
      `the hands are Perl, and this machine lacks \`${program}\`: install Debian's packages perltidy and libperl-critic-perl`,
    );
  }
  return stderr + stdout;
}

/** A file as perltidy writes it. */
function tidied(source: string): string {
  return say("perltidy", ["--profile=.perltidyrc", "--standard-output", "--standard-error-output"], source);
}

/** The first line on which two texts differ. */
function firstDifference(text: string, other: string): number {
  const [lines, others] = [text.split("\n"), other.split("\n")];
  return lines.findIndex((line, index) => line !== others[index]) + 1 || lines.length;
}

function main(writes: boolean): number {
  const untidy = files.flatMap((file) => {
    const source = readFileSync(join(root, file), "utf8");
    const wanted = tidied(source);
    if (wanted === source) return [];
    if (writes) writeFileSync(join(root, file), wanted);
    return [`${file}:${firstDifference(source, wanted)}: perltidy writes this in another way (npm run format)`];
  });
  if (writes) return 0;
  const long = files.flatMap((file) =>
    readFileSync(join(root, file), "utf8")
      .split("\n")
      .flatMap((line, index) =>
        line.length > 120 ? [`${file}:${index + 1}: a line of ${line.length} characters`] : [],
      ),
  );
  const critique = say("perlcritic", ["--profile=.perlcriticrc", "--quiet", ...files])
    .split("\n")
    .filter((line) => line !== "");
  const found = [...untidy, ...long, ...critique];
  for (const line of found) console.error(line);
  return found.length === 0 ? 0 : 1;
}

try {
  process.exitCode = main(process.argv.includes("--write"));
} catch (reason) {
  console.error((reason as Error).message);
  process.exitCode = 1;
}
