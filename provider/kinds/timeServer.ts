import { chronyDropIn, chronyUnit } from "../os/paths";
import { planPackage, planTimeDaemon } from "./service";
import type { Want } from "./want";

/** What the program hands over for a time server. */
export interface TimeServerInputs {
  /** The text of chrony's drop-in. */
  readonly config: string;
  /** `name:eno2` or `mac:52:54:00:12:34:56`. */
  readonly interface: string;
  /** Node 0's own address there, with the prefix length: `192.168.1.1/28`. */
  readonly address: string;
  readonly replace?: boolean;
  readonly allowDefaultRoute?: boolean;
}

/** chrony, which keeps node 0's own time and serves it on the private address. Its unit is the distribution's. */
export function planTimeServer(inputs: TimeServerInputs): readonly Want[] {
  const [address = "", prefixLength = ""] = inputs.address.split("/");
  return [
    planTimeDaemon(inputs.replace ?? false),
    planPackage("chrony"),
    {
      want: "interface",
      interface: inputs.interface,
      address,
      prefixLength: Number(prefixLength),
      allowDefaultRoute: inputs.allowDefaultRoute ?? false,
    },
    { want: "file", path: chronyDropIn, mode: "0644", content: inputs.config, input: "config" },
    { want: "enabled", unit: chronyUnit },
    { want: "unit", name: chronyUnit, restartedBy: [chronyDropIn] },
    { want: "listen", unit: chronyUnit, on: { kind: "udp", address, port: 123 } },
    { want: "ntp", address },
  ];
}
