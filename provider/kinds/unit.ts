import { enablingLink, unitFile } from "../os/paths";
import type { Want } from "./want";

/** A unit of our own under the name that Debian uses, enabled, running, and restarted or reloaded when its files change. */
export function unitWants(
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
