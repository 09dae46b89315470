import { isUnknown, unknown } from "@pulumi/pulumi/output";
import { afterUp, unknownText } from "../../provider/values/unknown";
import * as pulumi from "./pulumi";

/** A value, or one that comes later. */
export type Eventual<T> = T | pulumi.Output<T>;

/** What a value comes to, at once if it is there: an output costs, and most machines are plain values. */
export function whenKnown<T, U>(value: Eventual<T>, then: (value: T) => U): Eventual<U> {
  return pulumi.Output.isInstance(value)
    ? ((value as pulumi.Output<T>).apply(then as never) as pulumi.Output<U>)
    : then(value as T);
}

/**
 * A value in which a preview leaves nothing out: each part that only the up will know is `unknownText`, which the engine takes
 * for what it is. In an up all is known, or the whole is not.
 */
export function partly<T>(value: pulumi.Input<T>): pulumi.Output<T> {
  const output = pulumi.output(value) as unknown as WithUnknowns;
  return (pulumi.runtime.isDryRun() ? output.apply(withTexts, true) : output) as never;
}

/** What the SDK's own property access uses of an output: a function that is called with what is known of it. */
interface WithUnknowns {
  apply(func: (value: unknown) => unknown, runWithUnknowns: boolean): unknown;
}

/** The same value, with a text for each part that is unknown. */
export function withTexts(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (isUnknown(value)) return unknownText;
  if (Array.isArray(value)) return value.map(withTexts);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withTexts(inner)]));
}

/** The value as a program of a user's meets it: what is unknown is so for Pulumi, too. */
export function asUnknown<T>(value: T): T {
  if (value === unknownText) return unknown as T;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(asUnknown) as T;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, asUnknown(inner)])) as T;
}

/**
 * A text that says what comes after this up, unless the engine may hold the up to it: with update plans, which are of
 * Pulumi's experimental features, every value that a preview knew must be the same then. There it stays unknown.
 */
export function asPlanned(text: string): string {
  return asPlannedText(text) === text ? text : (unknown as never);
}

/** The same as a text that the engine takes for an unknown value. */
export function asPlannedText(text: string): string {
  const hasPlans = ["1", "true"].includes(process.env["PULUMI_EXPERIMENTAL"]?.toLowerCase() ?? "");
  return hasPlans && text.includes(afterUp) ? unknownText : text;
}
