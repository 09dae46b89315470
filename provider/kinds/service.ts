import { enablingLink, packageUnits, unitFile } from "../os/paths";
import type { Want } from "./want";

/** A package that is there. */
export function planPackage(name: string): Want {
  return { want: "package", name, units: packageUnits[name] ?? [] };
}

/** The daemon that keeps this host's time, of which Debian lets there be one; its usual one goes without a question. */
export function planTimeDaemon(allowed: boolean): Want {
  return {
    want: "standIn",
    package: "chrony",
    usual: ["systemd-timesyncd"],
    others: ["ntp", "ntpsec", "openntpd"],
    allowed,
  };
}

/** A unit of our own under the name that Debian uses, enabled, running, and restarted or reloaded when its files change. */
export function planUnit(
  name: string,
  text: string,
  files: readonly string[],
  reloadedBy?: readonly string[],
): readonly Want[] {
  const path = unitFile(name);
  return [
    { want: "file", path, mode: "0644", content: text, input: "unit" },
    { want: "link", path: enablingLink(name), target: path },
    { want: "unit", name, restartedBy: [path, ...files], ...(reloadedBy && { reloadedBy }) },
  ];
}
