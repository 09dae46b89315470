import * as pulumi from "@pulumi/pulumi";
import type { DhcpdSettings } from "../provider/config/dhcpdConf";
import { checkNodes, type PlacedNode, type PlacedProblem } from "../provider/config/fleet";

/** The machines that one run of a program has declared so far, by server and place. */
type Declared = Map<string, Map<string, PlacedNode>>;

/** By the stack's resource, because one process can run several programs (the Automation API does). */
const runs = new WeakMap<object, Declared>();
const noStack = {};

/**
 * Adds machines to those that this run of the program has declared on a server, and tells what is wrong with them
 * beside the others: a MAC, an address or a name that stands twice, an address that does not fit.
 */
export function declareNodes(
  server: string,
  settings: DhcpdSettings,
  nodes: readonly PlacedNode[],
): readonly PlacedProblem[] {
  const run = pulumi.runtime.getStackResource() ?? noStack;
  const declared: Declared = runs.get(run) ?? new Map();
  runs.set(run, declared);
  const onServer = declared.get(server) ?? new Map<string, PlacedNode>();
  declared.set(server, onServer);
  for (const node of nodes) onServer.set(node.place, node);
  const places = new Set(nodes.map(({ place }) => place));
  const { network, unknownMachines, loaders } = settings;
  return checkNodes(network, unknownMachines, loaders.ia32 !== undefined, [...onServer.values()]).filter(({ place }) =>
    places.has(place),
  );
}
