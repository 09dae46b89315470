import type { Connection } from "../../provider/values/connection";
import type { Problem } from "../../provider/values/problem";
import * as pulumi from "./pulumi";

/** By the stack's resource, because one process can run several programs: thing → the place that declared it. */
const runs = new WeakMap<object, Map<string, string>>();
const noStack = {};

/**
 * Remembers what this run of the program declares of that which a host has once (its DHCP server, a file), and tells what
 * is wrong when it does so twice. The transaction would let the later one take the thing over from the earlier one of the
 * same stack, in turns for ever. Names that differ by case only are one, for iPXE's own file system knows no case.
 */
export function rememberThing(host: string, thing: string, place: string): readonly Problem[] {
  const run = pulumi.runtime.getStackResource() ?? noStack;
  const declared = runs.get(run) ?? new Map<string, string>();
  runs.set(run, declared);
  const key = JSON.stringify([host, thing.toLowerCase()]);
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

/** id → the hosts of the resources that a run of a program has declared with it. */
const ids = new WeakMap<object, Map<string, pulumi.Input<Connection>[]>>();

/**
 * Remembers a resource, and tells the hosts of earlier ones of this run that node 0's register would take for this one:
 * it knows a resource by kind, project, stack and name, whatever its parents are.
 */
export function rememberName(
  kind: string,
  name: string,
  connection: pulumi.Input<Connection>,
): readonly pulumi.Input<Connection>[] {
  const run = pulumi.runtime.getStackResource() ?? noStack;
  const declared = ids.get(run) ?? new Map<string, pulumi.Input<Connection>[]>();
  ids.set(run, declared);
  const id = `${kind}/${name.replaceAll("/", "_")}`;
  const earlier = declared.get(id) ?? [];
  declared.set(id, [...earlier, connection]);
  return earlier;
}
