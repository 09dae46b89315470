import { tftpdDefaults, tftpdUnit } from "../os/paths";
import { type Kind, textsNow } from "./kind";
import { packageWant } from "./package";
import { unitWants } from "./unit";

/** What the program hands over for a TFTP server. */
export interface TftpServerInputs {
  /** The address that is served, without a port. */
  readonly address: string;
  readonly directory: string;
  /** The text of /etc/default/tftpd-hpa. */
  readonly defaults: string;
  /** The text of tftpd-hpa.service. */
  readonly unit: string;
}

/** in.tftpd on the private address, serving one folder. */
export const tftpServer: Kind<TftpServerInputs> = {
  inputKeys: ["address", "directory", "defaults", "unit"],
  outputKeys: ["listening"],
  notEchoed: [],
  wants: ({ address, directory, defaults, unit }) => [
    packageWant("tftpd-hpa"),
    { want: "dir", path: directory, mode: "0755" },
    { want: "file", path: tftpdDefaults, mode: "0644", content: defaults, input: "defaults" },
    ...unitWants(tftpdUnit, unit, [tftpdDefaults]),
    { want: "listen", unit: tftpdUnit, on: { kind: "udp", address, port: 69 } },
    { want: "tftpd", address, directory },
  ],
  isPart: true,
  live: (inputs, drift) => textsNow(tftpServer.wants(inputs), drift),
};
