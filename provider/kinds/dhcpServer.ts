import { backendOf, type DhcpDaemon } from "../formats/dhcpBackend";
import { type Kind, textsNow } from "./kind";
import { type NicInputs, nicWant, splitAddress } from "./nic";
import { packageWant } from "./package";
import { unitWants } from "./unit";
import type { Want } from "./want";

/** What the program hands over for a DHCP server. */
export interface DhcpServerInputs extends NicInputs {
  /** Absent where it is ISC's. */
  readonly daemon?: Exclude<DhcpDaemon, "isc">;
  /** The text of dhcpd.conf, or kea-dhcp4.conf. */
  readonly config: string;
  /** The text of its unit. */
  readonly unit: string;
  /** The network whose machines it can serve: `192.168.1.0/28`. */
  readonly cidr: string;
  /** Addresses for machines that have none of their own: `192.168.1.2-192.168.1.5`. */
  readonly pool?: string;
  readonly unknownMachines: "refuse" | "serve";
  readonly bootServer: string;
  /** The boot file by firmware, and `script`, which iPXE is given. */
  readonly loaders: Readonly<Record<string, string>>;
  readonly otherDhcpServers?: "allow" | readonly string[];
  readonly highAvailability?: "hot-standby";
  readonly replace?: true;
}

/** The same out of a state, in which the release before had neither of the two. */
type DeclaredOrStored = Omit<DhcpServerInputs, "cidr" | "unknownMachines"> &
  Partial<Pick<DhcpServerInputs, "cidr" | "unknownMachines">>;

/** A DHCP server with its configuration, on the private interface and nowhere else. */
export const dhcpServer: Kind<DhcpServerInputs> = {
  inputKeys: [
    "config",
    "unit",
    "interface",
    "address",
    "cidr",
    "pool",
    "unknownMachines",
    "bootServer",
    "loaders",
    "allowDefaultRoute",
    "otherDhcpServers",
    "highAvailability",
    "replace",
    "daemon",
  ],
  outputKeys: ["listening"],
  notEchoed: [],
  wants: (inputs: DeclaredOrStored) => {
    const { daemon, bootServer, cidr = networkOf(inputs.address), loaders, pool, unknownMachines } = inputs;
    const { package: name, unit, conf, folder, machines, readsAnew } = backendOf(daemon);
    const read = [conf, machines.path];
    const nic = inputs.interface.startsWith("name:") ? inputs.interface.slice("name:".length) : "@interface@";
    return [
      packageWant(name),
      nicWant(inputs),
      { want: "dir", path: folder, mode: "0755" },
      { want: "file", path: conf, mode: "0644", content: inputs.config, input: "config" },
      ...unitWants(unit, inputs.unit, readsAnew ? [] : read, readsAnew ? read : undefined),
      { want: "listen", unit, on: { kind: "packet", interface: nic } },
      ...partnerWants(inputs),
      { want: "serve", interface: nic, bootServer, cidr, loaders, pool, unknownMachines },
      ...(daemon === undefined ? [] : [{ want: "daemon", daemon } as const]),
      ...othersWanted(inputs.otherDhcpServers),
      ...(inputs.replace === true ? [{ want: "replaceDhcp" } as const] : []),
    ];
  },
  isPart: true,
  live: (inputs, drift) => textsNow(dhcpServer.wants(inputs), drift),
};

/** Who may answer beside it: whoever, or these addresses. */
function othersWanted(others: DhcpServerInputs["otherDhcpServers"]): readonly Want[] {
  if (others === undefined) return [];
  return others === "allow" ? [{ want: "otherServers" }] : [{ want: "peers", addresses: others }];
}

/** With a partner it hears it on a port of its own. */
function partnerWants({ highAvailability, address, daemon }: DeclaredOrStored): readonly Want[] {
  const { unit, partner } = backendOf(daemon);
  if (highAvailability === undefined || partner === undefined) return [];
  const on = { kind: "tcp", address: splitAddress(address).host, port: partner.port } as const;
  return [{ want: "hotStandby" }, { want: "listen", unit, on }];
}

/** The network that an address is in: `192.168.1.0/28` for `192.168.1.1/28`. */
function networkOf(address: string): string {
  const { host, prefixLength } = splitAddress(address);
  const number = host.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const first = number - (number % 2 ** (32 - prefixLength));
  return `${[24, 16, 8, 0].map((bits) => Math.floor(first / 2 ** bits) % 256).join(".")}/${prefixLength}`;
}
