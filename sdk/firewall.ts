import type { FirewallInputs } from "../provider/kinds/firewall";
import {
  type FirewallService,
  type FirewallSettings,
  parseFirewallSettings,
  renderFirewallRules,
} from "../provider/values/firewall";
import { type ConnectionArgs, connectionInput } from "./connection";
import { given, withRoute } from "./program/given";
import { HostResource } from "./program/hostResource";
import { previewPart } from "./program/nextBootPreview";
import * as pulumi from "./program/pulumi";

/** What can be said of the firewall beside the interface. */
export interface FirewallPartSettings {
  /**
   * What machines may ask node 0 for. DHCP is 67/udp, TFTP 69/udp with its data packets, NTP 123/udp, DNS 53/udp and
   * 53/tcp. `"kea-ha"` is 8001/tcp, by which two Kea with `highAvailability` hear each other. @defaultValue `["dhcp", "tftp", "ntp", "dns"]`; in a NetbootServer, what it serves
   */
  readonly services?: pulumi.Input<readonly FirewallService[]>;
  /**
   * What is dropped on every other interface but the loopback: `true` is DHCP and TFTP. It keeps no machine from seeing
   * the answers of dhcpd, which reads below the firewall; dhcpd is bound to the interface anyway. @defaultValue false
   */
  readonly confine?: pulumi.Input<boolean | readonly FirewallService[]>;
}

/** The arguments of a {@link Firewall}. */
export interface FirewallArgs extends FirewallPartSettings {
  /** How node 0 is reached. */
  readonly connection: pulumi.Input<ConnectionArgs>;
  /** The private NIC: its name, or its hardware address. */
  readonly interface: pulumi.Input<string | { readonly mac: string }>;
  /** The interface may carry the default route: node 0 itself is private only, behind a gateway. @defaultValue false */
  readonly allowDefaultRoute?: pulumi.Input<boolean>;
}

/**
 * What node 0's firewall lets in from the private network.
 *
 * @remarks
 * On the host: rules of ours in whatever manages the firewall there, marked `pulumi-netboot`, before all others. In
 * firewalld, policies and a zone for the interface; in ufw, rules with a comment; elsewhere, rules at the head of each
 * chain of nftables or iptables at the hook of what comes in. `pulumi-netboot-firewall.service` puts them back whenever
 * somebody loads rules without them, at boot or later, and opens a firewall that comes only after this. No file of yours is
 * edited, no firewall is switched on, nothing else is opened or closed. Deleting the resource takes the rules and the unit out.
 *
 * @see nft(8), iptables(8), ufw(8), firewalld(1)
 */
export class Firewall extends HostResource {
  /** @internal */
  static readonly __pulumiType: string = "pulumi-nodejs:dynamic/netboot:Firewall";

  /** The rules in words that hold for every manager: `allow in on eno2 udp 67`. */
  declare readonly rules: pulumi.Output<readonly string[]>;
  /** What manages the firewall of node 0, and holds the rules; with "none" there is nothing to open. */
  declare readonly manager: pulumi.Output<"nftables" | "ufw" | "firewalld" | "iptables" | "none">;

  constructor(name: string, args: FirewallArgs, opts?: pulumi.CustomResourceOptions) {
    const { connection, allowDefaultRoute, ...values } = given(args);
    super(
      "Firewall",
      name,
      {
        connection: connectionInput(connection),
        args: values,
        inputs: pulumi
          .all([pulumi.output(values), allowDefaultRoute])
          .apply(([settled, allowed]) => withRoute(parseFirewallSettings(settled), allowed, inputsOfFirewall)),
      },
      pulumi.mergeOptions(previewPart(), opts) as pulumi.CustomResourceOptions,
    );
  }
}

function inputsOfFirewall(settings: FirewallSettings): FirewallInputs {
  const nic = settings.interface;
  return {
    interface: "name" in nic ? `name:${nic.name}` : `mac:${nic.mac}`,
    rules: renderFirewallRules(settings),
  };
}
