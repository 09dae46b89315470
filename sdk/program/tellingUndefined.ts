import type { Problem } from "../../provider/values/problem";
import { partly } from "./partly";
import { isPlain } from "./plain";
import * as pulumi from "./pulumi";

/** An argument that is still to come, by its path, as problems have it: `macs[0]`. */
interface Coming {
  readonly path: string;
  readonly output: pulumi.Output<unknown>;
}

/**
 * What is wrong with arguments, with what became of those that are given and are undefined: a program that says
 * `address: config.get("addres")` has given one, and looks in vain for what is missing.
 */
export function tellingUndefined(
  problems: pulumi.Input<readonly Problem[]>,
  args: unknown,
): pulumi.Input<readonly Problem[]> {
  if (Array.isArray(problems) && isPlain(args)) return problems.map((problem) => tell(problem, args, []));
  return pulumi.output(problems).apply((found) => {
    const known = found as readonly Problem[];
    if (!known.some(isAboutMissing)) return known;
    const settled = comingIn(args).map(async ({ path, output }) => ({
      path,
      value: await settledValue(output),
      from: await stackOf(output),
    }));
    return Promise.all(settled).then((all) => known.map((problem) => tell(problem, args, all)));
  }) as pulumi.Output<readonly Problem[]>;
}

/**
 * Warns in a preview of what comes undefined from another stack where nothing is wrong without it: a machine whose address is one of
 * the pool then, say.
 */
export function warnOfUndefined(
  resource: pulumi.Resource,
  problems: pulumi.Input<readonly Problem[]>,
  args: unknown,
): void {
  if (!pulumi.runtime.isDryRun() || isPlain(args)) return;
  pulumi.output(problems).apply(async (found) => {
    if (found.length > 0) return;
    for (const { path, output } of comingIn(args)) {
      if ((await settledValue(output)) !== undefined) continue;
      const stack = await stackOf(output);
      if (stack === undefined) continue;
      await pulumi.log.warn(
        `${path}: is an output that is undefined, as if it was not given. ${whereTo(stack)}`,
        resource,
      );
    }
  });
}

function isAboutMissing({ message }: Problem): boolean {
  return message.startsWith(missing);
}

const missing = "is required";

interface Settled {
  readonly path: string;
  readonly value: unknown;
  /** The stack that it comes from, by a StackReference. */
  readonly from: string | undefined;
}

function tell(problem: Problem, args: unknown, coming: readonly Settled[]): Problem {
  if (!isAboutMissing(problem)) return problem;
  const { message } = problem;
  const path = asWritten(problem.path);
  const rule = message.slice(missing.length).replace(/^, because /, ", and is required, because ");
  const own = coming.find((each) => each.path === path);
  if (own !== undefined) {
    return { ...problem, message: `is an output that is undefined${rule}. ${whereTo(own.from)}` };
  }
  const around = coming.find((each) => isWithin(path, each.path));
  if (around !== undefined) {
    return {
      ...problem,
      message: `is not in the output that is given as ${around.path}${rule}. ${whereTo(around.from)}`,
    };
  }
  if (!isGiven(args, path)) return problem;
  return {
    ...problem,
    message: `is given, and is undefined${rule}. A config value that is not set is undefined: config.require, in the place of config.get, says which`,
  };
}

function whereTo(stack: string | undefined): string {
  if (stack === undefined) return "Look at where that output is made";
  const instead = "requireOutput, in the place of getOutput, says which output that has not";
  return `It comes from the stack ${stack}: ${instead}`;
}

/** One spelling for `nodes["a"]` and `nodes.a`. */
function asWritten(path: string): string {
  return path.replaceAll(/\["([A-Za-z_$][\w$]*)"\]/g, ".$1");
}

function isWithin(path: string, parent: string): boolean {
  return path.startsWith(`${parent}.`) || path.startsWith(`${parent}[`);
}

/** Whether an object has a key of this path, of which the value is undefined. */
function isGiven(args: unknown, path: string): boolean {
  return pathsIn(args).some(({ at, value }) => at === path && value === undefined);
}

function pathsIn(value: unknown, at = ""): readonly { readonly at: string; readonly value: unknown }[] {
  if (typeof value !== "object" || value === null || isComing(value)) return [{ at, value }];
  return Object.entries(value).flatMap(([key, inner]) => pathsIn(inner, join(at, key, Array.isArray(value))));
}

function join(parent: string, key: string, isList: boolean): string {
  if (isList) return `${parent}[${key}]`;
  if (!/^[A-Za-z_$][\w$]*$/.test(key)) return `${parent}[${JSON.stringify(key)}]`;
  return parent === "" ? key : `${parent}.${key}`;
}

function isComing(value: unknown): boolean {
  return pulumi.Output.isInstance(value) || value instanceof Promise;
}

function comingIn(args: unknown): readonly Coming[] {
  return pathsIn(args).flatMap(({ at, value }) =>
    isComing(value) ? [{ path: at, output: pulumi.output(value) }] : [],
  );
}

function settledValue(output: pulumi.Output<unknown>): Promise<unknown> {
  return new Promise((resolve) => partly(output).apply((value) => resolve(value)));
}

/** The stack that an output comes from by a StackReference of the program. */
async function stackOf(output: pulumi.Output<unknown>): Promise<string | undefined> {
  const { allResources } = output as unknown as { allResources?(): Promise<Iterable<pulumi.Resource>> };
  const resources = (await allResources?.call(output)) ?? [];
  for (const resource of resources) {
    const { __pulumiType: type, name } = resource as { readonly __pulumiType?: unknown; readonly name?: unknown };
    if (type === "pulumi:pulumi:StackReference") {
      const known = await settledValue(pulumi.output(name));
      return typeof known === "string" ? known : undefined;
    }
  }
  return undefined;
}
