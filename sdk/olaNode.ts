import { backendOf, type DhcpDaemon } from "../provider/formats/dhcpBackend";
import type { HostsEntry } from "../provider/formats/hosts/hostsTable";
import type { Chains } from "../provider/kinds/kind";
import type { OlaNodeInputs } from "../provider/kinds/olaNode";
import { chainKey, renderMachine, renderNextBoot } from "../provider/preview/nextBoot";
import type { Firmware, Loader } from "../provider/values/bootChain";
import { hidden } from "../provider/values/hidden";
import { parseNode } from "../provider/values/node";
import type { NodeRow, OptionValue } from "../provider/values/nodeRow";
import type { Checked, Problem } from "../provider/values/problem";
import { holdsUnknown, unknownText } from "../provider/values/unknown";
import { parseVerify, type Verify } from "../provider/values/verify";
import { rememberNodes } from "./program/declaredNodes";
import { given, whyNoFlag } from "./program/given";
import { hidingSecrets } from "./program/hidingSecrets";
import { hookNamed } from "./program/hook";
import { HostResource, lazily } from "./program/hostResource";
import { noteDeclared, noteNextBoots, previewNode } from "./program/nextBootPreview";
import { asPlanned, partly, whenKnown } from "./program/partly";
import { isPlain } from "./program/plain";
import * as pulumi from "./program/pulumi";
import { chainOf, namedOf, type ResolvedServer, resolveServer, type Whole } from "./program/server";
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

/** The arguments of an {@link OlaNode}. */
export interface OlaNodeArgs {
  /**
   * The server on which it boots: one of this program, or the reference of one that another stack exports. Of two, `[a, b]`, each
   * serves it by itself, and a change comes to the second only after the first has committed and proved.
   */
  readonly server: Servers;
  /**
   * What becomes of an `up` that can't reach one of two servers: it fails there, or says so in a warning, and the next `up` mends it.
   * @defaultValue "fail"
   */
  readonly whileOneIsDown?: pulumi.Input<"fail" | "go on">;
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
 * become one transaction and one restart of dhcpd, so a run with hundreds of new ones is shorter with `--parallel 300`. It
 * stands only if node 0 then offers the machine its address and both boot files, which is asked on node 0's own private
 * interface, without a lease and without the machine. Deleting the resource takes the blocks away.
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
   * What its next boot will do, for people: its address, name and NICs, and every file it will meet with its hash. A preview
   * says of what it does not know yet that it comes later: `ipxe.efi (its hash after this up)`.
   */
  declare readonly nextBoot: pulumi.Output<string>;
  /** The hardware addresses of all its NICs, in their one spelling. */
  declare readonly macs: pulumi.Output<readonly string[]>;
  /** Its name for DHCP and DNS. */
  declare readonly hostname: pulumi.Output<string>;
  /** Undefined where it gets one of the pool. */
  declare readonly address: pulumi.Output<string | undefined>;
  /** What it starts: 64-bit UEFI, or 32-bit. */
  declare readonly firmware: pulumi.Output<Firmware>;
  /** Undefined where it starts what the server gives to all. */
  declare readonly loader: pulumi.Output<Loader | undefined>;
  /** DHCP options of its own. */
  declare readonly options: pulumi.Output<Readonly<Record<string, OptionValue>> | undefined>;
  /** The line above its blocks on node 0. */
  declare readonly comment: pulumi.Output<string | undefined>;
  readonly #reference: ResolvedServer["reference"];
  readonly #name: string;
  #freshProof: pulumi.ResourceHook | undefined;
  /** The same machine on the second of two servers. */
  readonly #onSecond: OlaNode | undefined;
  /** What node 0 was seen to serve to it; of two servers what each was. */
  declare readonly verified: pulumi.Output<string>;
  /**
   * With `history`: its last boot as node 0's log tells it, `2026-11-22T10:04:33Z rEFInd: 10.20.0.11, ipxe.efi 67c7f1f8a1, …`.
   */
  declare readonly lastBoot: pulumi.Output<string | undefined>;

  constructor(name: string, args: OlaNodeArgs, opts?: pulumi.CustomResourceOptions) {
    const {
      server,
      verify: wanted,
      history,
      whileOneIsDown,
      [ofTwo]: second,
      ...values
    } = given(args as OlaNodeArgs & OfTwo);
    const { first, name: ofServer, two, problems: ofServers, declared } = chooseServers(server);
    const { connection, reference, placed, described, chains, chainsText, daemon, reaching, parts } =
      resolveServer(first);
    const own = second?.name ?? name;
    // Every output costs, a program has hundreds of machines, and most of them are plain values.
    const read = isPlain(values)
      ? parseNode(own, values, otherKeys)
      : partly(values).apply((settled) => parseNode(own, settled, otherKeys));
    const asked = isPlain([wanted, history])
      ? askedOf(wanted, history)
      : pulumi.all([wanted, history]).apply(([verify, log]) => askedOf(verify, log));
    const isNow = !pulumi.Output.isInstance(read);
    const nextBoot = isNow
      ? described.apply((whole) => nextBootOf(read.value, whole))
      : pulumi.all([read, described]).apply(([{ value }, whole]) => nextBootOf(value, whole));
    const problems = isNow
      ? placed.apply((server) => problemsOf(own, read, server))
      : pulumi.all([read, placed]).apply(([row, server]) => problemsOf(own, row, server));
    // Each property costs, too. What the engine is to leave as it was may be there without the program.
    const optional = optionalKeys.filter((key) => values[key] !== undefined || opts?.ignoreChanges?.includes(key));
    super(
      "OlaNode",
      name,
      {
        connection,
        ...(reaching !== undefined && { reaching }),
        values: {
          hostBlocks: isNow
            ? daemon.apply((own) => read.value && blocksOf(read.value, own))
            : pulumi.all([read, daemon]).apply(([{ value }, own]) => value && blocksOf(value, own)),
          daemon,
          ...Object.fromEntries(
            (["macs", "hostname", ...optional] as const).map((key) => [
              key,
              whenKnown(read, ({ value }) => (key === "firmware" && value?.[key] === "x64" ? undefined : value?.[key])),
            ]),
          ),
          ...(wanted !== undefined && { verify: whenKnown(asked, ({ verify }) => verify) }),
          ...(history !== undefined && { history: whenKnown(asked, ({ history: isAsked }) => isAsked) }),
          ...ofPair(two, second, whileOneIsDown),
          nextBoot,
          [hidden.chain]: asNextBoot(
            whenKnown(read, ({ value }) => value && chainKey(value)),
            opts,
          ),
          // A transform of the whole stack may give it another one, and a program does not hear of those.
          [hidden.chains]: chainsText,
        },
        problems: [
          hidingSecrets(tellingUndefined(withoutTold(problems, second), values), values),
          whenKnown(asked, ({ problems: others }) => others),
          ...ofServers,
          second === undefined ? whyNoChoice(whileOneIsDown, two) : [],
        ],
        without: history === undefined ? ["lastBoot"] : [],
      },
      pulumi.mergeOptions(
        { dependsOn: parts, ...previewNode(name, ofServer, second) },
        opts,
      ) as pulumi.CustomResourceOptions,
    );
    // What waits for something else by itself may wait for the second server.
    if (opts?.dependsOn === undefined) declared(this);
    noteDeclared(this);
    warnOfUndefined(this, problems, values);
    for (const key of ["address", "loader", "options", "comment", "lastBoot"] as const) this[key] ??= shared(undefined);
    this.firmware = values.firmware === undefined ? shared("x64") : this.firmware.apply((given) => given ?? "x64");
    // As the engine has the machine: it may have left a value as it was. A preview's engine has the text, too.
    if (!pulumi.runtime.isDryRun()) {
      this.#nextBootOf(chains, opts?.additionalSecretOutputs?.includes("nextBoot") === true);
    } else if (second === undefined) {
      // As the program has it: of a machine that a run leaves out the engine has no text, and its files may change all the same.
      const texts = nextBoot.apply((text) => () => ({ [name]: text }));
      noteNextBoots(texts, two?.names ?? [ofServer]);
    }
    this.#reference = reference;
    this.#name = name;
    if (two === undefined) return;
    const onSecond: OlaNodeArgs & OfTwo = {
      ...args,
      server: two.second,
      [ofTwo]: { name, names: two.names, problems },
    };
    this.#onSecond = new OlaNode(nameOnSecond(name, two), onSecond, optionsOnSecond(this, opts));
    this.verified = verifiedOnBoth(two, this.verified, this.#onSecond.verified);
  }

  /**
   * A hook that proves this machine in the moment in which it runs, and fails that step if node 0 does not serve it: for what
   * must not happen without, as a reboot. Of two servers both must serve it, for it boots from whichever answers first. A preview
   * asks nobody.
   *
   * @example
   * ```ts
   * new ovh.dedicated.ServerRebootTask("reboot", args, { dependsOn: db1, hooks: { beforeCreate: [db1.freshProof] } });
   * ```
   */
  get freshProof(): pulumi.ResourceHook {
    this.#freshProof ??= hookNamed(hookName(this.#name), async () => {
      for (const node of [this, ...(this.#onSecond === undefined ? [] : [this.#onSecond])]) {
        const [id, connection] = await settled(pulumi.all([node.id, pulumi.output(node.reachedBy)]), this.#name);
        // By name only, and when it is needed: SSH takes long to load, and no other run of a program needs it.
        await (require("pulumi-netboot/provider") as typeof import("../provider")).prove(connection, id);
      }
    });
    return this.#freshProof;
  }

  /** As the engine has the machine, which may have left a value as it was. */
  #nextBootOf(chains: pulumi.Output<Chains>, isSecret: boolean): void {
    lazily(this, "nextBoot", () => {
      const { macs, hostname, address, firmware, loader } = this;
      const { [hidden.chain]: changed } = this as unknown as {
        readonly [hidden.chain]: pulumi.Output<string | undefined>;
      };
      const text = pulumi
        .all([changed, macs, hostname, address, firmware, loader, chains])
        // Where the engine has none, it is the program's own: a key, and no text of lines.
        .apply(([words, ...known]) => (words?.includes("\n") === true ? words : nextBootAs(...known)));
      return isSecret ? pulumi.secret(text) : text;
    });
  }

  /** @internal */
  get named(): pulumi.Output<readonly HostsEntry[]> {
    return pulumi
      .all([this.#reference, this.hostname, this.address])
      .apply(([{ settings }, hostname, address]) =>
        namedOf(hostname === undefined ? [] : [{ hostname, ...(address !== undefined && { address }) }], settings),
      );
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

const otherKeys = ["server", "verify", "history", "whileOneIsDown"];

/** A secret if the next boot is to be one, for that may stand in its place. */
function asNextBoot<T>(value: T, opts: pulumi.CustomResourceOptions | undefined): pulumi.Input<T> {
  return opts?.additionalSecretOutputs?.includes("nextBoot") === true
    ? (pulumi.secret(value) as pulumi.Input<T>)
    : value;
}

const sharedOutputs = new Map<unknown, pulumi.Output<unknown>>();

/** One output for all machines that have what is usual. */
function shared<T>(value: T): pulumi.Output<T> {
  const known = sharedOutputs.get(value) ?? pulumi.output<unknown>(value);
  sharedOutputs.set(value, known);
  return known as pulumi.Output<T>;
}

/** Arguments of a machine that are no property of one that does without. */
const optionalKeys = ["address", "firmware", "loader", "options", "comment"] as const;

/** What is asked of the proof and of the log, without what is usual; and what is wrong with that. */
function askedOf(
  wanted: unknown,
  history: unknown,
): Pick<OlaNodeInputs, "verify" | "history"> & { readonly problems: readonly Problem[] } {
  const verify = parseVerify(wanted);
  return {
    ...(verify.value === undefined ? {} : { verify: verify.value }),
    ...(history === true ? { history } : {}),
    problems: [...verify.problems, ...whyNoFlag("history", history)],
  };
}

/** What is wrong with a machine by itself, or else beside others. */
function problemsOf(
  name: string,
  { value, problems, rest: row = value }: Checked<NodeRow>,
  { server, settings, records }: Omit<Whole, "files">,
): readonly Problem[] {
  // Without its network nothing more can be said; what is wrong with that shows at the server.
  if (row === undefined || typeof settings !== "object") return problems;
  return [...problems, ...rememberNodes(server, settings, records, [{ row, place: `OlaNode "${name}"` }])];
}

function nextBootOf(row: NodeRow | undefined, whole: Whole): string {
  return row === undefined ? "" : asPlanned(renderNextBoot({ row, ...chainOf(row, whole) }));
}

function blocksOf(row: NodeRow, daemon: DhcpDaemon | undefined): string {
  return holdsUnknown(row) ? unknownText : backendOf(daemon).renderMachine(row);
}

function nextBootAs(
  macs: readonly string[] | undefined,
  hostname: string | undefined,
  address: string | undefined,
  firmware: Firmware,
  loader: Loader | undefined,
  chains: Chains,
): string {
  // Of one that is refused there is no more than that.
  if (macs === undefined || hostname === undefined) return "";
  const machine = renderMachine({ macs, hostname, ...(address !== undefined && { address }) });
  return `${machine}\n${chains[chainKey({ firmware, ...(loader !== undefined && { loader }) })]}`;
}
