import { randomBytes } from "node:crypto";
import { commit } from "../conversation/groupCommit";
import type { Drift } from "../conversation/report";
import { transact } from "../conversation/transaction";
import { NetbootError, stateAfter } from "../errors";
import { parseHistory, renderBoot } from "../facts/bootLog";
import { kindOf } from "../kinds";
import type { Change, Declaration } from "../kinds/want";
import { openHost } from "../ssh/pool";
import { type Connection, connectionSchema } from "../values/connection";
import { digestOf, notEchoedOf, outputKeys, type Properties } from "./comparison";
import { rowOf } from "./row";

/** What the state of this release looks like; every older number stays readable. */
const schema = 1;

/** Makes node 0 as declared, whatever it is like now; a create that is repeated after a cut run adopts what is there. */
export async function create(kind: string, news: Properties): Promise<{ id: string; outs: Properties }> {
  const id = idOf(kind, news);
  const outs = await put(kind, id, randomBytes(4).toString("hex"), news, undefined);
  return { id, outs };
}

/** The same path as a create, under the generation and on the machine of before. */
export async function update(
  kind: string,
  id: string,
  olds: Properties,
  news: Properties,
): Promise<{ outs: Properties }> {
  return { outs: await put(kind, id, String(olds["__generation"]), news, textOf(olds["__machine"])) };
}

/** Compares node 0 with what was declared. An unreachable host is an error, never a deletion. */
export async function read(
  kind: string,
  id: string,
  props: Properties,
): Promise<{ id?: string; props?: Properties; inputs?: Properties }> {
  const declaration = await declare(kind, id, String(props["__generation"]), props, "look");
  const host = await openHost(connectionOf(props));
  const change: Change = { kind: "put", declaration };
  const report = await transact(host, { mode: "look", machine: textOf(props["__machine"]), changes: [change] });
  const answer = report.answers.get(id);
  if (answer?.how === "gone") return {};
  const found = answer?.drift ?? [];
  const { drift: before, ...rest } = props;
  const declared = { ...rest, ...lastBootOf(answer?.outputs["log"], answer?.outputs["files"]) };
  if (found.length === 0 && before === undefined) return { id, props: declared };
  const seen = { id, props: found.length === 0 ? declared : { ...declared, drift: found.map(sentenceOf) } };
  // With other inputs than before, the preview that mends a fleet would draw all of its machines as new.
  if (kind === "OlaFleet") return seen;
  return { ...seen, inputs: liveInputs(kind, declaration, declared, found) };
}

/** Takes the resource off node 0; what was there before its first touch comes back. */
export async function remove(kind: string, id: string, props: Properties): Promise<void> {
  const row = rowOf(props["__urn"] ?? urnOf(id));
  const change: Change = { kind: "drop", id, generation: String(props["__generation"]) };
  await explained(kind, () => commit(connectionOf(props), change, textOf(props["__machine"]), row));
}

async function put(
  kind: string,
  id: string,
  generation: string,
  news: Properties,
  machine: string | undefined,
): Promise<Properties> {
  const declaration = await declare(kind, id, generation, news, "apply");
  const row = rowOf(news["__urn"]);
  const outcome = await explained(kind, () => commit(connectionOf(news), { kind: "put", declaration }, machine, row));
  const { bytes, log, files, ...texts } = outcome.outputs;
  // The last progress line stays on the row, so it says how it ended.
  row(
    "progress",
    texts["verified"] ?? (texts["listening"] === undefined ? outcome.how : `serves ${texts["listening"]}`),
  );
  const notEchoed = notEchoedOf(kind);
  // A fleet's state is large, so what the id says already is not said twice.
  const left = new Set([
    ...notEchoed,
    "__provider",
    "__fetch",
    "__listenFor",
    ...(news["__urn"] === urnOf(id) ? ["__urn"] : []),
  ]);
  return {
    ...Object.fromEntries(Object.entries(news).filter(([key]) => !left.has(key))),
    ...texts,
    ...(bytes === undefined ? {} : { bytes: Number(bytes) }),
    ...lastBootOf(log, files),
    ...(notEchoed.length === 0 ? {} : { __digest: digestOf(kind, news) }),
    __generation: generation,
    __machine: outcome.machine,
    __schema: schema,
  };
}

/** Of the machine that the log is about, if it was asked for. */
function lastBootOf(log: string | undefined, files = ""): { readonly lastBoot?: string } {
  if (log === undefined) return {};
  const last = parseHistory({ log, files }).at(-1);
  return { lastBoot: last === undefined ? "none in node 0's log of the last 30 days" : renderBoot(last) };
}

export async function declare(
  kind: string,
  id: string,
  generation: string,
  inputs: Properties,
  purpose: "apply" | "look",
): Promise<Declaration> {
  return { id, generation, wants: await kindOf(kind).plan(inputs as never, purpose) };
}

/**
 * The engine prints the message and a stack; of an expected failure only the message helps, with the state that node 0 is
 * in then.
 */
async function explained<T>(kind: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (reason) {
    if (NetbootError.is(reason)) {
      const state = stateAfter[reason.code];
      if (state !== undefined && !reason.message.includes(state)) reason.message += `\n${state}`;
      reason.stack = reason.message;
    } else if (reason instanceof Error) {
      reason.message = `this is a bug in pulumi-netboot, in ${kind}: ${reason.message}`;
    }
    throw reason;
  }
}

/** `<kind>/<project>/<stack>/<name>`, from the URN: never random, so that a repeated create meets itself. */
function idOf(kind: string, inputs: Properties): string {
  const [start = "", project = "", , ...name] = String(inputs["__urn"]).split("::");
  return [kind, project, start.replace(/^urn:pulumi:/, ""), name.join("::")]
    .map((part) => part.replaceAll("/", "_"))
    .join("/");
}

/** The URN of a resource without a parent. */
function urnOf(id: string): string {
  const [kind = "", project = "", stack = "", ...name] = id.split("/");
  return `urn:pulumi:${stack}::${project}::pulumi-nodejs:dynamic/netboot:${kind}::${name.join("/")}`;
}

function connectionOf(properties: Properties): Connection {
  return connectionSchema.parse(properties["connection"]);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** The inputs as the host would have them now, so that `pulumi refresh` draws what somebody changed. */
function liveInputs(kind: string, declaration: Declaration, declared: Properties, drift: readonly Drift[]): Properties {
  const inputs: Record<string, unknown> = Object.fromEntries(
    Object.entries(declared).filter(([key]) => !outputKeys.has(key) || (key === "sha256" && "file" in declared)),
  );
  for (const { what, how, seen } of drift) {
    const file = declaration.wants.find((want) => want.want === "file" && want.path === what);
    if (file?.want === "file" && file.input !== undefined && how !== "owner") inputs[file.input] = seen;
    const firewall = declaration.wants.find((want) => want.want === "firewall" && want.rules.includes(what));
    if (firewall !== undefined) inputs["rules"] = (inputs["rules"] as string[]).filter((rule) => rule !== what);
  }
  for (const key of notEchoedOf(kind)) {
    inputs[key] = drift.length === 0 ? "" : `not as declared: ${drift.map(sentenceOf).join("; ")}`;
  }
  return inputs;
}

export function sentenceOf({ what, how, seen }: Drift): string {
  switch (how) {
    case "missing":
      return `${what} is missing`;
    case "changed":
      return `${what} was changed`;
    case "owner":
      return `${what} has another mode or owner: ${seen}`;
    case "stopped":
      return `${what} does not run: ${seen}`;
    case "became":
      return `${what} is ${seen} now`;
  }
}
