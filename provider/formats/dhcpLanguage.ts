import { interfaceWord } from "../values/network";
import type { NodeRow } from "../values/nodeRow";
import type { DhcpDaemon } from "./dhcpBackend";
import { type DhcpdSettings, renderDhcpdConf } from "./isc/dhcpdConf";
import { renderDhcpdUnit } from "./isc/dhcpdUnit";
import { whyUnknownOption } from "./isc/optionNames";
import { readHostBlocks } from "./isc/readHostBlocks";
import { parseServedBy, type ServedBy } from "./isc/servedBy";
import { renderKeaConf, renderKeaUnit } from "./kea/keaConf";
import { readReservations } from "./kea/readReservations";
import { keaServedBy } from "./kea/servedBy";
import { whyNoKeaOption } from "./kea/whyNoKeaOption";

/** What a program writes for a DHCP server, beside its machines. */
export interface DhcpLanguage {
  /** Its configuration, and the unit that starts it. */
  render(settings: DhcpdSettings): { readonly config: string; readonly unit: string };
  /** Why it would not know an option of a machine, by dhcpd's name for it; `declared` are those that `extraConfig` declares. */
  whyUnknownOption(name: string, declared: readonly string[]): string | undefined;
  /** What `renderMachine` wrote beside what else is known of a machine. */
  readMachine(text: string): Pick<NodeRow, "options" | "comment">;
  /** What somebody's own configuration serves. */
  parseServedBy(text: string): ServedBy;
}

/** By daemon. */
export const dhcpLanguages: Readonly<Record<DhcpDaemon, DhcpLanguage>> = {
  isc: {
    render: (settings) => ({
      config: renderDhcpdConf(settings),
      unit: renderDhcpdUnit({ interface: interfaceWord(settings.network.interface) }),
    }),
    whyUnknownOption,
    readMachine: readHostBlocks,
    parseServedBy,
  },
  kea: {
    render: (settings) => ({ config: renderKeaConf(settings), unit: renderKeaUnit(settings) }),
    whyUnknownOption: whyNoKeaOption,
    readMachine: readReservations,
    parseServedBy: keaServedBy,
  },
};
