import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { runInherited } from "./command.mts";

const repository = join(import.meta.dirname, "..");

export type Outcome = "passed" | "failed" | "skipped";

export interface TestOutcome {
  /** Path in the repository. */
  readonly file: string;
  /** Its describes and its own sentence, joined by ` › `. */
  readonly name: string;
  readonly outcome: Outcome;
  readonly seconds: number;
  /** What it failed of. */
  readonly message: string;
}

/** The part of vitest's JSON report that is read here. */
export interface JsonReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      readonly status: string;
      readonly duration?: number | null;
      readonly failureMessages?: readonly string[] | null;
    }[];
  }[];
}

/** Runs one project of vitest.config.mts, shows it as people read it, and returns what each test came to. */
export function runVitest(project: string, args: readonly string[] = []): readonly TestOutcome[] {
  const folder = mkdtempSync(join(tmpdir(), "netboot-vitest-"));
  const report = join(folder, "report.json");
  const code = runInherited(
    [
      ...[process.execPath, "node_modules/vitest/vitest.mjs", "run", "--project", project],
      ...["--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...args],
    ],
    // Hundreds of `pulumi` start thousands of Node, which so need not compile the same files each time.
    { cwd: repository, env: { ...process.env, NODE_COMPILE_CACHE: join(folder, "compiled") } },
  );
  try {
    return withExitCode(parseReport(JSON.parse(readFileSync(report, "utf8"))), code, project);
  } catch (error) {
    return withExitCode([], code || 1, `${project}: ${(error as Error).message}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A file that could not even be loaded counts as one failed test. */
export function parseReport(report: JsonReport): TestOutcome[] {
  return report.testResults.flatMap(({ name, status, message = "", assertionResults }) => {
    const file = relative(repository, name);
    const tests = assertionResults.map((test) => ({
      file,
      name: [...test.ancestorTitles, test.title].join(" › "),
      outcome: outcomeOf(test.status),
      seconds: (test.duration ?? 0) / 1000,
      message: test.failureMessages?.join("\n") ?? "",
    }));
    if (status !== "failed" || tests.some(({ outcome }) => outcome === "failed")) return tests;
    return [...tests, { file, name: "the file itself", outcome: "failed" as const, seconds: 0, message }];
  });
}

function outcomeOf(status: string): Outcome {
  if (status === "passed" || status === "failed") return status;
  return "skipped";
}

/** An error outside of every test shows in the exit code alone; it is a failure like any other. */
function withExitCode(tests: readonly TestOutcome[], code: number, name: string): readonly TestOutcome[] {
  if (code === 0 || tests.some(({ outcome }) => outcome === "failed")) return tests;
  return [...tests, { file: "", name, outcome: "failed", seconds: 0, message: `vitest ended with exit code ${code}` }];
}
