import { vrfOf } from "../facts/links";
import type { Held } from "./records";
import type { Refusal } from "./refusal";

/** The network interfaces of node 0, as ip(8) tells of them. */
export interface Interfaces {
  readonly links: readonly {
    readonly name: string;
    /** Empty if it has none. */
    readonly mac: string;
    /** The bond, bridge or the like that it is a member of, whose MAC it may share. */
    readonly master: string | undefined;
    readonly isVrf: boolean;
    /** Its IPv4 addresses with their prefix lengths: `192.168.1.1/28`. */
    readonly addresses: readonly string[];
  }[];
  /** The interfaces that an IPv4 default route leads to. */
  readonly defaultRoutes: readonly string[];
}

type Link = Interfaces["links"][number];

/** The interface's name, or why there is none that fits. */
export type Fit = { readonly name: string } | { readonly refusal: Refusal };

/** The interface of the private network: it must be there, have node 0's address, and not lead outside. */
export function fitNetworkInterface(
  id: string,
  want: Extract<Held, { readonly want: "interface" }>,
  interfaces: Interfaces,
): Fit {
  const unfit = (message: string): Fit => ({ refusal: { code: "INTERFACE_UNFIT", id, message } });
  const found = meant(want.interface, interfaces);
  const [first] = found;
  if (first === undefined) return unfit(`network.interface: ${noneMeant(want.interface, interfaces)}`);
  const wanted = `${want.address}/${want.prefixLength}`;
  // A bond and its members, or a bridge and its ports, can share one MAC; the one that has the address is meant.
  const name = found.find(({ addresses }) => addresses.includes(wanted))?.name;
  if (name === undefined) {
    const has = found.flatMap(({ addresses }) => addresses).join(", ");
    return unfit(
      `network.address: ${first.name} has not the address ${wanted}; ${has === "" ? "it has no IPv4 address" : `it has ${has}`}; give it the address in the host's own network configuration, or correct network.interface, network.address or network.cidr`,
    );
  }
  const { master } = found.find((link) => link.name === name) ?? {};
  if (master !== undefined && vrfOf(interfaces.links, name) === undefined) {
    return unfit(
      `network.interface: ${name} is a member of ${master}, which gets what comes in by it; give ${master} the address in the host's own network configuration, and serve ${master}`,
    );
  }
  if (!want.allowDefaultRoute && interfaces.defaultRoutes.includes(name)) {
    return unfit(
      `network.interface: ${name} carries the default route, so it looks like the public side; only the private network may be served. Correct network.interface, or give the server allowDefaultRoute: true if node 0 has no other side`,
    );
  }
  return { name };
}

/** The interface of a firewall's rules: it must be there, and not lead outside. */
export function fitFirewallInterface(
  id: string,
  want: Pick<Extract<Held, { readonly want: "firewall" }>, "interface" | "allowDefaultRoute">,
  interfaces: Interfaces,
): Fit {
  const unfit = (message: string): Fit => ({ refusal: { code: "INTERFACE_UNFIT", id, message } });
  const found = meant(want.interface, interfaces);
  // A bond, its members and its VLANs can share one MAC. Packets come in on none of the members, and on what has an address.
  const [link] = found.toSorted((one, other) => unlikely(one, interfaces) - unlikely(other, interfaces));
  const name = link?.name;
  if (name === undefined) return unfit(`interface: ${noneMeant(want.interface, interfaces)}`);
  if (!want.allowDefaultRoute && interfaces.defaultRoutes.includes(name)) {
    return unfit(
      `interface: ${name} carries the default route, so it looks like the public side; correct it, or give the firewall allowDefaultRoute: true if node 0 has no other side`,
    );
  }
  return { name };
}

/** How little an interface looks like the one of several with one MAC on which the private network is. */
function unlikely({ name, master, addresses }: Link, { defaultRoutes }: Interfaces): number {
  return (master === undefined ? 0 : 4) + (defaultRoutes.includes(name) ? 2 : 0) + (addresses.length > 0 ? 0 : 1);
}

/** The interfaces that `name:eno2` or `mac:52:54:00:12:34:56` can mean, by name. */
function meant(wanted: string, interfaces: Interfaces): readonly Link[] {
  const { by, value } = read(wanted);
  return withMac(interfaces).filter((link) => link[by] === value);
}

function noneMeant(wanted: string, interfaces: Interfaces): string {
  const { by, value } = read(wanted);
  const present = withMac(interfaces)
    .filter(({ name }) => name !== "lo")
    .map(({ name, mac }) => `${name} (${mac})`);
  return `there is no interface ${by === "name" ? `"${value}"` : `with the MAC ${value}`}; this host has ${present.join(", ")}`;
}

function read(wanted: string): { readonly by: "name" | "mac"; readonly value: string } {
  const [, by = "", value = ""] = /^([^:]*):(.*)$/s.exec(wanted) ?? [];
  return { by: by === "name" ? "name" : "mac", value };
}

/** A tunnel has no hardware address, and no machine boots behind it. */
function withMac({ links }: Interfaces): readonly Link[] {
  return links.filter(({ mac }) => mac !== "").toSorted((one, other) => (one.name < other.name ? -1 : 1));
}
