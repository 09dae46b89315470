import type { Want } from "../kinds/want";
import { enablingLink, hostsConf, namesFile } from "../os/paths";

/** Every path that a resource writes on node 0, also those that are joined there from several resources; sorted. */
export function pathsWritten(wants: readonly Want[]): readonly string[] {
  return [...new Set(wants.flatMap(pathsOf))].sort();
}

function pathsOf(want: Want): readonly string[] {
  switch (want.want) {
    case "file":
    case "link":
    case "take":
      return [want.path];
    case "enabled":
      return [enablingLink(want.unit)];
    case "serve":
      return [hostsConf];
    case "names":
      return [want.mode === "hosts" ? "/etc/hosts" : namesFile];
    default:
      return [];
  }
}
