import { dhcpdConf, dhcpdUnit, dhcpFolder, hostsConf } from "../../os/paths";
import type { DhcpBackend } from "../dhcpBackend";
import { wordsOfDhcpd } from "./checker";
import { renderHostBlocks } from "./hostBlocks";

// Every run of the engine loads this file in the provider's process, so it needs nothing that takes long to load.

/** ISC dhcpd. Debian's profile of AppArmor lets it read nothing outside /etc/dhcp. */
export const isc: DhcpBackend = {
  daemon: "isc",
  program: "dhcpd",
  package: "isc-dhcp-server",
  unit: dhcpdUnit,
  conf: dhcpdConf,
  folder: dhcpFolder,
  opens: "all addresses",
  machines: {
    path: hostsConf,
    before: "# Written by pulumi-netboot: the machines of every stack that declares some on this node 0.\n",
    after: "",
  },
  readsAnew: false,
  // From one dhcpd's socket to the next one's, with some machines: 0.05 s on a lab's node 0.
  silentSeconds: (machines) => 0.1 + machines / 100_000,
  renderMachine: renderHostBlocks,
  isMachine: (text) => /^(?:#[^\n]*\n)?host /.test(text),
  checker: {
    argv: ["dhcpd", "-t", "-4", "-cf"],
    candidate: "/etc/dhcp/.netboot-candidate.conf",
    wordsOf: wordsOfDhcpd,
  },
};
