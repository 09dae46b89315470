/**
 * What takes too long for every change: all releases, firewalls, package managers, long fault runs
 * (test/matrix/**). Writes a dated report, which is committed.
 *
 *     node tools/matrix.mts [arguments of vitest]
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runInherited } from "./command.mts";
import { summary } from "./test.mts";
import { runVitest, type TestOutcome } from "./vitest.mts";

const repository = join(import.meta.dirname, "..");

/** The report as Markdown: one row for each test. */
export function renderReport(
  tests: readonly TestOutcome[],
  of: { readonly day: string; readonly commit: string },
): string {
  const rows = tests.map(({ name, outcome, seconds, message }) => {
    const why = outcome === "failed" ? `: ${message.split("\n", 1)[0]}` : "";
    return `| ${cell(name)} | ${cell(outcome + why)} | ${seconds.toFixed(1)} s |`;
  });
  return `# Matrix of ${of.day}

\`npm run test:matrix\` at commit ${of.commit}: ${summary(tests.map(({ outcome }) => outcome))}.

| test | outcome | time |
|---|---|---|
${rows.join("\n")}
`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

function commit(): string {
  const git = (...args: string[]) => execFileSync("git", args, { cwd: repository, encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain", "--untracked-files=no") === "" ? "" : ", with changes";
  return `${git("rev-parse", "--short", "HEAD")}${changed}`;
}

/** A day's second report does not take the place of the first. */
function freeName(base: string, number = 1): string {
  const name = number === 1 ? `${base}.md` : `${base}-${number}.md`;
  return existsSync(join(repository, name)) ? freeName(base, number + 1) : name;
}

function main(args: readonly string[]): number {
  if (runInherited(["npm", "run", "--silent", "build"], { cwd: repository }) !== 0) return 1;
  const tests = runVitest("matrix", args);
  const day = new Date().toISOString().slice(0, 10);
  mkdirSync(join(repository, "docs/reports"), { recursive: true });
  const report = freeName(join("docs/reports", `matrix-${day}`));
  writeFileSync(join(repository, report), renderReport(tests, { day, commit: commit() }));
  console.log(`\nwrote ${report}\n\n${summary(tests.map(({ outcome }) => outcome))}`);
  return tests.some(({ outcome }) => outcome === "failed") || tests.length === 0 ? 1 : 0;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
