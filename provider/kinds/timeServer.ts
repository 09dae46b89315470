import { chronyDropIn, chronyUnit } from "../os/paths";
import { type Kind, textsNow } from "./kind";
import { type NicInputs, nicWant, splitAddress } from "./nic";
import { packageWant } from "./package";
import { timeDaemonWant } from "./timeDaemon";

/** What the program hands over for a time server. */
export interface TimeServerInputs extends NicInputs {
  /** The text of chrony's drop-in. */
  readonly config: string;
  readonly replace?: boolean;
}

/** chrony, which keeps node 0's own time and serves it on the private address. Its unit is the distribution's. */
export const timeServer: Kind<TimeServerInputs> = {
  inputKeys: ["config", "interface", "address", "replace", "allowDefaultRoute"],
  outputKeys: ["listening"],
  notEchoed: [],
  wants: (inputs) => {
    const { host: address } = splitAddress(inputs.address);
    return [
      timeDaemonWant(inputs.replace ?? false),
      packageWant("chrony"),
      nicWant(inputs),
      { want: "file", path: chronyDropIn, mode: "0644", content: inputs.config, input: "config" },
      { want: "enabled", unit: chronyUnit },
      { want: "unit", name: chronyUnit, restartedBy: [chronyDropIn] },
      { want: "listen", unit: chronyUnit, on: { kind: "udp", address, port: 123 } },
      { want: "ntp", address },
    ];
  },
  isPart: true,
  live: (inputs, drift) => textsNow(timeServer.wants(inputs), drift),
};
