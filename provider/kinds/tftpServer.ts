import { tftpdDefaults, tftpdUnit } from "../os/paths";
import { planPackage, planUnit } from "./service";
import type { Want } from "./want";

/** What the program hands over for a TFTP server. */
export interface TftpServerInputs {
  /** The text of /etc/default/tftpd-hpa. */
  readonly defaults: string;
  /** The text of tftpd-hpa.service. */
  readonly unit: string;
  /** The address that is served, without a port. */
  readonly address: string;
  readonly directory: string;
}

/** in.tftpd on the private address, serving one folder. */
export function planTftpServer(inputs: TftpServerInputs): readonly Want[] {
  return [
    planPackage("tftpd-hpa"),
    { want: "dir", path: inputs.directory, mode: "0755" },
    { want: "file", path: tftpdDefaults, mode: "0644", content: inputs.defaults, input: "defaults" },
    ...planUnit(tftpdUnit, inputs.unit, [tftpdDefaults]),
    { want: "listen", unit: tftpdUnit, on: { kind: "udp", address: inputs.address, port: 69 } },
    { want: "tftpd", address: inputs.address, directory: inputs.directory },
  ];
}
