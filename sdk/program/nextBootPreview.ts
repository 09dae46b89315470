import { isDeepStrictEqual } from "node:util";
import { digestOf } from "../../provider/digest";
import { renderDrift, wholeResource } from "../../provider/kinds/drift";
import { notAsDeclared, notDone, renderMachine } from "../../provider/preview/nextBoot";
import { describeNextBoots, type NextBootChange } from "../../provider/preview/nextBootChanges";
import { inWhichOrder, type Second, whatSecondLeaves } from "../../provider/preview/onTwo";
import {
  type Before,
  beforeReplaced,
  type Comes,
  type FileHeard,
  filesOf,
  hashOf,
  whatGoes,
  whatIsLost,
} from "../../provider/preview/whatGoes";
import { hidden, isHidden } from "../../provider/values/hidden";
import { linesByKey, parseRow, rowsAsCompared } from "../../provider/values/nodeRow";
import { forgetting, isForgotten, placeOf } from "../../provider/values/place";
import { afterUp, isUnknown } from "../../provider/values/unknown";
import { hasHooks, hookNamed } from "./hook";
import { withTexts } from "./partly";
import * as pulumi from "./pulumi";
import { readBefore, type Stack, stackNow, tokensInState } from "./stackState";

type Inputs = Readonly<Record<string, unknown>> | undefined;
type StandardLoaders = Readonly<Record<string, string | undefined>>;

/** Whether this is one of several programs in a process, which the SDK keeps apart by a storage of its own. */
function isInline(): boolean {
  const { asyncLocalStorage } = globalThis as { asyncLocalStorage?: { getStore(): unknown } };
  return asyncLocalStorage?.getStore() !== undefined;
}

interface Preview {
  total: number;
  /** Whether the end of the program is waited for. */
  isAwaited: boolean;
  readonly changes: Comes[];
  /** The URNs of the resources that declare machines, and those that they had before, by their aliases, each with that of now. */
  readonly declared: Map<string, string>;
  readonly names: Set<string>;
  /** Fleets of which this preview does not know the machines. */
  readonly uncounted: string[];
  /** Fleets that the engine has otherwise than the program, as where --exclude leaves one out. */
  readonly otherwise: Set<string>;
  /** The resources of the second of two servers, by their names. */
  readonly seconds: Map<string, Second>;
  /** Of the others the name of their server. */
  readonly servers: Map<string, string>;
  readonly files: FileHeard[];
  /** What the machines' next boots do, for whoever asks, and the names of their servers. */
  readonly texts: Map<NextBoots, readonly (string | undefined)[]>;
  /** What the state holds, once the engine has told. */
  before: Before;
  /** A fleet's name → what its machines start that have no loader of their own. */
  readonly fleets: Map<string, StandardLoaders>;
  /** Whether a boot file, or which one is named, may become another. */
  chainChanges: boolean;
  /** What machines boot by that a refresh has found otherwise on node 0. */
  readonly drifted: Set<string>;
  readonly behind: Set<string>;
  /** What this run makes of machines that nobody declares, where that is another than before. */
  strangers?: "refuse" | "serve";
  /** The name of a DHCP server that names another boot server from now on → from where to where. */
  readonly bootServers: Map<string, string>;
  /** One for all machines: each hook is registered with the engine. */
  readonly node: pulumi.ResourceHook;
  readonly fleet: pulumi.ResourceHook;
  readonly chain: pulumi.ResourceHook;
  readonly part: pulumi.ResourceHook;
}

/** One process can run several programs. */
const previews = new WeakMap<Stack, Preview>();

function previewOf(stack: Stack): Preview {
  const preview = previews.get(stack) ?? newPreview();
  previews.set(stack, preview);
  return preview;
}

/** The preview, of which the last word is said at the end of the program. */
function previewNow(): Preview {
  const stack = stackNow();
  const preview = previewOf(stack);
  if (!preview.isAwaited && hasHooks()) {
    preview.isAwaited = true;
    void readBefore(stack).then((before) => (preview.before = before));
    if (isInline()) void tellAtTheEnd(preview, stack);
    else process.once("exit", (code) => code === 0 && !pulumi.log.hasErrors() && tellOnExit(preview));
  }
  return preview;
}

function newPreview(): Preview {
  const changes: Comes[] = [];
  const fleets = new Map<string, StandardLoaders>();
  const files: FileHeard[] = [];
  const [drifted, behind] = [new Set<string>(), new Set<string>()];
  const isUndone = (words: unknown): boolean => String(words).startsWith(notDone);
  const noteDrift = async (name: string, outputs: Inputs): Promise<void> => {
    const { drift } = (await seen(outputs)).inputs ?? {};
    if (Array.isArray(drift) && drift.length > 0) (drift.every(isUndone) ? behind : drifted).add(name);
  };
  const noteNotDone = async (name: string, outputs: Inputs): Promise<void> => {
    const { drift } = (await seen(outputs)).inputs ?? {};
    if (Array.isArray(drift) && drift.some(isUndone)) behind.add(name);
  };
  const preview: Preview = {
    total: 0,
    isAwaited: false,
    changes,
    declared: new Map(),
    names: new Set(),
    uncounted: [],
    otherwise: new Set(),
    seconds: new Map(),
    servers: new Map(),
    files,
    texts: new Map(),
    before: new Error("the engine has not told"),
    fleets,
    chainChanges: false,
    drifted,
    behind,
    bootServers: new Map(),
    node: hookNamed(
      "netboot-next-boot-of-node",
      async ({ urn, name, oldInputs, oldOutputs, newInputs }) => {
        const [old, next] = [await seen(oldInputs), await seen(newInputs)];
        await noteNotDone(name, oldOutputs);
        const before = old.inputs?.["nextBoot"];
        const after = settled(old.inputs, next.inputs, preview)?.["nextBoot"];
        changes.push({
          urn,
          place: placeOf(next.inputs?.["connection"]),
          isOnTwo: next.inputs?.[hidden.pair] !== undefined,
          name: preview.seconds.get(name)?.name ?? name,
          ...onSecond(preview, name),
          ...(isText(before) && { before }),
          after: isText(after) ? after : "unknown",
          ...secretOf(old, next),
        });
      },
      { onDryRun: true },
    ),
    fleet: hookNamed(
      "netboot-next-boot-of-fleet",
      async ({ urn, name, oldInputs, oldOutputs, newInputs }) => {
        const [old, next] = [await seen(oldInputs), await seen(newInputs)];
        const { connection, rows, chains, [hidden.pair]: pair } = next.inputs ?? {};
        const of = { urn, place: placeOf(connection), isOnTwo: pair !== undefined };
        const drawn = old.inputs === undefined ? { drawn: digestOf([rowsAsCompared(rows), chains]) } : {};
        const after = settled(old.inputs, next.inputs, preview);
        const { drift } = (await seen(oldOutputs)).inputs ?? {};
        await noteNotDone(name, oldOutputs);
        for (const change of changesOf(old.inputs, after, fleets.get(name) ?? {}, drift)) {
          changes.push({ ...of, ...drawn, ...change, ...onSecond(preview, name), ...secretOf(old, next) });
        }
      },
      { onDryRun: true },
    ),
    chain: hookNamed(
      "netboot-next-boot-of-chain",
      async ({ name: resource, oldInputs, oldOutputs, newInputs }) => {
        const [old, next] = [(await seen(oldInputs)).inputs, (await seen(newInputs)).inputs];
        await noteDrift(resource, oldOutputs);
        if (isSameBut(["connection"], old, next)) return;
        preview.chainChanges = true;
        const [were = "refuse", are] = [old?.["unknownMachines"], next?.["unknownMachines"]];
        if ((are === "refuse" || are === "serve") && are !== were) preview.strangers = are;
        const [from, to] = [old?.["bootServer"], next?.["bootServer"]];
        if (isText(from) && isText(to) && from !== to)
          preview.bootServers.set(resource, isKnown(to) ? `${from} → ${to}` : `known only ${afterUp}`);
        const { directory, name } = next ?? {};
        if (isText(directory) && isText(name)) {
          const before = hashOf((await seen(oldOutputs)).inputs);
          const place = placeOf(next?.["connection"]);
          files.push({ name, directory, place, before, after: hashOf(next), isMade: old === undefined });
        }
      },
      { onDryRun: true },
    ),
    part: hookNamed("netboot-next-boot-of-part", ({ name, oldOutputs }) => noteDrift(name, oldOutputs), {
      onDryRun: true,
    }),
  };
  return preview;
}

/** On which server a change is, where that is not the first or the only one. */
function onSecond({ seconds }: Preview, resource: string): Pick<NextBootChange, "on"> {
  const second = seconds.get(resource);
  return second === undefined ? {} : { on: second.names[1] };
}

/** Unknown as soon as a boot file is touched, for whatever reason. */
const ofFiles = ["nextBoot", "chains"];

/** The inputs as they will be; where node 0 is only reached in another way, what is unknown of them is what it was. */
function settled(before: Inputs, after: Inputs, { chainChanges }: Preview): Inputs {
  if (chainChanges || !isSameBut(["connection", ...ofFiles], before, after)) return after;
  const known = ofFiles.flatMap((key) => (isKnown(after?.[key]) ? [] : [[key, before?.[key]] as const]));
  return { ...after, ...Object.fromEntries(known) };
}

/** What the SDK has of an output: its value, with the parts that are unknown, which it would else be undefined for. */
interface Promised {
  promise(withUnknowns: true): Promise<unknown>;
}

/** Inputs as plain values, as the engine hands them to a hook: a secret comes as an output. */
async function seen(inputs: Inputs): Promise<{ readonly inputs: Inputs; readonly secrets: readonly string[] }> {
  const secrets: string[] = [];
  const plain = Object.entries(inputs ?? {}).map(async ([key, value]) => {
    if (!pulumi.Output.isInstance(value)) return [key, withTexts(value)] as const;
    secrets.push(key);
    return [key, withTexts(await (value as unknown as Promised).promise(true))] as const;
  });
  return { inputs: inputs && Object.fromEntries(await Promise.all(plain)), secrets };
}

/** Whether what a machine's boot is made of is a secret: then not more than that it changes may be said. */
function secretOf(...sides: readonly { readonly secrets: readonly string[] }[]): Pick<NextBootChange, "isSecret"> {
  const isSecret = sides.some(({ secrets }) => secrets.some((key) => key !== "connection" && !isHidden(key)));
  return isSecret ? { isSecret } : {};
}

/** A text that says all, or a map of such. */
function isKnown(value: unknown): boolean {
  if (isText(value)) return !value.includes(afterUp) && !isUnknown(value);
  return typeof value === "object" && value !== null && Object.values(value).every(isKnown);
}

function isSameBut(keys: readonly string[], before: Inputs, after: Inputs): boolean {
  const compared = (inputs: Inputs) =>
    Object.fromEntries(
      Object.entries(inputs ?? {}).filter(
        ([key, value]) => !keys.includes(key) && !isHidden(key) && value !== undefined,
      ),
    );
  return before !== undefined && isDeepStrictEqual(compared(before), compared(after));
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** The last words of a preview: first what goes, then what changes. */
function sentencesOf(preview: Preview): readonly string[] {
  const { total, before, declared, names, servers, uncounted } = preview;
  const changes = preview.changes.map((change) => ({ ...change, ...beforeReplaced(change, before, declared) }));
  const isAsked = preview.files.length > 0 || preview.bootServers.size > 0;
  const boots = [...(isAsked ? preview.texts : [])].map(([tell, on]) => ({ told: Object.entries(tell()), on }));
  const texts = new Map(boots.flatMap(({ told: all }) => all.filter(([, text]) => isText(text))));
  const bootServers = boots.flatMap(({ told: all, on }) => all.flatMap(([name]) => bootServersOf(preview, name, on)));
  const files = filesOf(preview.files, before, declared, changes);
  // Of a program that has no machine any more, too: those of an emptied fleet go.
  const isTold = total > 0 || changes.some(({ after }) => after === undefined);
  const told = isTold ? [describeNextBoots({ ...preview, changes, files, texts, bootServers }, total)] : [];
  const goes = whatGoes(before, declared, names, servers, changes);
  const sentences = [...goes, ...whatIsLost(before, declared, names, changes), ...told];
  const unsaid = uncounted.map((fleet) => `which machines fleet ${fleet} has is known only ${afterUp}`);
  const others = [...(changes.length === 0 ? [] : preview.otherwise)].filter(
    (fleet) => !changes.some(({ urn }) => urn.endsWith(`OlaFleet::${fleet}`)),
  );
  const untold = others.map(
    (fleet) =>
      `whether fleet ${fleet}, which is otherwise in the state than in this program, loses a machine by this up can't be told`,
  );
  return [
    ...sentences,
    ...unsaid,
    ...untold,
    ...inWhichOrder(preview),
    ...whatSecondLeaves(preview),
    ...leftBehind(before),
  ];
}

/** The hosts of the state that the operator says are gone. */
function leftBehind(before: Before): readonly string[] {
  const connections = Object.values(before).map(({ outputs }) => outputs?.["connection"]);
  const hosts = new Set(connections.filter(isForgotten).flatMap((connection) => placeOf(connection) ?? []));
  return [...hosts].map(
    (host) =>
      `${host} is taken for gone (${forgetting}): what the state has there is made anew where this program has it now, and else goes from the state only`,
  );
}

/** Of a machine on one or two servers: those that get another address. */
function bootServersOf({ bootServers }: Preview, name: string, on: readonly (string | undefined)[]) {
  return on.flatMap((server, index) => {
    const bootServer = bootServers.get(`${server}-dhcp`) ?? bootServers.get(server ?? "");
    return bootServer === undefined
      ? []
      : [{ name, bootServer, ...(index > 0 && server !== undefined && { on: server }) }];
  });
}

/** Says the sentences as the last words of the process, which the engine shows below everything else. */
function tellOnExit(preview: Preview): void {
  for (const sentence of sentencesOf(preview)) process.stdout.write(`${sentence}\n`);
}

/** Says the sentence when an inline program of the Automation API has asked all it wants, for its process goes on. */
async function tellAtTheEnd(preview: Preview, stack: Stack): Promise<void> {
  try {
    await stack.outputs?.promise();
    await pulumi.runtime.waitForRPCs();
  } catch {
    // The engine says why the program ended, and of half a program no sentence would be true.
    return;
  } finally {
    preview.isAwaited = false;
  }
  const sentences = sentencesOf(preview);
  if (sentences.length > 0) await pulumi.log.info(sentences.join("\n"));
}

/**
 * What each resource's provider is told of the run, as hidden inputs. A preview ends with what becomes of machines, in whatever
 * program has something of ours.
 */
export function toldOfRun(): Readonly<Record<string, pulumi.Input<unknown>>> {
  if (pulumi.runtime.isDryRun()) {
    previewNow();
    return { [hidden.preview]: true };
  }
  return { [hidden.tokens]: tokensInState(stackNow()) };
}

/** Notes that a resource which declares machines is in the program, and how it was called before. */
export function noteDeclared(resource: pulumi.Resource): void {
  if (!pulumi.runtime.isDryRun()) return;
  const { declared } = previewNow();
  for (const urn of [resource.urn, ...aliasesOf(resource as Aliased)]) {
    pulumi.all([urn, resource.urn]).apply(([before, now]) => declared.set(before, now));
  }
}

/** What the SDK keeps of a resource, by which the engine knows it again. */
interface Aliased extends pulumi.Resource {
  readonly __aliases?: readonly pulumi.Input<string>[];
  readonly __parentResource?: Aliased;
  readonly __pulumiType: string;
  readonly __name: string;
}

/** The URNs that a resource had by its own aliases and by those of its parents, whose name a child's may begin with. */
function aliasesOf(resource: Aliased): readonly pulumi.Output<string>[] {
  const { __aliases: own = [], __parentResource: parent, __name: name, __pulumiType: type } = resource;
  const inherited = (parent === undefined ? [] : aliasesOf(parent)).map((alias) =>
    alias.apply((urn) => {
      const was = urn.replace(/.*::/, "");
      const { __name: is = "" } = parent ?? {};
      const named = name.startsWith(is) ? `${was}${name.slice(is.length)}` : name;
      return `${urn.slice(0, -`::${was}`.length)}$${type}::${named}`;
    }),
  );
  return [...own.map((urn) => pulumi.output(urn)), ...inherited];
}

/** Counts a machine, and has the preview hear of its change; nothing where nothing is previewed. */
export function previewNode(name: string, server: string | undefined, second?: Second): pulumi.CustomResourceOptions {
  if (!pulumi.runtime.isDryRun()) return {};
  const preview = previewNow();
  if (second === undefined) {
    preview.total++;
    preview.names.add(name);
    preview.servers.set(name, server ?? "");
  } else preview.seconds.set(name, second);
  return { hooks: { beforeCreate: [preview.node], beforeUpdate: [preview.node] } };
}

/** Has the preview hear of what all boots are made of: a boot file, or the server that names it. */
export function previewChain(): pulumi.CustomResourceOptions {
  if (!pulumi.runtime.isDryRun()) return {};
  const { chain } = previewOf(stackNow());
  return { hooks: { beforeCreate: [chain], beforeUpdate: [chain] } };
}

/** Has the preview hear of what else machines boot by, which may be otherwise on node 0 now. */
export function previewPart(): pulumi.CustomResourceOptions {
  if (!pulumi.runtime.isDryRun()) return {};
  const { part } = previewOf(stackNow());
  return { hooks: { beforeUpdate: [part] } };
}

/** Has the preview hear of each machine of a fleet that changes. */
export function previewFleet(name: string, server: string | undefined, second?: Second): pulumi.CustomResourceOptions {
  if (!pulumi.runtime.isDryRun()) return {};
  const { fleet, seconds, servers } = previewNow();
  if (second === undefined) servers.set(name, server ?? "");
  else seconds.set(name, second);
  return { hooks: { beforeCreate: [fleet], beforeUpdate: [fleet] } };
}

/** Machines' names → what their next boots do. */
type NextBoots = () => Readonly<Record<string, string>>;

/** Notes what machines' next boots do, once that is known, and by which of the program's servers. */
export function noteNextBoots(texts: pulumi.Output<NextBoots>, servers: readonly (string | undefined)[]): void {
  if (!pulumi.runtime.isDryRun()) return;
  const preview = previewNow();
  texts.apply((tell) => preview.texts.set(tell, servers));
}

/** Counts the machines of a fleet; undefined where this preview does not know them. */
export function countFleet(name: string, machines: readonly string[] | undefined): void {
  if (!pulumi.runtime.isDryRun()) return;
  const preview = previewNow();
  if (machines === undefined) preview.uncounted.push(name);
  preview.total += machines?.length ?? 0;
  for (const machine of machines ?? []) preview.names.add(machine);
}

/** Notes that the engine has a fleet otherwise than the program, and of which this run tells no machines. */
export function noteOtherwise(name: string): void {
  if (pulumi.runtime.isDryRun()) previewNow().otherwise.add(name);
}

/** Notes what the machines of a fleet start that have no loader of their own. */
export function noteLoaders(name: string, standard: StandardLoaders): void {
  if (pulumi.runtime.isDryRun()) previewNow().fleets.set(name, standard);
}

function changesOf(
  before: Inputs,
  after: Inputs,
  standard: StandardLoaders,
  drift: unknown,
): readonly NextBootChange[] {
  const was = textsOf(before, standard, Array.isArray(drift) ? drift : []);
  // Where not one of the new ones is known, nothing is known of any.
  const is = isUnknown(after?.["rows"])
    ? new Map([...was.keys()].map((name) => [name, "unknown"]))
    : textsOf(after, standard);
  return [...new Set([...was.keys(), ...is.keys()])].map((name) => {
    const [old, next] = [was.get(name), is.get(name)];
    return { name, ...(isText(old) && { before: old }), ...(isText(next) && { after: next }) };
  });
}

/** Name → what its next boot does, as a fleet's inputs tell it; or that a refresh found the machine otherwise on node 0. */
function textsOf(
  inputs: Inputs,
  standard: StandardLoaders,
  drift: readonly unknown[] = [],
): ReadonlyMap<string, string> {
  const chains = (inputs?.["chains"] ?? {}) as Readonly<Record<string, string>>;
  const ofAll = drift.find((words) => isText(words) && words.startsWith(`${wholeResource}: `));
  return new Map(
    Object.entries(linesByKey(inputs?.["rows"])).flatMap(([name, text]) => {
      if (isUnknown(text)) return [[name, "unknown"] as const];
      const row = parseRow(name, text);
      if (row === undefined) return [];
      const ofIt = (["missing", "changed"] as const)
        .map((how) => renderDrift({ what: row.hostname, how, seen: "" }))
        .find((words) => drift.includes(words));
      const found = ofAll ?? ofIt;
      if (found !== undefined) return [[name, `${notAsDeclared}${found}`] as const];
      const chain = chains[`${row.firmware} ${row.loader ?? standard[row.firmware]}`];
      return [[name, chain === undefined ? "unknown" : `${renderMachine(row)}\n${chain}`] as const];
    }),
  );
}
