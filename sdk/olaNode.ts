import * as pulumi from "@pulumi/pulumi";
import type { HostsEntry } from "../provider/formats/hosts/hostsTable";
import type { DhcpdSettings } from "../provider/formats/isc/dhcpdConf";
import { renderHostBlocks } from "../provider/formats/isc/hostBlocks";
import type { NodeMachine } from "../provider/kinds/node";
import type { OlaNodeInputs } from "../provider/kinds/olaNode";
import { renderNextBoot } from "../provider/preview/nextBoot";
import type { Firmware, Loader } from "../provider/values/bootChain";
import { parseNode } from "../provider/values/node";
import type { NodeRow, OptionValue } from "../provider/values/nodeRow";
import { bad, type Checked, good, type Problem, quoted } from "../provider/values/problem";
import { parseVerify, type Verify } from "../provider/values/verify";
import { rememberNodes } from "./program/declaredNodes";
import { HostResource } from "./program/hostResource";
import { noteDeclared, noteNextBoots, previewNode } from "./program/nextBootPreview";
import { isPlain } from "./program/plain";
import { chainOf, namedOf, resolveServer, type Server } from "./program/server";
import type { ServerReference } from "./reference";

/** The arguments of an {@link OlaNode}. */
export interface OlaNodeArgs {
  readonly server: Server;
  /** The hardware addresses of all its NICs, 1 to 8: which one the firmware boots from is not ours to choose. */
  readonly macs: pulumi.Input<readonly pulumi.Input<string>[]>;
  /** Its address. @defaultValue one from the pool */
  readonly address?: pulumi.Input<string>;
  /** @defaultValue the resource's name */
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
  /**
   * Whether the change stands only if node 0 is seen to serve the machine. With `again`, a new value asks for it anew.
   * @defaultValue true
   */
  readonly verify?: pulumi.Input<Verify>;
  /** With `true`, {@link OlaNode.lastBoot} is read from node 0's log at each change and each refresh. @defaultValue false */
  readonly history?: pulumi.Input<boolean>;
}

/**
 * A machine that boots from node 0: an OVHcloud server in OLA mode, with all its NICs.
 *
 * @remarks
 * On the host: a host block for each NIC in `/etc/dhcp/netboot/hosts.conf`, and an entry in node 0's register.
 * Machines that the engine hands over together (as many as its `--parallel`, by default four for each processor)
 * become one transaction and one restart of dhcpd; it stands only if node 0 then offers the machine its address and
 * both boot files, which is asked on node 0's own private interface, without a lease and without the machine. Deleting
 * the resource takes the blocks away.
 *
 * @example A machine with two NICs
 * ```ts
 * new netboot.OlaNode("db-1", { server: node0, macs: ["04:3f:72:aa:00:01", "04:3f:72:aa:00:02"], address: "10.20.0.11" });
 * ```
 */
export class OlaNode extends HostResource {
  /** @internal */
  static readonly __pulumiType: string = "pulumi-nodejs:dynamic/netboot:OlaNode";

  /**
   * What its next boot will do, for people: its address, name and NICs, and every file it will meet with its hash. Known
   * in preview, except while a file is still in its package.
   */
  readonly nextBoot: pulumi.Output<string>;
  readonly #machine: pulumi.Output<Machine>;
  readonly #name: string;
  #freshProof: pulumi.ResourceHook | undefined;
  /** What node 0 was seen to serve to it. */
  declare readonly verified: pulumi.Output<string>;
  /**
   * With `history`: its last boot as node 0's log tells it, `2026-11-22T10:04:33Z rEFInd: 10.20.0.11, ipxe.efi 67c7f1f8a1, …`.
   */
  declare readonly lastBoot: pulumi.Output<string | undefined>;

  constructor(name: string, args: OlaNodeArgs, opts?: pulumi.CustomResourceOptions) {
    const { server, ...values } = args;
    const { connection, reference, described, parts } = resolveServer(server);
    // Every output costs, a program has hundreds of machines, and most of them are plain values.
    const plain = isPlain(values);
    let kept: Machine | undefined;
    const ofPlain = (known: Known): Machine => {
      kept ??= machineOf(name, known, values);
      return kept;
    };
    const machine = plain
      ? reference.apply(ofPlain)
      : pulumi.all([reference, pulumi.output(values)]).apply(([known, given]) => machineOf(name, known, given));
    // Of its own: what a file's hash leaves unknown must not hide the machine's own mistakes and blocks.
    const nextBoot = plain
      ? described.apply(({ known, files }) => nextBootOf(ofPlain(known), files))
      : pulumi.all([machine, described]).apply(([made, { files }]) => nextBootOf(made, files));
    super(
      "OlaNode",
      name,
      {
        connection,
        inputs: machine,
        without: [
          ...(args.verify === undefined ? ["verify"] : []),
          ...(args.history === undefined ? ["history", "lastBoot"] : []),
        ],
        computed: { nextBoot },
      },
      pulumi.mergeOptions({ dependsOn: parts, ...previewNode(name) }, opts) as pulumi.CustomResourceOptions,
    );
    noteDeclared(this);
    this.nextBoot = nextBoot;
    noteNextBoots(nextBoot.apply((text) => ({ [name]: text })));
    this.#machine = machine;
    this.#name = name;
  }

  /**
   * A hook that proves this machine in the moment in which it runs, and fails that step if node 0 does not serve it: for what
   * must not happen without, as a reboot. A preview asks nobody.
   *
   * @example
   * ```ts
   * new ovh.dedicated.ServerRebootTask("reboot", args, { dependsOn: db1, hooks: { beforeCreate: [db1.freshProof] } });
   * ```
   */
  get freshProof(): pulumi.ResourceHook {
    this.#freshProof ??= new pulumi.ResourceHook(hookName(this.#name), async () => {
      const [id, connection] = await settled(pulumi.all([this.id, pulumi.output(this.reachedBy)]), this.#name);
      // By name only, and when it is needed: SSH takes long to load, and no other run of a program needs it.
      await (require("pulumi-netboot/provider") as typeof import("../provider")).prove(connection, id);
    });
    return this.#freshProof;
  }

  /** @internal */
  get named(): pulumi.Output<readonly HostsEntry[]> {
    return this.#machine.apply(({ row, settings }) => namedOf(row === undefined ? [] : [row], settings));
  }
}

/** What a resource's output holds, once it is known; an error if this run does not come to know it. */
async function settled<T>(output: pulumi.Output<T>, name: string): Promise<T> {
  const { isKnown } = output as unknown as { readonly isKnown: Promise<boolean> };
  if (!(await isKnown)) {
    throw new Error(`OlaNode "${name}" is not declared on node 0 yet; let this step depend on it: { dependsOn: … }`);
  }
  return await new Promise((resolve) => {
    output.apply((value) => resolve(value));
  });
}

/** How often a name has stood for a hook in this process: the engine knows hooks by their names only. */
const hookNames = new Map<string, number>();

function hookName(name: string): string {
  const count = (hookNames.get(name) ?? 0) + 1;
  hookNames.set(name, count);
  return `netboot-proof-of-${name}${count === 1 ? "" : `-${count}`}`;
}

/** A machine as its resource needs it: its inputs, or what is wrong with its arguments, and what they came from. */
type Machine = Checked<Omit<OlaNodeInputs, "nextBoot">> & {
  readonly row: NodeRow | undefined;
  readonly settings: DhcpdSettings | undefined;
};

type Known = pulumi.Unwrap<ReturnType<typeof resolveServer>["reference"]>;

function nextBootOf({ row, settings }: Machine, files: ServerReference["files"]): string {
  return row === undefined ? "" : renderNextBoot({ row, ...chainOf(row, settings, files) });
}

function machineOf(name: string, { server, settings }: Known, given: unknown): Machine {
  const { verify: wanted, history, ...ofRow } = given as { readonly verify?: unknown; readonly history?: unknown };
  const { value: row, problems } = readRow(name, server, settings, ofRow);
  const verify = parseVerify(wanted);
  const mistakes = [...problems, ...verify.problems, ...whyNoFlag("history", history)];
  if (row === undefined || mistakes.length > 0) return { ...bad(...mistakes), row: undefined, settings };
  const asked = {
    ...(verify.value === undefined ? {} : { verify: verify.value }),
    ...(history === true ? { history } : {}),
  };
  return { ...good({ ...inputsOfRow(row), ...asked }), row, settings };
}

function whyNoFlag(path: string, value: unknown): readonly Problem[] {
  if (value === undefined || typeof value === "boolean") return [];
  return [{ path, message: `${quoted(value)} is neither true nor false` }];
}

function readRow(name: string, server: string, settings: DhcpdSettings | undefined, given: unknown): Checked<NodeRow> {
  const row = parseNode(name, given);
  // Without its network nothing more can be said; what is wrong with that shows at the server.
  if (row.value === undefined || settings === undefined) return row;
  const problems = rememberNodes(server, settings, [{ row: row.value, place: `OlaNode "${name}"` }]);
  return problems.length > 0 ? bad(...problems) : row;
}

function inputsOfRow(row: NodeRow): Omit<OlaNodeInputs, "nextBoot"> {
  const { hostname, macs, address, firmware, loader } = row;
  const machine: NodeMachine = {
    hostname,
    macs,
    ...(address === undefined ? {} : { address }),
    ...(firmware === "x64" ? {} : { firmware }),
    ...(loader === undefined ? {} : { loader }),
  };
  return { hostBlocks: renderHostBlocks(row), machine };
}
