import { readdirSync, readFileSync } from "node:fs";

/** The numbers of all processes below one, itself left out. */
export function descendantsOf(pid: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const fields = processFile(Number(entry), "stat").split(") ")[1]?.split(" ") ?? [];
    parents.set(Number(entry), Number(fields[1]));
  }
  const below = (one: number): number[] =>
    [...parents].filter(([, parent]) => parent === one).flatMap(([child]) => [child, ...below(child)]);
  return below(pid);
}

/** The provider's process among the engine's, if it has been started. */
export function providerOf(enginePid: number): number | undefined {
  return descendantsOf(enginePid).find((pid) => processFile(pid, "cmdline").includes("dynamic-provider"));
}

/** A file of proc(5) about a process; empty if it has just ended. */
export function processFile(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return "";
  }
}
