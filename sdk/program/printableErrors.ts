/**
 * Keeps Pulumi's printing of an error from going on for ever.
 *
 * @remarks
 * The SDK prints an error of a program by `util.inspect(error, { colors: true })`. Its source maps put a frame of every `apply` at
 * `node_modules/@pulumi/output.ts`, and some releases of Node (20.20, 22.23, 24.9) never find the end of a package's name there
 * (nodejs/node#64011): the preview then stands still at full load, without a word. With a step into the same folder they do.
 */
function mend(reason: unknown): void {
  const seen = new Set<unknown>();
  for (const errors = [reason]; errors.length > 0; ) {
    const error = errors.pop();
    if (typeof error !== "object" || error === null || seen.has(error)) continue;
    seen.add(error);
    const { stack, cause, errors: others } = error as Partial<AggregateError>;
    if (typeof stack === "string") Reflect.set(error, "stack", endingNames(stack));
    errors.push(cause, ...(Array.isArray(others) ? others : []));
  }
}

/** A stack in which a folder follows the scope of each package. */
export function endingNames(stack: string): string {
  return stack.replaceAll(/(node_modules([/\\])@[^/\\\s:]+)[/\\](?=[^/\\\s]*$)/gm, "$1$2.$2");
}

// Before those who print. Of what is thrown one may hear without handling it; of a promise only where somebody else handles it.
process.on("uncaughtExceptionMonitor", mend);
if (process.listenerCount("unhandledRejection") > 0) process.prependListener("unhandledRejection", mend);
