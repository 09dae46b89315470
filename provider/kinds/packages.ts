import { planPackage, planTimeDaemon } from "./service";
import type { Want } from "./want";

/** What the program hands over for the packages of a whole node 0. */
export interface PackagesInputs {
  readonly packages: readonly string[];
  /** Another time daemon than the usual one may go. */
  readonly replaceTimeDaemon?: boolean;
  /** With the resource go the packages that we brought. */
  readonly removePackages?: boolean;
  /** Packages out of which boot files will be taken, and how many of each; never a difference. */
  readonly __fetch?: Readonly<Record<string, number>>;
  /** Where DHCP will be served, as `name:eno2 192.168.1.1`; never a difference. */
  readonly __listenFor?: string;
}

/** The packages that the parts need, so that apt runs once. */
export function planPackages(inputs: PackagesInputs): readonly Want[] {
  const { packages, replaceTimeDaemon = false, removePackages, __fetch = {}, __listenFor } = inputs;
  const [nic, address] = __listenFor?.split(" ") ?? [];
  return [
    ...(packages.includes("chrony") ? [planTimeDaemon(replaceTimeDaemon)] : []),
    ...packages.map(planPackage),
    ...Object.entries(__fetch).map(([name, files]) => ({ want: "fetch", package: name, files }) as const),
    ...(nic === undefined || address === undefined ? [] : [{ want: "listenFor", interface: nic, address } as const]),
    ...(removePackages === true ? [{ want: "purge" } as const] : []),
  ];
}
