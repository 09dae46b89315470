import type { Problem } from "../../provider/values/problem";
import { partly } from "./partly";
import { isPlain } from "./plain";
import * as pulumi from "./pulumi";

/** What is wrong with arguments, without any text that is a secret there: errors are printed, and stand in logs. */
export function hidingSecrets(
  problems: pulumi.Input<readonly Problem[]>,
  args: unknown,
): pulumi.Input<readonly Problem[]> {
  if (isPlain(args)) return problems;
  const secrets = pulumi.all(outputsIn(args).map(secretTexts));
  const hidden = pulumi
    .all([problems, secrets])
    .apply(([found, texts]) => found.map((problem) => hide(problem, texts.flat())));
  return pulumi.unsecret(hidden);
}

function outputsIn(value: unknown): readonly pulumi.Output<unknown>[] {
  if (pulumi.Output.isInstance(value)) return [value as pulumi.Output<unknown>];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(outputsIn) : [];
}

function secretTexts(output: pulumi.Output<unknown>): pulumi.Output<readonly string[]> {
  return pulumi
    .all([partly(output), pulumi.isSecret(output)])
    .apply(([value, isSecret]) => (isSecret ? [...textsIn(value)] : []));
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === "object" && value !== null) return Object.values(value).flatMap(textsIn);
  // What is shorter stands in many words.
  return typeof value === "string" && value.length > 2 ? [value, value.toLowerCase()] : [];
}

function hide(problem: Problem, texts: readonly string[]): Problem {
  const longestFirst = texts.toSorted((one, other) => other.length - one.length);
  return {
    ...problem,
    message: longestFirst.reduce((text, secret) => text.replaceAll(secret, "[secret]"), problem.message),
  };
}
