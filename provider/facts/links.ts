import * as z from "../zod";
import { inWords } from "./nftables";
import type { Answers, Fact, Ran } from "./question";

/** A network interface. */
export interface Link {
  readonly name: string;
  readonly mac: string;
  /** The bond or bridge that it is a member of. */
  readonly master: string | undefined;
  /** What a VLAN lies on. */
  readonly lower: string | undefined;
  readonly isBridge: boolean;
  /** Whether it stands for a routing table of its own (VRF) whose members keep their addresses. */
  readonly isVrf: boolean;
  /** Whether it was switched on, as by `ip link set … up`. */
  readonly isUp: boolean;
  /** Whether something is at its other end; of one that is down it can't be told. */
  readonly hasCarrier: boolean;
  /** Whether it asks by ARP who has an address, and answers: not so after `ip link set … arp off`. */
  readonly hasArp: boolean;
  /** Whether a program of XDP decides about its packets. */
  readonly hasXdp: boolean;
  /** Its IPv4 addresses, as in `192.168.1.1/28`. */
  readonly addresses: readonly string[];
}

export interface Links {
  readonly links: readonly Link[];
  /** The interfaces that an IPv4 default route leads to. */
  readonly defaultRoutes: readonly string[];
  /** What could not be read, each with ip(8)'s own words. */
  readonly unread: readonly string[];
}

const linkList = z.array(
  z.looseObject({
    ifname: z.string(),
    address: z.string().optional(),
    master: z.string().optional(),
    link: z.string().nullish(),
    linkinfo: z.looseObject({ info_kind: z.string().optional() }).optional(),
    flags: z.array(z.string()).optional(),
    xdp: z.unknown().optional(),
  }),
);

const addressList = z.array(
  z.looseObject({
    ifname: z.string().optional(),
    addr_info: z
      .array(
        z.looseObject({
          family: z.string().optional(),
          local: z.string().optional(),
          prefixlen: z.number().optional(),
        }),
      )
      .optional(),
  }),
);

const routeList = z.array(
  z.looseObject({
    dev: z.string().optional(),
    nexthops: z.array(z.looseObject({ dev: z.string().optional() })).optional(),
  }),
);

/** The network interfaces and where the way out leads, by ip(8). */
export const links: Fact<Links> = {
  questions: {
    "links.links": { ask: "run", argv: ["ip", "-j", "-d", "link", "show"] },
    "links.addresses": { ask: "run", argv: ["ip", "-j", "-4", "address", "show"] },
    "links.defaultRoutes": { ask: "run", argv: ["ip", "-j", "-4", "route", "show", "default"] },
  },

  read(answers: Answers): Links {
    const found = readJson("ip link show", linkList, answers.ran("links.links"));
    const addresses = readJson("ip address show", addressList, answers.ran("links.addresses"));
    const routes = readJson("ip route show default", routeList, answers.ran("links.defaultRoutes"));
    return {
      links: (found.value ?? []).map(({ ifname, address, master, link, linkinfo, flags, xdp }) => ({
        name: ifname,
        mac: address ?? "",
        master,
        lower: link ?? undefined,
        isBridge: linkinfo?.info_kind === "bridge",
        isVrf: linkinfo?.info_kind === "vrf",
        isUp: flags === undefined || flags.includes("UP"),
        hasCarrier: flags?.includes("NO-CARRIER") !== true,
        hasArp: flags?.includes("NOARP") !== true,
        hasXdp: xdp !== undefined,
        addresses: (addresses.value ?? [])
          .filter((each) => each.ifname === ifname)
          .flatMap(({ addr_info = [] }) => addr_info)
          .filter(({ family }) => family === "inet")
          .map(({ local, prefixlen }) => `${local}/${prefixlen}`),
      })),
      defaultRoutes: (routes.value ?? []).flatMap(({ dev, nexthops = [] }) =>
        [dev, ...nexthops.map((hop) => hop.dev)].filter((name) => name !== undefined),
      ),
      unread: [found, addresses, routes].flatMap(({ unread }) => unread ?? []),
    };
  },
};

/**
 * A program's JSON by its schema; what is no such value is told in the program's words. An old ip(8) prints nothing for an empty list.
 *
 * @internal
 */
export function readJson<T>(
  what: string,
  schema: z.ZodType<T>,
  answer: Ran | undefined,
): { readonly value?: T; readonly unread?: string } {
  if (answer === undefined) return { unread: `${what} was not asked` };
  if (answer.status !== 0) return { unread: inWords(what, answer.said) };
  try {
    const { data } = schema.safeParse(JSON.parse(answer.said.trim() || "[]"));
    return data === undefined ? { unread: inWords(what, answer.said) } : { value: data };
  } catch {
    return { unread: inWords(what, answer.said) };
  }
}

/** The VRF that an interface is a member of. It keeps its addresses, and has its routes in another table. */
export function vrfOf(all: readonly Pick<Link, "name" | "master" | "isVrf">[], name: string): string | undefined {
  const master = all.find((link) => link.name === name)?.master;
  return all.find((link) => link.isVrf && link.name === master)?.name;
}

/** What an interface lies on, down to the hardware: the members of a bond or a bridge, and what a VLAN lies on. */
export function linksBelow(all: readonly Link[], name: string, depth = 0): readonly string[] {
  const members = all.filter(({ master }) => master === name).map((link) => link.name);
  const lower = all.find((link) => link.name === name)?.lower;
  const below = lower === undefined ? members : [...members, lower];
  if (depth >= 4) return below;
  return [...new Set(below.flatMap((each) => [each, ...linksBelow(all, each, depth + 1)]))];
}
