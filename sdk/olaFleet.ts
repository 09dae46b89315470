import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { HostsEntry } from "../provider/formats/hosts/hostsTable";
import type { DhcpdSettings } from "../provider/formats/isc/dhcpdConf";
import { renderHostBlocks } from "../provider/formats/isc/hostBlocks";
import type { OlaFleetInputs } from "../provider/kinds/olaFleet";
import { renderChain, renderNextBoot } from "../provider/preview/nextBoot";
import type { Firmware, Loader } from "../provider/values/bootChain";
import { parseNode } from "../provider/values/node";
import { type NodeRow, type OptionValue, renderRow } from "../provider/values/nodeRow";
import { bad, type Checked, good, type Problem, within } from "../provider/values/problem";
import { parseVerify, type Verify } from "../provider/values/verify";
import type { ServedFile } from "./bootArtifacts";
import { rememberNodes } from "./program/declaredNodes";
import { HostResource } from "./program/hostResource";
import { countFleet, noteDeclared, noteNextBoots, previewFleet } from "./program/nextBootPreview";
import { chainOf, namedOf, resolveServer, type Server, standardLoaders } from "./program/server";

/** One machine of a fleet. */
export interface FleetNodeArgs {
  /** The hardware addresses of all its NICs, 1 to 8. */
  readonly macs: pulumi.Input<readonly pulumi.Input<string>[]>;
  /** Its address. @defaultValue one from the pool */
  readonly address?: pulumi.Input<string>;
  /** @defaultValue its key in `nodes` */
  readonly hostname?: pulumi.Input<string>;
  /** @defaultValue "x64" */
  readonly firmware?: pulumi.Input<Firmware>;
  /** The iPXE binary for this machine. @defaultValue the server's */
  readonly loader?: pulumi.Input<Loader>;
  /** DHCP options of its own, by dhcpd's name for them (dhcp-options(5)), as in `{ "root-path": "/srv" }`. */
  readonly options?: pulumi.Input<Readonly<Record<string, OptionValue>>>;
  /** A line for people, above its blocks on node 0. */
  readonly comment?: pulumi.Input<string>;
  /**
   * What is known elsewhere to keep it from booting, in sentences, as `netboot.ovh.problems(server)` finds them. Each
   * refuses the machine, in preview, as a mistake in its arguments does. @defaultValue none
   */
  readonly problems?: pulumi.Input<readonly pulumi.Input<string>[]>;
}

/** The arguments of an {@link OlaFleet}. */
export interface OlaFleetArgs {
  readonly server: Server;
  /** The machines by name. */
  readonly nodes: pulumi.Input<Readonly<Record<string, pulumi.Input<FleetNodeArgs>>>>;
  /**
   * Whether the change stands only if node 0 is seen to serve the machines. With `again`, a new value asks for it anew.
   * @defaultValue true
   */
  readonly verify?: pulumi.Input<Verify>;
}

/**
 * Any number of machines that boot from node 0, as one resource.
 *
 * @remarks
 * On the host: what {@link OlaNode} writes, for all of them, always in one transaction with one restart of dhcpd. It
 * stands only if node 0 then offers every machine that is new or changed, and one of each chain, its address and boot
 * files. A preview names the machines that change.
 *
 * @example Two machines with two NICs each
 * ```ts
 * new netboot.OlaFleet("rack-a", {
 *   server: node0,
 *   nodes: {
 *     "db-1": { macs: ["04:3f:72:aa:00:01", "04:3f:72:aa:00:02"], address: "10.20.0.11" },
 *     "db-2": { macs: ["04:3f:72:aa:00:03", "04:3f:72:aa:00:04"], address: "10.20.0.12", loader: "snponly.efi" },
 *   },
 * });
 * ```
 */
export class OlaFleet extends HostResource {
  /** @internal */
  static readonly __pulumiType: string = "pulumi-nodejs:dynamic/netboot:OlaFleet";

  /** Name → what the machine's next boot will do, as {@link OlaNode.nextBoot}. */
  readonly nextBoots: pulumi.Output<Readonly<Record<string, string>>>;
  /** @internal */
  readonly named: pulumi.Output<readonly HostsEntry[]>;
  /** What node 0 was seen to serve to them. */
  declare readonly verified: pulumi.Output<string>;

  constructor(name: string, args: OlaFleetArgs, opts?: pulumi.CustomResourceOptions) {
    const { connection, reference, files, parts } = resolveServer(args.server);
    const rows = pulumi
      .all([reference, pulumi.output(args.nodes)])
      .apply(([{ server, settings }, nodes]) => readRows(name, server, settings, nodes));
    const described = pulumi.all([rows, reference, files]);
    const chains = described.apply(([{ value = [] }, { settings }, served]) => chainsOf(value, settings, served));
    // A step of its own: what a file's hash leaves unknown is no reason not to count.
    pulumi.all([rows, reference]).apply(([{ value = [] }, { settings }]) => {
      const machines = value.map((row) => row.name);
      countFleet(name, machines, standardLoaders(settings));
    });
    super(
      "OlaFleet",
      name,
      {
        connection,
        inputs: pulumi
          .all([rows, pulumi.output(args.verify)])
          .apply(([checked, wanted]): Checked<Omit<OlaFleetInputs, "chains">> => {
            const verify = parseVerify(wanted);
            const mistakes = [...checked.problems, ...verify.problems];
            if (checked.value === undefined || mistakes.length > 0) return bad(...mistakes);
            return good({
              ...inputsOfFleet(checked.value),
              ...(verify.value === undefined ? {} : { verify: verify.value }),
            });
          }),
        // A step of its own: a file's hash that is not known yet must not hide the machines.
        computed: { chains },
      },
      pulumi.mergeOptions({ dependsOn: parts, ...previewFleet() }, opts) as pulumi.CustomResourceOptions,
    );
    noteDeclared(this);
    this.named = pulumi.all([rows, reference]).apply(([{ value = [] }, { settings }]) => namedOf(value, settings));
    this.nextBoots = described.apply(([{ value = [] }, { settings }, served]) =>
      Object.fromEntries(value.map((row) => [row.name, renderNextBoot({ row, ...chainOf(row, settings, served) })])),
    );
    noteNextBoots(this.nextBoots);
  }
}

function readRows(
  fleet: string,
  server: string,
  settings: DhcpdSettings | undefined,
  nodes: Readonly<Record<string, unknown>>,
): Checked<readonly NodeRow[]> {
  const pathOf = (name: string): string => `nodes[${JSON.stringify(name)}]`;
  const placeOf = (name: string): string => `OlaFleet "${fleet}", ${pathOf(name)}`;
  const read = Object.entries(nodes).map(([name, node]) => ({ name, ...parseNode(name, node) }));
  const problems: Problem[] = read.flatMap(({ name, problems: own }) => [...within(pathOf(name), own)]);
  const rows = read.flatMap(({ value }) => (value === undefined ? [] : [value])).sort(byName);
  // What is wrong with the server shows at the server.
  if (settings !== undefined) {
    const places = new Map(rows.map((row) => [placeOf(row.name), pathOf(row.name)]));
    const placed = rememberNodes(
      server,
      settings,
      rows.map((row) => ({ row, place: placeOf(row.name) })),
    );
    problems.push(...placed.flatMap((problem) => [...within(places.get(problem.place) ?? "nodes", [problem])]));
  }
  return problems.length > 0 ? bad(...problems) : good(rows);
}

function byName(first: NodeRow, second: NodeRow): number {
  return first.name < second.name ? -1 : 1;
}

function inputsOfFleet(rows: readonly NodeRow[]): Omit<OlaFleetInputs, "chains"> {
  const hash = createHash("sha256");
  for (const row of rows) hash.update(renderHostBlocks(row));
  return {
    rows: Object.fromEntries(rows.map((row) => [row.name, renderRow(row)])),
    hostBlocksSha256: hash.digest("hex"),
  };
}

/** Every distinct chain, under the firmware and loader that lead to it. */
function chainsOf(
  rows: readonly NodeRow[],
  settings: DhcpdSettings | undefined,
  files: Readonly<Record<string, ServedFile>> | undefined,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    rows.map((row) => {
      const chain = chainOf(row, settings, files);
      return [`${row.firmware} ${chain.loader.name}`, renderChain(row.firmware, chain)];
    }),
  );
}
