import { type ChronySettings, parseChronySettings, renderChronyConf } from "../provider/formats/chrony/chrony";
import type { TimeServerInputs } from "../provider/kinds/timeServer";
import { nicInputs } from "../provider/values/network";
import { type ConnectionArgs, connectionInput } from "./connection";
import type { NetworkArgs } from "./dhcpServer";
import { given, withRoute } from "./program/given";
import { HostResource } from "./program/hostResource";
import * as pulumi from "./program/pulumi";

/** What can be said of the time server beside its network. */
export interface TimeServerSettings {
  /** Time servers beside those of the distribution's own configuration: addresses or names. */
  readonly upstreams?: pulumi.Input<readonly pulumi.Input<string>[]>;
  /**
   * Another time daemon of node 0 (ntpsec, openntpd, ntp) may be replaced, or a chrony of yours be given a drop-in. Without
   * it only systemd-timesyncd is replaced, and anything else is a refusal. @defaultValue false
   */
  readonly replace?: boolean;
}

/** The arguments of a {@link TimeServer}. */
export interface TimeServerArgs extends TimeServerSettings {
  /** How node 0 is reached. */
  readonly connection: pulumi.Input<ConnectionArgs>;
  /** The private network that it serves; the same for all parts of a node 0. */
  readonly network: pulumi.Input<NetworkArgs>;
  /** The interface may carry the default route: node 0 itself is private only, behind a gateway. @defaultValue false */
  readonly allowDefaultRoute?: pulumi.Input<boolean>;
}

/**
 * The time for the machines of the private network: chrony.
 *
 * @remarks
 * On the host: the package `chrony` and `/etc/chrony/conf.d/netboot.conf`; the unit is the distribution's. It answers
 * the network's own machines on node 0's private address, port 123/udp, and nobody else, and goes on with node 0's clock
 * when no server outside can be reached. Debian has one time daemon: systemd-timesyncd goes when chrony comes. Deleting the
 * resource brings it back, running and enabled as it was, and a chrony that we brought goes with all it had.
 *
 * @example The time of a site of one's own
 * ```ts
 * new netboot.TimeServer("time", { connection, network, upstreams: ["ntp.example.net"] });
 * ```
 *
 * @see chrony.conf(5), RFC 5905; DHCP option 42 (RFC 2132) announces it, as `network.ntpServers`
 */
export class TimeServer extends HostResource {
  /** @internal */
  static readonly __pulumiType: string = "pulumi-nodejs:dynamic/netboot:TimeServer";

  /** What it was seen listening on: `192.168.1.1:123 udp`. */
  declare readonly listening: pulumi.Output<string>;

  constructor(name: string, args: TimeServerArgs, opts?: pulumi.CustomResourceOptions) {
    const { connection, allowDefaultRoute, ...values } = given(args);
    super(
      "TimeServer",
      name,
      {
        connection: connectionInput(connection),
        args: values,
        inputs: pulumi
          .all([pulumi.output(values), allowDefaultRoute])
          .apply(([settled, allowed]) => withRoute(parseChronySettings(settled), allowed, inputsOfTimeServer)),
        listsPaths: true,
        once: "the time server",
      },
      opts,
    );
  }
}

function inputsOfTimeServer(settings: ChronySettings): TimeServerInputs {
  return {
    config: renderChronyConf(settings),
    ...nicInputs(settings.network),
    ...(settings.replace ? { replace: true } : {}),
  };
}
