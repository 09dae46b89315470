import type { Holder } from "../facts/question";
import { type Configured, type Servers, type Service, servicePorts } from "../facts/servers";
import { backendOf, type DhcpBackend, dhcpBackends } from "../formats/dhcpBackend";
import { daemonUnits, timeDaemons } from "../os/packages";
import { chronyUnit, namesUnit, tftpdUnit } from "../os/paths";
import { addressNumber, addressText } from "../values/ipv4";
import { type Change, wantsOf } from "./change";
import { backendIn, ownDhcpUnits } from "./dhcpServer";
import type { Interfaces } from "./interfaces";
import { isInNetwork } from "./network";
import { heldOf, type Register } from "./records";
import type { Refusal } from "./refusal";

/** One service of ours, and where it is given. */
interface Own {
  readonly id: string;
  /** `partner` is where it hears the other one of two. */
  readonly service: Service | "partner";
  readonly port: number;
  readonly address: string;
  readonly interface: string | undefined;
  readonly cidr: string | undefined;
  /** Units whose sockets are no one else's: ours, and those that give way to ours. */
  readonly units: readonly string[];
  /** Others may serve there, too; who keeps ours from starting is in the way all the same. */
  readonly isShared?: boolean;
  /** Of the service `dhcp`: which server it is. */
  readonly backend?: DhcpBackend;
}

/**
 * Another program on this host serves what we are to serve there, or would after the next boot. No machine can tell the two
 * apart, and nobody hears his own host on the network, so whoever has the port is looked at.
 */
export function whyOccupied(
  register: Register,
  puts: Change["puts"],
  interfaces: Interfaces,
  servers: Servers,
): Refusal | undefined {
  const bringsMachines = wantsOf(puts, "node").length > 0;
  for (const own of [...servicesToCome(puts, interfaces, ownDhcpUnits(register)), ...ownServices(register)]) {
    // What machines boot by is looked at for each of them; the rest where it is put.
    const isConcerned = puts.has(own.id) || (bringsMachines && (own.service === "dhcp" || own.service === "tftp"));
    const who = isConcerned ? whoServes(own, servers) : undefined;
    if (who === undefined) continue;
    const holders = holdersOf(own, servers);
    const way = isKeptOut(own, holders, servers) ? wayOutKept(own, holders) : wayOut[own.service];
    return { code: "OCCUPIED", id: own.id, message: `${who}. ${way}` };
  }
  return undefined;
}

/** Who else serves what machines boot by, in words for a proof. */
export function whoElseServes(register: Register, servers: Servers): string | undefined {
  const boots = ownServices(register).filter(
    ({ service, isShared }) => (service === "dhcp" && isShared !== true) || service === "tftp",
  );
  return boots.map((own) => whoServes(own, servers)).find((who) => who !== undefined);
}

/**
 * Who else gives names or the time where we do, in words for whoever examines node 0: a machine boots without them, so no proof
 * asks for it. One that does not run now gets the port before ours at some later boot.
 */
export function whoElseTells(register: Register, servers: Servers): string | undefined {
  const others = ownServices(register).filter(({ service }) => service === "names" || service === "time");
  for (const own of others) {
    const who = whoServes(own, servers);
    if (who !== undefined) return `${who}. ${wayOut[own.service]}`;
  }
  return undefined;
}

const names: Readonly<Record<Service, string>> = { dhcp: "DHCP", tftp: "TFTP", time: "the time", names: "names" };

const wayOut: Readonly<Record<Own["service"], string>> = {
  dhcp: 'Let it serve other interfaces only, or stop and disable it; or say otherDhcpServers: "allow" if it leaves these machines alone',
  tftp: "Let it listen on other addresses only, or stop and disable it",
  partner:
    "There Kea hears the other node 0. Let it listen on another port or other addresses only, or stop and disable it",
  time: "Let it listen on other addresses only, or stop and disable it; or let node 0 serve no time: time: false",
  names:
    'Let it listen on other addresses only; or let node 0 serve no names: names: false; or keep them in its own /etc/hosts: names: { mode: "hosts" }',
};

function wayOutKept({ backend }: Own, holders: readonly Holder[]): string {
  const way = "Stop and disable it, or let one of the two serve from another host";
  const isDhcpd = holders.some(({ unit }) => unit === backendOf("isc").unit);
  return backend?.opens === "its address" && !isDhcpd
    ? `${way}; or take ISC's dhcpd, which shares it: daemon: "isc"`
    : way;
}

/** What the packages of a whole node 0 are for: nothing is brought for what can't be served then. */
function servicesToCome(puts: Change["puts"], { links }: Interfaces, dhcpUnits: readonly string[]): readonly Own[] {
  return wantsOf(puts, "listenFor").flatMap(({ id, want }) => {
    const link = links.find(({ name, mac }) => want.interface === `name:${name}` || want.interface === `mac:${mac}`);
    const length = link?.addresses.find((each) => each.startsWith(`${want.address}/`))?.split("/")[1];
    const cidr = length === undefined ? undefined : networkOf(want.address, Number(length));
    return wantsOf(puts, "package").flatMap((put): readonly Own[] => {
      const comes = put.id === id ? servicesOf.get(put.want.name) : undefined;
      if (comes === undefined) return [];
      // Of DHCP servers of ours one may take the other's place.
      const units = comes.service === "dhcp" ? [...comes.units, ...dhcpUnits] : comes.units;
      const port = servicePorts[comes.service];
      return [{ ...comes, units, id, port, address: want.address, interface: link?.name, cidr }];
    });
  });
}

/** `192.168.1.0/28` of 192.168.1.1 with the prefix length 28. */
function networkOf(address: string, length: number): string {
  const number = addressNumber(address) ?? 0;
  return `${addressText(number - (number % 2 ** (32 - length)))}/${length}`;
}

// Other time daemons give way, or are refused by their packages.
const timeUnits = [chronyUnit, ...timeDaemons.flatMap(daemonUnits)];

type Served = Pick<Own, "units" | "backend"> & { readonly service: Service };

const servicesOf: ReadonlyMap<string, Served> = new Map<string, Served>([
  ...dhcpBackends.map((backend) => [backend.package, { service: "dhcp", units: [backend.unit], backend }] as const),
  ["tftpd-hpa", { service: "tftp", units: [tftpdUnit] }],
  ["chrony", { service: "time", units: timeUnits }],
  ["dnsmasq-base", { service: "names", units: [namesUnit] }],
]);

function ownServices(register: Pick<Register, "before" | "after">): readonly Own[] {
  const { after } = register;
  const nicOf = (id: string) => after.get(id)?.held.find((held) => held.want === "interface");
  const [server] = heldOf(after, "serve");
  const own = (service: Service, id: string, address: string, units: readonly string[]): Own => {
    const nic = /^name:(.*)/.exec(nicOf(id)?.interface ?? "")?.[1] ?? server?.held.interface;
    return { id, service, port: servicePorts[service], address, interface: nic, cidr: server?.held.cidr, units };
  };
  const backend = backendIn(after);
  const isAllowed = server !== undefined && after.get(server.id)?.held.some(({ want }) => want === "otherServers");
  return [
    ...(server === undefined
      ? []
      : [
          {
            ...own("dhcp", server.id, nicOf(server.id)?.address ?? server.held.bootServer, ownDhcpUnits(register)),
            isShared: isAllowed === true,
            backend,
          },
        ]),
    ...heldOf(after, "hotStandby").flatMap(({ id }): readonly Own[] => {
      const { address } = nicOf(id) ?? {};
      if (backend.partner === undefined || address === undefined) return [];
      return [{ ...own("dhcp", id, address, ownDhcpUnits(register)), service: "partner", port: backend.partner.port }];
    }),
    ...heldOf(after, "tftpd").map(({ id, held }) => own("tftp", id, held.address, [tftpdUnit])),
    ...heldOf(after, "ntp").map(({ id, held }) => own("time", id, held.address, timeUnits)),
    ...heldOf(after, "names").flatMap(({ id, held }) =>
      held.mode === "dnsmasq" && held.address !== undefined ? [own("names", id, held.address, [namesUnit])] : [],
    ),
  ];
}

function whoServes(own: Own, servers: Servers): string | undefined {
  const { service, port } = own;
  const holders = holdersOf(own, servers);
  if (holders.length > 0) {
    const who = [...new Set(holders.map(nameOf))].toSorted().join(", ");
    const sockets = [...new Set(holders.map(socketOf))].toSorted().join(", ");
    if (!isKeptOut(own, holders, servers)) return `${who} has port ${port} of ${own.address} already (${sockets})`;
    const whose =
      own.backend?.opens === "its address"
        ? `all addresses (${sockets}), and Kea shares that of ${own.address} with nobody`
        : `another address (${sockets}), and node 0's DHCP server opens it on all`;
    return `${who} has port ${port} of ${whose}, so that the two can't run beside each other`;
  }
  if (service === "partner" || own.isShared === true) return undefined;
  const configured = servers.configured.find(
    (each) => each.service === service && !own.units.includes(each.unit) && isServedHere(own, each),
  );
  if (configured !== undefined) {
    const { unit, file } = configured;
    return `${unit} is to serve ${names[service]} there, too, by ${file}: now, or when it starts again`;
  }
  const idle = servers.idle.find((each) => each.service === service && !own.units.includes(each.unit));
  if (idle === undefined) return undefined;
  return `${idle.unit} does not run now, and would serve ${names[service]} after the next boot: it is enabled`;
}

/** Who has its port, and is in its way. */
function holdersOf(own: Own, servers: Servers): readonly Holder[] {
  return servers.holders.filter(
    (holder) =>
      holder.port === own.port &&
      !own.units.includes(holder.unit ?? "") &&
      (keepsOut(own, holder) || isRival(own, holder, servers)),
  );
}

/** Whether they are in the way by keeping our server from starting, and by nothing else that matters. */
function isKeptOut(own: Own, holders: readonly Holder[], servers: Servers): boolean {
  return holders.length > 0 && !holders.some((holder) => isRival(own, holder, servers));
}

/** Whether who has a port answers our machines, and may not. */
function isRival(own: Own, holder: Holder, servers: Servers): boolean {
  return own.isShared !== true && hearsMachines(own, holder, servers);
}

/** Whether who has a port keeps our DHCP server from opening its own, on whichever interface it serves itself. */
function keepsOut({ address, interface: nic, backend }: Own, holder: Holder): boolean {
  if (backend === undefined) return false;
  // Kea's socket shares its port with none that has it, too, not even of another interface. dhcpd's shares it with those that
  // share it, as all do that open it for every address.
  if (backend.opens === "its address") return hears(holder, address);
  const isOther = holder.interface !== undefined && nic !== undefined && holder.interface !== nic;
  return !isOther && !hears(holder, address);
}

/** Whether who has a port hears what machines say to us there. */
function hearsMachines({ service, address, interface: nic }: Own, holder: Holder, { packetSockets }: Servers): boolean {
  if (holder.interface !== undefined && nic !== undefined && holder.interface !== nic) return false;
  if (service === "partner" && holder.protocol !== "tcp") return false;
  if (!hears(holder, address)) return false;
  if (service !== "dhcp" || holder.address === address) return true;
  // Who has raw sockets too hears by them.
  const raw = packetSockets.filter(({ pid }) => pid === holder.pid);
  return raw.length === 0 || raw.some((socket) => [nic, "*"].includes(socket.interface));
}

const everywhere: readonly string[] = ["0.0.0.0", "::"];

/** Whether what is sent to an address of this host comes to who has a port. */
export function hears(holder: Holder, address: string): boolean {
  return [...everywhere, address, `::ffff:${address}`].includes(holder.address);
}

function isServedHere({ interface: nic = "", cidr }: Own, { interfaces, except, addresses }: Configured): boolean {
  const isAmong = (patterns: readonly string[]): boolean => patterns.some((pattern) => isMatch(pattern, nic));
  return (
    (interfaces.length === 0 || isAmong(interfaces)) &&
    !isAmong(except) &&
    (addresses.length === 0 || cidr === undefined || addresses.some((address) => isInNetwork(address, cidr)))
  );
}

/** A pattern of a shell: `eno*`. */
function isMatch(pattern: string, name: string): boolean {
  const plain = pattern.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${plain.replaceAll("*", ".*").replaceAll("?", ".")}$`).test(name);
}

function nameOf({ program, unit }: Holder): string {
  return unit === undefined || unit === "" ? program : `${program} (${unit})`;
}

function socketOf({ protocol, address, port, interface: nic }: Holder): string {
  return `${protocol} ${address}${nic === undefined ? "" : `%${nic}`}:${port}`;
}
