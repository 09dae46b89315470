import { digestOf } from "../provider/digest";
import type { HostsEntry } from "../provider/formats/hosts/hostsTable";
import { renderChain, renderMachine, renderNextBoot } from "../provider/preview/nextBoot";
import type { Firmware, Loader } from "../provider/values/bootChain";
import { hidden } from "../provider/values/hidden";
import { parseNode } from "../provider/values/node";
import { type NodeRow, type OptionValue, renderRow, renderRows, rowsAsCompared } from "../provider/values/nodeRow";
import { bad, type Checked, type Problem, quoted, within } from "../provider/values/problem";
import { holdsUnknown, isUnknown, unknownText } from "../provider/values/unknown";
import { parseVerify, type Verify } from "../provider/values/verify";
import { rememberNodes } from "./program/declaredNodes";
import { onRows, whyNotOne } from "./program/fleetOptions";
import { given, isObject } from "./program/given";
import { hidingSecrets } from "./program/hidingSecrets";
import { HostResource, lazily } from "./program/hostResource";
import {
  countFleet,
  noteDeclared,
  noteLoaders,
  noteNextBoots,
  noteOtherwise,
  previewFleet,
} from "./program/nextBootPreview";
import { asPlanned, asUnknown, type Eventual, partly, whenKnown } from "./program/partly";
import { isPlain } from "./program/plain";
import * as pulumi from "./program/pulumi";
import { chainOf, namedOf, resolveServer, standardLoaders, type Whole } from "./program/server";
import { tellingUndefined, warnOfUndefined } from "./program/tellingUndefined";
import {
  chooseServers,
  nameOnSecond,
  type OfTwo,
  ofPair,
  ofTwo,
  optionsOnSecond,
  type Servers,
  verifiedOnBoth,
  whyNoChoice,
  withoutTold,
} from "./program/twoServers";

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

/** A machine of a fleet, as its arguments and its server make it. */
export interface FleetNode {
  /** In their one spelling. */
  readonly macs: readonly string[];
  /** Its name for DHCP and DNS. */
  readonly hostname: string;
  /** Undefined where it gets one of the pool. */
  readonly address: string | undefined;
  /** What it starts: 64-bit UEFI, or 32-bit. */
  readonly firmware: Firmware;
  /** Undefined where it starts what the server gives to all. */
  readonly loader: Loader | undefined;
  /** DHCP options of its own. */
  readonly options: Readonly<Record<string, OptionValue>> | undefined;
  /** The line above its blocks on node 0. */
  readonly comment: string | undefined;
  /** As {@link OlaNode.nextBoot}. */
  readonly nextBoot: string;
}

/** The arguments of an {@link OlaFleet}. */
export interface OlaFleetArgs {
  /**
   * The server on which they boot: one of this program, or the reference of one that another stack exports. Of two, `[a, b]`, each
   * serves all of them by itself, and a change comes to the second only after the first has committed and proved.
   */
  readonly server: Servers;
  /**
   * What becomes of an `up` that can't reach one of two servers: it fails there, or says so in a warning, and the next `up` mends it.
   * @defaultValue "fail"
   */
  readonly whileOneIsDown?: pulumi.Input<"fail" | "go on">;
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

  /** The machines by name: `fleet.nodes["db-1"].address`. */
  declare readonly nodes: pulumi.Output<Readonly<Record<string, FleetNode>>>;
  /**
   * Name → what the machine's next boot will do, as {@link OlaNode.nextBoot}; `not told: …` where the engine has the fleet otherwise
   * than the program, as in a run with `--target` that leaves it out.
   */
  declare readonly nextBoots: pulumi.Output<Readonly<Record<string, string>>>;
  /** @internal */
  declare readonly named: pulumi.Output<readonly HostsEntry[]>;
  /** What node 0 was seen to serve to them; of two servers what each was. */
  declare readonly verified: pulumi.Output<string>;

  constructor(name: string, args: OlaFleetArgs, opts?: pulumi.CustomResourceOptions) {
    const { server, nodes, verify: wanted, whileOneIsDown, [ofTwo]: second } = given(args as OlaFleetArgs & OfTwo);
    const { first, name: ofServer, two, problems: ofServers, declared } = chooseServers(server);
    const machines = Object.hasOwn(given(args), "nodes") ? { nodes } : {};
    const { connection, reference, placed, described, daemon, reaching, parts } = resolveServer(first);
    const read = readNodes(nodes);
    const verify = whenKnown(isPlain(wanted) ? wanted : pulumi.output(wanted), parseVerify) as Eventual<
      Checked<Verify | undefined>
    >;
    const boots = pulumi.all([read, described]);
    const rows = rowsOf(nodes, read);
    const chains = boots.apply(([list, whole]) => (isUnknown(list()) ? unknownText : chainsOf(rowsIn(list()), whole)));
    const problems = pulumi
      .all([read, placed])
      .apply(([list, known]) => problemsOf(second?.name ?? name, list(), known));
    super(
      "OlaFleet",
      name,
      {
        connection,
        ...(reaching !== undefined && { reaching }),
        values: {
          rows,
          daemon,
          ...(wanted !== undefined && { verify: whenKnown(verify, ({ value }) => value) }),
          ...ofPair(two, second, whileOneIsDown),
          chains,
          [hidden.chain]: whenKnown(isPlain(rows) ? rows : partly(rows), (of: unknown) =>
            digestOf([rowsAsCompared(of)]),
          ),
          // The engine gives an undefined one its value, and a run that leaves the fleet out the one of before.
          [hidden.drawn]: undefined,
        },
        problems: [
          hidingSecrets(tellingUndefined(withoutTold(problems, second), machines), nodes),
          whenKnown(verify, ({ problems: others }) => others),
          ...ofServers,
          second === undefined ? whyNoChoice(whileOneIsDown, two) : [],
        ],
      },
      pulumi.mergeOptions(
        { dependsOn: parts, ...previewFleet(name, ofServer, second) },
        onRows(opts),
      ) as pulumi.CustomResourceOptions,
    );
    if (second === undefined) for (const words of whyNotOne(opts)) void pulumi.log.warn(words, this);
    // What waits for something else by itself may wait for the second server.
    if (opts?.dependsOn === undefined) declared(this);
    noteDeclared(this);
    warnOfUndefined(this, problems, machines);
    if (second === undefined) {
      whenKnown(read, (list) => {
        const names = isUnknown(list()) ? undefined : rowsIn(list()).map((row) => row.name);
        countFleet(name, names);
        if (names?.length === 0 && pulumi.runtime.isDryRun())
          void pulumi.log.info("has no machine: its nodes are empty", this);
      });
    }
    described.apply(({ settings }) => noteLoaders(name, standardLoaders(settings)));
    lazily(this, "named", () =>
      pulumi.all([read, reference]).apply(([list, { settings }]) => namedOf(rowsIn(list()), settings)),
    );
    const {
      chains: told,
      rows: sent,
      [hidden.drawn]: drawn,
    } = this as unknown as Readonly<Record<string, pulumi.Output<unknown>>>;
    const isOther = isOtherThan(pulumi.all([rows, chains]), drawn, sent);
    if (second === undefined) whenKnown(isOther, (other) => other && noteOtherwise(name));
    lazily(this, "nodes", () =>
      pulumi.all([read, described, isOther]).apply(([list, whole, other]) => {
        const known = rowsIn(list()).map(
          (row) => [row.name, nodeOf(row, other ? notTold : bootOf(row, whole))] as const,
        );
        return isUnknown(list()) ? asUnknown(list()) : Object.fromEntries(known);
      }),
    );
    // In a preview the provider knows more of the files than the program; an up's engine has no chains.
    const more = pulumi.runtime.isDryRun() && told !== undefined ? partly(told) : undefined;
    // What an up could not declare, it does not tell of.
    const made = pulumi.runtime.isDryRun() ? undefined : this.id;
    const bootsOf = (list: ReadNodes, tell: (row: NodeRow) => string): Readonly<Record<string, string>> =>
      Object.fromEntries(rowsIn(list).map((row) => [row.name, tell(row)]));
    const declaredBoots = () => pulumi.all([read, described, more, made]);
    lazily(this, "nextBoots", () =>
      pulumi.all([declaredBoots(), isOther]).apply(([[list, whole, texts], other]) => {
        const known = bootsOf(list(), (row) => (other ? notTold : bootAs(row, whole, texts)));
        return isUnknown(list()) ? asUnknown(list()) : known;
      }),
    );
    // A preview's sentence is about the program's: a file that all boot by may change in a run that leaves the fleet out.
    if (second === undefined && pulumi.runtime.isDryRun()) {
      noteNextBoots(
        declaredBoots().apply(
          ([list, whole, texts]) =>
            () =>
              bootsOf(list(), (row) => bootAs(row, whole, texts)),
        ),
        two?.names ?? [ofServer],
      );
    }
    if (two === undefined) return;
    const onSecond: OlaFleetArgs & OfTwo = {
      ...args,
      server: two.second,
      [ofTwo]: { name, names: two.names, problems },
    };
    const other = new OlaFleet(nameOnSecond(name, two), onSecond, optionsOnSecond(this, opts));
    this.verified = verifiedOnBoth(two, this.verified, other.verified);
  }
}

/** What is told of a next boot that is not as this program declares it. */
const notTold =
  "not told: the engine has this fleet otherwise than this program, for --target or --exclude left it out of this run, or ignoreChanges " +
  "or a transform changed it on the way";

/**
 * Whether the engine goes by other machines, or by other chains, than the program has: by their digest in the state, or by
 * `sent`, the rows that a preview is about to send to node 0. In a test it tells nothing of that.
 */
function isOtherThan(
  declared: pulumi.Output<unknown[]>,
  drawn: pulumi.Output<unknown> | undefined,
  sent: pulumi.Output<unknown> | undefined,
): Eventual<boolean> {
  if (drawn === undefined) return false;
  return partly(pulumi.all([declared, drawn, sent])).apply(([[rows, chains], known, now]) => {
    if (typeof known === "string" && !isUnknown(known)) return known !== digestOf([rowsAsCompared(rows), chains]);
    if (now === undefined || now === rows || holdsUnknown(now) || holdsUnknown(rows)) return false;
    return digestOf([rowsAsCompared(now)]) !== digestOf([rowsAsCompared(rows)]);
  });
}

function nodeOf(row: NodeRow, nextBoot: string): FleetNode {
  const { macs, hostname, address, firmware, loader, options, comment } = row;
  const node = { macs, hostname, address, firmware, loader, options, comment };
  return { ...(holdsUnknown(node) ? asUnknown(node) : node), nextBoot };
}

function bootOf(row: NodeRow, whole: Whole): string {
  return asPlanned(renderNextBoot({ row, ...chainOf(row, whole) }));
}

/** The same with the lines that the engine has for its chain. */
function bootAs(row: NodeRow, whole: Whole, chains: unknown): string {
  const { loader } = chainOf(row, whole);
  const text = isObject(chains) ? chains[`${row.firmware} ${loader.name}`] : undefined;
  return typeof text === "string" && !isUnknown(text)
    ? asPlanned(`${renderMachine(row)}\n${text}`)
    : bootOf(row, whole);
}

/** A machine of the argument `nodes`. */
type ReadNode = Checked<NodeRow> & { readonly name: string };

/** The machines in the order of their names; `unknownText` where a preview does not know yet which there are. */
type ReadNodes = readonly ReadNode[] | Checked<never> | typeof unknownText;

/** A function gives them, for whatever else is handed to Pulumi's own `all` is walked through and copied there, machine by machine. */
function readNodes(nodes: OlaFleetArgs["nodes"]): Eventual<() => ReadNodes> {
  return whenKnown((isPlain(nodes) ? nodes : partly(nodes)) as Eventual<unknown>, (known) => {
    const read = readKnown(known);
    return () => read;
  });
}

function readKnown(nodes: unknown): ReadNodes {
  if (isUnknown(nodes)) return unknownText;
  const example = '{ "db-1": { macs: ["52:54:00:12:34:56"], address: "192.168.1.2" } }';
  if (nodes === undefined || nodes === null)
    return bad({ path: "nodes", message: `is required; write it as ${example}` });
  if (typeof nodes !== "object" || Array.isArray(nodes) || nodes instanceof Map || nodes instanceof Set) {
    return bad({
      path: "nodes",
      message: `${quoted(nodes)} is no object of machines by their names; write it as ${example}`,
    });
  }
  return Object.entries(nodes)
    .map(([name, node]): ReadNode => ({ name, ...parseNode(name, node) }))
    .sort(byName);
}

function rowsIn(list: ReadNodes): readonly NodeRow[] {
  return Array.isArray(list) ? list.flatMap(({ value }: ReadNode) => (value === undefined ? [] : [value])) : [];
}

/** All as one text. Where the names are known and a machine is not, they are a map: its line alone is left open, or is a secret. */
function rowsOf(nodes: OlaFleetArgs["nodes"], read: Eventual<() => ReadNodes>): pulumi.Input<unknown> {
  if (isPlain(nodes) || !isObject(nodes)) {
    return whenKnown(read, (list) => (isUnknown(list()) ? list() : textOf(rowsIn(list()))));
  }
  const lines = Object.entries(nodes).map(([name, node]): [string, Eventual<string | undefined>] => [
    name,
    whenKnown(
      isPlain(node) ? node : (partly(node) as Eventual<unknown>),
      (settled) => linesOf(rowsIn(readKnown({ [name]: settled })))[name],
    ),
  ]);
  return Object.fromEntries(lines.sort(([one], [other]) => (one < other ? -1 : 1)));
}

function textOf(rows: readonly NodeRow[]): string | Readonly<Record<string, string>> {
  return rows.some(holdsUnknown) ? linesOf(rows) : renderRows(rows);
}

function linesOf(rows: readonly NodeRow[]): Readonly<Record<string, string>> {
  return Object.fromEntries(rows.map((row) => [row.name, holdsUnknown(row) ? unknownText : renderRow(row)]));
}

/** What is wrong with machines by themselves, or else beside others. */
function problemsOf(
  fleet: string,
  list: ReadNodes,
  { server, settings, records }: Omit<Whole, "files">,
): readonly Problem[] {
  if (!Array.isArray(list)) return isUnknown(list) ? [] : (list as Checked<never>).problems;
  const pathOf = (name: string): string => `nodes[${JSON.stringify(name)}]`;
  const placeOf = (name: string): string => `OlaFleet "${fleet}", ${pathOf(name)}`;
  const problems = list.flatMap(({ name, problems: own }: ReadNode) => [...within(pathOf(name), own)]);
  // What is wrong with the server shows at the server.
  if (typeof settings !== "object") return problems;
  const rows = list.flatMap(({ value, rest = value }: ReadNode) => rest ?? []);
  const places = new Map(rows.map((row) => [placeOf(row.name), pathOf(row.name)]));
  const placed = rememberNodes(
    server,
    settings,
    records,
    rows.map((row) => ({ row, place: placeOf(row.name) })),
  );
  return [...problems, ...placed.flatMap((problem) => [...within(places.get(problem.place) ?? "nodes", [problem])])];
}

function byName(first: { readonly name: string }, second: { readonly name: string }): number {
  return first.name < second.name ? -1 : 1;
}

/** Every distinct chain, under the firmware and loader that lead to it. */
function chainsOf(rows: readonly NodeRow[], whole: Whole): Readonly<Record<string, string>> | typeof unknownText {
  const chains = rows.map((row) => ({ firmware: row.firmware, chain: chainOf(row, whole) }));
  if (chains.some(({ firmware, chain }) => isUnknown(firmware) || isUnknown(chain.loader.name))) return unknownText;
  return Object.fromEntries(
    chains.map(({ firmware, chain }) => [`${firmware} ${chain.loader.name}`, asPlanned(renderChain(firmware, chain))]),
  );
}
