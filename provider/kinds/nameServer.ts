import type { NamesMode } from "../formats/dnsmasq/dnsmasq";
import { dnsmasqConf, namesFile, namesFolder, namesUnit } from "../os/paths";
import { type Kind, textsNow } from "./kind";
import { type NicInputs, nicWant, splitAddress } from "./nic";
import { packageWant } from "./package";
import { unitWants } from "./unit";

/** What the program hands over for a name server. With mode `hosts` there is no NIC, and neither text. */
export interface NameServerInputs extends Partial<NicInputs> {
  readonly mode: NamesMode;
  /** Lines of hosts(5) beside those of the machines. */
  readonly records: string;
  readonly domain?: string;
  /** The text of dnsmasq.conf. */
  readonly config?: string;
  /** The text of netboot-names.service. */
  readonly unit?: string;
}

/** The names of all machines: by dnsmasq on the private address, or in node 0's own /etc/hosts. */
export const nameServer: Kind<NameServerInputs> = {
  inputKeys: ["mode", "records", "domain", "config", "unit", "interface", "address", "allowDefaultRoute"],
  outputKeys: ["listening"],
  notEchoed: [],
  wants: (inputs) => {
    const { mode, domain, records, config = "", unit = "" } = inputs;
    if (mode === "hosts") return [{ want: "names", mode, domain, records }];
    const nic: NicInputs = { ...inputs, interface: inputs.interface ?? "", address: inputs.address ?? "" };
    const { host: address } = splitAddress(nic.address);
    return [
      packageWant("dnsmasq-base"),
      nicWant(nic),
      { want: "dir", path: namesFolder, mode: "0755" },
      { want: "file", path: dnsmasqConf, mode: "0644", content: config, input: "config" },
      ...unitWants(namesUnit, unit, [dnsmasqConf], [namesFile]),
      { want: "listen", unit: namesUnit, on: { kind: "udp", address, port: 53 } },
      { want: "listen", unit: namesUnit, on: { kind: "tcp", address, port: 53 } },
      { want: "names", mode, address, domain, records },
    ];
  },
  isPart: true,
  live: (inputs, drift) => textsNow(nameServer.wants(inputs), drift),
};
