import { isDeepStrictEqual } from "node:util";
import { digestOf, sha256Of } from "../digest";
import { NetbootError, renderError } from "../errors";
import { kindOf } from "../kinds";
import type { Told } from "../kinds/kind";
import { hidden, isHidden } from "../values/hidden";
import { rowsAsCompared } from "../values/nodeRow";
import { isForgotten } from "../values/place";
import type { Checked, Problem } from "../values/problem";
import { isUnknown } from "../values/unknown";
import { noteKept, withKept } from "./keptFiles";
import { whyTaken } from "./machinesSeen";
import { isMoved, notePart, whyFirstStays } from "./moves";
import { identityIn, idFromUrn, rememberDeclared, rememberResource, rememberTokens, urnFromId, urnIn } from "./stacks";
import { noteProgram } from "./ways";

// Every run of the engine asks for check and diff of every resource, and most ask for nothing else: so this file needs
// nothing that takes long to load.

/** Inputs or outputs as the engine hands them over, with hidden keys among them. */
export type Properties = Readonly<Record<string, unknown>>;

/** What the engine wants to hear of a check: the inputs to go on with, and what is wrong with them. */
export interface CheckResult {
  readonly inputs: Properties;
  readonly failures: readonly { readonly property: string; readonly reason: string }[];
}

/** The URNs of resources of which the engine must compare the inputs by itself. */
const comparedByEngine = new Set<unknown>();

/** Passes on the mistakes that the program found. Nothing is asked of the host. */
export function check(kind: string, olds: Properties, news: Properties): CheckResult {
  const {
    [hidden.problems]: elsewhere,
    [hidden.toldBeside]: toldBeside,
    [hidden.chain]: _chain,
    [hidden.chains]: _chains,
    [hidden.replaces]: replaces,
    [hidden.preview]: _preview,
    [hidden.tokens]: tokens,
    ...given
  } = news;
  rememberTokens(idFromUrn(kind, news[hidden.urn]), tokens);
  if (replaces === true) comparedByEngine.add(news[hidden.urn]);
  // A secret that is not given comes as null.
  const inputs = withKept(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null)));
  notePart(kind, news);
  const problems = [
    ...whyFirstStays(kind, olds, news),
    ...whyNoInput(kind, olds, inputs),
    ...problemsIn(elsewhere),
    ...Object.values(inputs).flatMap((value) => problemsIn(ofProgram(value))),
  ];
  const isTold = typeof toldBeside === "string" && problems.length > 0;
  const told = isTold ? [{ path: "", message: `not done: what is wrong is told beside ${toldBeside}` }] : problems;
  return { inputs, failures: failuresOf(told) };
}

/**
 * The same after a look at what became of the values on their way from the program, which the engine may have set to what
 * they were (`ignoreChanges`), and a transform to something else: texts that are made of them follow, or tell of a mistake.
 */
export async function rendered(kind: string, checked: CheckResult, news: Properties): Promise<CheckResult> {
  if (checked.failures.length > 0) return checked;
  const { [hidden.chain]: of, [hidden.chains]: text } = news;
  // With `ignoreChanges: ["*"]` nothing comes from the program, and what the state has was rendered when it was declared.
  const isOfState = kindOf(kind).rendered !== undefined && text === undefined;
  const chains = (text === undefined || isUnknown(text) ? undefined : JSON.parse(String(text))) as Told["chains"];
  const anew = isOfState
    ? undefined
    : await kindOf(kind).rendered?.(checked.inputs as never, { of: String(of), chains });
  const { value: inputs = checked.inputs, problems } = (anew ?? {
    value: undefined,
    problems: [],
  }) as Checked<Properties>;
  const isOtherFleet = kind === "OlaFleet" && of !== digestOf([rowsAsCompared(inputs["rows"])]);
  const isAnew = isOfState || isOtherFleet || anew !== undefined;
  const taken = problems.length > 0 ? [] : whyTaken(kind, news[hidden.urn], inputs, isAnew);
  return { inputs, failures: failuresOf([...problems, ...taken]) };
}

/** What a transform has written that this resource does not read; what an older release read may still be in the state. */
function whyNoInput(kind: string, olds: Properties, inputs: Properties): readonly Problem[] {
  const { inputKeys, outputKeys } = kindOf(kind);
  const known = [...inputKeys, ...outputKeys, "connection", "writes"];
  const names = inputKeys.filter((key) => !isHidden(key)).join(", ");
  const machines = kind === "OlaFleet" ? "; its machines are the text rows, a line for each" : "";
  return Object.keys(inputs)
    .filter((key) => !isHidden(key) && !known.includes(key) && !(key in olds))
    .map((key) => ({
      path: key,
      message: `a transform has written this, and nothing reads it: the inputs of ${kind} are ${names}${machines}`,
    }));
}

function failuresOf(problems: readonly Problem[]): CheckResult["failures"] {
  return problems.map(({ path, message }) => ({
    // Named, the engine would print the input's value beside it, which is nothing where the argument was refused.
    property: "",
    reason: renderError(new NetbootError("ARGUMENTS_INVALID", path === "" ? message : `${path}: ${message}`)),
  }));
}

/** What stands in the place of an input's value if the resource has mistakes. */
function ofProgram(value: unknown): unknown {
  return typeof value === "object" && value !== null && hidden.problems in value ? value[hidden.problems] : undefined;
}

function problemsIn(value: unknown): readonly Problem[] {
  return Array.isArray(value) ? (value as readonly Problem[]) : [];
}

/**
 * `undefined` lets the engine compare the inputs itself, path by path, hidden keys among them. With `true` it draws the same
 * difference without those.
 */
export function diff(kind: string, id: string, olds: Properties, news: Properties): DiffResult | Promise<DiffResult> {
  const found = compared(kind, id, olds, news);
  // What is to change is declared anew, and what node 0 has of it until then is nothing to warn of.
  if (found instanceof Promise || found.changes !== false) rememberDeclared(identityIn(kind, id, news), id);
  return found;
}

function compared(kind: string, id: string, olds: Properties, news: Properties): DiffResult | Promise<DiffResult> {
  const identity = identityIn(kind, id, news);
  notePart(kind, news, olds[hidden.machine]);
  if (isMoved(kind, olds, news)) return { changes: true, replaces: ["connection"] };
  rememberResource(identity, id, olds[hidden.generation]);
  const hasDrift = Array.isArray(olds["drift"]) && olds["drift"].length > 0;
  rememberDeclared(identity, id, hasDrift ? undefined : declaredBy(kind, olds));
  // Its machine is gone, and whatever stands in the place of that has none of it.
  if (isForgotten(olds["connection"])) return { changes: true, replaces: [] };
  noteProgram(olds[hidden.machine], news["connection"], id);
  const digested: readonly string[] = kindOf(kind).notEchoed;
  const digests = digestsOf(kind, news);
  const echoed = visibleKeys(news).filter((key) => !digested.includes(key));
  const gone = visibleKeys(olds).filter((key) => !(key in news) && !isOutput(kind, key) && olds[key] !== undefined);
  const changed = echoed.filter((key) => !isDeepStrictEqual(olds[key], news[key]));
  const isOtherDigest = digested.length > 0 && olds[hidden.digest] !== digests[hidden.digest];
  const isOther = gone.length > 0 || changed.some((key) => key !== "connection");
  // Where this release makes something else of the same inputs, the engine would find no difference.
  const isMadeOtherwise = olds[hidden.drawn] !== undefined && olds[hidden.drawn] === digests[hidden.drawn];
  if (isOtherDigest && isMadeOtherwise && !isOther) return { changes: true, replaces: [] };
  if (!isOther && !hasDrift) noteKept(olds, news);
  // An output of an older release is gone without a difference of inputs: that stays quiet.
  const inputKeys: readonly string[] = kindOf(kind).inputKeys;
  const isSeen = changed.length > 0 || isOtherDigest || gone.some((key) => inputKeys.includes(key));
  const isDrawn = isSeen && mayDrawHidden(kind, id, olds, news);
  const otherwise = { changes: isDrawn ? true : undefined, replaces: [] };
  if (isOther || isOtherDigest) return otherwise;
  // Node 0 is told where Pulumi has it now: an alias, a move or a rename is no change of what is served.
  if (identity !== identityIn(kind, id, olds)) return { changes: true, replaces: [] };
  const same = { changes: hasDrift, replaces: [] };
  if (changed.length === 0) return same;
  return isAnotherWay(olds["connection"], news["connection"]).then((isAnother) => (isAnother ? same : otherwise));
}

/**
 * Whether hidden keys may differ, too, which the engine draws where it compares by itself. Only by that does it know what
 * replaceOnChanges is about, so a resource with that keeps it; and without it all machines of a fleet would be drawn.
 */
function mayDrawHidden(kind: string, id: string, olds: Properties, news: Properties): boolean {
  const { inputKeys, made } = kindOf(kind);
  if (comparedByEngine.has(news[hidden.urn]) || made !== undefined) return false;
  const { [hidden.provider]: text = news[hidden.provider] } = olds;
  const urn = urnIn(kind, news);
  return (
    inputKeys.some(isHidden) ||
    text !== news[hidden.provider] ||
    olds[hidden.chain] !== news[hidden.chain] ||
    olds[hidden.quiet] !== news[hidden.quiet] ||
    (urn !== undefined && urn !== (urnIn(kind, olds) ?? urnFromId(id)))
  );
}

/** What the engine wants to hear of a comparison. */
export interface DiffResult {
  readonly changes: boolean | undefined;
  readonly replaces: string[];
}

/** How one gets to a machine is no property of what it serves. Of a change that is more than that, the engine tells. */
async function isAnotherWay(before: unknown, after: unknown): Promise<boolean> {
  return (await import("../ssh/anotherWay.js")).isAnotherWay(before, after);
}

function visibleKeys(properties: Properties): readonly string[] {
  return Object.keys(properties).filter((key) => !isHidden(key));
}

/** Whether a key is what node 0 tells, or what a refresh found. */
export function isOutput(kind: string, key: string): boolean {
  return key === "drift" || kindOf(kind).outputKeys.includes(key);
}

/** What the outputs hold in the place of the inputs that they do not repeat. */
export function digestsOf(kind: string, inputs: Properties): Properties {
  const { notEchoed, comparedAs = {}, made, count } = kindOf(kind);
  if (notEchoed.length === 0) return {};
  const alike: Readonly<Record<string, ((value: unknown) => unknown) | undefined>> = comparedAs;
  const values = notEchoed.map((key: string) => alike[key]?.(inputs[key]) ?? inputs[key]);
  if (made === undefined) return { [hidden.digest]: digestOf(values) };
  const whole = digestOf([...values, sha256Of(made(inputs as never))]);
  const counted = count === undefined ? {} : { [hidden.count]: count(inputs as never) };
  return { [hidden.digest]: whole, [hidden.drawn]: digestOf(values), ...counted };
}

/**
 * A digest of the inputs by which a resource is declared, of its outputs as of the inputs themselves; how node 0 is reached is none of
 * them.
 */
export function declaredBy(kind: string, properties: Properties): string {
  const { inputKeys, notEchoed, tells } = kindOf(kind);
  const without: readonly string[] = [...notEchoed, ...(tells?.(properties as never) ?? [])];
  const echoed = inputKeys.filter((key: string) => !isHidden(key) && !without.includes(key)).toSorted();
  return digestOf([properties[hidden.digest], echoed.map((key: string) => [key, properties[key]])]);
}
