import type { PackagesInputs } from "../provider/kinds/packages";
import { hidden } from "../provider/values/hidden";
import { type Checked, good, type Problem } from "../provider/values/problem";
import { type ConnectionArgs, connectionInput } from "./connection";
import { HostResource } from "./program/hostResource";
import * as pulumi from "./program/pulumi";

/**
 * The Debian packages of a whole node 0, so that apt runs once and before everything else.
 *
 * @remarks
 * On the host: what is missing is installed, without recommended packages, and without apt or a reboot starting it with
 * its own defaults: its units are masked until a part serves. chrony alone runs at once, as the
 * host's own clock needs it. Deleting the resource leaves the packages, stopped and masked (with `removePackages` they are
 * purged), and takes away our recovery unit and register with the last resource.
 *
 * @internal
 */
export class Packages extends HostResource {
  constructor(
    name: string,
    args: {
      readonly connection: pulumi.Input<ConnectionArgs>;
      readonly packages: pulumi.Input<readonly string[]>;
      readonly replaceTimeDaemon?: boolean;
      readonly removePackages?: pulumi.Input<boolean>;
      /** Packages, as `name` or `name=version`, out of which boot files will be taken, and how many of each. */
      readonly fetch?: Readonly<Record<string, number>>;
      /** Where DHCP will be served, as `name:eno2 192.168.1.1`, and nobody else may. */
      readonly listenFor: pulumi.Input<string | undefined>;
      /** What is wrong with what all parts need: told once and whole, before any of them meets its own. */
      readonly mistakes: readonly pulumi.Input<readonly Problem[]>[];
      /** Beside what those are told. */
      readonly toldBeside: string;
    },
    opts?: pulumi.CustomResourceOptions,
  ) {
    const { packages: wanted, replaceTimeDaemon, removePackages, fetch, listenFor, mistakes, toldBeside } = args;
    super(
      "Packages",
      name,
      {
        connection: connectionInput(args.connection),
        inputs: pulumi.all([removePackages, listenFor, wanted]).apply(
          ([gone, where, packages]): Checked<PackagesInputs> =>
            good({
              packages,
              ...(replaceTimeDaemon === true && { replaceTimeDaemon }),
              ...(gone === true && { removePackages: true }),
              ...(fetch !== undefined && { [hidden.fetch]: fetch }),
              ...(where !== undefined && { [hidden.listenFor]: where }),
            }),
        ),
        problems: mistakes,
        toldBeside,
      },
      opts,
    );
  }
}
