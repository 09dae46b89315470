import { whyNotAdmitted } from "../admitted/whyNotAdmitted";
import { iptables } from "../facts/iptables";
import { links } from "../facts/links";
import { nftables } from "../facts/nftables";
import { type Packages, packagesFact } from "../facts/packages";
import type { HostAnswers, Question, Seen } from "../facts/question";
import { trafficControl } from "../facts/trafficControl";
import type { Declaration } from "../kinds/want";
import { chronyDropIn, dhcpdUnit, tftpdUnit } from "../os/paths";
import { bootChain } from "../values/bootChain";
import { brokenChains, machinesToAsk, whyChainsBreak } from "./chains";
import {
  type Change,
  heldBy,
  type KnownFile,
  machinesOf,
  mergeHeld,
  nameInterface,
  placedIn,
  wantsOf,
  whyClash,
} from "./change";
import { whyMachinesAreLost } from "./dependants";
import { knownOfMany, putMachines, whyFilesAreNotProved } from "./expectations";
import type { Facts } from "./facts";
import { type FirewallPart, headsBefore, headsQuestions, planFirewallPart } from "./firewallPart";
import { fitFirewallInterface, fitNetworkInterface, type Interfaces } from "./interfaces";
import { whyNamePortIsHeld } from "./namePort";
import { whyRecordsContradict } from "./nameRecords";
import { isInNetwork, warnOfMovedNetwork, whyNetworkStays } from "./network";
import { whyOtherServers } from "./otherServers";
import {
  type AfterCommit,
  type BringPlan,
  type BringReport,
  planAfterCommit,
  planBring,
  planTakes,
  refuseBring,
  type Take,
} from "./packages";
import type { PathPlan, Plan } from "./plan";
import { whyAddressesArePooled, whyPoolIsTooSmall } from "./pool";
import {
  chainFileKey,
  chronyConfKey,
  folderKey,
  holdersKey,
  insideKey,
  lookKey,
  namedKey,
  outsideKey,
  unitsFact,
} from "./questions";
import { heldOf, type Machine, type Placed, type Register, type RegisterEntry } from "./records";
import type { Refusal } from "./refusal";
import type { InFolder } from "./tftpFolder";
import { planEnabled } from "./timeDaemon";
import { planTransaction } from "./transaction";
import type { Warning } from "./warning";

/** What is to be said to node 0 next. */
export type Step =
  | { readonly step: "refuse"; readonly refusal: Refusal }
  | { readonly step: "ask"; readonly questions: Readonly<Record<string, Question>> }
  | {
      readonly step: "bring";
      readonly bring: BringPlan;
      readonly heads: string | undefined;
      readonly questions: Readonly<Record<string, Question>>;
    }
  | { readonly step: "transact"; readonly decided: Decided };

/** Everything that a transaction does, and what is known of it before. */
export interface Decided {
  readonly plan: Plan;
  readonly firewall: FirewallPart | undefined;
  /** What the file of the firewall's heads must hold before anything is done, where node 0 has none. */
  readonly heads: string | undefined;
  readonly after: AfterCommit;
  readonly register: Register;
  /** The sizes of files that were taken out of packages, by their paths. */
  readonly sizes: ReadonlyMap<string, number>;
  readonly warnings: readonly Warning[];
  /** Chains of which a warning tells already that they are broken. */
  readonly broken: readonly string[];
  /** Why it can't be told whether a machine's packets come through: what is seen is not proved then. */
  readonly doubt: string | undefined;
}

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
  sha256(content: string | Uint8Array): string;
}

/** Decides what to do: pure, from what is wanted and all that node 0 has said until now. */
export function decide(given: Given, facts: Facts): Step {
  const refused = (refusal: Refusal): Step => ({ step: "refuse", refusal });
  const other = whyOtherMachine(given.machine, facts.machineId);
  if (other !== undefined) return refused(other);
  const named = nameInterfaces(given.change, links.read(facts.answers));
  if ("refusal" in named) return refused(named.refusal);
  const change = named;
  const ground = surveyed(given, change, facts);
  const early = whyNotBegun(ground);
  if (early !== undefined) return refused(early);
  const unknown = unasked(given, headsQuestions(facts.before, facts.answers));
  if (Object.keys(unknown).length > 0) return { step: "ask", questions: unknown };
  const heads = headsBefore(facts.before, facts.answers);
  if (typeof heads === "object") return refused(heads);

  const { packages } = ground;
  if (given.brought === undefined) {
    const bring = planBring({ ...ground, puts: [...change.puts.values()] });
    if (bring !== undefined && "code" in bring) return refused(bring);
    if (bring !== undefined) return { step: "bring", bring, heads, questions: questionsAfterBringing(change) };
  } else {
    const failed = refuseBring(given.brought.plan, given.brought.report, packages);
    if (failed !== undefined) return refused(failed);
  }

  const more = unasked(given, lateQuestions(ground));
  if (Object.keys(more).length > 0) return { step: "ask", questions: more };
  return decideTransaction(given, ground, facts, heads);
}

/** What was found out, in the words of the planning. */
interface Ground {
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

function surveyed(given: Given, change: Change, facts: Facts): Ground {
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
  return {
    change,
    ...mergeHeld(told, change, held),
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
  const pooled = machines.filter(({ address }) => address === undefined).length;
  const macs = machines.reduce((sum, machine) => sum + machine.macs.length, 0);
  return { ...entry, machines: machines.length, macs, pooled, examples: [...examples.values()] };
}

function whyOtherMachine(expected: string | undefined, seen: string): Refusal | undefined {
  if (expected === undefined || seen.startsWith(expected)) return undefined;
  return {
    code: "OTHER_MACHINE",
    message:
      `this is another machine than the one these resources were made on (machine-id ${seen}, not ` +
      `${expected}…); declare a new server for it, or replace the old one with --target-replace`,
  };
}

/** With the names of the interfaces where resources know them by their MACs; each must be one that may be served. */
function nameInterfaces(change: Change, interfaces: Interfaces): Change | { readonly refusal: Refusal } {
  const puts = new Map(change.puts);
  for (const { id, want } of wantsOf(change.puts, "interface")) {
    const fit = fitNetworkInterface(id, want, interfaces);
    if ("refusal" in fit) return fit;
    const put = puts.get(id);
    if (put !== undefined) puts.set(id, nameInterface(put, fit.name));
  }
  for (const { id, want } of wantsOf(change.puts, "firewall")) {
    const fit = fitFirewallInterface(id, want, interfaces);
    if ("refusal" in fit) return fit;
    const put = puts.get(id);
    if (put !== undefined) puts.set(id, nameInterface(put, fit.name));
  }
  return { ...change, puts };
}

/** What can be said before anything is brought. */
function whyNotBegun({ change, register, facts }: Ground): Refusal | undefined {
  const { answers } = facts;
  const ids = new Set(change.puts.keys());
  const own = placedIn(change.puts);
  const others = (key: string): readonly Placed[] => (answers.machines(key) ?? []).map(placed);
  const [server] = heldOf(register.after, "serve");
  // A release before this one did not write the pool down; the server's own change in this up does.
  const knowsPool = server?.held.unknownMachines !== undefined;
  return (
    whyClash(register) ??
    whyMachinesAreLost(register, ids) ??
    whyNetworkStays(register, ids, [...others(outsideKey), ...outsideOf(own, server?.held.cidr)]) ??
    (knowsPool
      ? (whyAddressesArePooled(register, ids, [...others(insideKey), ...own]) ??
        whyPoolIsTooSmall(register, ids, [...own, ...examplesOf(register, ids)]))
      : undefined) ??
    whyRecordsContradict(register, ids, [...others(namedKey), ...own]) ??
    whyNamePortIsHeld(register, ids, answers.holders(holdersKey) ?? [])
  );
}

function placed({
  id,
  hostname,
  address,
}: {
  readonly id: string;
  readonly hostname: string;
  readonly address: string;
}): Placed {
  const rest = { macs: [], firmware: "x64", loader: undefined, proof: true, blocks: "" } as const;
  return { id, machine: { hostname, address, ...rest } };
}

function outsideOf(machines: readonly Placed[], cidr: string | undefined): readonly Placed[] {
  return cidr === undefined ? [] : machines.filter(({ machine }) => !isInNetwork(machine.address, cidr));
}

function examplesOf({ after }: Register, without: ReadonlySet<string>): readonly Placed[] {
  return [...after.values()].flatMap(({ id, examples }) =>
    without.has(id) ? [] : examples.map((machine) => ({ id, machine })),
  );
}

/** What is another after apt: packages, units, and chrony's own file. */
function questionsAfterBringing(change: Change): Readonly<Record<string, Question>> {
  return {
    ...packagesFact.questions,
    ...unitsFact.questions,
    ...(wantsOf(change.puts, "ntp").length > 0
      ? { [chronyConfKey]: { ask: "path", path: "/etc/chrony/chrony.conf", bytes: 65_536 } }
      : {}),
  };
}

function unasked({ asked }: Given, questions: Readonly<Record<string, Question>>): Readonly<Record<string, Question>> {
  return Object.fromEntries(Object.entries(questions).filter(([key]) => !asked.has(key)));
}

const othersKey = "dhcp.others";

function takenKey(path: string): string {
  return `taken ${path}`;
}

/** What can be asked only now: other DHCP servers, before ours is started; how files begin that were taken out of packages. */
function lateQuestions({ change, register, facts, brought }: Ground): Readonly<Record<string, Question>> {
  const questions: Record<string, Question> = {};
  const [server] = heldOf(register.after, "serve");
  const runs = unitsFact.read(facts.answers).get(dhcpdUnit)?.activeState === "active";
  if (server !== undefined && change.puts.has(server.id) && !runs) {
    const entry = register.after.get(server.id);
    const nic = entry?.held.find((held) => held.want === "interface");
    if (nic !== undefined && !entry?.held.some(({ want }) => want === "otherServers")) {
      const { interface: name } = server.held;
      questions[othersKey] = { ask: "others", interface: name, address: nic.address, seconds: 1.6, told: [server.id] };
    }
  }
  for (const { path, from } of brought?.report.taken ?? []) {
    if (from !== undefined) questions[takenKey(path)] = { ask: "path", path: from, bytes: 4096 };
  }
  return questions;
}

function decideTransaction(given: Given, ground: Ground, facts: Facts, heads: string | undefined): Step {
  const { change, register } = ground;
  const { answers } = facts;
  const refused = (refusal: Refusal): Step => ({ step: "refuse", refusal });
  const elsewhere = whyOthersServe(ground) ?? whyChronyReadsNot(ground);
  if (elsewhere !== undefined) return refused(elsewhere);

  const firewall = planFirewallPart(change, register, answers);
  if (firewall !== undefined && "code" in firewall) return refused(firewall);
  const paths = (firewall?.paths ?? []).map((path) => withSum(path, given));
  const proved = new Set(facts.proved);
  const puts = putMachines(change);
  const view = folderAfter(ground);
  const changed = changedPaths(ground);
  const check = { register, puts, unchanged: knownOfMany(puts), changed, proved, files: view };
  const broken = whyChainsBreak(check);
  if (broken !== undefined) return refused(broken);
  // What stands for machines of others and was bad before, or is somebody else's doing, is told, and not proved.
  const bad = brokenChains(check);

  const touchesBoot = changed.size > 0 || firewall?.plan.differs === true;
  const admission = admissionOf(ground, firewall, proved, touchesBoot);
  if (admission.refusal !== undefined) return refused(admission.refusal);
  const tftpRuns = unitsFact.read(answers).get(tftpdUnit)?.activeState !== "inactive";
  const [server] = heldOf(register.after, "serve");
  const script = textOf(view.get(server?.held.loaders["script"] ?? "")?.content);
  const groundwork = {
    ...ground,
    proved,
    names: facts.names,
    script,
    tftpRuns,
    firewallPaths: paths,
    register: firewall === undefined ? register : withFirewall(register, firewall),
  };
  const plan = planTransaction(groundwork);
  const dropped = [...change.drops.keys()];
  const taken: readonly Take[] = given.brought?.plan.take ?? [];
  const ids = new Set(change.puts.keys());
  const outside = [
    ...(answers.machines(outsideKey) ?? []).map(placed),
    ...outsideOf(placedIn(change.puts), server?.held.cidr),
  ];
  const moved = warnOfMovedNetwork(register, ids, outside);
  const [touched] = [...changed].filter((path) => view.has(nameIn(path, register)));
  const unproved = touched === undefined ? undefined : whyFilesAreNotProved(groundwork);
  return {
    step: "transact",
    decided: {
      plan: {
        ...plan,
        expectations: [...plan.expectations, ...(firewall?.expectations ?? [])],
        proves: provesWithout(plan.proves, admission.isSure ? plan.proves?.chains : bad.map(({ chain }) => chain)),
      },
      broken: bad.map(({ chain }) => chain),
      firewall,
      heads,
      after: planAfterCommit({ ...ground, puts: [...change.puts.values()] }, dropped, taken),
      register: groundwork.register,
      sizes: sizesOf(ground),
      warnings: [
        ...(moved === undefined ? [] : [moved]),
        ...(unproved === undefined ? [] : [{ id: ownerOf(touched ?? "", register), text: unproved }]),
        ...bad.map(({ text }) => ({ id: "-", text: `not proved: ${text}` })),
        ...admission.warnings,
      ],
      doubt: admission.doubt,
    },
  };
}

function withSum(path: PathPlan, { sha256 }: Given): PathPlan {
  const { to } = path;
  return to.is === "file" && "content" in to ? { ...path, to: { ...to, sha256: sha256(to.content) } } : path;
}

/** The register with what a firewall's resources hold besides: who manages it, and folders. */
function withFirewall(register: Register, { puts, held }: FirewallPart): Register {
  const after = new Map(register.after);
  for (const id of puts) {
    const entry = after.get(id);
    if (entry !== undefined) after.set(id, { ...entry, held: [...entry.held, ...held] });
  }
  return { ...register, after };
}

function sizesOf({ change, fileAt }: Ground): ReadonlyMap<string, number> {
  return new Map(wantsOf(change.puts, "take").map(({ want }) => [want.path, fileAt(want.path)?.bytes ?? 0] as const));
}

function ownerOf(path: string, { after }: Register): string {
  return heldOf(after, "file").find(({ held }) => held.path === path)?.id ?? "-";
}

function nameIn(path: string, { after }: Register): string {
  const directory = heldOf(after, "tftpd")[0]?.held.directory;
  return directory !== undefined && path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : path;
}

function textOf(content: string | Uint8Array | undefined): string | undefined {
  return content instanceof Uint8Array ? new TextDecoder().decode(content) : content;
}

/** Two servers that both answer: which of them a machine takes is chance. */
function whyOthersServe({ register, facts }: Ground): Refusal | undefined {
  const others = facts.answers.others(othersKey) ?? [];
  const [server] = heldOf(register.after, "serve");
  if (others.length === 0 || server === undefined) return undefined;
  return { code: "OTHER_DHCP_SERVER", id: server.id, message: whyOtherServers(server.held.interface, others) };
}

/** chrony reads our drop-in only if its own file says so. */
function whyChronyReadsNot({ change, facts }: Ground): Refusal | undefined {
  const [time] = wantsOf(change.puts, "ntp");
  if (time === undefined) return undefined;
  const text = facts.answers.path(chronyConfKey)?.content ?? "";
  if (/^\s*(confdir\s.*\/etc\/chrony\/conf\.d|include\s+\/etc\/chrony\/conf\.d\/)/m.test(text)) return undefined;
  const folder = chronyDropIn.replace(/\/[^/]*$/, "");
  return {
    code: "CONFIG_REFUSED",
    id: time.id,
    message: `/etc/chrony/chrony.conf does not read ${folder}, as Debian's does; add the line \`confdir ${folder}\` to it`,
  };
}

/** The paths that a change writes as they are not. */
function changedPaths({ change, fileAt, seen, register }: Ground): ReadonlySet<string> {
  const changed = new Set<string>();
  for (const { want } of [...wantsOf(change.puts, "file"), ...wantsOf(change.puts, "take")]) {
    const have = seen(want.path);
    if (have?.type !== "file" || have.sha256 !== fileAt(want.path)?.sha256) changed.add(want.path);
  }
  const kept = new Set(heldOf(register.after, "file").map(({ held }) => held.path));
  for (const { held } of heldOf(register.before, "file")) if (!kept.has(held.path)) changed.add(held.path);
  return changed;
}

/** What the folder that TFTP serves will hold, by the names in it. */
function folderAfter({ change, register, facts, fileAt }: Ground): ReadonlyMap<string, InFolder> {
  const { answers } = facts;
  const directory = heldOf(register.after, "tftpd")[0]?.held.directory;
  if (directory === undefined) return new Map();
  const files = folderNow(directory, answers);
  const inside = (path: string): string | undefined =>
    path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : undefined;
  const kept = new Set(heldOf(register.after, "file").map(({ held }) => held.path));
  for (const { held } of heldOf(register.before, "file")) {
    const name = inside(held.path);
    if (name !== undefined && !kept.has(held.path)) files.delete(name);
  }
  for (const { want } of wantsOf(change.puts, "file")) {
    const name = inside(want.path);
    const { mode, content } = want;
    if (name !== undefined) files.set(name, { type: "file", mode, sha256: fileAt(want.path)?.sha256, content });
  }
  for (const { want } of wantsOf(change.puts, "take")) {
    const name = inside(want.path);
    if (name === undefined) continue;
    const { sha256, from } = fileAt(want.path) ?? {};
    const content = from === want.path ? files.get(name)?.content : answers.path(takenKey(want.path))?.content;
    files.set(name, { type: "file", mode: want.mode, sha256, content });
  }
  return files;
}

/** What that folder holds now. */
export function folderNow(directory: string, answers: HostAnswers): Map<string, InFolder> {
  const files = new Map<string, InFolder>();
  for (const { path, type, mode, target, sha256 } of answers.folder(folderKey) ?? []) {
    if (type === "absent") continue;
    const name = path.slice(directory.length + 1);
    const content = Object.hasOwn(bootChain, name) ? answers.path(chainFileKey(name))?.content : undefined;
    files.set(name, { type, mode, target, sha256, content });
  }
  return files;
}

/** Whether machines' packets come through node 0's firewall, as it will be after the change. */
function admissionOf(
  { change, register, facts }: Ground,
  firewall: FirewallPart | undefined,
  proved: ReadonlySet<string>,
  touchesBoot: boolean,
): Admission {
  const nothing = { isSure: false, warnings: [], doubt: undefined };
  const [server] = heldOf(register.after, "serve");
  const [tftp] = heldOf(register.after, "tftpd");
  if (server === undefined || tftp === undefined || change.puts.size === 0) return nothing;
  if (server.held.bootServer !== tftp.held.address) return nothing;
  const puts = putMachines(change);
  const asked = machinesToAsk(register, puts, knownOfMany(puts));
  const own = placedIn(change.puts).filter(({ machine }) => machine.proof !== false);
  const wasAsked = facts.answers.ran("nftables.tables") !== undefined;
  if (asked.length === 0 || !wasAsked || (own.length === 0 && !touchesBoot)) return nothing;
  const why = whyKeptOut(register, facts.answers, firewall);
  if (why === undefined || (!why.sure && own.length === 0)) return nothing;
  const again = own.find(({ machine }) => typeof machine.proof === "string");
  const [first] = own;
  if (why.sure && first !== undefined) {
    return { ...nothing, refusal: { code: "NOT_SERVING", id: first.id, message: why.text } };
  }
  if (why.sure) {
    const good = asked.find(({ chain }) => proved.has(chain));
    const rows = [...change.puts.keys()].slice(0, 1);
    if (good !== undefined && firewall?.plan.differs === true) {
      return { ...nothing, refusal: { code: "NOT_SERVING", message: why.text } };
    }
    const warnings = rows.map((id) => ({ id, text: `not proved: ${why.text}` }));
    return { isSure: true, warnings, doubt: why.text };
  }
  if (again !== undefined) {
    const message = `${why.text}; with verify.again, what can't be told is an error`;
    return { ...nothing, refusal: { code: "NOT_SERVING", id: again.id, message } };
  }
  const ids = [...new Set(own.map(({ id }) => id))];
  return { isSure: false, warnings: ids.map((id) => ({ id, text: `not proved: ${why.text}` })), doubt: why.text };
}

/** Whether machines' packets come through, as far as it concerns a change. */
interface Admission {
  readonly refusal?: Refusal;
  readonly warnings: readonly Warning[];
  readonly doubt: string | undefined;
  /** They certainly do not. */
  readonly isSure: boolean;
}

function provesWithout(proves: Plan["proves"], broken: readonly string[] = []): Plan["proves"] {
  return proves && { ...proves, chains: proves.chains.filter((chain) => !broken.includes(chain)) };
}

/** Why a machine's packets do not come through, or why that can't be told. */
export function whyKeptOut(
  register: Register,
  answers: HostAnswers,
  firewall: FirewallPart | undefined,
): { readonly sure: boolean; readonly text: string } | undefined {
  const [server] = heldOf(register.after, "serve");
  const [tftp] = heldOf(register.after, "tftpd");
  if (server === undefined || tftp === undefined || server.held.bootServer !== tftp.held.address) return undefined;
  const rulesets = {
    nftables: nftables.read(answers),
    iptables: iptables.read(answers),
    trafficControl: trafficControl.read(answers),
    links: links.read(answers),
  };
  return whyNotAdmitted(firewall === undefined ? rulesets : firewall.predict(rulesets), {
    interface: server.held.interface,
    address: server.held.bootServer,
    cidr: server.held.cidr,
    dataPorts: dataPortsIn(answers),
  });
}

/** The ports from which in.tftpd sends, where acknowledgements go to. */
function dataPortsIn(answers: HostAnswers): { readonly first: number; readonly last: number } {
  const defaults = answers.path("admitted.defaults")?.content ?? "";
  const kernel = answers.path("admitted.ports")?.content ?? "32768 60999";
  const [, first, last] = /(?:--port-range|-R) (\d+):(\d+)/.exec(defaults) ?? /^(\d+)\s+(\d+)/.exec(kernel) ?? [];
  return { first: Number(first ?? 32_768), last: Number(last ?? 60_999) };
}
