import type { KindName } from "../../provider/kinds";

const every: Readonly<Record<KindName, true>> = {
  BootFile: true,
  DhcpServer: true,
  Firewall: true,
  NameServer: true,
  OlaFleet: true,
  OlaNode: true,
  Packages: true,
  TftpServer: true,
  TimeServer: true,
};

/** The names of all kinds of resources. */
export const kindNames = Object.keys(every) as readonly KindName[];
