import type { Answers, Question } from "./question";

const flagsKey = "fixedPaths.flags";
const mountsKey = "fixedPaths.mounts";

/** The folder that a path is in. */
export function folderOf(path: string): string {
  return path.replace(/\/[^/]*$/, "") || "/";
}

/** Asks for what keeps even root from replacing files: flags of them and of their folders, and what is mounted there. */
export function fixedQuestions(paths: readonly string[]): Readonly<Record<string, Question>> {
  const [first, ...others] = [...new Set(paths.flatMap((path) => [path, folderOf(path)]))];
  if (first === undefined) return {};
  return {
    [flagsKey]: { ask: "run", argv: ["lsattr", "-d", "--", first, ...others] },
    [mountsKey]: { ask: "run", argv: ["findmnt", "-rn", "-o", "TARGET,OPTIONS"] },
  };
}

/**
 * Why a path can't be replaced, in words; nothing where nothing is seen that keeps root from it.
 *
 * @example `it is immutable (lsattr)`
 */
export function whyFixed(answers: Answers, path: string): string | undefined {
  const flags = flagsIn(answers);
  // Of an append-only file the kernel takes no other name either.
  const isFixed = (each: string): boolean => /[ia]/.test(flags.get(each) ?? "");
  if (isFixed(path)) return "it is immutable (lsattr)";
  const mounts = mountsIn(answers);
  if (mounts.has(path)) return "something is mounted on it (findmnt)";
  const folder = folderOf(path);
  if (isFixed(folder)) return `its folder ${folder} is immutable (lsattr -d)`;
  const [target, options] = [...mounts]
    .filter(([each]) => `${folder}/`.startsWith(each === "/" ? each : `${each}/`))
    .reduce((longest, each) => (each[0].length > longest[0].length ? each : longest), ["", ""]);
  return options.split(",").includes("ro") ? `${target} is mounted read-only (findmnt)` : undefined;
}

/** Path → its flags, as lsattr(1) draws them: `----i---------e-------`. */
function flagsIn(answers: Answers): ReadonlyMap<string, string> {
  const said = answers.ran(flagsKey)?.said ?? "";
  return new Map([...said.matchAll(/^([-A-Za-z]{8,}) (\/.*)$/gm)].map(([, flags = "", path = ""]) => [path, flags]));
}

/** Where something is mounted → the options of what was mounted there last. */
function mountsIn(answers: Answers): ReadonlyMap<string, string> {
  const said = answers.ran(mountsKey)?.said ?? "";
  return new Map(
    [...said.matchAll(/^(\/\S*) (\S+)$/gm)].map(([, target = "", options = ""]) => [
      target.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
      options,
    ]),
  );
}
