import type { Want } from "./declaration";
import { planPackage } from "./service";

/** What the program hands over for the packages of a whole node 0. */
export interface PackagesInputs {
  readonly packages: readonly string[];
}

/** The packages that the parts need, so that apt runs once. */
export function planPackages({ packages }: PackagesInputs): readonly Want[] {
  return packages.map(planPackage);
}
