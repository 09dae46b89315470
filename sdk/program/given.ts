import { bad, type Checked, good, type Problem, quoted } from "../../provider/values/problem";
import * as pulumi from "./pulumi";

/**
 * The arguments of a class, and none where they are no object: what is missing then tells of itself. Only JavaScript, or a
 * config object that is not set, comes to that.
 */
export function given<T extends object>(args: T): T {
  return isObject(args) ? args : ({} as T);
}

/** Whether a value is an object with named values, which is there now. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return !(pulumi.Output.isInstance(value) || value instanceof Promise || pulumi.Resource.isInstance(value));
}

/** What is wrong with a value that is true, false, or not given. */
export function whyNoFlag(path: string, value: unknown): readonly Problem[] {
  if (value === undefined || typeof value === "boolean") return [];
  return [{ path, message: `${quoted(value)} is neither true nor false` }];
}

/** The inputs of a part that serves an interface; it says on purpose that this one may carry the default route. */
export function withRoute<S, Inputs extends object>(
  settings: Checked<S>,
  allowDefaultRoute: unknown,
  inputsOf: (settings: S) => Inputs,
): Checked<Inputs> {
  const mistakes = [...settings.problems, ...whyNoFlag("allowDefaultRoute", allowDefaultRoute)];
  if (settings.value === undefined || mistakes.length > 0) return bad(...mistakes);
  return good({ ...inputsOf(settings.value), ...(allowDefaultRoute === true ? { allowDefaultRoute } : {}) });
}
