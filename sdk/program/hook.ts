import * as pulumi from "./pulumi";

/** Whether hooks are called: not under Pulumi's mocks, which know of none (`registerResourceHook is not a function`). */
export function hasHooks(): boolean {
  const monitor = pulumi.runtime.getMonitor();
  return monitor === undefined || "registerResourceHook" in monitor;
}

/** A hook; under mocks one that is never called. */
export function hookNamed(
  name: string,
  callback: pulumi.ResourceHookFunction,
  opts?: pulumi.ResourceHookOptions,
): pulumi.ResourceHook {
  if (hasHooks()) return new pulumi.ResourceHook(name, callback, opts);
  const unheard = { __pulumiResourceHook: true, name, callback, opts, __registered: Promise.resolve() };
  return Object.assign(Object.create(pulumi.ResourceHook.prototype), unheard) as pulumi.ResourceHook;
}
