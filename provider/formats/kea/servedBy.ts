import { keaConf } from "../../os/paths";
import type { ServedBy } from "../isc/servedBy";
import { parseKeaJson } from "./keaJson";
import { readKea } from "./readKea";

const nothing: ServedBy = { subnets: [], others: [] };

/** The networks that a kea-dhcp4.conf serves, and the files that it goes on in; none if it names no interface, as Debian's does. */
export function keaServedBy(text: string): ServedBy {
  const files = new Map([[keaConf, text]]);
  if (/"interfaces"\s*:\s*\[\s*\]/.test(withoutComments(text)) || parseKeaJson(keaConf, files).root === undefined)
    return nothing;
  const { networks, missing } = readKea(keaConf, files);
  return {
    subnets: networks.map(({ cidr }) => cidr.replace(/\/.*/, "")),
    others: missing.map((path) => `<?include "${path}"?>`),
  };
}

function withoutComments(text: string): string {
  return text.replaceAll(/^\s*(?:#|\/\/).*$/gm, "");
}
