import { dhcpdConf, dhcpdUnit, dhcpFolder, hostsConf } from "../os/paths";
import { type Kind, textsNow } from "./kind";
import { type NicInputs, nicWant, splitAddress } from "./nic";
import { packageWant } from "./package";
import { unitWants } from "./unit";

/** What the program hands over for a DHCP server. */
export interface DhcpServerInputs extends NicInputs {
  /** The text of dhcpd.conf. */
  readonly config: string;
  /** The text of isc-dhcp-server.service. */
  readonly unit: string;
  /** The network whose machines it can serve: `192.168.1.0/28`. */
  readonly cidr: string;
  /** Addresses for machines that have none of their own: `192.168.1.2-192.168.1.5`. */
  readonly pool?: string;
  readonly unknownMachines: "refuse" | "serve";
  readonly bootServer: string;
  /** The boot file by firmware, and `script`, which iPXE is given. */
  readonly loaders: Readonly<Record<string, string>>;
  readonly otherDhcpServers?: "allow";
  readonly replace?: true;
}

/** The same out of a state, in which the release before had neither of the two. */
type DeclaredOrStored = Omit<DhcpServerInputs, "cidr" | "unknownMachines"> &
  Partial<Pick<DhcpServerInputs, "cidr" | "unknownMachines">>;

/** dhcpd with its configuration, on the private interface and nowhere else. */
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
    "replace",
  ],
  outputKeys: ["listening"],
  notEchoed: [],
  wants: (inputs: DeclaredOrStored) => {
    const { bootServer, cidr = networkOf(inputs.address), loaders, pool, unknownMachines } = inputs;
    const nic = inputs.interface.startsWith("name:") ? inputs.interface.slice("name:".length) : "@interface@";
    return [
      packageWant("isc-dhcp-server"),
      nicWant(inputs),
      { want: "dir", path: dhcpFolder, mode: "0755" },
      { want: "file", path: dhcpdConf, mode: "0644", content: inputs.config, input: "config" },
      ...unitWants(dhcpdUnit, inputs.unit, [dhcpdConf, hostsConf]),
      { want: "listen", unit: dhcpdUnit, on: { kind: "packet", interface: nic } },
      { want: "serve", interface: nic, bootServer, cidr, loaders, pool, unknownMachines },
      ...(inputs.otherDhcpServers === "allow" ? [{ want: "otherServers" } as const] : []),
      ...(inputs.replace === true ? [{ want: "replaceDhcp" } as const] : []),
    ];
  },
  isPart: true,
  live: (inputs, drift) => textsNow(dhcpServer.wants(inputs), drift),
};

/** The network that an address is in: `192.168.1.0/28` for `192.168.1.1/28`. */
function networkOf(address: string): string {
  const { host, prefixLength } = splitAddress(address);
  const number = host.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const first = number - (number % 2 ** (32 - prefixLength));
  return `${[24, 16, 8, 0].map((bits) => Math.floor(first / 2 ** bits) % 256).join(".")}/${prefixLength}`;
}
