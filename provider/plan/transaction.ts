import { dhcpBackends } from "../formats/dhcpBackend";
import type { Declaration } from "../kinds/want";
import { chronyConf, chronyDropIn, dnsmasqConf, enablingLink } from "../os/paths";
import { type Change, type KnownFile, pathsHeld } from "./change";
import { backendIn } from "./dhcpServer";
import { type Expected, planExpectations, socketsOf } from "./expectations";
import { planJoins } from "./joins";
import type { CheckerPlan, PathPlan, Plan, UnitPlan } from "./plan";
import { type Held, heldOf, type Register, type RegisterEntry } from "./records";

/** What a transaction is planned from. */
export interface Groundwork extends Expected {
  readonly stripped: readonly RegisterEntry[];
  fileAt(path: string): KnownFile | undefined;
  /** Paths of the firewall's that are to be as here, or absent. */
  readonly firewallPaths: readonly PathPlan[];
  /** Units that run with what was there when they were started. */
  readonly staleUnits: readonly string[];
}

/** All that is to be done on node 0, from what is wanted, what is held, and what is there. */
export function planTransaction(groundwork: Groundwork): Plan {
  const { change, register, stripped } = groundwork;
  const { expectations, proves } = planExpectations(groundwork);
  return {
    records: [...change.puts.keys()].map((id) => ({ id, held: register.after.get(id)?.held ?? [] })),
    stripped: stripped.map(({ id, held }) => ({ id, held })),
    machines: groundwork.machines ?? [],
    folders: heldOf(register.after, "dir").map(({ held: { path, mode } }) => ({ path, mode })),
    paths: [...planPaths(groundwork), ...groundwork.firewallPaths],
    joins: planJoins(register),
    units: planUnits(change, register, groundwork.staleUnits),
    stops: planStops(register),
    checks: planChecks(register),
    expectations,
    proves,
    log: planLog(register),
    socketsBefore: [...new Set(heldOf(register.before, "unit").map(({ held }) => held.name))].map((unit) => ({
      unit,
      sockets: socketsOf(register.before, unit),
    })),
    tell: [...change.puts.values()]
      .filter(({ wants }) => wants.some(({ want }) => want === "node"))
      .map(({ id }) => id),
  };
}

/** The files and links of the change, and what comes back where nobody wants anything any more. */
function planPaths({ change, register, fileAt }: Groundwork): readonly PathPlan[] {
  const had = pathsHeld(register.before);
  const recorded = new Map(heldOf(register.before, "file").map(({ held }) => [held.path, held.sha256] as const));
  const before = (path: string) => {
    const sha256 = recorded.get(path);
    return { had: had.has(path), ...(sha256 === undefined ? {} : { recorded: sha256 }) };
  };
  const put = [...change.puts.values()].flatMap((declaration) =>
    pathsPut(declaration, register.after.get(declaration.id)?.held ?? [], fileAt),
  );
  const held = pathsHeld(register.after);
  const released = [...had].filter(([path]) => !held.has(path));
  return [
    ...put.map((path) => ({ ...path, ...before(path.path), isOurs: false })),
    ...released.map(([path, id]) => ({ path, id, to: { is: "original" } as const, isOurs: false, ...before(path) })),
  ];
}

function pathsPut(
  { id, wants }: Declaration,
  held: readonly Held[],
  fileAt: Groundwork["fileAt"],
): readonly Pick<PathPlan, "path" | "id" | "to">[] {
  return wants.flatMap((want): readonly Pick<PathPlan, "path" | "id" | "to">[] => {
    switch (want.want) {
      case "file": {
        const { path, mode, content } = want;
        return [{ path, id, to: { is: "file", mode, content, sha256: fileAt(path)?.sha256 ?? "" } }];
      }
      case "take": {
        const { path, mode } = want;
        const { sha256 = "", from = path } = fileAt(path) ?? {};
        return [{ path, id, to: { is: "file", mode, from, sha256 } }];
      }
      case "link":
        return [{ path: want.path, id, to: { is: "link", target: want.target } }];
      case "enabled": {
        const path = enablingLink(want.unit);
        const link = held.find((each) => each.want === "link" && each.path === path);
        return link?.want === "link" ? [{ path, id, to: { is: "link", target: link.target } }] : [];
      }
      default:
        return [];
    }
  });
}

function planUnits(change: Change, { before, after }: Register, stale: readonly string[]): readonly UnitPlan[] {
  const known = new Set(heldOf(before, "unit").map(({ held }) => held.name));
  return heldOf(after, "unit").map(({ id, held: { name, restartedBy, reloadedBy = [] } }) => ({
    unit: name,
    id,
    restartedBy,
    reloadedBy,
    isPut: change.puts.has(id),
    isStale: stale.includes(name),
    had: known.has(name),
  }));
}

function planStops({ before, after }: Register): Plan["stops"] {
  const wanted = new Set(heldOf(after, "unit").map(({ held }) => held.name));
  return heldOf(before, "unit").flatMap(({ held }) => (wanted.has(held.name) ? [] : [{ unit: held.name }]));
}

/** Each daemon's own checker reads the whole candidate, beside the real file where a profile of AppArmor lets it. */
function planChecks({ after }: Register): readonly CheckerPlan[] {
  const checks: CheckerPlan[] = [];
  if (heldOf(after, "serve").length > 0) {
    const { program, conf, machines, checker } = backendIn(after);
    checks.push({
      program,
      argv: [...checker.argv, checker.candidate],
      if: [conf, machines.path],
      candidate: { path: checker.candidate, file: conf, includes: [machines.path], before: "" },
    });
  }
  for (const { id } of heldOf(after, "ntp")) {
    const path = "/etc/chrony/.netboot-candidate.conf";
    checks.push({
      program: "chronyd",
      id,
      argv: ["chronyd", "-p", "-f", path],
      if: [chronyDropIn],
      candidate: { path, file: chronyConf, includes: [], before: `include @staged:${chronyDropIn}@\n` },
    });
  }
  for (const { id } of heldOf(after, "names")) {
    checks.push({
      program: "dnsmasq",
      id,
      argv: ["dnsmasq", "--test", `--conf-file=@staged:${dnsmasqConf}@`],
      if: [dnsmasqConf],
    });
  }
  return checks;
}

/** What a checker has to say, out of all that it said. */
function wordsBy(program: string, said: string): readonly string[] {
  const backend = dhcpBackends.find((each) => each.program === program);
  if (backend !== undefined) return backend.checker.wordsOf(said);
  const lines = said.split("\n");
  return program === "chronyd" ? lines.filter((each) => /Fatal error|error/i.test(each)) : lines;
}

/** How a staged file is called until it is swapped. */
export function stagedName(path: string): string {
  const at = path.lastIndexOf("/") + 1;
  return `${path.slice(0, at)}.${path.slice(at)}.netboot-new`;
}

/** What a checker refused, with the real paths in its words. */
export function renderCheckerWords({ program, candidate, if: paths }: CheckerPlan, said: string): string {
  const named = [
    ...(candidate === undefined ? [] : [[candidate.path, candidate.file] as const]),
    ...paths.map((path) => [stagedName(path), path] as const),
  ];
  const text = named.reduce((words, [staged, path]) => words.replaceAll(staged, path), said);
  return wordsBy(program, text)
    .filter((each) => each !== "")
    .map((each) => `  ${each}`)
    .join("\n");
}

/** What is served from now on, in the log that tells who boots: so that a boot can be told with what it was given. */
function planLog({ after }: Register): Plan["log"] {
  const [tftp] = heldOf(after, "tftpd");
  if (tftp === undefined) return [];
  const folder = `${tftp.held.directory}/`;
  return heldOf(after, "file").flatMap(({ held: { path, sha256 } }) =>
    path.startsWith(folder) && sha256 !== ""
      ? [{ path, text: `serves ${path.slice(folder.length)} sha256:${sha256}` }]
      : [],
  );
}
