import { links } from "../facts/links";
import { type Packages, packagesFact } from "../facts/packages";
import type { Seen } from "../facts/question";
import type { Declaration } from "../kinds/want";
import { type Change, heldBy, type KnownFile, machinesOf, mergeHeld, wantsOf } from "./change";
import type { Facts } from "./facts";
import { type BringPlan, type BringReport, planTakes } from "./packages";
import { lookKey, unitsFact } from "./questions";
import { type Machine, nicsOf, type Register, type RegisterEntry } from "./records";
import { planEnabled } from "./timeDaemon";

/** What has been brought before, and what came of it. */
export interface Brought {
  readonly plan: BringPlan;
  readonly report: BringReport;
}

/** What a change is judged by beside what node 0 says. */
export interface Given {
  readonly change: Change;
  /** The first digits of the machine-id that these resources were made on; another machine is refused. */
  readonly machine: string | undefined;
  readonly brought: Brought | undefined;
  /** The keys of all questions that were asked; a question that has no answer is not asked again. */
  readonly asked: ReadonlySet<string>;
  /** Other node 0s that the register named when this run came to it first: one that the program has no more goes at the end. */
  readonly peers?: readonly string[];
  sha256(content: string | Uint8Array): string;
}

/** What was found out, in the words of the planning. */
export interface Ground {
  readonly change: Change;
  readonly register: Register;
  readonly stripped: readonly RegisterEntry[];
  readonly packages: Packages;
  readonly facts: Facts;
  readonly brought: Brought | undefined;
  fileAt(path: string): KnownFile | undefined;
  seen(path: string): Seen | undefined;
  interfaceOf(wanted: string): string | undefined;
}

/** Reads what node 0 said into what the planning asks. */
export function surveyed(given: Given, change: Change, facts: Facts): Ground {
  const { answers } = facts;
  const seen = (path: string): Seen | undefined => answers.path(lookKey(path));
  const packages = packagesFact.read(answers);
  const contents = new Map<string, KnownFile>();
  for (const { want } of wantsOf(change.puts, "file")) {
    const { content } = want;
    const bytes = typeof content === "string" ? new TextEncoder().encode(content).length : content.length;
    contents.set(want.path, { sha256: given.sha256(content), bytes });
  }
  const puts = [...change.puts.values()];
  const before = { before: facts.before, after: facts.after, clashes: facts.clashes };
  for (const { path, sha256 } of planTakes({ puts, register: before, seen }).kept) {
    contents.set(path, { sha256, bytes: seen(path)?.bytes ?? 0, from: path });
  }
  for (const { path, from, sha256, bytes } of given.brought?.report.taken ?? []) {
    if (from !== undefined && sha256 !== undefined) contents.set(path, { sha256, bytes: bytes ?? 0, from });
  }
  const fileAt = (path: string): KnownFile | undefined => contents.get(path);
  const units = unitsFact.read(answers);
  const enabled = (put: Declaration) => planEnabled(put.wants, units, seen);
  const held = new Map(puts.map((put) => [put.id, [...heldBy(put, fileAt), ...enabled(put)]] as const));
  const told = {
    ...before,
    after: new Map([...facts.after].map(([id, entry]) => [id, withMachines(entry, change.puts.get(id))] as const)),
  };
  const interfaces = links.read(answers);
  const { register, ...merged } = mergeHeld(told, change, held);
  return {
    change,
    ...merged,
    register: given.peers === undefined ? register : { ...register, peers: given.peers },
    packages,
    facts,
    brought: given.brought,
    fileAt,
    seen,
    interfaceOf: (wanted) => {
      const [by, value] = [wanted.slice(0, wanted.indexOf(":")), wanted.slice(wanted.indexOf(":") + 1)];
      return interfaces.links.find((link) => (by === "name" ? link.name : link.mac) === value)?.name;
    },
  };
}

/** The machines of a resource that is put are known here whole. */
function withMachines(entry: RegisterEntry, put: Declaration | undefined): RegisterEntry {
  if (put === undefined) return entry;
  const machines = machinesOf(put);
  const examples = new Map<string, Machine>();
  for (const machine of machines) {
    const key = `${machine.firmware} ${machine.loader ?? ""}`;
    const known = examples.get(key);
    if (known === undefined || (known.proof === false && machine.proof !== false)) examples.set(key, machine);
  }
  const macs = nicsOf(machines);
  const pooled = nicsOf(machines.filter(({ address }) => address === undefined));
  return { ...entry, machines: machines.length, macs, pooled, examples: [...examples.values()] };
}
