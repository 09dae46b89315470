/**
 * Everything that CI runs, one after another, whatever fails on the way. The last line says how it went:
 * `N passed, N failed, N skipped`, where each step that is not vitest's counts as one.
 *
 *     node tools/test.mts [--without-host]        leaves out the system tests, which need the lab
 */
import { join } from "node:path";
import { runInherited } from "./command.mts";
import { type Outcome, runVitest, type TestOutcome } from "./vitest.mts";

const repository = join(import.meta.dirname, "..");
const bin = (program: string) => join(repository, "node_modules/.bin", program);

/** Name → command; every one of them must end with 0. */
const steps: Readonly<Record<string, readonly string[]>> = {
  build: ["npm", "run", "--silent", "build"],
  types: ["npm", "run", "--silent", "types"],
  lint: ["npm", "run", "--silent", "lint"],
  publint: [bin("publint"), "--strict"],
  attw: [bin("attw"), "--pack", ".", "--profile", "node16"],
  knip: [bin("knip")],
  docs: [process.execPath, "tools/docs.mts"],
  release: [process.execPath, "tools/release.mts", "--try"],
};

export function summary(outcomes: readonly Outcome[]): string {
  const count = (wanted: Outcome) => outcomes.filter((outcome) => outcome === wanted).length;
  return `${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`;
}

function runStep(name: string, command: readonly string[]): TestOutcome {
  heading(name);
  const began = performance.now();
  const code = runInherited(command, { cwd: repository });
  const seconds = (performance.now() - began) / 1000;
  console.log(`${name}: ${code === 0 ? "passed" : `failed with exit code ${code}`} in ${seconds.toFixed(1)} s`);
  return { file: "", name, outcome: code === 0 ? "passed" : "failed", seconds, message: "" };
}

function heading(name: string): void {
  console.log(`\n── ${name} ${"─".repeat(Math.max(0, 76 - name.length))}`);
}

function main(withHost: boolean): number {
  const outcomes = Object.entries(steps).map(([name, command]) => runStep(name, command));
  const built = outcomes.some(({ name, outcome }) => name === "build" && outcome === "passed");
  for (const project of withHost ? ["unit", "system"] : ["unit"]) {
    heading(`${project} tests`);
    if (project === "system" && !built) {
      console.log("not run: they install the package, and it can't be built");
      outcomes.push({ file: "", name: "system tests", outcome: "failed", seconds: 0, message: "" });
    } else {
      outcomes.push(...runVitest(project));
    }
  }

  const failed = outcomes.filter(({ outcome }) => outcome === "failed");
  if (failed.length > 0) heading("failed");
  for (const { file, name } of failed) console.log([file, name].filter(Boolean).join(" › "));
  console.log(`\n${summary(outcomes.map(({ outcome }) => outcome))}`);
  return failed.length === 0 && outcomes.some(({ outcome }) => outcome === "passed") ? 0 : 1;
}

if (import.meta.main) process.exitCode = main(!process.argv.includes("--without-host"));
