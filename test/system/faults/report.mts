import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Round } from "./round.mts";

const report = "docs/reports/faults.csv";
const summary = "docs/reports/reliability.md";
const head = "day,commit,seed,fault,change,ms,run,host,violations,place";

/** A line of the report, of which the next run makes the summary anew. */
export function appendRound(
  repository: string,
  round: Round & { readonly commit: string; readonly place: string },
): void {
  const path = join(repository, report);
  mkdirSync(dirname(path), { recursive: true });
  if (!existsSync(path)) writeFileSync(path, `${head}\n`);
  const { commit, seed, fault, change, afterMs, run, host, violations, place } = round;
  const day = new Date().toISOString().slice(0, 10);
  const cells = [day, commit, seed, fault, change, afterMs, run, host, violations.length, place];
  appendFileSync(path, `${cells.join(",")}\n`);
}

interface Line {
  readonly fault: string;
  readonly run: string;
  readonly host: string;
  readonly violated: boolean;
  readonly place: string;
}

/** The report as a table: how many rounds of each fault, how the run ended, and what node 0 was like before the next. */
export function renderSummary(csv: string): string {
  const lines = csv
    .trim()
    .split("\n")
    .slice(1)
    .map((line): Line => {
      const [, , , fault = "", , , run = "", host = "", violations, place = ""] = line.split(",");
      return { fault, run, host, violated: violations !== "0", place };
    });
  const names = [...new Set(lines.map(({ fault }) => fault))].sort();
  const row = (name: string, of: readonly Line[]): string => {
    const count = (test: (line: Line) => boolean): number => of.filter(test).length;
    const cells = [
      name,
      of.length,
      ...["ok", "failed", "killed"].map((run) => count((line) => line.run === run)),
      ...["old", "new", "part"].map((host) => count((line) => line.host === host)),
      count(({ violated }) => violated),
    ];
    return `| ${cells.join(" | ")} |`;
  };
  return [
    "| fault | rounds | run ok | failed | killed | node 0 old | new | part | **violated** |",
    "|---|---|---|---|---|---|---|---|---|",
    ...names.map((name) =>
      row(
        name,
        lines.filter(({ fault }) => fault === name),
      ),
    ),
    row("**all**", lines),
    row(
      "of these, on a node 0 with somebody's own servers, rules, mounts and hosts.allow",
      lines.filter(({ place }) => place === "inhabited"),
    ),
    row(
      "of these, with Kea, or with a change between dhcpd and Kea",
      lines.filter(({ place }) => place === "kea"),
    ),
    row(
      "of these, while a change rolled over two node 0s",
      lines.filter(({ place }) => place === "pair"),
    ),
    row(
      "of these, while a change rolled over two Kea of which one stands by",
      lines.filter(({ place }) => place === "standby"),
    ),
  ].join("\n");
}

const [begin, end] = ["<!-- rounds -->", "<!-- end of rounds -->"];

/** Writes the table into docs/reports/reliability.md. */
export function summarise(repository: string): void {
  const text = readFileSync(join(repository, summary), "utf8");
  const table = renderSummary(readFileSync(join(repository, report), "utf8"));
  const [before, rest = ""] = text.split(begin);
  const [, after] = rest.split(end);
  if (after === undefined) throw new Error(`${summary} has no place for the table`);
  writeFileSync(join(repository, summary), `${before}${begin}\n${table}\n${end}${after}`);
}
