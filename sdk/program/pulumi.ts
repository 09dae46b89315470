/**
 * Pulumi's SDK as far as this package needs it, each name from its own file. The whole of it (`@pulumi/pulumi`) loads
 * TypeScript, the Automation API and a package manager as well: half a second of each run of a program that does not ask for it.
 */
export * as asset from "@pulumi/pulumi/asset";
export { RunError } from "@pulumi/pulumi/errors";
export * as log from "@pulumi/pulumi/log";
export { getOrganization, getProject, getStack } from "@pulumi/pulumi/metadata";
export {
  all,
  type Input,
  isSecret,
  Output,
  output,
  secret,
  type Unwrap,
  unsecret,
} from "@pulumi/pulumi/output";
export {
  ComponentResource,
  type ComponentResourceOptions,
  CustomResource,
  type CustomResourceOptions,
  createUrn,
  mergeOptions,
  Resource,
  ResourceHook,
  type ResourceHookFunction,
  type ResourceHookOptions,
} from "@pulumi/pulumi/resource";
export * as runtime from "./pulumiRuntime";
