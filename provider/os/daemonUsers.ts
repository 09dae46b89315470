import { chronyUnit, keaUnit, namesUnit, tftpdUnit } from "./paths";

/** A user as which a daemon runs, and which its package makes. */
export interface DaemonUser {
  readonly user: string;
  readonly package: string;
}

/** By unit. Our dhcpd is root's own. */
export const daemonUsers: Readonly<Record<string, DaemonUser>> = {
  [tftpdUnit]: { user: "tftp", package: "tftpd-hpa" },
  [namesUnit]: { user: "dnsmasq", package: "dnsmasq-base" },
  [keaUnit]: { user: "_kea", package: "kea-common" },
  [chronyUnit]: { user: "_chrony", package: "chrony" },
};
