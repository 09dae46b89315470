import { fill } from "../template";

/**
 * The unit isc-dhcp-server.service: dhcpd in the foreground on one interface, and no other.
 *
 * @remarks
 * dhcpd reads raw frames, which no firewall keeps from it; the interface at the end of its command line is what confines
 * it to the private side. A NIC known by its hardware address stands as `@interface@` until the transaction knows its name.
 *
 * @see dhcpd(8), systemd.service(5)
 */
export function renderDhcpdUnit({ interface: name }: { readonly interface: string }): string {
  return fill("dhcpdUnit.service", { interface: name });
}
