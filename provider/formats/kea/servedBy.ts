import { keaConf } from "../../os/paths";
import type { ServedBy } from "../isc/servedBy";
import { readKea } from "./readKea";

/** The networks that a kea-dhcp4.conf serves, and the files that it goes on in. */
export function keaServedBy(text: string): ServedBy {
  const { networks, missing } = readKea(keaConf, new Map([[keaConf, text]]));
  return {
    subnets: networks.map(({ cidr }) => cidr.replace(/\/.*/, "")),
    others: missing.map((path) => `<?include "${path}"?>`),
  };
}
