import { renderHostsTable } from "../provider/formats/hosts/hostsTable";
import type { OlaFleet } from "./olaFleet";
import type { OlaNode } from "./olaNode";
import * as pulumi from "./program/pulumi";

/**
 * The machines as lines of `/etc/hosts`, for the machines' own: by their cloud-init, their image, or whatever sets them up.
 *
 * With a `network.domain` of their server each name stands with it, and then alone. A machine without an address of its
 * own has no line.
 *
 * @example
 * ```ts
 * export const hosts = netboot.hostsTable([fleet, node1]);
 * // 10.20.0.11 db-1.rack.example.net db-1
 * // 10.20.0.12 db-2.rack.example.net db-2
 * ```
 */
export function hostsTable(machines: OlaFleet | OlaNode | readonly (OlaFleet | OlaNode)[]): pulumi.Output<string> {
  const listed = "named" in machines ? [machines] : machines;
  return pulumi.all(listed.map(({ named }) => named)).apply((tables) => renderHostsTable(tables.flat()));
}
