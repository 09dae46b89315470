import * as pulumi from "@pulumi/pulumi";
import { BootArtifacts, type BootArtifactsSettings } from "./bootArtifacts";
import { type ConnectionArgs, connectionInput } from "./connection";
import { DhcpServer, type DhcpServerSettings, type NetworkArgs } from "./dhcpServer";
import { Packages } from "./packages";
import type { ServerReference } from "./reference";
import { TftpServer, type TftpServerArgs } from "./tftpServer";

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
}

/**
 * Node 0: the machine on the private network that answers when the others boot.
 *
 * @remarks
 * A component of {@link DhcpServer}, {@link TftpServer} and {@link BootArtifacts}; on the host, theirs together, in one
 * run of apt. It serves the private interface and nothing else.
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
    const { network, unknownMachines, allowDefaultRoute } = args;
    const connection = connectionInput(args.connection) as pulumi.Input<ConnectionArgs>;
    const packages = new Packages(
      `${name}-packages`,
      { connection, packages: ["isc-dhcp-server", "tftpd-hpa"] },
      { parent: this },
    );
    const part = { parent: this, dependsOn: packages };
    this.artifacts = new BootArtifacts(`${name}-artifacts`, { connection, ...args.artifacts }, part);
    this.tftp = new TftpServer(
      `${name}-tftp`,
      {
        connection,
        address: pulumi.output(network).apply(({ address }) => address),
        directory: this.artifacts.directory,
        ...args.tftp,
      },
      part,
    );
    this.dhcp = new DhcpServer(
      `${name}-dhcp`,
      {
        connection,
        network,
        ...(unknownMachines === undefined ? {} : { unknownMachines }),
        ...(allowDefaultRoute === undefined ? {} : { allowDefaultRoute }),
        ...(this.artifacts.hasIa32 ? { loaders: { ia32: "ipxe32.efi" } } : {}),
        ...args.dhcp,
      },
      part,
    );
    this.reachedBy = this.dhcp.reachedBy;
    this.described = this.dhcp.described;
    this.parts = [this.dhcp, this.tftp, ...this.artifacts.parts];
    this.reference = pulumi
      .all([this.dhcp.reference, this.artifacts.files])
      .apply(([reference, files]) => ({ ...reference, files }));
    this.registerOutputs({});
  }
}
