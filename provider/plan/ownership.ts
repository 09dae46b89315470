import type { Declaration } from "../kinds/want";
import { listed } from "../preview/nextBootChanges";
import { tokenOf } from "../values/hidden";
import type { Clash, Register, RegisterEntry } from "./records";
import { identityOf, stackOf } from "./records";
import type { Refusal } from "./refusal";
import type { Warning } from "./warning";

// A record goes by its resource's id, which Pulumi keeps through renames, aliases and moves to other stacks; so an id does
// not tell whose a record is. Its generation does: eight hex digits that one stack's resources share, the token, and
// eight of the create itself. Older releases wrote only the latter.

/** Whether two generations are of one create: an update adds the token to one that has none. */
export function isSameCreate(one: string, other: string): boolean {
  return one.slice(-8) === other.slice(-8);
}

/** What a state tells of a resource's record. */
export interface Recorded {
  readonly generation?: string | undefined;
  /** By which inputs it was declared. */
  readonly by?: string | undefined;
  /** Why the last run did not declare it here, as the state says itself. */
  readonly undone?: string | undefined;
}

/**
 * How a record is another one than that of which a state tells, by its generation and what declared it; nothing if it is the
 * same, or if none of them tells.
 */
export function whyOtherRecord(entry: RegisterEntry, { generation, by, undone }: Recorded): string | undefined {
  if (generation === undefined || !/^([0-9a-f]{8}){1,2}$/.test(generation)) return undefined;
  if (isSameCreate(entry.generation, generation)) {
    if (!isOfOtherRun(entry, by) || isLess(entry)) return undefined;
    return undone === undefined ? `node 0 has it ${asOtherRun}` : whyBehind(undone);
  }
  return isOfOtherStack(entry, generation) ? takenOver : "node 0 has it made anew since this state was written";
}

/** What it is that a run went on without a host that was down. */
function whyBehind(undone: string): string {
  return `node 0 has what the last \`pulumi up\` that reached it declared, for ${undone} in the last one; the next one mends that`;
}

/** The same of what it was to bring. */
export function whyNotBrought(undone: string): string {
  return `is not on node 0 yet, for ${undone} in the last \`pulumi up\`; the next one brings it`;
}

const asOtherRun = "as another run declared it, of which this state knows nothing";

/** Whether a record was written by other inputs than a state has; what an older release wrote does not tell. */
function isOfOtherRun({ held }: RegisterEntry, by: string | undefined): boolean {
  return by !== undefined && held.some((each) => each.want === "declared" && each.by !== by);
}

/** By what a record tells that another resource has taken machines of it. */
export const takenFrom = "taken-from";

/** Whether another resource has taken machines of it: what is missing is told machine by machine. */
function isLess({ held }: RegisterEntry): boolean {
  return held.some((each) => each.want === "declared" && each.by === takenFrom);
}

/**
 * What node 0 has otherwise than the state, beside what a run declares anew: its words and its proof hold what is there, and a state
 * of before would be believed for the rest.
 */
export function warnOfOtherRuns(
  { puts, drops }: { readonly puts: Puts; readonly drops: ReadonlyMap<string, string> },
  before: Register["before"],
): readonly Warning[] {
  const [first] = [...puts.keys()].toSorted();
  const declared = new Map([...puts.values()].flatMap(({ stack }) => [...(stack?.declared ?? [])]));
  const others = [...declared].flatMap(([id, by]) => {
    const entry = before.get(id);
    return entry !== undefined && !puts.has(id) && !drops.has(id) && isOfOtherRun(entry, by)
      ? [{ name: identityOf(id, before), isLess: isLess(entry) }]
      : [];
  });
  if (first === undefined) return [];
  const namesOf = (which: boolean): string =>
    listed(others.flatMap((each) => (each.isLess === which ? [each.name] : [])).toSorted());
  const [otherwise, less] = [namesOf(false), namesOf(true)];
  return [
    ...(otherwise === ""
      ? []
      : [`node 0 has ${otherwise} ${asOtherRun}; what is said of next boots may be wrong by that`]),
    ...(less === ""
      ? []
      : [`another resource has taken machines of ${less}, which node 0 serves no more as this state has them`]),
  ].map((text) => ({ id: first, text: `${text}. \`pulumi up --refresh\` declares all as the program does` }));
}

const takenOver = "node 0 has it of another stack of this name, which took it over";

/** Whether a record has the token of another stack than a state's: by no `up` does it come back. */
export function isOfOtherStack({ generation }: Pick<RegisterEntry, "generation">, declared: string): boolean {
  return tokenOf(generation) !== undefined && tokenOf(generation) !== tokenOf(declared);
}

type Puts = ReadonlyMap<string, Declaration>;

/**
 * Why a record is not this stack's to write. A create that meets one under its own id was cut short before, or its state
 * was lost, and goes on with it: unless another stack that is named alike lives by it, or it has other machines.
 */
export function whyNotOurs(puts: Puts, { before, goOn }: Register): Refusal | undefined {
  for (const put of [...puts.values()].toSorted((one, other) => (one.id < other.id ? -1 : 1))) {
    const { id } = put;
    const entry = before.get(id);
    if (entry === undefined || isSameCreate(entry.generation, put.generation)) continue;
    if (isForeign(entry, put, before)) {
      return refuseForeign(id, "this resource", stackOf(identityOf(id, before, puts)));
    }
    const hasMachines = entry.machines > 0 && put.wants.some(({ want }) => want === "node");
    if (hasMachines && goOn?.has(id) !== true) {
      return { code: "CLASH", id, message: `node 0 has other machines under the id ${id}`, isIdTaken: true };
    }
  }
  return undefined;
}

function refuseForeign(id: string, what: string, stack: string): Refusal {
  const message =
    `a stack that is named ${stack} has ${what} here, and nothing of that is in the state of this one: it is another backend's or a ` +
    `colleague's, or this one's from before its state was lost, or from a first \`up\` that was cut short elsewhere. Give this stack ` +
    `or its project another name; if the other one is no more, take over what this program declares, by one \`pulumi up\` with ` +
    `PULUMI_NETBOOT_TAKE_OVER=${stack} in its environment`;
  return { code: "CLASH", id, message };
}

/**
 * Two resources want what only one can have: the one that has it keeps it.
 *
 * @param likewise - what the same resource wants of others
 */
export function refuseClash(
  { claim, id, other }: Clash,
  puts: Puts,
  before: Register["before"],
  likewise: readonly Clash[] = [],
): Refusal {
  const owner = identityOf(other, before, puts);
  const put = puts.get(id);
  const isNamedAlike = !puts.has(other) && stackOf(owner) === stackOf(identityOf(id, before, puts));
  if (isNamedAlike) return refuseForeign(id, claim, stackOf(owner));
  const whose = (what: string): string => {
    const machine = put?.id.startsWith("OlaFleet/") === true ? machineOf(put, what) : undefined;
    return machine === undefined ? what : `${what} of ${machine}`;
  };
  const more = likewise.map((each) => `${whose(each.claim)} to ${identityOf(each.other, before, puts)}`);
  const all = more.length === 0 ? "" : `, ${listed(more)}`;
  return {
    code: "CLASH",
    id,
    message: `${whose(claim)} belongs to ${owner} already${all}; take it out of one of the two programs. Where none has that any more, \`npx pulumi-netboot records\` lists what stands there, and takes it off`,
  };
}

/** The machine of a fleet that wants this. */
function machineOf({ wants }: Declaration, claim: string): string | undefined {
  for (const want of wants) {
    if (want.want !== "node" || claim.startsWith("the name ")) continue;
    const { hostname, address, macs } = want;
    if ([`the address ${address}`, ...macs.map((mac) => `the MAC ${mac}`)].includes(claim)) return hostname;
  }
  return undefined;
}

/**
 * What a resource takes over from another one of its stack, which has it no more: right where that one goes afterwards, as
 * after a rename, and else a machine that boots no more.
 */
export function warnOfTaken(
  { puts, drops }: { readonly puts: Puts; readonly drops: ReadonlyMap<string, string> },
  { clashes, before }: { readonly clashes: readonly Clash[]; readonly before: Register["before"] },
): readonly Warning[] {
  const taken = clashes.filter(
    ({ id, other }) => id !== other && puts.has(id) && !puts.has(other) && !drops.has(other),
  );
  const ownerOf = ({ other }: Clash): string => identityOf(other, before, puts);
  const isOver = ({ id, other }: Clash): boolean => isTakenOver(before.get(other), puts.get(id));
  const over = taken.filter(isOver).map((clash) => ({
    id: clash.id,
    text: `${clash.claim} was that of ${ownerOf(clash)} of the stack that is taken over; it has this machine no more`,
  }));
  // A fleet may take the machines of hundreds.
  const lost = Map.groupBy(
    taken.filter((clash) => !isOver(clash)),
    ({ id }) => id,
  );
  return [...over, ...[...lost].map(([id, of]) => ({ id, text: renderLost(of, ownerOf) }))];
}

function renderLost([first, ...more]: readonly Clash[], ownerOf: (clash: Clash) => string): string {
  if (first === undefined) return "";
  const likewise =
    more.length === 0 ? "" : `, as ${listed(more.map(ownerOf).toSorted())} ${more.length === 1 ? "has" : "have"}`;
  return `${first.claim} was that of ${ownerOf(first)}, which has lost the machine to this one${likewise}: right where that resource goes, as after a rename, or gets another by its own change in this up; where it stays as it is, node 0 serves nothing for it, and \`pulumi up --refresh\` declares it anew`;
}

/** Whether a record is of the stack that another one of its name takes over. */
function isTakenOver(record: RegisterEntry | undefined, by: Declaration | undefined): boolean {
  const token = tokenOf(record?.generation ?? "");
  if (token === undefined || by?.stack?.takesOver === undefined) return false;
  return !by.stack.tokens.has(token);
}

/** Whether a change asks for what another stack has, and what that has of machines. */
export function takesMachinesOver({ stack, wants }: Declaration): boolean {
  return stack?.takesOver !== undefined && wants.some(({ want }) => want === "node");
}

/** Machines that a record of the stack that is taken over has, and that go with it. `recorded`: those of a resource before. */
export function warnOfLeft(
  puts: Puts,
  before: Register["before"],
  recorded: (id: string) => readonly { readonly hostname: string }[],
): readonly Warning[] {
  return [...puts.values()].flatMap((put) => {
    const { id, wants } = put;
    if (!isTakenOver(before.get(id), put)) return [];
    const own = new Set(wants.flatMap((want) => (want.want === "node" ? [want.hostname] : [])));
    const left = recorded(id).flatMap(({ hostname }) => (own.has(hostname) ? [] : [hostname]));
    if (left.length === 0) return [];
    const [them, is] = left.length === 1 ? ["it", "is"] : ["them", "are"];
    const text =
      `in the stack that is taken over it has ${listed(left.toSorted())} as well, which ${is} not here: node 0 serves ${them} no more, unless ` +
      `another resource of this program declares ${them}`;
    return [{ id, text }];
  });
}

/** What a stack lets go that another one took over: that is not touched, and whoever ends the stack may have meant it. */
export function warnOfKept(
  { drops, tokens }: { readonly drops: ReadonlyMap<string, string>; readonly tokens?: ReadonlySet<string> },
  before: Register["before"],
): readonly Warning[] {
  return [...drops].flatMap(([id, generation]) => {
    const entry = before.get(id);
    if (entry === undefined || !isOfOtherStack(entry, generation)) return [];
    if (tokens?.has(tokenOf(entry.generation) ?? "") === true) return [];
    return [{ id, text: `${takenOver}; it stays there, and only this stack's state lets it go` }];
  });
}

/** Whether a record is another stack's, by its token. */
export function isForeign({ id, generation }: RegisterEntry, by: Declaration, before: Register["before"]): boolean {
  const token = tokenOf(generation);
  if (token === undefined || by.stack === undefined || by.stack.tokens.has(token)) return false;
  if (by.stack.takesOver === stackOf(identityOf(id, before))) return false;
  // What a first `up` has left that was cut short, of which no state knows, is for whoever repeats it in the same place.
  const { place } = by.stack;
  return [...before.values()]
    .filter((entry) => tokenOf(entry.generation) === token)
    .flatMap(({ held }) => held)
    .some((held) => held.want === "settled" || (held.want === "begun" && place !== undefined && held.at !== place));
}

/** Whether two resources want the same, and neither may take it over from the other. */
export function isClash({ id, other }: Clash, puts: Puts, before: Register["before"]): boolean {
  if (id === other) return false;
  const winner = puts.get(id);
  const loser = before.get(other);
  if (winner !== undefined && puts.has(other)) return true;
  if (winner !== undefined && loser !== undefined && isForeign(loser, winner, before)) return true;
  return stackOf(identityOf(id, before, puts)) !== stackOf(identityOf(other, before, puts));
}
