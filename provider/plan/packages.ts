import type { Want } from "./declaration";
import { planPackage, planTimeDaemon } from "./service";

/** What the program hands over for the packages of a whole node 0. */
export interface PackagesInputs {
  readonly packages: readonly string[];
  /** Another time daemon than the usual one may go. */
  readonly replaceTimeDaemon?: boolean;
  /** With the resource go the packages that we brought. */
  readonly removePackages?: boolean;
}

/** The packages that the parts need, so that apt runs once. */
export function planPackages({ packages, replaceTimeDaemon = false, removePackages }: PackagesInputs): readonly Want[] {
  const time = packages.includes("chrony") ? [planTimeDaemon(replaceTimeDaemon)] : [];
  return [...time, ...packages.map(planPackage), ...(removePackages === true ? [{ want: "purge" } as const] : [])];
}
