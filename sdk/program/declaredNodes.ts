import type { NameRecord } from "../../provider/formats/dnsmasq/dnsmasq";
import type { DhcpdSettings } from "../../provider/formats/isc/dhcpdConf";
import { parseExtraHosts } from "../../provider/formats/isc/extraConfig";
import { type NodeChecker, nodeChecker, type PlacedNode, type PlacedProblem } from "../../provider/values/fleet";
import * as pulumi from "./pulumi";

/** The machines that one run of a program has declared so far on one server. */
interface Declared {
  readonly settings: DhcpdSettings;
  readonly records: readonly NameRecord[] | undefined;
  readonly nodes: Map<string, PlacedNode>;
  readonly check: NodeChecker;
}

/** By the stack's resource, because one process can run several programs (the Automation API does); then by server. */
const runs = new WeakMap<object, Map<string, Declared>>();
const noStack = {};

/**
 * Remembers machines that this run of the program declares on a server, and tells what is wrong with them beside those
 * that it declared before: a MAC, an address or a name that stands twice, an address that does not fit.
 */
export function rememberNodes(
  server: string,
  settings: DhcpdSettings,
  records: readonly NameRecord[] | undefined,
  nodes: readonly PlacedNode[],
): readonly PlacedProblem[] {
  const run = pulumi.runtime.getStackResource() ?? noStack;
  const servers = runs.get(run) ?? new Map<string, Declared>();
  runs.set(run, servers);
  const known = servers.get(server);
  // Hundreds of machines come one by one, so each is compared with the others only once.
  if (
    known?.settings === settings &&
    known.records === records &&
    nodes.every(({ place }) => !known.nodes.has(place))
  ) {
    for (const node of nodes) known.nodes.set(node.place, node);
    return known.check(nodes);
  }
  const { daemon, network, unknownMachines, loaders, extraConfig = "" } = settings;
  const all = new Map(known?.nodes);
  for (const node of nodes) all.set(node.place, node);
  const check = nodeChecker(network, unknownMachines, loaders.ia32 !== undefined, {
    extra: parseExtraHosts(extraConfig),
    ...(records !== undefined && { records }),
    daemon,
  });
  servers.set(server, { settings, records, nodes: all, check });
  const places = new Set(nodes.map(({ place }) => place));
  return check([...all.values()]).filter(({ place }) => places.has(place));
}
