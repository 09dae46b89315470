import {
  type DnsmasqSettings,
  type NameRecord,
  parseDnsmasqSettings,
  renderDnsmasqConf,
  renderDnsmasqUnit,
} from "../provider/formats/dnsmasq/dnsmasq";
import { renderHostsTable } from "../provider/formats/hosts/hostsTable";
import type { NameServerInputs } from "../provider/kinds/nameServer";
import { nicInputs } from "../provider/values/network";
import { type ConnectionArgs, connectionInput } from "./connection";
import type { NetworkArgs } from "./dhcpServer";
import { given, withRoute } from "./program/given";
import { HostResource } from "./program/hostResource";
import * as pulumi from "./program/pulumi";

/** What can be said of the name server beside its network. */
export interface NameServerSettings {
  /** `dnsmasq` serves the names; `hosts` writes them into node 0's own `/etc/hosts`. @defaultValue "dnsmasq" */
  readonly mode?: "dnsmasq" | "hosts";
  /** Addresses of servers that are asked for all other names. @defaultValue none: other names are refused */
  readonly upstreams?: pulumi.Input<readonly pulumi.Input<string>[]>;
  /** Further names, each with its address or addresses. */
  readonly records?: pulumi.Input<Readonly<Record<string, pulumi.Input<string | readonly string[]>>>>;
}

/** The arguments of a {@link NameServer}. */
export interface NameServerArgs extends NameServerSettings {
  /** How node 0 is reached. */
  readonly connection: pulumi.Input<ConnectionArgs>;
  /** The private network that it serves; the same for all parts of a node 0. */
  readonly network: pulumi.Input<NetworkArgs>;
  /** The interface may carry the default route: node 0 itself is private only, behind a gateway. @defaultValue false */
  readonly allowDefaultRoute?: pulumi.Input<boolean>;
}

/**
 * The names of the machines, of whichever stack, and the way back from their addresses.
 *
 * @remarks
 * On the host, with mode `dnsmasq`: the package `dnsmasq-base`, the folder `/etc/netboot-names`, and the unit
 * `netboot-names.service`: a dnsmasq that serves DNS and nothing else, on node 0's private address, port 53 by UDP and TCP.
 * systemd-resolved goes on beside it, and so does a dnsmasq of yours on other addresses. Machines that come or go change
 * its names without a restart. A machine without an address of its own has no name here. With a `network.domain` each name
 * stands with it too, and what is not known here of that domain does not exist for the machines: choose one of its own.
 *
 * With mode `hosts`: lines in `/etc/hosts` between `# pulumi-netboot begin` and `# pulumi-netboot end`; all others stay.
 *
 * A record that gives a machine's name to another address is refused: in a preview where the machine's server is a
 * `NetbootServer` of this program, else (CLASH) before anything is changed. Deleting the resource takes all of it away; the
 * package stays.
 *
 * @example Names of the machines, of a filer, and of the world
 * ```ts
 * new netboot.NameServer("names", {
 *   connection,
 *   network: { ...network, domain: "rack.example.net" },
 *   records: { filer: "192.168.1.14" },
 *   upstreams: ["9.9.9.9"],
 * });
 * ```
 *
 * @see dnsmasq(8), hosts(5); DHCP options 6 and 15 (RFC 2132) announce it, as `network.dnsServers` and `network.domain`
 */
export class NameServer extends HostResource {
  /** @internal */
  static readonly __pulumiType: string = "pulumi-nodejs:dynamic/netboot:NameServer";

  /** What it was seen listening on: `192.168.1.1:53 udp, 192.168.1.1:53 tcp`; or `/etc/hosts`. */
  declare readonly listening: pulumi.Output<string>;
  /**
   * The names beside those of machines; none where they are wrong, or a secret.
   *
   * @internal
   */
  readonly recorded: pulumi.Output<readonly NameRecord[]>;

  constructor(name: string, args: NameServerArgs, opts?: pulumi.CustomResourceOptions) {
    const { connection, allowDefaultRoute, ...values } = given(args);
    const settings = pulumi.output(values).apply(parseDnsmasqSettings);
    super(
      "NameServer",
      name,
      {
        connection: connectionInput(connection),
        args: values,
        inputs: pulumi.all([settings, allowDefaultRoute]).apply(([checked, allowed]) => {
          // Names in node 0's own hosts file are on no interface.
          return withRoute(checked, checked.value?.mode === "hosts" ? undefined : allowed, inputsOfNameServer);
        }),
        listsPaths: true,
        once: "the name server",
      },
      opts,
    );
    const known = pulumi
      .all([settings, pulumi.isSecret(settings)])
      .apply(([{ value }, isSecret]) => (isSecret ? [] : (value?.records ?? [])));
    this.recorded = pulumi.unsecret(known);
  }
}

function inputsOfNameServer(settings: DnsmasqSettings): NameServerInputs {
  const { network, mode, records } = settings;
  const { domain } = network;
  const lines = records.flatMap(({ name, addresses }) =>
    addresses.map((address) => ({ address, hostname: name, domain })),
  );
  const named = {
    mode,
    records: renderHostsTable(lines),
    ...(domain === undefined ? {} : { domain }),
  };
  if (mode === "hosts") return named;
  return { ...named, config: renderDnsmasqConf(settings), unit: renderDnsmasqUnit(), ...nicInputs(network) };
}
