import { dhcpdConf, dhcpdUnit, dhcpFolder, hostsConf } from "../os/paths";
import { planPackage, planUnit } from "./service";
import type { Want } from "./want";

/** What the program hands over for a DHCP server. */
export interface DhcpServerInputs {
  /** The text of dhcpd.conf. */
  readonly config: string;
  /** The text of isc-dhcp-server.service. */
  readonly unit: string;
  /** `name:eno2` or `mac:52:54:00:12:34:56`. */
  readonly interface: string;
  /** Node 0's own address there, with the prefix length: `192.168.1.1/28`. */
  readonly address: string;
  readonly bootServer: string;
  /** The boot file by firmware, and `script`, which iPXE is given. */
  readonly loaders: Readonly<Record<string, string>>;
  readonly allowDefaultRoute?: boolean;
  readonly otherDhcpServers?: "allow";
}

/** dhcpd with its configuration, on the private interface and nowhere else. */
export function planDhcpServer(inputs: DhcpServerInputs): readonly Want[] {
  const [address = "", prefixLength = ""] = inputs.address.split("/");
  const { subnet } = /^subnet (?<subnet>\S+) netmask/m.exec(inputs.config)?.groups ?? {};
  const cidr = `${subnet}/${prefixLength}`;
  const nic = inputs.interface.startsWith("name:") ? inputs.interface.slice("name:".length) : "@interface@";
  return [
    planPackage("isc-dhcp-server"),
    {
      want: "interface",
      interface: inputs.interface,
      address,
      prefixLength: Number(prefixLength),
      allowDefaultRoute: inputs.allowDefaultRoute ?? false,
    },
    { want: "dir", path: dhcpFolder, mode: "0755" },
    { want: "file", path: dhcpdConf, mode: "0644", content: inputs.config, input: "config" },
    ...planUnit(dhcpdUnit, inputs.unit, [dhcpdConf, hostsConf]),
    { want: "listen", unit: dhcpdUnit, on: { kind: "packet", interface: nic } },
    { want: "serve", interface: nic, bootServer: inputs.bootServer, cidr, loaders: inputs.loaders },
    ...(inputs.otherDhcpServers === "allow" ? [{ want: "otherServers" } as const] : []),
  ];
}
