import { isDeepStrictEqual } from "node:util";
import type { Properties } from "../lifecycle/comparison";
import { idFromUrn, idOfNew, rememberResource } from "../lifecycle/stacks";
import { isSecret, whyHidden } from "../preview/placeholders";
import { type Connection, connectionSchema } from "../values/connection";
import { hidden } from "../values/hidden";
import { placeOf } from "../values/place";
import { holdsUnknown } from "../values/unknown";
import { kindIn, runPulumi, type StackResource } from "./stack";

/** A resource of ours that `pulumi up` would put on a node 0, or take off it. */
export interface Step {
  readonly how: "put" | "drop";
  readonly kind: string;
  readonly urn: string;
  /** Of a new resource that which its create would take. */
  readonly id: string;
  /** As declared; of one that goes, as the state has it. A value may be a placeholder, see {@link whyHidden}. */
  readonly inputs: Properties;
  /** As the state has them; of a new resource none. */
  readonly outputs: Properties;
  /** The URNs of the resources without which this one is not reached. */
  readonly dependencies: readonly string[];
  /** Inputs that were secrets until now: what node 0 has of them is not shown either. */
  readonly secretBefore: readonly string[];
}

/**
 * What `pulumi up` would do to resources of ours, by the user's own `pulumi preview`.
 *
 * @throws with the words of the preview, when the program is refused already there
 */
export async function readPreview(stack: string | undefined): Promise<readonly Step[]> {
  const args = [
    "preview",
    "--json",
    "--show-sames",
    "--non-interactive",
    ...(stack === undefined ? [] : ["--stack", stack]),
  ];
  const { PULUMI_ENABLE_STREAMING_JSON_PREVIEW: _, ...env } = process.env;
  const { failed, stdout, stderr } = await runPulumi(args, env);
  if (!failed) {
    const preview = JSON.parse(stdout) as Preview;
    rememberState(preview);
    return stepsOf(preview);
  }
  const said = errorsIn(stdout);
  const words = said.length > 0 ? said.join("\n") : stderr.trim() || stdout.trim();
  const isElsewhere = /no Pulumi\.yaml|no stack (selected|named)/.test(words);
  const where = isElsewhere
    ? "; run this in the folder of the stack's project, and select the stack or name it by --stack"
    : "";
  throw new Error(`pulumi ${args.join(" ")} failed, so there is nothing to plan${where}:\n${words}`);
}

function errorsIn(stdout: string): readonly string[] {
  try {
    const { diagnostics = [] } = JSON.parse(stdout) as {
      readonly diagnostics?: readonly { readonly severity?: string; readonly message?: string }[];
    };
    return diagnostics.flatMap(({ severity, message = "" }) => (severity === "error" ? [message.trim()] : []));
  } catch {
    return [];
  }
}

interface PreviewedState {
  readonly type?: string;
  readonly retainOnDelete?: boolean;
  readonly id?: string;
  readonly inputs?: Properties;
  readonly outputs?: Properties;
  readonly dependencies?: readonly string[];
  readonly propertyDependencies?: Readonly<Record<string, readonly string[] | null>>;
}

interface Preview {
  readonly steps?: readonly {
    readonly op?: string;
    readonly urn?: string;
    readonly newState?: PreviewedState;
    readonly oldState?: PreviewedState;
  }[];
}

/** Notes whose the resources of the state are, as the engine shows them to the provider. */
function rememberState({ steps = [] }: Preview): void {
  for (const { urn, oldState } of steps) {
    const kind = kindIn(oldState?.type);
    if (kind === undefined || oldState?.id === undefined) continue;
    rememberResource(idFromUrn(kind, urn), oldState.id, oldState.outputs?.[hidden.generation]);
  }
}

/** The steps of ours in what `pulumi preview --json` says, in its order, without what stays as it is. */
export function stepsOf({ steps = [] }: Preview): readonly Step[] {
  return steps.flatMap(({ op = "", urn = "", newState, oldState }) => {
    const kind = kindIn((newState ?? oldState)?.type);
    if (kind === undefined) return [];
    const hows = howsOf(op, newState, oldState);
    // What comes to a host has no outputs of there.
    const comes = op === "create" || hows.length > 1;
    return hows.flatMap((how): readonly Step[] => {
      // Node 0 hears nothing of one that only the state has no more.
      if (how === "drop" && oldState?.retainOnDelete === true) return [];
      const state = how === "put" ? newState : oldState;
      return [
        {
          how,
          kind,
          urn,
          id: oldState?.id ?? idOfNew(idFromUrn(kind, urn)),
          inputs: state?.inputs ?? {},
          secretBefore: Object.entries(oldState?.inputs ?? {}).flatMap(([key, value]) =>
            isSecret(value) ? [key] : [],
          ),
          outputs: comes && how === "put" ? {} : (oldState?.outputs ?? {}),
          dependencies: [
            ...(state?.dependencies ?? []),
            ...Object.values(state?.propertyDependencies ?? {}).flatMap((urns) => urns ?? []),
          ],
        },
      ];
    });
  });
}

const howsOfStep: Readonly<Record<string, readonly Step["how"][]>> = {
  create: ["put"],
  update: ["put"],
  delete: ["drop"],
};

/** What a step does to node 0. One that is replaced has its id again there, and goes where it was only if that is another host. */
function howsOf(op: string, next: PreviewedState | undefined, old: PreviewedState | undefined): readonly Step["how"][] {
  // Of the three steps of a replacement a preview shows this one.
  if (op !== "replace") return howsOfStep[op] ?? [];
  const [from, to] = [old?.inputs, next?.inputs].map((inputs) => placeOf(inputs?.["connection"]));
  return from === undefined || from === to ? ["put"] : ["put", "drop"];
}

/**
 * The connection of a step. A secret in it is not in a preview, so it is taken from the state, where the same host has it.
 *
 * @throws where it can't be had
 */
export async function connectionOf(
  { urn, inputs }: Step,
  readState: () => Promise<readonly StackResource[]>,
): Promise<Connection> {
  const { connection } = inputs;
  const why = whyHidden(connection);
  if (why === undefined) return connectionSchema.parse(connection);
  const name = urn.replace(/.*::/, "");
  if (holdsUnknown(connection)) {
    throw new Error(`${name}: a part of its connection is known only in the up, so node 0 can't be asked before`);
  }
  const known = (await readState()).find((each) => isAsShown(connection, each.connection));
  if (known !== undefined) return known.connection;
  throw new Error(
    `${name}: its connection holds a secret, which \`pulumi preview\` does not tell, and the state of the stack has no such connection yet. ` +
      "Plan with an SSH agent or with privateKeyPath in its place, or run `pulumi up` once",
  );
}

/** Whether a value is what was shown of it, in which secrets are hidden. */
function isAsShown(shown: unknown, value: unknown): boolean {
  if (isSecret(shown)) return value !== undefined;
  if (typeof shown !== "object" || shown === null) return isDeepStrictEqual(shown, value);
  if (typeof value !== "object" || value === null) return false;
  const keys = new Set([...Object.keys(shown), ...Object.keys(value)]);
  return [...keys].every((key) => isAsShown((shown as Properties)[key], (value as Properties)[key]));
}
