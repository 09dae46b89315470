import { keaConf, keaControlSocket, keaFolder, keaReservations, keaUnit } from "../../os/paths";
import type { DhcpBackend } from "../dhcpBackend";
import { wordsOfKea } from "./checker";
import { renderReservations } from "./reservations";

// Every run of the engine loads this file in the provider's process, so it needs nothing that takes long to load.

/** Kea's DHCPv4 server. Debian's profile of AppArmor lets it read nothing outside /etc/kea. */
export const kea: DhcpBackend = {
  daemon: "kea",
  program: "kea-dhcp4",
  package: "kea-dhcp4-server",
  since: "12",
  unit: keaUnit,
  conf: keaConf,
  folder: keaFolder,
  opens: "its address",
  machines: {
    path: keaReservations,
    before: "# Written by pulumi-netboot: the machines of every stack that declares some on this node 0.\n",
    after: "\n",
    separator: ",\n",
  },
  partner: { controlSocket: keaControlSocket, port: 8001 },
  readsAnew: true,
  // It closes its sockets while it takes a new configuration.
  silentSeconds: (machines) => 0.1 + machines / 20_000,
  renderMachine: renderReservations,
  isMachine: (text) => /^(?:#[^\n]*\n)?\{ "hw-address"/.test(text),
  checker: {
    // As the user that it runs as, who must be able to read all of it, and whose lock file it is else.
    argv: [
      "setpriv",
      "--reuid=_kea",
      "--regid=_kea",
      "--clear-groups",
      "env",
      "KEA_LOCKFILE_DIR=none",
      "kea-dhcp4",
      "-t",
    ],
    candidate: `${keaConf.replace(/[^/]*$/, "")}.netboot-candidate.conf`,
    wordsOf: wordsOfKea,
  },
};
