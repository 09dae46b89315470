import type { NamesMode } from "../formats/dnsmasq/dnsmasq";
import { dnsmasqConf, namesFile, namesFolder, namesUnit } from "../os/paths";
import { planPackage, planUnit } from "./service";
import type { Want } from "./want";

/** What the program hands over for a name server. */
export interface NameServerInputs {
  readonly mode: NamesMode;
  /** Lines of hosts(5) beside those of the machines. */
  readonly records: string;
  readonly domain?: string;
  /** The text of dnsmasq.conf; absent with mode `hosts`, as is all that follows. */
  readonly config?: string;
  /** The text of netboot-names.service. */
  readonly unit?: string;
  /** `name:eno2` or `mac:52:54:00:12:34:56`. */
  readonly interface?: string;
  /** Node 0's own address there, with the prefix length: `192.168.1.1/28`. */
  readonly address?: string;
  readonly allowDefaultRoute?: boolean;
}

/** The names of all machines: by dnsmasq on the private address, or in node 0's own /etc/hosts. */
export function planNameServer(inputs: NameServerInputs): readonly Want[] {
  const { mode, domain, records } = inputs;
  if (mode === "hosts") return [{ want: "names", mode, domain, records }];
  const [address = "", prefixLength = ""] = (inputs.address ?? "").split("/");
  return [
    planPackage("dnsmasq-base"),
    {
      want: "interface",
      interface: inputs.interface ?? "",
      address,
      prefixLength: Number(prefixLength),
      allowDefaultRoute: inputs.allowDefaultRoute ?? false,
    },
    { want: "dir", path: namesFolder, mode: "0755" },
    { want: "file", path: dnsmasqConf, mode: "0644", content: inputs.config ?? "", input: "config" },
    ...planUnit(namesUnit, inputs.unit ?? "", [dnsmasqConf], [namesFile]),
    { want: "listen", unit: namesUnit, on: { kind: "udp", address, port: 53 } },
    { want: "listen", unit: namesUnit, on: { kind: "tcp", address, port: 53 } },
    { want: "names", mode, address, domain, records },
  ];
}
