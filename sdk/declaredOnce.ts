import * as pulumi from "@pulumi/pulumi";
import type { Problem } from "../provider/config/problem";

/** By the stack's resource, because one process can run several programs: thing → the place that declared it. */
const runs = new WeakMap<object, Map<string, string>>();
const noStack = {};

/**
 * Tells what is wrong when a program declares twice what a host has once: its DHCP server, a file. The transaction would
 * let the later one take the thing over from the earlier one of the same stack, in turns for ever.
 */
export function declareOnce(host: string, thing: string, place: string): readonly Problem[] {
  const run = pulumi.runtime.getStackResource() ?? noStack;
  const declared = runs.get(run) ?? new Map<string, string>();
  runs.set(run, declared);
  const key = JSON.stringify([host, thing]);
  const other = declared.get(key);
  declared.set(key, place);
  if (other === undefined || other === place) return [];
  return [
    {
      path: "",
      message: `a host has ${thing} once, and ${other} declares it on this one already; take one of the two out`,
    },
  ];
}
