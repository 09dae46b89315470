import { packageUnits } from "../os/paths";
import type { Want } from "./want";

/** A package that is there. */
export function packageWant(name: string): Want {
  return { want: "package", name, units: packageUnits[name] ?? [] };
}
