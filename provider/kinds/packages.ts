import { type Hidden, hidden } from "../values/hidden";
import type { Kind } from "./kind";
import { packageWant } from "./package";
import { timeDaemonWant } from "./timeDaemon";

/** What the program hands over for the packages of a whole node 0. */
export interface PackagesInputs extends Pick<Hidden, typeof hidden.fetch | typeof hidden.listenFor> {
  readonly packages: readonly string[];
  /** Another time daemon than the usual one may go. */
  readonly replaceTimeDaemon?: boolean;
  /** With the resource go the packages that we brought. */
  readonly removePackages?: boolean;
}

/** The packages that the parts need, so that apt runs once. */
export const packages: Kind<PackagesInputs> = {
  inputKeys: ["packages", "replaceTimeDaemon", "removePackages", hidden.fetch, hidden.listenFor],
  outputKeys: [],
  notEchoed: [],
  wants: (inputs) => {
    const { packages: names, replaceTimeDaemon = false, removePackages } = inputs;
    const [nic, address] = inputs[hidden.listenFor]?.split(" ") ?? [];
    return [
      ...(names.includes("chrony") ? [timeDaemonWant(replaceTimeDaemon)] : []),
      ...names.map(packageWant),
      ...Object.entries(inputs[hidden.fetch] ?? {}).map(
        ([name, files]) => ({ want: "fetch", package: name, files }) as const,
      ),
      ...(nic === undefined || address === undefined ? [] : [{ want: "listenFor", interface: nic, address } as const]),
      ...(removePackages === true ? [{ want: "purge" } as const] : []),
    ];
  },
  live: () => ({}),
};
