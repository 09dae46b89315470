import type { DhcpdSettings } from "../provider/formats/isc/dhcpdConf";
import type { Connection } from "../provider/values/connection";
import type { ServedFile } from "./bootArtifacts";

/** What a program needs to know of a node 0 to declare machines on it, also from another stack. */
export interface ServerReference {
  /** The DHCP server's URN. */
  readonly server: string;
  /** How node 0 is reached; it may hold secrets. */
  readonly connection: Connection;
  /** Its network and boot files; undefined while its own arguments are wrong. */
  readonly settings: DhcpdSettings | undefined;
  /** The files that TFTP serves, where the server knows them. */
  readonly files?: Readonly<Record<string, ServedFile>>;
}
