import { packagesFact } from "../facts/packages";
import type { Question, Seen } from "../facts/question";
import { missingMounts, readsOldFolder, servedFolderQuestions } from "../facts/tftpFolder";
import { type Units, unitFacts } from "../facts/units";
import { type DhcpDaemon, dhcpBackends } from "../formats/dhcpBackend";
import { type Drift, wholeResource } from "../kinds/drift";
import type { Declaration, Want } from "../kinds/want";
import { enablingLink, tftpdUnit } from "../os/paths";
import { masked } from "../preview/masked";
import { type Change, wantsOf } from "./change";
import { daemonQuestions, whyNotAsDeclared } from "./daemons";
import { backendIn } from "./dhcpServer";
import type { Facts } from "./facts";
import { driftOfFirewall } from "./firewallDrift";
import { firewallPaths } from "./firewallFiles";
import { firewallFacts, rulesHeld } from "./firewallPart";
import { type Join, machinesJoin, namesJoin } from "./joins";
import { isOfOtherStack, whyOtherRecord } from "./ownership";
import { firewallQuestions, lookKey } from "./questions";
import type { RegisterEntry } from "./records";

/** A changed text is told whole up to here. */
const mostBytes = 4_000_000;

/** What a look at these resources must ask. */
export function lookQuestions(declarations: readonly Declaration[]): Readonly<Record<string, Question>> {
  const puts: Change["puts"] = new Map(declarations.map((each) => [each.id, each] as const));
  const has = (word: Want["want"]): boolean => wantsOf(puts, word).length > 0;
  const [names] = wantsOf(puts, "names");
  const paths = [
    ...wantsOf(puts, "file").map(({ want }) => [want.path, mostBytes] as const),
    ...wantsOf(puts, "take").map(({ want }) => [want.path, 0] as const),
    ...wantsOf(puts, "link").map(({ want }) => [want.path, 0] as const),
    ...wantsOf(puts, "enabled").map(({ want }) => [enablingLink(want.unit), 0] as const),
    ...(has("firewall") ? firewallPaths.map((path) => [path, 65_536] as const) : []),
  ];
  const joined = declarations.flatMap(({ id, wants }) =>
    wants.some(({ want }) => want === "node" || want === "registered") ? [id] : [],
  );
  return {
    ...Object.fromEntries(
      paths.map(([path, bytes]) => [lookKey(path), { ask: "path", path, bytes, hashed: true }] as const),
    ),
    ...unitsOf(puts).questions,
    ...daemonQuestions(declarations),
    ...Object.assign({}, ...wantsOf(puts, "tftpd").map(({ want }) => servedFolderQuestions(want.directory))),
    ...(has("package") ? packagesFact.questions : {}),
    ...(has("firewall") ? firewallQuestions : {}),
    ...(joined.length > 0 || has("serve") ? machinesQuestions(joined) : {}),
    ...(names === undefined ? {} : { [namesKey]: { ask: "joined", ...joinOf(namesJoin(names.want)) } }),
  };
}

const namesKey = "look.names";

function machinesKey(daemon: DhcpDaemon): string {
  return daemon === "isc" ? "look.machines" : `look.machines.${daemon}`;
}

/** Of each DHCP server that node 0 may have; the register knows which it is. */
function machinesQuestions(ids: readonly string[]): Readonly<Record<string, Question>> {
  return Object.fromEntries(
    dhcpBackends.map((backend) => [
      machinesKey(backend.daemon),
      {
        ask: "joined",
        ...joinOf(machinesJoin(backend)),
        ids,
        ...(backend.daemon === "isc" ? {} : { held: "@held:daemon:1@" }),
      } as const,
    ]),
  );
}

function joinOf({ between, ...join }: Join): Join & { readonly begin?: string; readonly end?: string } {
  return { ...join, ...between };
}

function unitsOf(puts: Change["puts"]) {
  return unitFacts(wantsOf(puts, "unit").map(({ want }) => want.name));
}

/** How resources that were looked at together differ on the host from what was declared, by their ids. */
export function driftOf(
  declarations: readonly Declaration[],
  facts: Facts,
  sha256: (content: string | Uint8Array) => string,
): ReadonlyMap<string, readonly Drift[]> {
  const puts: Change["puts"] = new Map(declarations.map((each) => [each.id, each] as const));
  const units = unitsOf(puts).read(facts.answers);
  return new Map(
    declarations.map((declaration) => {
      const { id, generation, wants, undone } = declaration;
      const entry = facts.before.get(id);
      if (entry === undefined) return [id, []] as const;
      const otherwise = whyNotAsDeclared(declaration, facts.answers, (text) => named(text, entry));
      const declared = wants.find((want) => want.want === "declared");
      const other = whyOtherRecord(entry, { generation, by: declared?.by, undone });
      const looked = { facts, sha256, units, otherwise, isOfOtherRun: other !== undefined };
      const drift = other === undefined ? [] : [{ what: wholeResource, how: "other", seen: other } as const];
      // What lies there is as the other one declares it, and nothing of this stack mends that.
      if (drift.length > 0 && isOfOtherStack(entry, generation)) {
        return [id, drift.map((each) => ({ ...each, isByHand: true }))] as const;
      }
      return [id, [...drift, ...wants.flatMap((want) => driftOfWant(want, entry, looked))]] as const;
    }),
  );
}

interface Looked {
  /** What is missing of it may never have been there. */
  readonly isOfOtherRun: boolean;
  readonly facts: Facts;
  readonly units: Units;
  /** Units that run in another way than is declared, and how. */
  readonly otherwise: ReturnType<typeof whyNotAsDeclared>;
  sha256(content: string | Uint8Array): string;
}

function driftOfWant(want: Want, entry: RegisterEntry, looked: Looked): readonly Drift[] {
  const { facts, units, otherwise, sha256, isOfOtherRun } = looked;
  const { answers } = facts;
  const missing = (what: string): readonly Drift[] => [{ what, how: "missing", seen: "" }];
  switch (want.want) {
    case "file":
    case "take": {
      const seen = answers.path(lookKey(want.path));
      const declared = want.want === "file" ? sha256(named(want.content, entry)) : recorded(entry, want.path);
      return driftOfFile(want, seen, declared);
    }
    case "link": {
      const seen = answers.path(lookKey(want.path));
      return seen?.type === "link" && seen.target === want.target ? [] : missing(want.path);
    }
    case "enabled": {
      const path = enablingLink(want.unit);
      return answers.path(lookKey(path))?.type === "link" ? [] : missing(path);
    }
    case "unit": {
      const seen = units.get(want.name);
      const how = otherwise.get(want.name);
      // Of a unit file of ours, a mask in its place is told as that.
      const isOurs = entry.held.some((held) => held.want === "file" && held.path.endsWith(`/${want.name}`));
      if (seen?.unitFileState.startsWith("masked") === true && !isOurs) {
        const state = seen.activeState === "active" ? "it runs, and would not start again" : "it does not run";
        const text = `${state}, for somebody has masked it: \`systemctl unmask ${want.name}\` takes that away`;
        return [{ what: want.name, how: "other", seen: text, isByHand: true }];
      }
      if (seen !== undefined && seen.activeState !== "active") {
        // Started again and again, or given up: starting it anew mends nothing.
        const isFailing = seen.activeState === "failed" || seen.subState === "auto-restart";
        const look = isFailing ? `; \`journalctl -n 20 -u ${want.name}\` there says why` : "";
        return [{ what: want.name, how: "stopped", seen: `${seen.activeState} (${seen.subState})${look}` }];
      }
      if (how === undefined) return [];
      return [{ what: want.name, how: "other", seen: how.text, ...(how.isByDropIn && { isByHand: true }) }];
    }
    case "tftpd": {
      // A root of its own is told beside its unit.
      if (!readsOldFolder(answers) || otherwise.has(tftpdUnit)) {
        const [missing] = missingMounts(want.directory, answers);
        if (missing === undefined) return [];
        return [{ what: missing.unit, how: "stopped", seen: `${missing.state}, and ${want.directory} is to be on it` }];
      }
      const seen = `it serves another folder than ${want.directory} is now, for a file system was mounted there since`;
      return [{ what: tftpdUnit, how: "other", seen }];
    }
    case "package":
      return packagesFact.read(answers).installed(want.name) ? [] : missing(want.name);
    case "firewall": {
      const held = entry.held.find((each) => each.want === "firewall");
      const managed = entry.held.find((each) => each.want === "managed");
      const own = {
        id: entry.id,
        rules: held?.want === "firewall" ? held.rules : [],
        declared: want.rules,
        manager: managed?.want === "managed" ? managed.manager : undefined,
      };
      return driftOfFirewall(own, rulesHeld(facts.before), firewallFacts(answers), (path) =>
        answers.path(lookKey(path)),
      );
    }
    case "names": {
      const { how = "same" } = answers.joined(namesKey) ?? {};
      return how === "same" ? [] : [{ what: namesJoin(want).path, how, seen: "" }];
    }
    case "node":
      return lackingIn(entry, facts);
    case "registered": {
      const { machines = 0 } = want;
      const lost = machines - entry.machines;
      if (lost <= 0) return lackingIn(entry, facts);
      const what = machines === 1 ? "the machine" : `${lost} of its ${machines} machines`;
      const [took, them] =
        lost === 1 ? ["another resource took it over", "it"] : ["other resources took them over", "them"];
      const seen = `${isOfOtherRun ? "" : `${took}, and `}node 0 does not serve ${them}`;
      return [{ what, how: "other", seen }, ...lackingIn(entry, facts)];
    }
    case "serve": {
      const { how = "same" } = answers.joined(machinesKey(backendIn(facts.before).daemon)) ?? {};
      return how === "same" ? [] : [{ what: backendIn(facts.before).machines.path, how, seen: "" }];
    }
    default:
      return [];
  }
}

/** The machines of a record that the DHCP server's file has otherwise, or not. */
function lackingIn({ id }: RegisterEntry, { before, answers }: Facts): readonly Drift[] {
  return (answers.joined(machinesKey(backendIn(before).daemon))?.lacks ?? [])
    .filter((each) => each.id === id)
    .map(({ hostname, how }) => ({ what: hostname, how, seen: "" }) as const);
}

function driftOfFile(
  { path, mode, want }: Extract<Want, { readonly want: "file" | "take" }>,
  seen: Seen | undefined,
  declared: string | undefined,
): readonly Drift[] {
  if (seen?.type !== "file") return [{ what: path, how: "missing", seen: "" }];
  if (seen.sha256 !== declared) {
    const text = want === "file" && seen.bytes <= mostBytes ? masked(seen.content ?? "") : (seen.sha256 ?? "");
    return [{ what: path, how: "changed", seen: text }];
  }
  if (Number.parseInt(seen.mode, 8) === Number.parseInt(mode, 8) && seen.uid === 0 && seen.gid === 0) return [];
  return [{ what: path, how: "owner", seen: `${seen.mode} ${seen.uid}:${seen.gid}` }];
}

/** A text with the interface's name, as the register has it, in the place of `@interface@`. */
function named<T extends string | Uint8Array>(content: T, { held }: RegisterEntry): T | string {
  const serve = held.find((each) => each.want === "serve");
  if (typeof content !== "string" || serve?.want !== "serve") return content;
  return content.replaceAll("@interface@", serve.interface);
}

function recorded({ held }: RegisterEntry, path: string): string | undefined {
  const file = held.find((each) => each.want === "file" && each.path === path);
  return file?.want === "file" ? file.sha256 : undefined;
}
