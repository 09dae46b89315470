import * as pulumi from "@pulumi/pulumi";
import { NetbootError, renderError } from "../provider/errors";
import { nicInputs, parseNetwork } from "../provider/values/network";
import { bad, type Checked, good, guess, within } from "../provider/values/problem";
import { BootArtifacts, type BootArtifactsSettings, packagesTaken } from "./bootArtifacts";
import { type ConnectionArgs, connectionInput } from "./connection";
import { DhcpServer, type DhcpServerSettings, type NetworkArgs } from "./dhcpServer";
import { Firewall, type FirewallPartSettings } from "./firewall";
import { NameServer, type NameServerSettings } from "./nameServer";
import { Packages } from "./packages";
import type { ServerReference } from "./reference";
import { TftpServer, type TftpServerArgs } from "./tftpServer";
import { TimeServer, type TimeServerSettings } from "./timeServer";

/** The arguments of a {@link NetbootServer}. */
export interface NetbootServerArgs extends Pick<DhcpServerSettings, "unknownMachines" | "allowDefaultRoute"> {
  readonly connection: pulumi.Input<ConnectionArgs>;
  readonly network: pulumi.Input<NetworkArgs>;
  /** More about the DHCP server. */
  readonly dhcp?: DhcpServerSettings;
  /** More about the TFTP server. */
  readonly tftp?: Pick<TftpServerArgs, "options">;
  /** More about the files that it serves. */
  readonly artifacts?: BootArtifactsSettings;
  /** More about the time server; `false`: none. @defaultValue true */
  readonly time?: boolean | TimeServerSettings;
  /** More about the names of the machines; `false`: none. @defaultValue true */
  readonly names?: boolean | NameServerSettings;
  /** On destroy, purge the packages that we brought, instead of leaving them stopped and masked. @defaultValue false */
  readonly removePackages?: pulumi.Input<boolean>;
  /** More about the firewall, which lets in what this server serves. */
  readonly firewall?: FirewallPartSettings;
}

/** All of them, which the compiler holds it to. */
const argumentsKnown: Readonly<Record<keyof NetbootServerArgs, true>> = {
  connection: true,
  network: true,
  dhcp: true,
  tftp: true,
  artifacts: true,
  time: true,
  names: true,
  firewall: true,
  unknownMachines: true,
  allowDefaultRoute: true,
  removePackages: true,
};

/** What is no argument, in an error of its own: its parts, which find all other mistakes, do not see it. */
function refuseUnknown(args: object, server: pulumi.Resource): void {
  const unknown = Object.entries(args).filter(
    ([key, value]) => value !== undefined && !Object.hasOwn(argumentsKnown, key),
  );
  if (unknown.length === 0) return;
  const known = Object.keys(argumentsKnown);
  const sentences = unknown.map(([key]) => `${key}: there is no such property; ${guess(key, known)}`);
  const refused = new NetbootError("ARGUMENTS_INVALID", sentences.join("\n"));
  throw new pulumi.ResourceError(renderError(refused), server, true);
}

/**
 * Node 0: the machine on the private network that answers when the others boot.
 *
 * @remarks
 * A component of {@link DhcpServer}, {@link TftpServer}, {@link BootArtifacts}, {@link TimeServer}, {@link NameServer}
 * and {@link Firewall}; on the host, theirs together, in one run of apt. It serves the private interface and nothing
 * else. The machines are told of its time and its names, unless `network` names other `ntpServers` and `dnsServers`.
 *
 * @example The guide's node 0
 * ```ts
 * const node0 = new netboot.NetbootServer("node0", {
 *   connection: { host: "203.0.113.7", user: "root", hostKey: "ssh-ed25519 AAAA…" },
 *   network: { interface: "eno2", cidr: "192.168.1.0/28", address: "192.168.1.1" },
 * });
 * new netboot.OlaNode("node-1", { server: node0, macs: ["52:54:00:12:34:56"], address: "192.168.1.2" });
 * ```
 */
export class NetbootServer extends pulumi.ComponentResource {
  readonly dhcp: DhcpServer;
  readonly tftp: TftpServer;
  readonly artifacts: BootArtifacts;
  /** Undefined with `time: false`. */
  readonly time: TimeServer | undefined;
  /** Undefined with `names: false`. */
  readonly names: NameServer | undefined;
  readonly firewall: Firewall;
  /** What another stack needs to declare machines here; a secret if the connection holds one. */
  readonly reference: pulumi.Output<ServerReference>;
  /** @internal */
  readonly reachedBy: DhcpServer["reachedBy"];
  /** @internal */
  readonly described: DhcpServer["described"];
  /** @internal */
  readonly parts: readonly pulumi.Resource[];

  constructor(name: string, args: NetbootServerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("netboot:index:NetbootServer", name, {}, opts);
    refuseUnknown(args, this);
    const { network, unknownMachines, allowDefaultRoute } = args;
    const time = settingsOf(args.time);
    const names = settingsOf(args.names);
    const servesNames = names !== undefined && names.mode !== "hosts";
    const connection = connectionInput(args.connection) as pulumi.Input<ConnectionArgs>;
    const packages = new Packages(
      `${name}-packages`,
      {
        connection,
        packages: [
          ...(time === undefined ? [] : ["chrony"]),
          ...(servesNames ? ["dnsmasq-base"] : []),
          "isc-dhcp-server",
          "tftpd-hpa",
        ],
        fetch: packagesTaken(args.artifacts ?? {}),
        listenFor: pulumi
          .all([network, args.dhcp?.otherDhcpServers])
          .apply(([given, others]) => placeAlone(given, others === "allow")),
        ...(time?.replace === true && { replaceTimeDaemon: true }),
        ...(args.removePackages === undefined ? {} : { removePackages: args.removePackages }),
      },
      { parent: this },
    );
    const part = { parent: this, dependsOn: packages };
    this.artifacts = new BootArtifacts(`${name}-artifacts`, { connection, ...args.artifacts }, part);
    this.tftp = new TftpServer(
      `${name}-tftp`,
      {
        connection,
        address: partsOf(network).address,
        directory: this.artifacts.directory,
        mtu: partsOf(network).apply((given) => parseNetwork(given).value?.mtu),
        ...args.tftp,
      },
      part,
    );
    this.dhcp = new DhcpServer(
      `${name}-dhcp`,
      {
        connection,
        network: partsOf(network).apply((given) => announcing(given, time !== undefined, servesNames)),
        ...(unknownMachines === undefined ? {} : { unknownMachines }),
        ...(allowDefaultRoute === undefined ? {} : { allowDefaultRoute }),
        ...(this.artifacts.hasIa32 ? { loaders: { ia32: "ipxe32.efi" } } : {}),
        ...args.dhcp,
      },
      part,
    );
    const bound = { connection, network, ...(allowDefaultRoute === undefined ? {} : { allowDefaultRoute }) };
    this.time = time && new TimeServer(`${name}-time`, { ...bound, ...time }, part);
    this.names = names && new NameServer(`${name}-names`, { ...bound, ...names }, part);
    this.firewall = new Firewall(
      `${name}-firewall`,
      {
        connection,
        interface: partsOf(network).interface,
        services: [
          "dhcp",
          "tftp",
          ...(time === undefined ? [] : ["ntp" as const]),
          ...(servesNames ? ["dns" as const] : []),
        ],
        ...(allowDefaultRoute === undefined ? {} : { allowDefaultRoute }),
        ...args.firewall,
      },
      part,
    );
    this.reachedBy = this.dhcp.reachedBy;
    this.described = this.dhcp.described;
    const optional = [this.time, this.names].filter((made) => made !== undefined);
    this.parts = [this.dhcp, this.tftp, this.firewall, ...this.artifacts.parts, ...optional];
    this.reference = pulumi
      .all([this.dhcp.reference, this.artifacts.files])
      .apply(([reference, files]) => ({ ...reference, files }));
    this.registerOutputs({});
  }
}

/** The settings of a part that is there by default; undefined if it is not wanted. */
function settingsOf<T extends object>(given: boolean | T | undefined): T | Record<string, never> | undefined {
  if (given === false) return undefined;
  return given === undefined || given === true ? {} : given;
}

/** Where nobody else may serve DHCP, as `Packages` takes it; or all that is wrong with the network. */
function placeAlone(network: pulumi.Unwrap<NetworkArgs>, withOthers: boolean): Checked<string | undefined> {
  const { value, problems } = parseNetwork(network);
  if (value === undefined) return bad(...within("network", problems));
  return good(withOthers ? undefined : `${nicInputs(value).interface} ${value.address}`);
}

/** The network where it is one; what is none is told by `Packages`, before a part can ask for it. */
function partsOf(network: pulumi.Input<NetworkArgs>): pulumi.Output<pulumi.Unwrap<NetworkArgs>> {
  return pulumi.output(network).apply((given) => Object(given) as pulumi.Unwrap<NetworkArgs>);
}

/** The network as DHCP tells it to the machines: with node 0's own time and names, where the program gives no others. */
function announcing(network: pulumi.Unwrap<NetworkArgs>, time: boolean, names: boolean): pulumi.Unwrap<NetworkArgs> {
  const { address } = network;
  return {
    ...network,
    ...(time && network.ntpServers === undefined && { ntpServers: [address] }),
    ...(names && network.dnsServers === undefined && { dnsServers: [address] }),
  };
}
