import type { Want } from "./want";

/** The private NIC and node 0's own address on it, as the inputs of several kinds hold them. */
export interface NicInputs {
  /** `name:eno2` or `mac:52:54:00:12:34:56`. */
  readonly interface: string;
  /** Node 0's own address there, with the prefix length: `192.168.1.1/28`. */
  readonly address: string;
  readonly allowDefaultRoute?: boolean;
}

/** The private NIC with node 0's address on it. */
export function nicWant({ interface: nic, address, allowDefaultRoute = false }: NicInputs): Want {
  const { host, prefixLength } = splitAddress(address);
  return { want: "interface", interface: nic, address: host, prefixLength, allowDefaultRoute };
}

/** The two parts of `192.168.1.1/28`. */
export function splitAddress(address: string): { readonly host: string; readonly prefixLength: number } {
  const [host = "", prefixLength = ""] = address.split("/");
  return { host, prefixLength: Number(prefixLength) };
}
