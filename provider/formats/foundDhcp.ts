import type { OptionValue } from "../values/nodeRow";
import type { AskingClientName } from "./askingClient";

/** A place in a file of node 0's. */
export interface FilePlace {
  readonly file: string;
  readonly line: number;
}

/** What stands in a file and has no counterpart in a program of ours. */
export interface LeftOut extends FilePlace {
  /** As it stands there. */
  readonly what: string;
  readonly why: string;
}

/** What each of the clients of a boot is told to load; a client without a row is told nothing, or it can't be said. */
export type FilesByClient = Readonly<Partial<Record<AskingClientName, string>>>;

/** A network that a DHCP server on node 0 serves. */
export interface FoundNetwork extends FilePlace {
  /** As in `192.168.1.0/28`. */
  readonly cidr: string;
  readonly routers: readonly string[];
  readonly domain?: string;
  readonly dnsServers: readonly string[];
  readonly ntpServers: readonly string[];
  readonly mtu?: number;
  readonly leaseSeconds?: number;
  /** Both ends included, in the order of the file. */
  readonly ranges: readonly (FilePlace & { readonly from: string; readonly to: string })[];
  /** Whether machines that no host names get an address. */
  readonly servesUnknown: boolean;
  readonly bootServer?: string;
  readonly files: FilesByClient;
  /** Statements for dhcpd.conf that a program hands on as they are, each whole. */
  readonly statements: readonly string[];
}

/** A machine that a DHCP server knows by its hardware address. */
export interface FoundHost extends FilePlace {
  /** As the file calls it. */
  readonly name: string;
  readonly hostname?: string;
  readonly mac: string;
  readonly addresses: readonly string[];
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly files: FilesByClient;
}

/** What the files of a DHCP server say. */
export interface FoundDhcp {
  readonly networks: readonly FoundNetwork[];
  readonly hosts: readonly FoundHost[];
  readonly leftOut: readonly LeftOut[];
  /** Files that they name and that were not given. */
  readonly missing: readonly string[];
}
