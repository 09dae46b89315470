import * as settings from "@pulumi/pulumi/runtime/settings";

// What of `pulumi.runtime` this package needs, as its ./pulumi has the rest.
export { invoke } from "@pulumi/pulumi/runtime/invoke";
export { getMonitor, isDryRun } from "@pulumi/pulumi/runtime/settings";
export { getStackResource } from "@pulumi/pulumi/runtime/stack";

/** Ends when nothing is asked of the engine any more: with it an inline program of the Automation API ends, too. */
export function waitForRPCs(): Promise<void> {
  return (settings as unknown as { waitForRPCs(): Promise<void> }).waitForRPCs();
}
