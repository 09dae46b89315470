import { keaConf, keaControlSocket, keaReservations } from "../../os/paths";
import { firmwares, loadersFor } from "../../values/bootChain";
import { addressNumber } from "../../values/ipv4";
import { interfaceWord } from "../../values/network";
import type { DhcpdSettings } from "../isc/dhcpdConf";
import { fill } from "../template";
import { kea } from "./backend";

/**
 * The whole of /etc/kea/kea-dhcp4.conf: to the same clients the same answers as `renderDhcpdConf`.
 *
 * @see Kea's Administrator Reference Manual, "The DHCPv4 Server"; RFC 4578 (option 93); https://ipxe.org/howto/dhcpd
 */
export function renderKeaConf({ network, loaders, ...settings }: DhcpdSettings): string {
  return fill("kea-dhcp4.conf", {
    interface: interfaceWord(network.interface),
    address: network.address,
    controlSocket: keaControlSocket,
    hasPeers: Array.isArray(settings.otherDhcpServers),
    partner: partnerOf(network.address, settings),
    leaseSeconds: network.leaseSeconds,
    leaseHex: `0x${network.leaseSeconds.toString(16).padStart(8, "0")}`,
    serveUnknown: settings.unknownMachines === "serve",
    ownLoaders: loadersFor("x64"),
    script: JSON.stringify(loaders.script),
    x64: JSON.stringify(loaders.x64),
    ia32: loaders.ia32 === undefined ? undefined : JSON.stringify(loaders.ia32),
    pooled: settings.unknownMachines === "serve" ? everybody : "member('KNOWN')",
    anyFirmware,
    saysX64: saysItIs(firmwares.x64.architectures),
    saysIa32: saysItIs(firmwares.ia32.architectures),
    cidr: network.cidr,
    bootServer: settings.bootServer ?? network.address,
    pool: network.pool,
    router: network.router,
    domain: network.domain === undefined ? undefined : JSON.stringify(network.domain),
    dnsServers: network.dnsServers.join(", "),
    ntpServers: network.ntpServers.join(", "),
    mtu: network.mtu,
    broadcast: network.broadcast,
    machines: keaReservations,
  });
}

/**
 * The unit kea-dhcp4-server.service: Kea on one interface, as a user of its own, told to read anew by its control socket.
 *
 * @see kea-dhcp4(8), systemd.service(5)
 */
export function renderKeaUnit({ network, ...settings }: DhcpdSettings): string {
  const { address } = network;
  const name = interfaceWord(network.interface);
  const partner = partnerOf(address, settings)?.address;
  return fill("keaUnit.service", { interface: name, address, conf: keaConf, controlSocket: keaControlSocket, partner });
}

interface Partner {
  readonly address: string | undefined;
  readonly heartbeat: number;
  readonly patience: number;
  readonly port: number | undefined;
  readonly peers: readonly { readonly address: string | undefined; readonly role: "primary" | "standby" }[];
}

/**
 * What the hook for high availability is told: the server with the lower address answers, and the other one stands by. Times are in
 * milliseconds: what a change costs is a heartbeat, and what a death costs is the patience.
 *
 * @see Kea's Administrator Reference Manual, "libdhcp_ha.so: High Availability Outage Resilience for Kea Servers"
 */
function partnerOf(
  address: string,
  { highAvailability, otherDhcpServers: others }: Pick<DhcpdSettings, "highAvailability" | "otherDhcpServers">,
): Partner | undefined {
  if (highAvailability === undefined || typeof others !== "object") return undefined;
  const [first, second] = [address, ...others].toSorted(
    (one, other) => (addressNumber(one) ?? 0) - (addressNumber(other) ?? 0),
  );
  const peers = [
    { address: first, role: "primary" },
    { address: second, role: "standby" },
  ] as const;
  return { address: others[0], heartbeat: 100, patience: 3000, port: kea.partner?.port, peers };
}

/** So that it waits until a reservation was looked for. */
const everybody = "(member('KNOWN') or member('UNKNOWN'))";

/**
 * Of the first class with a file that one is taken, and classes of a reservation are known only when it was found: so that a
 * machine with a loader of its own is none of these, they wait for that, too.
 */
const anyFirmware: string = [
  `${everybody} and not member('netboot-script')`,
  ...loadersFor("x64").map((loader) => `not member('netboot-own-${loader}')`),
].join(" and ");

/** Kea's test of what a machine says of its firmware in option 93, which may be a list: its first one counts. */
function saysItIs(architectures: readonly number[]): string {
  return architectures
    .map((number) => `substring(option[93].hex, 0, 2) == 0x${number.toString(16).padStart(4, "0")}`)
    .join(" or ");
}
