import { type BootScriptName, bootScriptName, firmwares, type LoaderFor, loadersFor } from "../../values/bootChain";
import { addressNumber, addressSchema, addressText, holdsHost } from "../../values/ipv4";
import { type Network, parseNetwork, subnetOf } from "../../values/network";
import { bad, type Checked, good, type Problem, quoted, readFields, within } from "../../values/problem";
import * as z from "../../zod";
import type { DhcpDaemon } from "../dhcpBackend";
import { whyNoExtraConfig } from "../kea/extraConfig";
import { fill } from "../template";
import { dhcpdString } from "./dhcpdString";
import { lintExtraConfig } from "./extraConfig";

/** What happens to machines that the program does not name: nothing, or as the guide does it, an address from the pool. */
export type UnknownMachines = "refuse" | "serve";

/** The file for each stage and firmware. */
export interface Loaders {
  /** What 64-bit UEFI starts. */
  readonly x64: LoaderFor<"x64">;
  /** What 32-bit UEFI starts; without it, 32-bit machines get no file. */
  readonly ia32?: LoaderFor<"ia32">;
  /** What iPXE runs. */
  readonly script: BootScriptName;
}

/** All that the configuration of a DHCP server says. */
export interface DhcpdSettings {
  /** Absent where it is ISC's. */
  readonly daemon?: Exclude<DhcpDaemon, "isc">;
  readonly network: Network;
  /** Where the files are; without it, node 0's own address. */
  readonly bootServer?: string;
  readonly unknownMachines: UnknownMachines;
  /** Whoever answers beside it, or these addresses only. Absent where all are refused. */
  readonly otherDhcpServers?: "allow" | readonly string[];
  /** Of this server and the one other that it knows, one answers at a time, and both know all leases. Absent where each serves by itself. */
  readonly highAvailability?: "hot-standby";
  /** Absent where a configuration of somebody else's that serves more than this network is refused. */
  readonly replace?: true;
  readonly loaders: Loaders;
  /** Statements of the user's own, at the end of the global part. */
  readonly extraConfig?: string;
}

/** The file on node 0 that dhcpd.conf includes: the host blocks of all stacks. */
export const hostsFile = "/etc/dhcp/netboot/hosts.conf";

const loadersExample = '{ x64: "snponly.efi" }';

const loadersShape = {
  x64: z.enum(loadersFor("x64")).optional(),
  ia32: z.enum(loadersFor("ia32")).optional(),
  script: z.enum([bootScriptName]).optional(),
};

const lintExtra: Readonly<Record<DhcpDaemon, typeof lintExtraConfig>> = {
  isc: lintExtraConfig,
  kea: whyNoExtraConfig,
};

const shape = {
  daemon: z.enum(["isc", "kea"]).optional(),
  network: z.unknown().optional(),
  bootServer: addressSchema.optional(),
  unknownMachines: z.enum(["refuse", "serve"]).optional(),
  otherDhcpServers: z
    .union([z.enum(["refuse", "allow"]), z.array(addressSchema).max(16)], {
      error: ({ input }) =>
        `${quoted(input)} says of no other DHCP server whether it may answer; write "refuse", "allow", or the addresses of those that may: ["192.168.1.14"]`,
    })
    .optional(),
  highAvailability: z
    .enum(["hot-standby"], {
      error: ({ input }) =>
        `${quoted(input)} is no way in which two servers share their machines; there is "hot-standby"`,
    })
    .optional(),
  replace: z.boolean().optional(),
  loaders: z.unknown().optional(),
  extraConfig: z.string().optional(),
};

/** Reads the arguments of a DHCP server: `network`, `bootServer`, `unknownMachines`, `otherDhcpServers`, … */
export function parseDhcpdSettings(args: unknown): Checked<DhcpdSettings> {
  const { fields, problems } = readFields(
    shape,
    args,
    '{ network: { interface: "eno2", cidr: "192.168.1.0/28", address: "192.168.1.1" } }',
  );
  const isObject = typeof args === "object" && args !== null && !Array.isArray(args);
  const network = isObject ? parseNetwork(fields.network) : bad<Network>();
  problems.push(...within("network", network.problems));
  const loaders = readFields(loadersShape, fields.loaders ?? {}, loadersExample);
  problems.push(...within("loaders", loaders.problems));
  const extraConfig = fields.extraConfig?.replaceAll("\r\n", "\n").trim();
  const { daemon = "isc" } = fields;
  const wrongs = extraConfig === undefined ? [] : lintExtra[daemon](extraConfig, network.value);
  problems.push(...wrongs.map((message) => ({ path: "extraConfig", message })));
  if (fields.highAvailability !== undefined && daemon === "isc") {
    problems.push({
      path: "highAvailability",
      message: `"hot-standby" is done by a hook of Kea's; write daemon: "kea" beside it on both servers, or leave it out: each of the two serves by itself then`,
    });
  }
  const unknownMachines = fields.unknownMachines ?? "refuse";
  if (network.value !== undefined) {
    problems.push(...checkBootServer(fields.bootServer, network.value));
    if (unknownMachines === "serve" && network.value.pool === undefined) problems.push(poolMissing(network.value));
  }
  if (problems.length > 0 || network.value === undefined) return bad(...problems);
  const { x64 = firmwares.x64.loader, ia32, script = bootScriptName } = loaders.fields;
  return good({
    ...(daemon === "isc" ? {} : { daemon }),
    network: network.value,
    ...(fields.bootServer === undefined ? {} : { bootServer: fields.bootServer }),
    unknownMachines,
    ...othersIn(fields.otherDhcpServers, network.value.address),
    ...(fields.highAvailability === undefined ? {} : { highAvailability: fields.highAvailability }),
    ...(fields.replace === true ? { replace: true } : {}),
    loaders: ia32 === undefined ? { x64, script } : { x64, ia32, script },
    ...(extraConfig === undefined || extraConfig === "" ? {} : { extraConfig }),
  });
}

/** Who may answer, without this server itself. */
function othersIn(
  others: "refuse" | "allow" | readonly string[] = "refuse",
  address: string,
): Pick<DhcpdSettings, "otherDhcpServers"> {
  if (typeof others === "string") return others === "allow" ? { otherDhcpServers: others } : {};
  const known = [...new Set(others)].filter((other) => other !== address).sort();
  return known.length === 0 ? {} : { otherDhcpServers: known };
}

function checkBootServer(bootServer: string | undefined, network: Network): readonly Problem[] {
  if (bootServer === undefined || network.router !== undefined) return [];
  if (holdsHost(subnetOf(network), addressNumber(bootServer) ?? 0)) return [];
  const message = `${bootServer} is outside the subnet ${network.cidr}, and without a router no machine reaches it; leave it out to boot from ${network.address}, or give network.router`;
  return [{ path: "bootServer", message }];
}

function poolMissing(network: Network): Problem {
  const { first, last } = subnetOf(network);
  const from = Math.ceil((first + last) / 2);
  const taken = [network.address, network.router].map((text) => addressNumber(text ?? ""));
  const clear = taken.every((number) => number === undefined || number < from);
  const example = clear
    ? `{ from: "${addressText(from)}", to: "${addressText(last - 1)}" }`
    : `{ from: "${addressText(first + 1)}", to: "${addressText(from - 1)}" }`;
  return {
    path: "network.pool",
    message: `is required with unknownMachines "serve", which needs addresses to give; write for example ${example}`,
  };
}

/**
 * The whole of /etc/dhcp/dhcpd.conf.
 *
 * @see dhcpd.conf(5); RFC 4578 (option 93); https://ipxe.org/howto/dhcpd
 */
export function renderDhcpdConf(settings: DhcpdSettings): string {
  const { network, loaders } = settings;
  return fill("dhcpd.conf", {
    serveUnknown: settings.unknownMachines === "serve",
    leaseSeconds: network.leaseSeconds,
    extraConfig: settings.extraConfig,
    subnet: network.subnet,
    netmask: network.netmask,
    broadcast: network.broadcast,
    pool: network.pool,
    router: network.router,
    domain: network.domain === undefined ? undefined : dhcpdString(network.domain),
    dnsServers: network.dnsServers.join(", "),
    ntpServers: network.ntpServers.join(", "),
    mtu: network.mtu,
    address: network.address,
    bootServer: settings.bootServer ?? network.address,
    script: dhcpdString(loaders.script),
    x64: dhcpdString(loaders.x64),
    ia32: loaders.ia32 === undefined ? undefined : dhcpdString(loaders.ia32),
    saysX64: saysItIs(firmwares.x64.architectures),
    saysIa32: saysItIs(firmwares.ia32.architectures),
  });
}

/** dhcpd's test of what a machine says of its firmware in option 93, which may be a list: its first one counts. */
function saysItIs(architectures: readonly number[]): string {
  return architectures
    .map((number) => `substring(option arch, 0, 2) = 00:${number.toString(16).padStart(2, "0")}`)
    .join(" or ");
}
