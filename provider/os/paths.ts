/** Where things are on node 0. Debian's AppArmor profile for dhcpd reads nothing outside /etc/dhcp. */
export const dhcpdConf = "/etc/dhcp/dhcpd.conf";
export const dhcpFolder = "/etc/dhcp/netboot";
export const dhcpdUnit = "isc-dhcp-server.service";
export const tftpdDefaults = "/etc/default/tftpd-hpa";
export const tftpdUnit = "tftpd-hpa.service";
/** Joined on node 0 from the machines of every stack; dhcpd.conf includes it. */
export const hostsConf = "/etc/dhcp/netboot/hosts.conf";

/** Debian's AppArmor profile for Kea reads nothing outside /etc/kea. */
export const keaConf = "/etc/kea/kea-dhcp4.conf";
export const keaFolder = "/etc/kea/netboot";
/** Joined on node 0 from the machines of every stack; kea-dhcp4.conf includes it. */
export const keaReservations = "/etc/kea/netboot/reservations.json";
export const keaUnit = "kea-dhcp4-server.service";
export const keaControlSocket = "/run/kea/kea4-ctrl-socket";

/** chrony's own file, which must read our drop-in's folder. */
export const chronyConf = "/etc/chrony/chrony.conf";
/** Debian's chrony.conf includes what is in this folder. */
export const chronyDropIn = "/etc/chrony/conf.d/netboot.conf";
export const chronyUnit = "chrony.service";
export const namesFolder = "/etc/netboot-names";
export const dnsmasqConf = "/etc/netboot-names/dnsmasq.conf";
/** Joined on node 0 from the machines of every stack; dnsmasq.conf names it. */
export const namesFile = "/etc/netboot-names/hosts";
export const namesUnit = "netboot-names.service";
/** Undoes at boot what a power cut ended in the middle. */
export const recoveryUnitName = "pulumi-netboot-recovery.service";
/** Watches over our rules in the firewall. */
export const firewallUnit = "pulumi-netboot-firewall.service";

export function unitFile(unit: string): string {
  return `/etc/systemd/system/${unit}`;
}

/** What `systemctl enable` makes for a unit that multi-user.target wants. */
export function enablingLink(unit: string): string {
  return `/etc/systemd/system/multi-user.target.wants/${unit}`;
}

/**
 * The units that a package of Debian would start by itself, and that would serve before we say so. chrony's does not: it
 * asks the distribution's servers as the daemon before it did, and opens no port until our drop-in is there.
 */
export const packageUnits: Readonly<Record<string, readonly string[]>> = {
  "isc-dhcp-server": [dhcpdUnit, "isc-dhcp-server6.service"],
  "kea-dhcp4-server": [keaUnit],
  "tftpd-hpa": [tftpdUnit],
};
