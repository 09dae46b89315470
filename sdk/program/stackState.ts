import type { Before } from "../../provider/preview/whatGoes";
import { hidden, tokenOf } from "../../provider/values/hidden";
import * as pulumi from "./pulumi";

// What the engine has in a stack's state from before this run: a program hears nothing else of it.

/** The program's stack, as a resource; nothing in a test without an engine. */
export interface Stack {
  readonly outputs?: { promise(): Promise<unknown> };
}

const noStack: Stack = {};

/** The stack of the program that runs: one process can run several programs. */
export function stackNow(): Stack {
  return (pulumi.runtime.getStackResource() ?? noStack) as Stack;
}

const ofEngine = "pulumi:pulumi";

/**
 * The resources of the state: a program hears nothing of one that it does not declare any more. In a test without an engine
 * there are none.
 */
export async function readBefore(stack: Stack): Promise<Before> {
  if (stack === noStack) return {};
  try {
    const stackName = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
    const { outputs } = await pulumi.runtime.invoke(`${ofEngine}:readStackResourceOutputs`, { stackName });
    return (outputs ?? {}) as Before;
  } catch (reason) {
    return reason instanceof Error ? reason : new Error(String(reason));
  }
}

const tokens = new WeakMap<Stack, Promise<readonly string[]>>();

/** The tokens by which node 0 knows the resources of the state, of which the engine is asked once. */
export function tokensInState(stack: Stack): Promise<readonly string[]> {
  const read = tokens.get(stack) ?? readTokens(stack);
  tokens.set(stack, read);
  return read;
}

/** None where the engine does not tell, as in a test. */
async function readTokens(stack: Stack): Promise<readonly string[]> {
  const before = await readBefore(stack);
  if (before instanceof Error) return [];
  const generations = Object.values(before).map(({ outputs }) => outputs?.[hidden.generation]);
  return [...new Set(generations.flatMap((each) => (typeof each === "string" ? (tokenOf(each) ?? []) : [])))];
}
