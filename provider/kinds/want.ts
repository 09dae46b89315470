import type { DhcpDaemon } from "../formats/dhcpBackend";

/** What one resource wants to be true on node 0, or the part of it that a transaction carries out. */
export type Want =
  /** A Debian package, and the units it would start by itself; they are masked when we bring it. */
  | { readonly want: "package"; readonly name: string; readonly units: readonly string[] }
  /**
   * The package stands in for others of its kind, which apt removes and which come back when nobody wants it any more.
   * Unless `allowed`, only `usual` may go: others, or the package itself if somebody else brought it, are a refusal.
   */
  | {
      readonly want: "standIn";
      readonly package: string;
      readonly usual: readonly string[];
      readonly others: readonly string[];
      readonly allowed: boolean;
    }
  /** A package, or `package=version`, out of which others will take so many files soon: fetched while apt installs. */
  | { readonly want: "fetch"; readonly package: string; readonly files: number }
  /** Who else answers DHCP there is listened for while apt installs. `interface` is as in `interface`. */
  | { readonly want: "listenFor"; readonly interface: string; readonly address: string }
  /** With this resource go the packages that we brought, if nothing else wants them. */
  | { readonly want: "purge" }
  | { readonly want: "dir"; readonly path: string; readonly mode: string }
  /** A file of root's. `input` names the input whose text it is, so that a look at the host can be told in it. */
  | {
      readonly want: "file";
      readonly path: string;
      readonly mode: string;
      readonly content: string | Uint8Array;
      readonly input?: string;
    }
  | { readonly want: "link"; readonly path: string; readonly target: string }
  /** A file out of a copy of a package of the distribution, of which nothing else is installed; the first member that exists is taken. */
  | {
      readonly want: "take";
      readonly path: string;
      readonly mode: string;
      readonly package: string;
      readonly version?: string | undefined;
      readonly members: readonly string[];
    }
  /** The private interface, which must have this address; `@interface@` in texts becomes its name. */
  | {
      readonly want: "interface";
      readonly interface: string;
      readonly address: string;
      readonly prefixLength: number;
      readonly allowDefaultRoute: boolean;
    }
  /** A running unit, restarted or told to read anew when one of these paths changes. */
  | {
      readonly want: "unit";
      readonly name: string;
      readonly restartedBy: readonly string[];
      readonly reloadedBy?: readonly string[];
    }
  /** A unit of the distribution's, started at boot. */
  | { readonly want: "enabled"; readonly unit: string }
  | { readonly want: "listen"; readonly unit: string; readonly on: PacketSocket | PortSocket }
  /** What keeps the time on this host answers for it on this address. */
  | { readonly want: "ntp"; readonly address: string }
  /** The names of the machines of all stacks, and `records`: lines of hosts(5). */
  | {
      readonly want: "names";
      readonly mode: "dnsmasq" | "hosts";
      readonly address?: string | undefined;
      readonly domain?: string | undefined;
      readonly records: string;
    }
  /** What the DHCP server of this host answers. */
  | {
      readonly want: "serve";
      readonly interface: string;
      readonly bootServer: string;
      /** The network whose machines it can serve: `192.168.1.0/28`. */
      readonly cidr: string;
      readonly loaders: Readonly<Record<string, string>>;
      /** The addresses for machines that have none of their own, both ends included: `192.168.1.2-192.168.1.5`. */
      readonly pool?: string | undefined;
      /** Absent in what older releases have written, as is the pool. */
      readonly unknownMachines?: "refuse" | "serve" | undefined;
    }
  /** Rules of ours in node 0's firewall, whoever manages it: `allow in on eno2 udp 67`. */
  | {
      readonly want: "firewall";
      /** `name:eno2` or `mac:52:54:00:12:34:56`. */
      readonly interface: string;
      readonly rules: readonly string[];
      readonly allowDefaultRoute: boolean;
    }
  /** A dhcpd.conf of somebody else's may go, whatever else it serves. */
  | { readonly want: "replaceDhcp" }
  /** Others may answer DHCP on its network. */
  | { readonly want: "otherServers" }
  /** These addresses may, and nobody else: each of them another node 0, which serves the same machines. */
  | { readonly want: "peers"; readonly addresses: readonly string[] }
  /** Of it and the one other node 0 one answers at a time. */
  | { readonly want: "hotStandby" }
  | { readonly want: "tftpd"; readonly address: string; readonly directory: string }
  /** Which DHCP server this is, where it is not ISC's. */
  | { readonly want: "daemon"; readonly daemon: Exclude<DhcpDaemon, "isc"> }
  /** A machine with its host blocks, which are joined with those of other resources and stacks. */
  | {
      readonly want: "node";
      readonly hostname: string;
      readonly address?: string | undefined;
      readonly macs: readonly string[];
      readonly firmware: string;
      readonly loader?: string | undefined;
      /** Whether it must be seen served; a text asks for that anew when it changes. */
      readonly proof: boolean | string;
      readonly blocks: string;
    }
  /** The machines that the register has for this resource, where a look need not be told them. */
  | {
      readonly want: "registered";
      /** How many they are, where the state tells. */
      readonly machines?: number;
    }
  /** Where Pulumi has the resource now, if that is not what its id says: `OlaNode/<project>/<stack>/<name>`. */
  | { readonly want: "named"; readonly as: string }
  /** By which inputs it was declared, as a digest: a state of before or after that run has another one. */
  | { readonly want: "declared"; readonly by: string }
  /** The state of its stack knew the stack's token when this was written. */
  | { readonly want: "settled" }
  /** It did not, for this was its first `up`; where that took place, as a digest. */
  | { readonly want: "begun"; readonly at: string }
  /** What node 0's log says of this machine's boots is told with each change and look. */
  | { readonly want: "history" };

/** A raw socket on an interface, as dhcpd has it. */
export interface PacketSocket {
  readonly kind: "packet";
  readonly interface: string;
}

export interface PortSocket {
  readonly kind: "udp" | "tcp";
  readonly address: string;
  readonly port: number;
}

/** All that one resource wants, under the key by which node 0's register knows it. */
export interface Declaration {
  /** `<kind>/<project>/<stack>/<name>`. */
  readonly id: string;
  /**
   * Made anew by each create, so that a delete never takes away what was created since: a token of the stack that made
   * it, and the create's own, eight hex digits each. Older releases wrote only the latter.
   */
  readonly generation: string;
  readonly wants: readonly Want[];
  /** Of a look: why the last run did not declare it on this host, and left it for the next one: `node0-b was down`. */
  readonly undone?: string;
  /** By what the resources of its stack are told from those of another stack. */
  readonly stack?: {
    readonly tokens: ReadonlySet<string>;
    /** Where this run takes place, as a digest. */
    readonly place?: string;
    /** By which inputs its other resources were declared, as the state has them, by their ids. */
    readonly declared?: ReadonlyMap<string, string>;
    /** `<project>/<stack>`: all that has this name is this stack's from now on. */
    readonly takesOver?: string | undefined;
  };
}

/** One change of a host: a resource as it should be, or one that goes. */
export type Change =
  | { readonly kind: "put"; readonly declaration: Declaration }
  | {
      readonly kind: "drop";
      readonly id: string;
      readonly generation: string;
      /** As those of a declaration's stack, beside the generation's own. */
      readonly tokens?: ReadonlySet<string>;
    };

/** The id of the resource that a change is about. */
export function idOf(change: Change): string {
  return change.kind === "put" ? change.declaration.id : change.id;
}
