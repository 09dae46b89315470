import { whyNoLink } from "../admitted/whyNotFound";
import { clock } from "../facts/clock";
import { links } from "../facts/links";
import { packagesFact } from "../facts/packages";
import type { Question } from "../facts/question";
import { servers } from "../facts/servers";
import { readsOldFolder } from "../facts/tftpFolder";
import { chronyDropIn, tftpdUnit } from "../os/paths";
import { admissionOf } from "./admission";
import { isBootServerHere, whyNoAddressToListen, whyNobodyGivesFiles } from "./bootServer";
import { brokenChains, whyChainsBreak } from "./chains";
import { type Change, nameInterface, placedIn, wantsOf, whyClash } from "./change";
import { staleUnits, whyPassedOver, whyStartedOtherwise, whyUserIsGone } from "./daemons";
import { whyMachinesAreLost } from "./dependants";
import { whyDhcpConfStays, whyEditComesIntoForce } from "./dhcpConf";
import { backendIn, ownDhcpUnits, whyFormerServerReturns } from "./dhcpServer";
import { knownOfMany, putMachines, whyFilesAreNotProved, whyNobodyServes, whyStopped } from "./expectations";
import type { Facts } from "./facts";
import { type FirewallPart, headsBefore, headsQuestions, planFirewallPart } from "./firewallPart";
import { changedPaths, folderAfter, takenKey, whyNotMounted } from "./folder";
import { type Given, type Ground, surveyed } from "./ground";
import { fitFirewallInterface, fitNetworkInterface, type Interfaces } from "./interfaces";
import { whyRecordsContradict } from "./nameRecords";
import { isInNetwork, warnOfMovedNetwork, whyNetworkStays } from "./network";
import { whyOccupied } from "./occupied";
import { machineQuestions, planMachines, recordKey } from "./otherDhcpServer";
import { peersOf, whyOtherServers } from "./otherServers";
import { warnOfKept, warnOfLeft, warnOfOtherRuns, warnOfTaken, whyNotOurs } from "./ownership";
import {
  type AfterCommit,
  type BringPlan,
  planAfterCommit,
  planBring,
  refuseBring,
  type Take,
  warnOfApt,
} from "./packages";
import type { PathPlan, Plan } from "./plan";
import { warnOfLostPool, whyAddressesArePooled, whyPoolIsTooSmall } from "./pool";
import { chronyConfKey, dhcpdConfKey, folderKey, insideKey, namedKey, outsideKey, unitsFact } from "./questions";
import { heldOf, type Placed, type Register } from "./records";
import type { Refusal } from "./refusal";
import { whyTftpFolderIsSomebodys } from "./tftpAncestors";
import { isInFolder } from "./tftpFolder";
import { whyClockIsNotOurs } from "./timeDaemon";
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
  /** By resource, why it can't be told whether a machine's packets come through: what is seen is not proved then. */
  readonly doubts: ReadonlyMap<string, string>;
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

  const more = unasked(given, { ...lateQuestions(ground), ...machineQuestions(ground) });
  if (Object.keys(more).length > 0) return { step: "ask", questions: more };
  return decideTransaction(given, ground, facts, heads);
}

/** Why a host is not the one on which these resources were made; nothing if it is, or if none of them tells. */
export function whyOtherMachine(expected: string | undefined, seen: string): Refusal | undefined {
  if (expected === undefined || seen.startsWith(expected)) return undefined;
  return {
    code: "OTHER_MACHINE",
    message:
      `this is another machine than the one these resources were made on (machine-id ${seen}, not ${expected}…): correct ` +
      "`connection`, or declare a new server for it. If the old machine is gone for good, make all of them anew: `pulumi up` " +
      "with the old one's name in PULUMI_NETBOOT_FORGET, as `connection.host` had it",
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
  const isHere = isBootServerHere(register, links.read(answers));
  const others = (key: string): readonly Placed[] => (answers.machines(key) ?? []).map(placed);
  const [server] = heldOf(register.after, "serve");
  // A release before this one did not write the pool down; the server's own change in this up does.
  const knowsPool = server?.held.unknownMachines !== undefined;
  return (
    whyNotOurs(change.puts, register) ??
    whyClash(change, register) ??
    whyTftpFolderIsSomebodys(change, answers) ??
    whyClockIsNotOurs(change, clock.read(answers).startsChrony) ??
    whyStartedOtherwise(change, answers) ??
    whyPassedOver(change, answers) ??
    whyUserIsGone(change, answers) ??
    whyNoAddressToListen(change, links.read(answers)) ??
    whyDhcpConfStays(change, register, unitsFact.read(answers), answers.path(dhcpdConfKey)?.content) ??
    whyFormerServerReturns(register, answers) ??
    whyMachinesAreLost(register, ids) ??
    whyNetworkStays(register, ids, [...others(outsideKey), ...outsideOf(own, server?.held.cidr)]) ??
    (knowsPool
      ? (whyAddressesArePooled(register, ids, [...others(insideKey), ...own]) ??
        whyPoolIsTooSmall(register, ids, [...own, ...examplesOf(register, ids)]))
      : undefined) ??
    whyRecordsContradict(register, ids, [...others(namedKey), ...own]) ??
    whyOccupied(register, change.puts, links.read(answers), servers.read(answers)) ??
    whyNobodyGivesFiles(register, ids, own, isHere, servers.read(answers).holders) ??
    whyNotMounted(register, change, answers)
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

/** What can be asked only now: other DHCP servers, before ours is started; how files begin that were taken out of packages. */
function lateQuestions({ change, register, facts, brought }: Ground): Readonly<Record<string, Question>> {
  const questions: Record<string, Question> = {};
  const [server] = heldOf(register.after, "serve");
  const units = unitsFact.read(facts.answers);
  const runs = ownDhcpUnits(register).some((unit) => units.get(unit)?.activeState === "active");
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
  // A change that can't touch what lies there has not asked for it.
  const isFolderKnown = answers.folder(folderKey) !== undefined;
  const broken = isFolderKnown ? whyChainsBreak(check) : undefined;
  if (broken !== undefined) return refused(broken);
  // What stands for machines of others and was bad before, or is somebody else's doing, is told, and not proved; where
  // something only goes, nobody needs to know.
  const bad = isFolderKnown && puts.size > 0 ? brokenChains(check) : [];

  const touchesBoot = changed.size > 0 || firewall?.plan.differs === true;
  const admission = admissionOf(ground, firewall, proved, touchesBoot);
  if (admission.refusal !== undefined) return refused(admission.refusal);
  const silent = (name: string): string | undefined => {
    const unit = unitsFact.read(answers).get(name);
    const comes = heldOf(register.after, "unit").some(({ id, held }) => held.name === name && change.puts.has(id));
    return comes || unit === undefined || !/^(inactive|failed)$/.test(unit.activeState) ? undefined : whyStopped(unit);
  };
  const [server] = heldOf(register.after, "serve");
  const directory = heldOf(register.after, "tftpd")[0]?.held.directory ?? "";
  const script = textOf(view.get(server?.held.loaders["script"] ?? "")?.content);
  const groundwork = {
    ...ground,
    proved,
    names: facts.names,
    script,
    has: (name: string) => isInFolder({ directory, files: view }, name),
    dhcpdSilent: silent(backendIn(register.after).unit),
    tftpSilent: silent(tftpdUnit),
    bootServerIsHere: isBootServerHere(register, links.read(answers)),
    firewallPaths: paths,
    machines: planMachines(ground),
    staleUnits: [...(readsOldFolder(answers) ? [tftpdUnit] : []), ...staleUnits(change, answers)],
    register: firewall === undefined ? register : withFirewall(register, firewall),
  };
  const plan = planTransaction(groundwork);
  const unserved = whyNobodyServes(plan.expectations);
  if (unserved !== undefined) return refused(unserved);
  const dropped = [...change.drops.keys()];
  // The row on which is told what is nobody's own.
  const [first = "-"] = [...change.puts.keys(), ...dropped].toSorted();
  const taken: readonly Take[] = given.brought?.plan.take ?? [];
  const ids = new Set(change.puts.keys());
  const outside = [
    ...(answers.machines(outsideKey) ?? []).map(placed),
    ...outsideOf(placedIn(change.puts), server?.held.cidr),
  ];
  const moved = warnOfMovedNetwork(register, ids, outside);
  const unpooled = warnOfLostPool(register, ids);
  const edited = whyEditComesIntoForce(change, register, answers);
  const noLink = change.puts.size > 0 ? undefined : whyNoLink(links.read(answers).links, server?.held.interface ?? "");
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
        ...(given.brought === undefined ? [] : warnOfApt(given.brought.report, { id: first })),
        ...warnOfTaken(change, facts),
        ...warnOfKept(change, facts.before),
        ...warnOfOtherRuns(change, facts.before),
        ...warnOfLeft(change.puts, facts.before, (id) => answers.recorded(recordKey(id)) ?? []),
        ...(moved === undefined ? [] : [moved]),
        ...(unpooled === undefined ? [] : [unpooled]),
        ...(edited === undefined ? [] : [{ id: first, text: edited }]),
        ...(noLink === undefined ? [] : [{ id: first, text: noLink.text }]),
        ...(unproved === undefined ? [] : [{ id: ownerOf(touched ?? "", register), text: unproved }]),
        ...bad.map(({ text }) => ({ id: first, text: `not proved: ${text}` })),
        ...admission.warnings,
      ],
      doubts: admission.doubts,
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
  const known = peersOf(register);
  const others = (facts.answers.others(othersKey) ?? []).filter((each) => !known.includes(each.server));
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

function provesWithout(proves: Plan["proves"], broken: readonly string[] = []): Plan["proves"] {
  return proves && { ...proves, chains: proves.chains.filter((chain) => !broken.includes(chain)) };
}
