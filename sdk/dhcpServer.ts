import { isDeepStrictEqual } from "node:util";
import { dhcpLanguages } from "../provider/formats/dhcpLanguage";
import { type DhcpdSettings, type Loaders, parseDhcpdSettings } from "../provider/formats/isc/dhcpdConf";
import type { DhcpServerInputs } from "../provider/kinds/dhcpServer";
import { nicInputs, type Pool } from "../provider/values/network";
import { bad, type Checked, good } from "../provider/values/problem";
import type { BootArtifacts } from "./bootArtifacts";
import { type ConnectionArgs, connectionInput } from "./connection";
import type { NetbootServer } from "./netbootServer";
import { filesDeclaredOn } from "./program/declaredFiles";
import { given, withRoute } from "./program/given";
import { HostResource } from "./program/hostResource";
import { previewChain } from "./program/nextBootPreview";
import { otherOf, pairOf } from "./program/pairs";
import * as pulumi from "./program/pulumi";
import type { ServerReference } from "./reference";

/** The private network that node 0 serves. */
export interface NetworkArgs {
  /** The private NIC, the only one that is ever served: its name, or its hardware address. */
  readonly interface: pulumi.Input<string | { readonly mac: string }>;
  /** As in `192.168.1.0/28`. */
  readonly cidr: pulumi.Input<string>;
  /** Node 0's own address there; it must be on the interface already. */
  readonly address: pulumi.Input<string>;
  /** The default route of the machines. @defaultValue none */
  readonly router?: pulumi.Input<string>;
  /** The domain of the machines' names, told by DHCP option 15. @defaultValue none */
  readonly domain?: pulumi.Input<string>;
  /** Addresses of name servers, told by DHCP option 6. @defaultValue in a NetbootServer node 0, if it serves names; else none */
  readonly dnsServers?: pulumi.Input<readonly string[]>;
  /** Addresses of time servers, told by DHCP option 42. @defaultValue in a NetbootServer node 0, if it serves the time; else none */
  readonly ntpServers?: pulumi.Input<readonly string[]>;
  /** @defaultValue 7200 */
  readonly leaseSeconds?: pulumi.Input<number>;
  /**
   * The largest packet that comes through all the way between node 0 and the machines: told to their systems, and in a
   * NetbootServer no block of a boot file is larger.
   */
  readonly mtu?: pulumi.Input<number>;
  /** Addresses for machines that have none of their own, one for each of their NICs, both ends included. */
  readonly pool?: pulumi.Input<{ readonly from: string; readonly to: string }>;
}

/** What can be said of the DHCP server beside its network. */
export interface DhcpServerSettings {
  /**
   * The program that serves: ISC dhcpd, or Kea, which reads changes without a restart and needs Debian 12 or later. docs/kea.md
   * says what is different, and what becomes of leases when it changes. @defaultValue "isc"
   */
  readonly daemon?: pulumi.Input<"isc" | "kea">;
  /** Where the boot files are. @defaultValue node 0's own address */
  readonly bootServer?: pulumi.Input<string>;
  /** What machines get that no program names: nothing, or an address of the pool and the boot chain. @defaultValue "refuse" */
  readonly unknownMachines?: pulumi.Input<"refuse" | "serve">;
  /**
   * What becomes of an `up` if another DHCP server answers on the private network: a machine would take either. With
   * "allow" it must leave these machines alone. A list has the addresses of other node 0s, which serve the same machines: what
   * one of them offers is compared, and any other server is refused. @defaultValue "refuse", but for the two servers of machines
   * that name two
   */
  readonly otherDhcpServers?: pulumi.Input<"refuse" | "allow" | readonly pulumi.Input<string>[]>;
  /**
   * How two node 0s of the same machines share them. Without it both answer, each from its own files, and each lends one half of the pool.
   * With "hot-standby", by Kea's own hook, the one with the lower address answers, and the other one knows its leases and
   * answers when it is dead: both must be Kea, and both must say it. docs/two-node-0s.md says what that costs.
   * @defaultValue both answer
   */
  readonly highAvailability?: pulumi.Input<"hot-standby">;
  /**
   * A dhcpd of yours on node 0 may go that serves other networks too, or whose dhcpd.conf goes on in other files: ours serves the
   * private network only. It comes back on destroy. @defaultValue false
   */
  readonly replace?: pulumi.Input<boolean>;
  /** The file for each firmware. @defaultValue `{ x64: "ipxe.efi" }` */
  readonly loaders?: pulumi.Input<Partial<Loaders>>;
  /** Statements for dhcpd.conf, as text; never a secret, for it lies in clear on the host. Kea takes none. */
  readonly extraConfig?: pulumi.Input<string>;
  /** The interface may carry the default route: node 0 itself is private only, behind a gateway. @defaultValue false */
  readonly allowDefaultRoute?: pulumi.Input<boolean>;
}

/** The arguments of a {@link DhcpServer}. */
export interface DhcpServerArgs extends DhcpServerSettings {
  /** How node 0 is reached. */
  readonly connection: pulumi.Input<ConnectionArgs>;
  /** The private network that it serves; the same for all parts of a node 0. */
  readonly network: pulumi.Input<NetworkArgs>;
}

/**
 * The DHCP server of node 0: ISC dhcpd, or Kea, with the boot file for each firmware and stage.
 *
 * @remarks
 * On the host: the package `isc-dhcp-server`, `/etc/dhcp/dhcpd.conf`, `/etc/dhcp/netboot/hosts.conf` with the machines of
 * all stacks, and a unit of ours under the name `isc-dhcp-server.service`, bound to the private interface, which comes
 * back whenever it dies. With Kea, `kea-dhcp4-server` and its unit, `/etc/kea/kea-dhcp4.conf` and
 * `/etc/kea/netboot/reservations.json`. Every change is checked by the server's own checker first, and stands only if it is
 * served: what is asked is in docs/verification.md. It is not started where another DHCP server answers (OTHER_DHCP_SERVER). One host has
 * one DhcpServer. What was there before comes back when the resource is deleted, which is refused while another stack
 * still has machines on it.
 *
 * @see dhcpd.conf(5), RFC 2131, RFC 4578
 */
export class DhcpServer extends HostResource {
  /** @internal */
  static readonly __pulumiType: string = "pulumi-nodejs:dynamic/netboot:DhcpServer";

  /** What it was seen listening on: `eno2 udp 67`. */
  declare readonly listening: pulumi.Output<string>;
  /** What another stack needs to declare machines on this server; it holds the connection, so it is a secret if that is. */
  readonly reference: pulumi.Output<ServerReference>;
  /**
   * The boot files beside it, where this program declares them before its machines and it sends machines to no other host.
   *
   * @internal
   */
  readonly filesBeside: () => BootArtifacts["files"] | undefined;
  /**
   * The reference without its connection, so that nothing in it is a secret.
   *
   * @internal
   */
  readonly described: pulumi.Output<Omit<ServerReference, "connection" | "files">>;

  /**
   * What it serves, which is known without waiting for it: what comes before it may ask. Undefined while its arguments are wrong.
   *
   * @internal
   */
  readonly settings: pulumi.Output<DhcpdSettings | undefined>;
  /**
   * Its own address on the network; undefined while its arguments are wrong.
   *
   * @internal
   */
  readonly address: pulumi.Output<string | undefined>;
  /**
   * What it is a part of.
   *
   * @internal
   */
  partOf?: NetbootServer;

  constructor(name: string, args: DhcpServerArgs, opts?: pulumi.CustomResourceOptions) {
    const { connection, allowDefaultRoute, ...values } = given(args);
    const alone = pulumi
      .all([pulumi.output(values), secretIn(values.extraConfig)])
      .apply(([settled, hasSecret]) => (hasSecret ? refuseSecret() : parseDhcpdSettings(settled)));
    const made: { server?: DhcpServer } = {};
    const pair = pairOf(() => made.server);
    const other = pair.then((known) => otherOf(known, made.server)?.address);
    const whole = pair.then((known) => known && made.server?.partOf?.announced);
    const settings = pulumi
      .all([alone, other, whole])
      .apply(([own, address, told]) => beside(own, address, told?.pool));
    const reachedBy = connectionInput(connection);
    super(
      "DhcpServer",
      name,
      {
        connection: reachedBy,
        args: values,
        inputs: pulumi
          .all([settings, allowDefaultRoute])
          .apply(([checked, allowed]) => withRoute(checked, allowed, inputsOfDhcpServer)),
        listsPaths: true,
        once: "the DHCP server",
      },
      pulumi.mergeOptions(previewChain(), opts) as pulumi.CustomResourceOptions,
    );
    made.server = this;
    this.settings = settings.apply(({ value }) => value);
    this.address = alone.apply(({ value }) => value?.network.address);
    this.filesBeside = () => (values.bootServer === undefined ? filesDeclaredOn(connection) : undefined);
    this.described = pulumi.all([this.settings, this.urn]).apply(([known, server]) => ({ server, settings: known }));
    this.reference = pulumi
      .all([this.described, pulumi.output(reachedBy)])
      .apply(([described, connectionValue]) => ({ ...described, connection: connectionValue }));
  }
}

/** The same for a server that has another one beside it for the same machines, at that address. */
function beside(
  alone: Checked<DhcpdSettings>,
  address: string | undefined,
  pool: Pool | undefined,
): Checked<DhcpdSettings> {
  const { value } = alone;
  if (value === undefined) return alone;
  if (address === undefined) return withPartner(value);
  const { network, otherDhcpServers: known = [] } = value;
  const isHalf = pool !== undefined && network.pool !== undefined && !isDeepStrictEqual(pool, network.pool);
  const isKnown = known === "allow" || known.includes(address);
  return withPartner({
    ...value,
    ...(isHalf && { network: { ...network, sharedPool: pool } }),
    ...(!isKnown && { otherDhcpServers: [...known, address].sort() }),
  });
}

/** A server of two, of which one answers, must know who the other one is. */
function withPartner(settings: DhcpdSettings): Checked<DhcpdSettings> {
  const { highAvailability, otherDhcpServers: others = [] } = settings;
  if (highAvailability === undefined || (typeof others === "object" && others.length === 1)) return good(settings);
  const found =
    others === "allow"
      ? 'others may answer (otherDhcpServers: "allow")'
      : `it knows ${others.length === 0 ? "no other" : `${others.length} others`}`;
  const message =
    `"hot-standby" is between two servers, and ${found}; name both for the same machines, as in server: [a, b], or in otherDhcpServers the ` +
    "address of the other one alone; where there is no other one, leave highAvailability out";
  return bad({ path: "highAvailability", message });
}

function secretIn(text: pulumi.Input<string> | undefined): pulumi.Output<boolean> {
  return pulumi.output(pulumi.Output.isInstance(text) ? pulumi.isSecret(text as pulumi.Output<string>) : false);
}

function refuseSecret(): Checked<DhcpdSettings> {
  return bad({
    path: "extraConfig",
    message:
      "is a secret, but it would lie in clear in dhcpd.conf, which every user of node 0 can read; take the secret out of it",
  });
}

function inputsOfDhcpServer(settings: DhcpdSettings): DhcpServerInputs {
  const { network, bootServer = network.address, loaders, unknownMachines } = settings;
  return {
    ...(settings.daemon === undefined ? {} : { daemon: settings.daemon }),
    ...dhcpLanguages[settings.daemon ?? "isc"].render(settings),
    ...nicInputs(network),
    cidr: network.cidr,
    ...(network.pool === undefined ? {} : { pool: `${network.pool.from}-${network.pool.to}` }),
    unknownMachines,
    bootServer,
    loaders: { ...loaders },
    ...(settings.otherDhcpServers === undefined ? {} : { otherDhcpServers: settings.otherDhcpServers }),
    ...(settings.highAvailability === undefined ? {} : { highAvailability: settings.highAvailability }),
    ...(settings.replace === true ? { replace: true } : {}),
  };
}
