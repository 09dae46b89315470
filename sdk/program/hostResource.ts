import { type KindName, kindOf } from "../../provider/kinds";
import { pathsWritten } from "../../provider/preview/writes";
import type { Connection } from "../../provider/values/connection";
import { hidden } from "../../provider/values/hidden";
import { placeOf } from "../../provider/values/place";
import type { Checked, Problem } from "../../provider/values/problem";
import { isUnknown } from "../../provider/values/unknown";
import { connectionProblems } from "../connection";
import { rememberName, rememberThing } from "./declaredOnce";
import { toldOfRun } from "./nextBootPreview";
import { type Eventual, partly, whenKnown } from "./partly";
import { providerText } from "./providerText";
import * as pulumi from "./pulumi";
import { tellingUndefined } from "./tellingUndefined";

/** What a resource hands to its provider: values that the program worked out, or what is wrong with its arguments. */
interface Declared {
  readonly connection: pulumi.Input<Connection>;
  readonly inputs?: pulumi.Output<Checked<object>>;
  /** The arguments of which these are made, as the program gave them. */
  readonly args?: unknown;
  /** Inputs that are worked out one by one, in the place of `inputs`; what is wrong with them goes beside them. */
  readonly values?: Readonly<Record<string, pulumi.Input<unknown>>>;
  readonly problems?: readonly pulumi.Input<readonly Problem[]>[];
  /** The component beside which the program tells what is wrong. */
  readonly toldBeside?: string;
  /** What is wrong with the connection, where more is known of that than its own fields tell. */
  readonly reaching?: pulumi.Input<readonly Problem[]>;
  /** Outputs of its kind that this one does not have: each becomes a property of its own, and that costs. */
  readonly without?: readonly string[];
  /** The preview lists every path on the host that is written, as the input `writes`. */
  readonly listsPaths?: true;
  /** What a host has once, in words: `the DHCP server`. Two resources of one program can't both declare it. */
  readonly once?: pulumi.Input<string>;
}

/** Options of a resource that may be a part of a component. */
export interface PartOptions extends pulumi.CustomResourceOptions {
  /** Where the program writes, as an argument of the component, what is this argument of the part. */
  readonly writtenAs?: WrittenAs;
}

/** `records["filer"]` → `names.records["filer"]`. */
export type WrittenAs = (path: string) => string;

/** A dynamic resource on a host: one row of the preview, one entry in node 0's register. */
export abstract class HostResource extends pulumi.CustomResource {
  /**
   * The connection as the program gave it; the property `connection` is what the state holds.
   *
   * @internal
   */
  readonly reachedBy: pulumi.Input<Connection>;

  constructor(kind: KindName, name: string, declared: Declared, opts: PartOptions | undefined) {
    const told = toldOfRun();
    const { connection, inputs, values = {}, problems: own = [], without = [], listsPaths = false, once } = declared;
    const { inputKeys, outputKeys, wants } = kindOf(kind);
    const place = `${kind} "${name}"`;
    const { import: imported, writtenAs = asIs, ...registered } = opts ?? {};
    const others = [
      ...(imported === undefined ? [] : [[notImported]]),
      ...(once === undefined ? [] : [twice(connection, once, place)]),
      ...rememberName(kind, name, connection).map((other) => namesake(connection, other, place)),
    ];
    const reaching = declared.reaching ?? sharedProblemsOf(connection);
    const elsewhere = concat(reaching, ...own, ...others);
    const [carrier] = inputKeys;
    const type = `pulumi-nodejs:dynamic/netboot:${kind}`;
    // Pulumi keeps a stack for each of some fifty promises of a resource, and each is mapped to its source: half of what a
    // machine costs, for a search for promises that leak, which it makes where it is told to.
    const { stackTraceLimit } = Error;
    if (!process.env["PULUMI_DEBUG_PROMISE_LEAKS"]) Error.stackTraceLimit = 0;
    try {
      super(
        type,
        name,
        {
          ...Object.fromEntries(outputKeys.filter((key) => !without.includes(key)).map((key) => [key, undefined])),
          ...(inputs === undefined
            ? withSecrets(values, opts?.additionalSecretOutputs)
            : Object.fromEntries(
                inputKeys.map((key) => [
                  key,
                  inputs.apply(({ value, problems }): unknown => {
                    // What is wrong stands in the place of an input, for an output of its own would cost.
                    if (problems.length > 0) {
                      return key === carrier
                        ? { [hidden.problems]: asWritten(tellingUndefined(problems, declared.args), writtenAs) }
                        : undefined;
                    }
                    return (value as Record<string, unknown> | undefined)?.[key];
                  }),
                ]),
              )),
          ...(listsPaths && { writes: inputs?.apply(({ value }) => value && pathsWritten(wants(value as never))) }),
          connection,
          ...(Array.isArray(elsewhere) && elsewhere.length === 0 ? {} : { [hidden.problems]: elsewhere }),
          ...(declared.toldBeside !== undefined && { [hidden.toldBeside]: declared.toldBeside }),
          ...(opts?.replaceOnChanges !== undefined && opts.replaceOnChanges.length > 0 && { [hidden.replaces]: true }),
          ...told,
          ...(inputs !== undefined && { [hidden.quiet]: pulumi.isSecret(inputs).then((is) => is || undefined) }),
          [hidden.urn]: urnOf(name, type, opts?.parent),
          [hidden.provider]: providerText(kind),
        },
        registered,
      );
    } catch (error) {
      Error.stackTraceLimit = stackTraceLimit;
      // Where the program is wrong, it is told by its stack.
      if (error instanceof Error) Error.captureStackTrace(error);
      throw error;
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
    this.reachedBy = connection;
  }
}

/** Gives a resource an output that is made when it is first asked for: in an up few programs do, and of many machines it costs. */
export function lazily<T>(resource: HostResource, property: string, make: () => pulumi.Output<T>): void {
  let made: pulumi.Output<T> | undefined;
  Object.defineProperty(resource, property, { enumerable: true, get: () => (made ??= make()) });
}

function asIs(path: string): string {
  return path;
}

function asWritten(problems: pulumi.Input<readonly Problem[]>, writtenAs: WrittenAs): pulumi.Input<readonly Problem[]> {
  const renamed = (list: readonly Problem[]) => list.map((each) => ({ ...each, path: writtenAs(each.path) }));
  return whenKnown(problems as Eventual<readonly Problem[]>, renamed);
}

/** The engine would ask a dynamic provider to read a resource without telling it which, and show a stack trace. */
const notImported: Problem = {
  path: "import",
  message:
    "nothing is imported by an id here; leave the option out, and the create goes on with what is on node 0. A program for a node 0 " +
    "that was set up by hand is written by `npx pulumi-netboot import --host …`",
};

/** What is to be a secret among the outputs would lie in clear among the inputs, were it none there. */
function withSecrets(
  values: Readonly<Record<string, pulumi.Input<unknown>>>,
  names: readonly string[] | undefined,
): Readonly<Record<string, pulumi.Input<unknown>>> {
  const secrets = names?.filter((key) => Object.hasOwn(values, key)) ?? [];
  return { ...values, ...Object.fromEntries(secrets.map((key) => [key, pulumi.secret(values[key])])) };
}

// All machines of a server share its connection, and a large part of what a machine costs is its number of outputs.
const problemsByConnection = new WeakMap<object, pulumi.Input<readonly Problem[]>>();

function sharedProblemsOf(connection: pulumi.Input<Connection>): pulumi.Input<readonly Problem[]> {
  if (typeof connection !== "object" || connection === null) return connectionProblems(connection);
  const known = problemsByConnection.get(connection) ?? connectionProblems(connection);
  problemsByConnection.set(connection, known);
  return known;
}

/** All of them, of which those that a preview does not know yet hide no others. */
function concat(...lists: pulumi.Input<readonly Problem[]>[]): pulumi.Input<readonly Problem[]> {
  const [first = [], ...more] = lists.filter((list) => !(Array.isArray(list) && list.length === 0));
  if (more.length === 0) return first;
  return partly(pulumi.all([first, ...more])).apply((found) =>
    isUnknown(found) ? [] : found.flat().filter((each) => !isUnknown(each)),
  );
}

/** What a program declares for the second time though a host has it once. */
function twice(
  connection: pulumi.Input<Connection>,
  once: NonNullable<Declared["once"]>,
  place: string,
): pulumi.Output<readonly Problem[]> {
  const found = pulumi.all([pulumi.output(connection), once]).apply(([reached, thing]): readonly Problem[] => {
    const host = placeOf(reached);
    return host === undefined || thing === undefined || thing === "" ? [] : rememberThing(host, thing, place);
  });
  return pulumi.unsecret(found);
}

/** Two resources of one name on one host, which its register could not tell apart. */
function namesake(
  connection: pulumi.Input<Connection>,
  other: pulumi.Input<Connection>,
  place: string,
): pulumi.Output<readonly Problem[]> {
  const found = pulumi.all([pulumi.output(connection), pulumi.output(other)]).apply(([mine, theirs]) => {
    if (placeOf(mine) === undefined || placeOf(mine) !== placeOf(theirs)) return [];
    return [
      { path: "", message: `there are two ${place} on one host, under different parents; give one another name` },
    ];
  });
  return pulumi.unsecret(found);
}

function urnOf(name: string, type: string, parent: pulumi.Resource | undefined): pulumi.Input<string> {
  // In the state of every machine, so the type is left out, which goes without saying.
  if (parent === undefined) return `urn:pulumi:${pulumi.getStack()}::${pulumi.getProject()}::::${name}`;
  return pulumi.createUrn(name, type, urnWithoutDependencies(parent));
}

/**
 * The parent's URN as a plain promise: as an output it would make the resource depend on its parent, and so, where that
 * is a component, on all of the parent's children and on itself.
 */
function urnWithoutDependencies(parent: pulumi.Resource): Promise<string> {
  return new Promise((resolve) => parent.urn.apply(resolve));
}
