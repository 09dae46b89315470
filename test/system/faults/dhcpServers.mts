import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "../../../lab/index.mts";

/** A DHCP server, and how its files say what it serves. */
export interface DhcpServerFiles {
  readonly unit: string;
  readonly conf: string;
  readonly machines: string;
  readonly lease: RegExp;
  /** A NIC: its MAC, and its address. */
  readonly machine: RegExp;
}

export const dhcpServers = {
  isc: {
    unit: "isc-dhcp-server",
    conf: "/etc/dhcp/dhcpd.conf",
    machines: "/etc/dhcp/netboot/hosts.conf",
    lease: /^default-lease-time (\d+);/m,
    machine: /hardware ethernet (\S+); fixed-address (\S+);/g,
  },
  kea: {
    unit: "kea-dhcp4-server",
    conf: "/etc/kea/kea-dhcp4.conf",
    machines: "/etc/kea/netboot/reservations.json",
    lease: /^ {4}"valid-lifetime": (\d+)/m,
    machine: /"hw-address": "(\S+)", "ip-address": "(\S+)"/g,
  },
} as const satisfies Readonly<Record<string, DhcpServerFiles>>;

export type Daemon = keyof typeof dhcpServers;

/** The one that node 0's register tells of. */
export function daemonOf(lab: Lab): Daemon {
  const register = join(lab.node0.root, "/var/lib/pulumi-netboot/register");
  const entries = existsSync(register) ? readdirSync(register) : [];
  return entries.some((entry) => /^daemon kea$/m.test(readFileSync(join(register, entry), "utf8"))) ? "kea" : "isc";
}
