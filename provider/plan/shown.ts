import { packagesFact } from "../facts/packages";
import type { HostAnswers, Question, Seen } from "../facts/question";
import { dhcpBackends } from "../formats/dhcpBackend";
import { masked } from "../preview/masked";
import { type Change, wantsOf } from "./change";
import type { Decided } from "./decide";
import { backendIn } from "./dhcpServer";
import type { Facts } from "./facts";
import { firewallPaths } from "./firewallFiles";
import { chainsWithHeads } from "./firewallHeads";
import { type FirewallPart, firewallFacts, rulesHeld } from "./firewallPart";
import { renderLineDiff } from "./lineDiff";
import type { BringPlan } from "./packages";
import type { DhcpExpectation, Expectation, PathPlan, Plan, UnitPlan } from "./plan";
import { lookKey, pathsLookedAt, unitsFact } from "./questions";
import { heldOf, type Machine, type Register } from "./records";
import { joinedKey, type MachinesPlanned, machinesAsked, type ShownMachine, showMachines } from "./shownMachines";
import { takenQuestions, takenSha256 } from "./takenBytes";
import type { Warning } from "./warning";

/** What a change would do to a node 0 as it is now. */
export interface ShownPlan {
  readonly packages?: ShownPackages;
  readonly files: readonly ShownFile[];
  readonly machines: readonly ShownMachine[];
  /** Records that another resource of the program has from now on, as after a rename with an alias. */
  readonly renamed: readonly { readonly id: string; readonly from: string; readonly to: string }[];
  readonly units: readonly ShownUnit[];
  /** For about how long DHCP gives no answer at each restart, or while it reads anew; absent if it goes on, or begins. */
  readonly dhcpIsSilentForSeconds?: number;
  /** Whether it answers only once it has heard of another one, or has missed it. */
  readonly hasPartner?: true;
  readonly firewall?: ShownFirewall;
  /** What node 0 is asked once all is done, by the proof. */
  readonly asked: ShownQuestions;
  readonly warnings: readonly Warning[];
}

export interface ShownPackages {
  readonly install: readonly string[];
  /** What apt would bring along and take away, by the lists that it has now; absent if it can't tell by them. */
  readonly along?: { readonly install: readonly string[]; readonly remove: readonly string[] };
  /** What goes for a package that is installed, and comes back with its end. */
  readonly replaced: readonly { readonly package: string; readonly by: string }[];
  /** Units that are kept from starting before the transaction starts them. */
  readonly masked: readonly string[];
  /** Files that are taken out of a copy of a package, whether or not that is installed. */
  readonly taken: readonly { readonly path: string; readonly package: string }[];
  /** What goes because nobody wants it any more, and what comes back for it. */
  readonly givenBack: readonly { readonly package: string; readonly for: string }[];
  readonly purged: boolean;
}

/** A path that is another afterwards. */
export interface ShownFile {
  readonly path: string;
  readonly id: string;
  readonly how: "comes" | "changes" | "goes" | "comes back";
  /** Of a text, as it is now against as it will be: the lines that differ, with two around them. */
  readonly diff?: string;
  /** Of anything else: the hashes, where they are known. */
  readonly sha256?: { readonly before?: string; readonly after?: string };
  /** What else there is to say. */
  readonly notes: readonly string[];
}

export interface ShownUnit {
  readonly unit: string;
  readonly how: "starts" | "restarts" | "reads anew" | "stops";
}

export interface ShownFirewall {
  readonly manager: string;
  /** The chains at whose head our rules stand; none where the manager puts them in itself. */
  readonly chains: readonly string[];
  /** How the manager itself is told. */
  readonly commands: readonly string[];
  readonly comes: readonly string[];
  readonly goes: readonly string[];
  /** Whether rules are to be put in, also such as were there before and are not now. */
  readonly isChanged: boolean;
}

export interface ShownQuestions {
  /** The sockets that units must have: `packet eno2`, `udp 192.168.1.1 69`. */
  readonly sockets: readonly { readonly unit: string; readonly on: readonly string[] }[];
  /** Machines for which DHCP is asked, both stages from each of their MACs. */
  readonly machines: readonly string[];
  /** Machines of other resources that stand for all with their chain. */
  readonly standing: readonly string[];
  /** A machine that nobody declared must get nothing. */
  readonly stranger: boolean;
  /** Nobody else may answer DHCP. */
  readonly others: boolean;
  /** Files by TFTP. */
  readonly files: readonly string[];
  readonly names: readonly string[];
  readonly time: readonly string[];
  readonly firewall: boolean;
}

/** What is known when a plan is shown. */
export interface Planned {
  readonly change: Change;
  readonly decided: Decided;
  /** As node 0 said them, and with what is to be brought as brought. */
  readonly facts: Facts;
  readonly bring: BringPlan | undefined;
  /** The machines that the register has of the change's resources. */
  readonly machinesBefore: ReadonlyMap<string, readonly Machine[]>;
  /** What was at paths before our first touch, in words; nothing where there was nothing. */
  readonly originals: ReadonlyMap<string, string>;
  /** Files whose contents are not shown, and why: `known only in the up`. */
  readonly hidden: ReadonlyMap<string, string>;
}

/** Longer texts are shown by their hashes. */
const mostBytes = 262_144;

/** Beside what deciding asks: the contents of the files that a change writes. */
export function contentQuestions(change: Change): Readonly<Record<string, Question>> {
  const concernsFirewall = wantsOf(change.puts, "firewall").length > 0 || change.drops.size > 0;
  const paths = [...pathsLookedAt(change), ...(concernsFirewall ? firewallPaths : [])];
  return Object.fromEntries(
    paths.map((path) => [lookKey(path), { ask: "path", path, hashed: true, bytes: mostBytes }] as const),
  );
}

const aptKey = "plan.apt";

/** What is to be known besides once all is decided. Of apt's caches nothing is written. */
export function questionsOfPlan(
  { plan }: Decided,
  bring: BringPlan | undefined,
  ids: readonly string[],
): Readonly<Record<string, Question>> {
  const options = ["Debug::NoLocking=1", "Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache="].flatMap((each) => [
    "-o",
    each,
  ]);
  const apt = ["apt-get", "-s", "-q", "-y", ...options, "--no-install-recommends", "install"] as const;
  return {
    ...(bring === undefined || bring.install.length === 0
      ? {}
      : { [aptKey]: { ask: "run", argv: [...apt, ...bring.install] } }),
    ...takenQuestions(bring?.take ?? [], options),
    ...Object.fromEntries(
      plan.joins.map(({ path, of, before, after, separator, domain, between }) => [
        joinedKey(path),
        {
          ask: "joined",
          path,
          of,
          ...(of === "blocks" && { ids }),
          before,
          after,
          ...(separator !== undefined && { separator }),
          domain,
          ...between,
        } as const,
      ]),
    ),
  };
}

/** Shows what a change would do. */
export function showPlan(planned: Planned): ShownPlan {
  const { decided, facts } = planned;
  const { plan, firewall, warnings } = decided;
  const machines = showMachines(machinesPlanned(planned));
  const files = plan.paths.flatMap((path) => showPath(path, planned) ?? []);
  const touched = new Set([...files.map(({ path }) => path), ...joinsTouched(plan, facts.answers, machines)]);
  const units = showUnits(plan, facts, touched);
  for (const { unit, how } of units) if (how === "starts" || how === "restarts") touched.add(`unit:${unit}`);
  if (firewall?.plan.differs === true) touched.add("firewall");
  const packages = showPackages(planned);
  const entries = [...decided.register.after.values()];
  const machineCount = entries.reduce((sum, { machines: own }) => sum + own, 0);
  const silentSeconds = backendIn(decided.register.after).silentSeconds(machineCount);
  const isSilent = units.some(
    ({ unit, how }) => how !== "starts" && dhcpBackends.some((backend) => backend.unit === unit),
  );
  return {
    ...(packages === undefined ? {} : { packages }),
    files: [...files, ...showJoins(plan, touched, facts.answers)].toSorted((one, other) =>
      one.path < other.path ? -1 : 1,
    ),
    machines,
    renamed: showRenamed(planned),
    units,
    ...(isSilent ? { dhcpIsSilentForSeconds: Math.round(silentSeconds * 10) / 10 } : {}),
    ...(heldOf(decided.register.after, "hotStandby").length > 0 && { hasPartner: true as const }),
    ...(firewall === undefined ? {} : { firewall: showFirewall(firewall, decided.register, facts) }),
    asked: showQuestions(
      planned,
      plan.expectations.filter((each) => isDue(each, touched)),
    ),
    warnings: [...warnings, ...(firewall?.warnings ?? [])],
  };
}

function machinesPlanned({ change, machinesBefore, decided, facts }: Planned): MachinesPlanned {
  return { change, machinesBefore, plan: decided.plan, answers: facts.answers };
}

/** Whether a plan changes anything on node 0 but its own records. */
export function changesSomething({ packages, files, units, firewall }: ShownPlan): boolean {
  return packages !== undefined || files.length > 0 || units.length > 0 || firewall?.isChanged === true;
}

// ---- Packages ----

function showPackages({ bring, decided, facts, hidden }: Planned): ShownPackages | undefined {
  const { after } = decided;
  const taken = (bring?.take ?? []).filter(({ path }) => !hidden.has(path));
  const shown = {
    install: bring?.install ?? [],
    replaced: (bring?.rows ?? []).map(({ package: name, standIn }) => ({ package: name, by: standIn })),
    masked: (bring?.masks ?? []).map(({ path }) => path.replace(/.*\//, "")),
    taken: taken.map(({ path, package: name }) => ({ path, package: name })),
    givenBack: after.returning.map(({ package: name, standIn }) => ({ package: name, for: standIn })),
    purged: after.purge.length > 0 && packagesFact.read(facts.answers).brought.length > 0,
  };
  const isEmpty = Object.values(shown).every((value) => (typeof value === "boolean" ? !value : value.length === 0));
  if (isEmpty) return undefined;
  const along = bring === undefined || bring.install.length === 0 ? undefined : alongIn(facts.answers, bring);
  return { ...shown, ...(along === undefined ? {} : { along }) };
}

/** What apt says that it would do: `Inst chrony (4.3-2+deb12u1 Debian:12.11/oldstable [amd64])`, `Remv ntp [1:4.2.8p15]`. */
function alongIn(answers: HostAnswers, { install }: BringPlan): ShownPackages["along"] {
  const ran = answers.ran(aptKey);
  if (ran === undefined || ran.status !== 0) return undefined;
  const named = (word: string): readonly string[] =>
    [...ran.said.matchAll(new RegExp(`^${word} (\\S+)`, "gm"))].map(([, name = ""]) => name.replace(/:.*/, ""));
  return {
    install: named("Inst")
      .filter((name) => !install.includes(name))
      .toSorted(),
    remove: named("Remv").toSorted(),
  };
}

// ---- Files ----

function showPath(path: PathPlan, planned: Planned): ShownFile | undefined {
  const { facts, originals, hidden, bring } = planned;
  const { to, id } = path;
  const seen = facts.answers.path(lookKey(path.path));
  const have = seen === undefined || seen.type === "absent" ? undefined : seen;
  const about = { path: path.path, id };
  switch (to.is) {
    case "absent":
      return have === undefined ? undefined : { ...about, how: "goes", notes: [] };
    case "original": {
      const was = originals.get(path.path);
      return { ...about, how: was === undefined ? "goes" : "comes back", notes: was === undefined ? [] : [was] };
    }
    case "link": {
      if (have?.type === "link" && have.target === to.target) return undefined;
      return { ...about, how: have === undefined ? "comes" : "changes", notes: [`a link to ${to.target}`] };
    }
    case "file": {
      const take = bring?.take.find((each) => each.path === path.path);
      const sha256 = take === undefined ? to.sha256 : (takenSha256(take, facts.answers) ?? "");
      return showFile(path, { ...to, sha256 }, have, take !== undefined, hidden.get(path.path));
    }
  }
}

function showFile(
  { path, id, isOurs, had, recorded }: PathPlan,
  to: Extract<PathPlan["to"], { readonly is: "file" }>,
  have: Seen | undefined,
  isTaken: boolean,
  hidden: string | undefined,
): ShownFile | undefined {
  const how = have === undefined ? "comes" : "changes";
  if (hidden !== undefined) return { path, id, how, notes: [hidden] };
  const isSameText = have?.type === "file" && have.sha256 === to.sha256 && to.sha256 !== "";
  const modes = have?.type === "file" ? whyOwner(have, to.mode) : undefined;
  if (isSameText) return modes === undefined ? undefined : { path, id, how, notes: [modes] };
  const notes = [
    ...(have !== undefined && !had && !isOurs ? ["it was there before us; it is kept, and comes back on destroy"] : []),
    ...(have?.sha256 !== undefined && had && recorded !== undefined && recorded !== "" && have.sha256 !== recorded
      ? ["somebody changed it since the last run; that is kept beside"]
      : []),
    ...(modes === undefined ? [] : [modes]),
    ...(have === undefined || have.type === "file" ? [] : [`it is a ${have.type} now`]),
  ];
  const texts = textsOf(to, have);
  if (texts !== undefined) return { path, id, how, diff: masked(renderLineDiff(texts.before, texts.after, 2)), notes };
  const sha256 = {
    ...(have?.sha256 === undefined ? {} : { before: have.sha256 }),
    ...(to.sha256 === "" ? {} : { after: to.sha256 }),
  };
  return {
    path,
    id,
    how,
    sha256,
    notes: [...(isTaken ? [whenTaken(to.sha256, have)] : []), ...notes],
  };
}

/** Of a file out of a package: whether it will be another is known only with the package, unless its hash is known. */
function whenTaken(sha256: string, have: Seen | undefined): string {
  if (sha256 !== "" || have === undefined) return "out of its package";
  return "out of its package, whose hash is known once it is fetched: it stays as it is if that is the same";
}

function whyOwner({ mode, uid, gid }: Seen, wanted: string): string | undefined {
  if (Number.parseInt(mode, 8) === Number.parseInt(wanted, 8) && uid === 0 && gid === 0) return undefined;
  return `mode ${mode} of ${uid}:${gid} becomes ${wanted} of 0:0`;
}

/** Both texts, if both are texts and known whole. */
function textsOf(
  to: Extract<PathPlan["to"], { readonly is: "file" }>,
  have: Seen | undefined,
): { readonly before: string; readonly after: string } | undefined {
  if (!("content" in to)) return undefined;
  const after = typeof to.content === "string" ? to.content : decoded(to.content);
  const before = have?.type === "file" ? have.content : "";
  const isWhole = have === undefined || have.bytes <= mostBytes;
  if (before === undefined || after === undefined || !isWhole || isBinary(before) || isBinary(after)) return undefined;
  return { before, after };
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function isBinary(text: string): boolean {
  return text.includes("\0");
}

/** The files that are joined from machines, and will be others. */
function joinsTouched({ joins }: Plan, answers: HostAnswers, machines: readonly ShownMachine[]): readonly string[] {
  return joins
    .filter(({ path, is, of, had }) => {
      if (is === "gone") return had;
      if (answers.joined(joinedKey(path))?.how !== "same") return true;
      return of === "blocks" ? machines.length > 0 : machines.some(isNamedAnew);
    })
    .map(({ path }) => path);
}

function isNamedAnew({ hostnameBefore, before, after }: ShownMachine): boolean {
  return hostnameBefore !== undefined || before?.address !== after?.address;
}

function showJoins({ joins }: Plan, touched: ReadonlySet<string>, answers: HostAnswers): readonly ShownFile[] {
  return joins
    .filter(({ path }) => touched.has(path))
    .map(({ path, id, is, of, between }) => {
      const isThere = answers.joined(joinedKey(path))?.how !== "missing";
      const what = of === "blocks" ? "from the machines of all stacks" : "from the names of all machines";
      const gone = between === undefined ? "goes" : "changes";
      const how = is === "gone" ? gone : isThere || between !== undefined ? "changes" : "comes";
      return { path, id, how, notes: [between === undefined ? what : `a block of ours, ${what}`] };
    });
}

// ---- Records ----

function showRenamed({ change, facts }: Planned): ShownPlan["renamed"] {
  return [...change.puts.values()].flatMap(({ id, wants }) => {
    const record = facts.before.get(id);
    if (record === undefined) return [];
    const [from = id, to = id] = [record.held, wants].map((each: readonly { readonly want: string }[]) => {
      const named = each.find(({ want }) => want === "named") as { readonly as?: string } | undefined;
      return named?.as;
    });
    return from === to ? [] : [{ id, from, to }];
  });
}

// ---- Units ----

/** As node 0 goes about it: what reads a changed file, and what should run and does not. */
function showUnits(plan: Plan, { answers }: Facts, touched: ReadonlySet<string>): readonly ShownUnit[] {
  const states = unitsFact.read(answers);
  const runs = (unit: string): boolean => /^(?:active|activating|reloading)$/.test(states.get(unit)?.activeState ?? "");
  const how = ({ unit, restartedBy, reloadedBy, isPut, isStale }: UnitPlan): ShownUnit["how"] | undefined => {
    const toRestart = isStale || restartedBy.some((path) => touched.has(path));
    const toReload = reloadedBy.some((path) => touched.has(path));
    if (!toRestart && !toReload && !isPut) return undefined;
    if (!runs(unit)) return "starts";
    return toRestart ? "restarts" : toReload ? "reads anew" : undefined;
  };
  return [
    ...plan.stops.map(({ unit }) => ({ unit, how: "stops" }) as const),
    ...plan.units.flatMap((each) => {
      const what = how(each);
      return what === undefined ? [] : [{ unit: each.unit, how: what }];
    }),
  ];
}

// ---- The firewall ----

function showFirewall({ plan }: FirewallPart, { before, after }: Register, { answers }: Facts): ShownFirewall {
  const [was, is] = [rulesHeld(before), rulesHeld(after)].map((words) => [...new Set(words)]) as [string[], string[]];
  return {
    manager: plan.manager,
    chains: chainsWithHeads(is, firewallFacts(answers)).map(({ chain }) => chain),
    commands: plan.commands.map(({ argv }) => argv.join(" ")),
    comes: is.filter((rule) => !was.includes(rule)),
    goes: was.filter((rule) => !is.includes(rule)),
    isChanged: plan.differs,
  };
}

// ---- What is asked afterwards ----

function isDue({ if: concerned }: Expectation, touched: ReadonlySet<string>): boolean {
  if (concerned === undefined) return true;
  return concerned.some((name) =>
    name.endsWith("*") ? [...touched].some((each) => each.startsWith(name.slice(0, -1))) : touched.has(name),
  );
}

function showQuestions(planned: Planned, expectations: readonly Expectation[]): ShownQuestions {
  const of = <A extends Expectation["ask"]>(ask: A): readonly Extract<Expectation, { readonly ask: A }>[] =>
    expectations.filter((each): each is Extract<Expectation, { readonly ask: A }> => each.ask === ask);
  const dhcp: readonly DhcpExpectation[] = of("dhcp");
  return {
    sockets: of("unit").map(({ unit, sockets }) => ({ unit, on: sockets })),
    machines: dhcp.flatMap(({ puts }) => puts.flatMap((id) => machinesAsked(machinesPlanned(planned), id))).toSorted(),
    standing: dhcp.flatMap(({ stands }) => stands.map(({ machine }) => machine.hostname)),
    stranger: dhcp.some(({ stranger }) => stranger),
    others: dhcp.some(({ othersAllowed }) => !othersAllowed),
    files: [...new Set(of("tftp").map(({ name }) => name))].toSorted(),
    names: [...new Set(of("dns").flatMap(({ name }) => (name === "netboot.invalid" ? [] : [name])))],
    time: of("ntp").map(({ address }) => address),
    firewall: of("heads").length + of("run").length > 0,
  };
}

/** The paths that nobody wants any more, whose originals come back. */
export function releasedPaths({ plan }: Decided): readonly string[] {
  return plan.paths.filter(({ to }) => to.is === "original").map(({ path }) => path);
}
