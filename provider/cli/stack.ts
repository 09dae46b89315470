import { execFile } from "node:child_process";
import { NetbootError } from "../errors";
import type { Properties } from "../lifecycle/comparison";
import { byNewestWay, noteProgram } from "../lifecycle/ways";
import type { Host } from "../ssh/link";
import { openHost } from "../ssh/pool";
import { type Connection, connectionSchema } from "../values/connection";
import { hidden } from "../values/hidden";
import { hostName } from "../values/place";
import { printable } from "../values/printable";

/** A resource of ours as a stack's state has it. */
export interface StackResource {
  readonly kind: string;
  readonly urn: string;
  readonly id: string;
  readonly connection: Connection;
  readonly inputs: Properties;
  readonly outputs: Properties;
}

/** What stands for a secret in a state; with `--show-secrets` its JSON is beside it. */
const secretMark = "4dabf18193072939515e22adb298388d";

/**
 * The resources of ours in a stack, read with the user's own `pulumi stack export`, whose secrets stay in this process.
 *
 * @throws with pulumi's own words, when there is no such stack or nobody is logged in
 */
export async function readStack(stack: string | undefined): Promise<readonly StackResource[]> {
  const args = ["stack", "export", "--show-secrets", ...(stack === undefined ? [] : ["--stack", stack])];
  const { failed, stdout, stderr } = await runPulumi(args);
  if (failed)
    throw new Error(
      `pulumi ${args.join(" ")} failed; run this in the folder of the stack's project, and select the stack or name it by --stack:\n${stderr.trim()}`,
    );
  return resourcesOf(JSON.parse(stdout));
}

/**
 * Runs the user's own `pulumi`; what it says stays in this process.
 *
 * @throws when there is no such program
 */
export async function runPulumi(
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ readonly failed: boolean; readonly stdout: string; readonly stderr: string }> {
  return await new Promise((resolve, reject) => {
    execFile("pulumi", args, { maxBuffer: 1 << 30, env }, (error, stdout, stderr) => {
      if ((error as NodeJS.ErrnoException | null)?.code === "ENOENT") {
        reject(
          new Error("there is no program `pulumi` on the PATH; its installation is told at pulumi.com/docs/install"),
        );
      } else resolve({ failed: error !== null, stdout, stderr });
    });
  });
}

/** The kind of a resource of ours by its type; undefined for others. */
export function kindIn(type: unknown): string | undefined {
  return /^pulumi-nodejs:dynamic\/netboot:(?<kind>\w+)$/.exec(String(type))?.groups?.["kind"];
}

/** The resources of ours in an exported state, in its order. */
export function resourcesOf(state: unknown): readonly StackResource[] {
  const { deployment } = state as { readonly deployment?: { readonly resources?: readonly Record<string, unknown>[] } };
  return (deployment?.resources ?? []).flatMap(({ type, urn, id, inputs, outputs, delete: isGoing }) => {
    const kind = kindIn(type);
    if (kind === undefined || typeof id !== "string" || isGoing === true) return [];
    const values = plain(outputs ?? {}) as Properties;
    const connection = connectionSchema.parse(values["connection"]);
    return [
      { kind, urn: String(urn ?? ""), id, connection, inputs: plain(inputs ?? {}) as Properties, outputs: values },
    ];
  });
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  if (secretMark in value && "plaintext" in value) return plain(JSON.parse(String(value.plaintext)));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

/** One for all, so that of two who wait for one host each line is said once. */
const sayAloud = (line: string): void => console.error(printable(line));

/** Opens a host, and says beside the answer what it waits for meanwhile. */
export async function openHostAloud(connection: Connection): Promise<Host> {
  return await openHost(connection, { say: sayAloud });
}

/**
 * The host of a resource, by what the program last said of it, or by the connection that its last change went by: what lay on another
 * machine, a key file, may be missing here.
 */
export async function openStackHost({ id, connection, inputs, outputs }: StackResource): Promise<Host> {
  const machine = outputs[hidden.machine];
  noteProgram(machine, connectionSchema.safeParse(inputs["connection"]).data, id);
  return await byNewestWay(id, typeof machine === "string" ? machine : undefined, connection, openHostAloud);
}

/**
 * Why a host could not be asked, in one line, where there are others that can: whatever is wrong with one keeps nobody from these.
 *
 * @throws the reason, where it is no such
 */
export function whyPassedOver(hosts: number, connection: unknown, reason: unknown): NetbootError {
  if (hosts < 2 || !NetbootError.is(reason)) throw reason;
  const [words = ""] = reason.message.split("\n", 1);
  return new NetbootError(reason.code, `not asked: ${words.replace(`${hostName(connection)}: `, "")}`, {
    cause: reason,
  });
}

/** The resources by the host that they are on, each host with its connection. */
export function byHost(resources: readonly StackResource[]): ReadonlyMap<string, readonly StackResource[]> {
  const hosts = new Map<string, StackResource[]>();
  for (const resource of resources) {
    const key = JSON.stringify(resource.connection);
    hosts.set(key, [...(hosts.get(key) ?? []), resource]);
  }
  return hosts;
}
