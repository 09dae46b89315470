/**
 * Tests of a program without an engine and without a node 0: its machines are checked as a preview checks them, and what
 * their next boots do can be asserted.
 *
 * @packageDocumentation
 */
import * as pulumi from "@pulumi/pulumi";
import * as state from "@pulumi/pulumi/runtime/state";
import { NetbootError } from "../provider/errors";
import { type KindName, kindOf } from "../provider/kinds";
// biome-ignore lint/style/noRestrictedImports: it only passes on what the program found, and acts on nothing.
import { check } from "../provider/lifecycle/comparison";
import { hidden } from "../provider/values/hidden";

/**
 * What stands in a test for what only node 0 tells, such as the sha256 of a file that is still in its package. In a
 * next boot it reads `ipxe.efi sha256:stand-in…`.
 */
export const standIn = "stand-in";

/** A store of its own for a run, as each inline program of the Automation API has; every copy of the SDK goes by it. */
const { withLocalStorage } = state as unknown as { withLocalStorage<T>(callback: () => T): T };

/** The arguments of {@link mockEngine}. */
export interface MockEngineOptions {
  /** @defaultValue "project" */
  readonly project?: string;
  /** @defaultValue "stack" */
  readonly stack?: string;
  /** @defaultValue "organization" */
  readonly organization?: string;
  /** The stack's configuration. A key without a namespace is the project's, as on the command line. */
  readonly config?: Readonly<Record<string, string>>;
  /**
   * What resources and functions of other packages answer, as `pulumi.runtime.setMocks` takes it.
   * @defaultValue each has its arguments as its outputs
   */
  readonly mocks?: Partial<pulumi.runtime.Mocks>;
}

/** A resource as a program declared it. */
export interface MockResource {
  /** As Pulumi knows it: `pulumi-nodejs:dynamic/netboot:OlaNode`. */
  readonly type: string;
  /** The name that the program gave it. */
  readonly name: string;
  /** Its inputs, known. */
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** What became of a program. */
export interface ProgramRun {
  /**
   * Machine → what its next boot does. Machines of one name stand under the names of the resources that they are in, too:
   * `rack-a/db-1`.
   */
  readonly nextBoots: Readonly<Record<string, string>>;
  /** What the program exports, known. */
  readonly outputs: Readonly<Record<string, unknown>>;
  /** Everything that it declared, in that order. */
  readonly resources: readonly MockResource[];
}

/** An engine that asks no node 0. */
export interface MockEngine {
  /**
   * Runs a program to its end. What it returns is its outputs, as with the Automation API.
   *
   * @throws `ARGUMENTS_INVALID`: what a preview would refuse, all of it, in the sentences of the preview
   */
  run(program: () => unknown): Promise<ProgramRun>;
}

/**
 * An engine for tests, in which a wrong machine fails.
 *
 * @remarks
 * It touches nothing of the process: each run of a program has a project, a stack, a configuration and mocks of its own,
 * and several can run at once. Nobody reaches a node 0; what only that would tell is {@link standIn}.
 *
 * @example A program in a file of its own
 * ```ts
 * const engine = mockEngine({ project: "rack-a", config: { host: "192.0.2.1" } });
 * const { outputs } = await engine.run(() => import("./index.js"));
 * ```
 */
export function mockEngine(options: MockEngineOptions = {}): MockEngine {
  return { run: (program) => withLocalStorage(() => run(program, options)) };
}

/**
 * What the next boot of each machine of a program does, as {@link MockEngine.run} finds it.
 *
 * @example
 * ```ts
 * const boots = await nextBootsOf(() => declareRack(inventory));
 * assert.match(boots["db-1"], /^10\.20\.0\.11 db-1 /);
 * ```
 *
 * @throws `ARGUMENTS_INVALID`, as {@link MockEngine.run} does
 */
export async function nextBootsOf(
  program: () => unknown,
  options?: MockEngineOptions,
): Promise<Readonly<Record<string, string>>> {
  // What it returns would become outputs, and a resource is a large one.
  const withoutOutputs = async () => void (await program());
  return (await mockEngine(options).run(withoutOutputs)).nextBoots;
}

async function run(program: () => unknown, options: MockEngineOptions): Promise<ProgramRun> {
  const { project = "project", stack = "stack", organization = "organization", config = {}, mocks = {} } = options;
  const resources: MockResource[] = [];
  const mistakes: string[] = [];
  const thrown: unknown[] = [];
  const engine: pulumi.runtime.Mocks = {
    async newResource(args) {
      const { type, name, inputs } = args;
      const kind = kindIn(type);
      if (kind === undefined) {
        resources.push({ type, name, inputs });
        // Of a stack without outputs the SDK says which one is asked for.
        const state = type === "pulumi:pulumi:StackReference" ? { outputs: {}, ...inputs } : inputs;
        return (await mocks.newResource?.(args)) ?? { id: args.id || `${name}-id`, state };
      }
      // An engine shows what is told beside a component from the program's log; here nobody reads that.
      const { [hidden.toldBeside]: beside, ...given } = inputs;
      const { inputs: checked } = check(kind, {}, given);
      const { failures } = check(kind, {}, withoutSecrets(given) as typeof given);
      resources.push({ type, name, inputs: checked });
      const who = typeof beside === "string" ? beside : `${type} resource '${name}'`;
      mistakes.push(...failures.map(({ reason }) => `${who} has a problem: ${reason}`));
      return { id: `${name}-id`, state: { ...toldOf(kind), ...checked } };
    },
    async call(args) {
      return mocks.call === undefined ? args.inputs : await mocks.call(args);
    },
  };
  await pulumi.runtime.setMocks(engine, project, stack, false, organization);
  pulumi.runtime.setAllConfig(
    Object.fromEntries(
      Object.entries(config).map(([key, value]) => [key.includes(":") ? key : `${project}:${key}`, value]),
    ),
  );
  const declaring: Declaring[] = [];
  const outputs = await pulumi.runtime.runInPulumiStack(async () => {
    pulumi.runtime.registerStackTransformation(({ type, resource, opts }) => {
      const { __pulumiType: above } = (opts.parent ?? {}) as { readonly __pulumiType?: string };
      // On the second of two servers a machine is the same.
      const declares = type === `${ofOurs}OlaNode` || type === `${ofOurs}OlaFleet`;
      if (declares && above !== type) declaring.push(resource as Declaring);
      return undefined;
    });
    try {
      return await program();
    } catch (error) {
      // What the SDK would reject on its way to the caller, a test runner would take for an error of its own.
      thrown.push(error);
      return {};
    }
  });
  // Whoever still waits to declare something is waited for.
  await pulumi.runtime.disconnect();
  for (const error of thrown) {
    if (!NetbootError.is(error)) throw error;
    mistakes.push(error.message);
  }
  if (mistakes.length > 0) throw new NetbootError("ARGUMENTS_INVALID", mistakes.join("\n"));
  if (resources.every(({ type }) => type === stackType)) {
    throw new NetbootError(
      "ARGUMENTS_INVALID",
      "the program declared no resource; a module runs only when it is imported for the first time, " +
        "so run it once for all tests, or let it export a function that declares",
    );
  }
  return { nextBoots: await nextBootsIn(declaring), outputs: outputs ?? {}, resources };
}

/** As an engine hands inputs over to a provider that takes no secrets, as ours. */
function withoutSecrets(value: unknown): unknown {
  if (pulumi.runtime.isRpcSecret(value)) return withoutSecrets(pulumi.runtime.unwrapRpcSecret(value));
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutSecrets(inner)]));
}

const stackType = "pulumi:pulumi:Stack";
const ofOurs = "pulumi-nodejs:dynamic/netboot:";

function kindIn(type: string): KindName | undefined {
  return type.startsWith(ofOurs) ? (type.slice(ofOurs.length) as KindName) : undefined;
}

/** What node 0 would tell of a resource. */
function toldOf(kind: KindName): Readonly<Record<string, unknown>> {
  const told = kindOf(kind).outputKeys.filter((key) => key !== "lastBoot");
  return Object.fromEntries(told.map((key) => [key, key === "bytes" ? 0 : standIn]));
}

/** A resource of the program that declares machines, by whichever copy of this package. */
interface Declaring extends pulumi.Resource {
  readonly nextBoot?: pulumi.Output<string>;
  readonly nextBoots?: pulumi.Output<Readonly<Record<string, string>>>;
  /** Pulumi's own. */
  readonly __name?: string;
  readonly __parentResource?: Declaring;
}

async function nextBootsIn(declaring: readonly Declaring[]): Promise<Readonly<Record<string, string>>> {
  const found = await Promise.all(
    declaring.map(async (resource) => {
      const { nextBoot, nextBoots } = resource;
      const [name = "", ...above] = namesOf(resource);
      if (nextBoots === undefined) return [{ name, above, text: String(await known(nextBoot)) }];
      return Object.entries((await known(nextBoots)) ?? {}).map(([machine, text]) => {
        return { name: machine, above: [name, ...above], text };
      });
    }),
  );
  const machines = found.flat();
  const times = new Map<string, number>();
  for (const { name } of machines) times.set(name, (times.get(name) ?? 0) + 1);
  return Object.fromEntries(
    machines.map(({ name, above, text }) => {
      return [times.get(name) === 1 ? name : [...above.toReversed(), name].join("/"), text];
    }),
  );
}

/** The names of a resource and of those that it is in, without the stack's. */
function namesOf(resource: Declaring | undefined): readonly string[] {
  if (resource?.__parentResource === undefined) return [];
  return [resource.__name ?? "", ...namesOf(resource.__parentResource)];
}

async function known<T>(output: pulumi.Output<T> | undefined): Promise<T | undefined> {
  return await (output as unknown as { promise(): Promise<T> } | undefined)?.promise();
}
