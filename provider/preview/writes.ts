import { backendOf, type DhcpDaemon } from "../formats/dhcpBackend";
import type { Want } from "../kinds/want";
import { enablingLink, namesFile } from "../os/paths";

/** Every path that a resource writes on node 0, also those that are joined there from several resources; sorted. */
export function pathsWritten(wants: readonly Want[]): readonly string[] {
  const daemon = wants.find((want) => want.want === "daemon")?.daemon;
  return [...new Set(wants.flatMap((want) => pathsOf(want, daemon)))].sort();
}

function pathsOf(want: Want, daemon: DhcpDaemon | undefined): readonly string[] {
  switch (want.want) {
    case "file":
    case "link":
    case "take":
      return [want.path];
    case "enabled":
      return [enablingLink(want.unit)];
    case "serve":
      return [backendOf(daemon).machines.path];
    case "names":
      return [want.mode === "hosts" ? "/etc/hosts" : namesFile];
    default:
      return [];
  }
}
