import * as pulumi from "@pulumi/pulumi";
import { check } from "../../provider/lifecycle/comparison";

/** A resource as the program registered it. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
}

/**
 * Runs a program against mocks, and answers what it registered, by name. Only node 0 itself is missing.
 *
 * @param stackOutputs - what each StackReference has.
 */
export async function register(
  program: () => void | Promise<void>,
  stackOutputs: Readonly<Record<string, unknown>> = {},
  isPreview = false,
): Promise<Record<string, Registered>> {
  const registered: Record<string, Registered> = {};
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        registered[name] = { type, name, inputs };
        // What only the host knows of a file that is taken out of a package.
        const told = inputs["package"] === undefined ? {} : { sha256: "ab".repeat(32), bytes: 1 };
        const referred = type === "pulumi:pulumi:StackReference" ? { outputs: stackOutputs } : {};
        return { id: name, state: { ...inputs, ...told, ...referred } };
      },
      call: ({ inputs }) => inputs,
    },
    "shop",
    "prod",
    isPreview,
  );
  // Each program in a test is a run of its own.
  await pulumi.runtime.runInPulumiStack(async () => {
    await program();
    return {};
  });
  await pulumi.runtime.disconnect();
  return registered;
}

/** What a resource's check will say, as `path: message`. */
export function mistakesOf(resource: Registered | undefined): readonly string[] {
  const kind = /^pulumi-nodejs:dynamic\/netboot:(\w+)$/.exec(resource?.type ?? "")?.[1];
  if (kind === undefined) return [];
  return check(kind, {}, resource?.inputs ?? {}).failures.map(({ reason }) => reason);
}
