import type { NodeRow } from "../../values/nodeRow";
import { readDhcpd } from "./readDhcpd";

/** What `renderHostBlocks` wrote of a machine beside its name, NICs, address and loader. */
export function readHostBlocks(text: string): Pick<NodeRow, "options" | "comment"> {
  const [, comment] = /^# ([^\n]*)\n/.exec(text) ?? [];
  const [host] = readDhcpd("", new Map([["", text]])).hosts;
  const options = host?.options ?? {};
  return {
    ...(Object.keys(options).length > 0 && { options }),
    ...(comment !== undefined && { comment }),
  };
}
