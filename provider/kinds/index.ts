import { NetbootError } from "../errors";
import { bootFile } from "./bootFile";
import { dhcpServer } from "./dhcpServer";
import { firewall } from "./firewall";
import type { Kind } from "./kind";
import { nameServer } from "./nameServer";
import { olaFleet } from "./olaFleet";
import { olaNode } from "./olaNode";
import { packages } from "./packages";
import { tftpServer } from "./tftpServer";
import { timeServer } from "./timeServer";

/** The resources that act on node 0, by the class that users write. */
export type KindName =
  | "BootFile"
  | "DhcpServer"
  | "Firewall"
  | "NameServer"
  | "OlaFleet"
  | "OlaNode"
  | "Packages"
  | "TftpServer"
  | "TimeServer";

const kinds: Readonly<Record<KindName, Kind<never>>> = {
  BootFile: bootFile,
  DhcpServer: dhcpServer,
  Firewall: firewall,
  NameServer: nameServer,
  OlaFleet: olaFleet,
  OlaNode: olaNode,
  Packages: packages,
  TftpServer: tftpServer,
  TimeServer: timeServer,
};

/** The kind by its name, which is the class that users write. */
export function kindOf(name: string): Kind<never> {
  if (Object.hasOwn(kinds, name)) return kinds[name as KindName];
  throw new NetbootError("BUG", `this is a bug in pulumi-netboot: there is no kind "${name}"`);
}
