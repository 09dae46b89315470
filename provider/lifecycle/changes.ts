import { commit } from "../conversation/groupCommit";
import { lookTogether } from "../conversation/groupLook";
import { Refused } from "../conversation/refused";
import { parseGaps, parseHistory, renderBoot, renderGaps } from "../facts/bootLog";
import { kindOf } from "../kinds";
import { type Drift, renderDrift, wholeResource } from "../kinds/drift";
import type { Change, Declaration } from "../kinds/want";
import { renderFound } from "../plan/shownDrift";
import { notDone } from "../preview/nextBoot";
import { type Connection, connectionSchema } from "../values/connection";
import { hidden, isHidden } from "../values/hidden";
import { isForgotten } from "../values/place";
import { printableValue } from "../values/printable";
import { declaredBy, digestsOf, isOutput, type Properties } from "./comparison";
import { displayOf, displayOn } from "./display";
import { orForget } from "./forgotten";
import { readLocalFile } from "./localFile";
import { noteLook } from "./lookedAt";
import { onOneOfTwo, undoneOn, whyUndone } from "./ofTwo";
import { placeOfRun } from "./place";
import {
  generationOf,
  identityIn,
  idFromUrn,
  idOfNew,
  otherId,
  ownershipOf,
  rememberDeclared,
  rememberResource,
  shortUrnFromId,
  tokensOf,
  urnFromId,
  urnIn,
} from "./stacks";
import { tellingFailures } from "./told";
import { byNewestWay, noteProgram } from "./ways";

/** What the state of this release looks like; every older number stays readable. */
const schema = 1;

/** Makes node 0 as declared, whatever it is like now; a create that is repeated after a cut run adopts what is there. */
export async function create(kind: string, news: Properties): Promise<{ id: string; outs: Properties }> {
  const identity = idFromUrn(kind, news[hidden.urn]);
  const generation = generationOf(identity);
  const made = async (id: string) => {
    const outs = await put(kind, id, generation, news, undefined);
    rememberResource(identity, id, generation);
    return { id, outs };
  };
  const act = async () => {
    try {
      return await made(idOfNew(identity));
    } catch (reason) {
      if (reason instanceof Refused && reason.isIdTaken) return await made(otherId(identity));
      throw reason;
    }
  };
  return await tellingFailures(kind, identity, act, news["connection"]);
}

/** The same path as a create, under the generation and on the machine of before. */
export async function update(
  kind: string,
  id: string,
  olds: Properties,
  news: Properties,
): Promise<{ outs: Properties }> {
  const generation = generationOf(identityIn(kind, id, news), String(olds[hidden.generation]));
  const machine = isForgotten(olds["connection"]) ? undefined : textOf(olds[hidden.machine]);
  const act = () => put(kind, id, generation, news, machine);
  return { outs: await tellingFailures(kind, id, act, news["connection"]) };
}

/** What a look at a resource tells the engine; nothing if it is not there any more. */
interface Read {
  readonly id?: string;
  readonly props?: Properties;
  readonly inputs?: Properties;
}

/** Compares node 0 with what was declared. An unreachable host is an error, never a deletion. */
export async function read(kind: string, id: string, props: Properties): Promise<Read> {
  return await tellingFailures(kind, id, () => readNow(kind, id, props));
}

async function readNow(kind: string, id: string, props: Properties): Promise<Read> {
  rememberResource(identityIn(kind, id, props), id, props[hidden.generation]);
  const declaration = await declarationOf(kind, id, String(props[hidden.generation]), props, "look");
  const machine = textOf(props[hidden.machine]);
  const display = displayOf(urnIn(kind, props) ?? urnFromId(id));
  const report = await byNewestWay(id, machine, connectionOf(props), (way) =>
    lookTogether(connectionSchema.parse(way), declaration, machine, (line) => display("progress", line)),
  );
  noteLook(props["connection"]);
  const answer = printableValue(report.answers.get(id));
  if (answer?.how === "gone") return {};
  const found = answer?.drift ?? [];
  if (found.length > 0) {
    display("note", renderFound(declaration.wants, found, props[hidden.quiet] === true));
  }
  const { drift: before, ...rest } = props;
  const declared = { ...rest, ...lastBootOf(answer?.outputs["log"], answer?.outputs["files"]) };
  if (found.length === 0 && before === undefined) return { id, props: declared };
  const seen = { id, props: found.length === 0 ? declared : { ...declared, drift: wordsOf(found, declaration) } };
  const inputs = liveInputs(kind, id, declared, found);
  return inputs === undefined ? seen : { ...seen, inputs };
}

/** What the state says of drift; of what the last run did not do on this host, that it is still to be done. */
function wordsOf(found: readonly Drift[], { undone }: Declaration): readonly string[] {
  return found.map((each) =>
    undone !== undefined && each.what === wholeResource ? `${notDone}${undone}` : renderDrift(each),
  );
}

/** Takes the resource off node 0; what was there before its first touch comes back. A node 0 that is gone can be left behind. */
export async function remove(kind: string, id: string, props: Properties): Promise<void> {
  const display = displayOn(props["connection"], urnIn(kind, props) ?? urnFromId(id));
  const tokens = tokensOf(identityIn(kind, id, props));
  const change: Change = { kind: "drop", id, generation: String(props[hidden.generation]), tokens };
  const machine = textOf(props[hidden.machine]);
  const connection = connectionOf(props);
  const act = () =>
    orForget(connection, display, () =>
      byNewestWay(id, machine, connection, (way) => commit(connectionSchema.parse(way), change, machine, display)),
    );
  await tellingFailures(kind, id, act, props["connection"]);
}

async function put(
  kind: string,
  id: string,
  generation: string,
  news: Properties,
  machine: string | undefined,
): Promise<Properties> {
  const digests = digestsOf(kind, news);
  const declaration = await declarationOf(kind, id, generation, { ...news, ...digests }, "apply");
  rememberDeclared(identityIn(kind, id, news), id);
  const shown = displayOn(news["connection"], urnIn(kind, news));
  const display: typeof shown =
    news[hidden.quiet] === true ? (severity, text) => shown(severity, withoutLines(text)) : shown;
  const change: Change = { kind: "put", declaration };
  const outcome = await onOneOfTwo(news, display, () => commit(connectionOf(news), change, machine, display));
  if (outcome !== undefined) noteProgram(outcome.machine, connectionOf(news), id);
  const { bytes, log, files, ...texts } = printableValue(outcome?.outputs ?? {});
  // The last progress line stays beside the resource, so it says how it ended.
  display(
    "progress",
    texts["verified"] ??
      (texts["listening"] === undefined ? (outcome?.how ?? "not done") : `serves ${texts["listening"]}`),
  );
  const { notEchoed } = kindOf(kind);
  // A fleet's state is large, so what the id says already is not said twice.
  const left = new Set<string>([
    ...notEchoed,
    hidden.provider,
    hidden.fetch,
    hidden.listenFor,
    ...(urnIn(kind, news) === urnFromId(id) ? [hidden.urn] : []),
  ]);
  return {
    ...Object.fromEntries(Object.entries(news).filter(([key]) => !left.has(key))),
    ...texts,
    ...(bytes === undefined ? {} : { bytes: Number(bytes) }),
    ...lastBootOf(log, files),
    ...digests,
    [hidden.generation]: generation,
    ...(outcome !== undefined && { [hidden.machine]: outcome.machine }),
    ...(outcome === undefined && {
      drift: undoneOn(news),
      ...(machine !== undefined && { [hidden.machine]: machine }),
    }),
    [hidden.schema]: schema,
  };
}

/** What is said of a text without the lines of it, which are a secret of the program's. */
export function withoutLines(text: string): string {
  return text.replace(/\n(?:---|@@) [\s\S]*$/, "\nits lines are a secret, and not shown");
}

/** Of the machine that the log is about, if it was asked for. */
function lastBootOf(log: string | undefined, files = ""): { readonly lastBoot?: string } {
  if (log === undefined) return {};
  const last = parseHistory({ log, files }).at(-1);
  const gaps = renderGaps(parseGaps(log).filter(({ at }) => last === undefined || at >= last.from));
  const boot = last === undefined ? "none in node 0's log of the last 30 days" : renderBoot(last);
  return { lastBoot: gaps === "" ? boot : `${boot}; ${gaps}` };
}

/** What a resource wants of its host, as one transaction carries it. A look needs no local file's bytes. */
export async function declarationOf(
  kind: string,
  id: string,
  generation: string,
  inputs: Properties,
  purpose: "apply" | "look",
): Promise<Declaration> {
  const { wants, localFile } = kindOf(kind);
  const file = purpose === "apply" ? localFile?.(inputs as never) : undefined;
  const { stack, wants: rows } = ownershipOf(identityIn(kind, id, inputs), id, placeOfRun());
  const own = wants(inputs as never, file && (await readLocalFile(file)));
  // A look compares a text with what lies there; machines, and bytes that do not travel, only with what node 0 has recorded.
  const by =
    purpose === "apply" || own.some(({ want }) => want === "registered" || want === "take")
      ? declaredBy(kind, inputs)
      : undefined;
  const undone = purpose === "look" ? whyUndone(inputs) : undefined;
  return {
    id,
    generation,
    stack,
    ...(undone !== undefined && { undone }),
    wants: [...own, ...rows, ...(by === undefined ? [] : [{ want: "declared", by } as const])],
  };
}

function connectionOf(properties: Properties): Connection {
  return connectionSchema.parse(properties["connection"]);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** The inputs as the host would have them now, so that `pulumi refresh` draws what somebody changed. */
export function liveInputs(
  kind: string,
  id: string,
  declared: Properties,
  drift: readonly Drift[],
): Properties | undefined {
  const live = kindOf(kind).live(declared as never, drift);
  if (live === undefined) return undefined;
  // Hidden outputs among the inputs would be drawn as gone with the next change.
  const visible = Object.entries(declared).filter(([key]) => !isOutput(kind, key) && !isHidden(key));
  return { ...Object.fromEntries(visible), ...live, [hidden.urn]: declared[hidden.urn] ?? shortUrnFromId(id) };
}
