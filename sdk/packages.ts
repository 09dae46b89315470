import * as pulumi from "@pulumi/pulumi";
import { good } from "../provider/config/problem";
import { type ConnectionArgs, connectionInput } from "./connection";
import { HostResource } from "./hostResource";

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
      readonly packages: readonly string[];
      readonly replaceTimeDaemon?: boolean;
      readonly removePackages?: pulumi.Input<boolean>;
      /** Packages, as `name` or `name=version`, out of which boot files will be taken, and how many of each. */
      readonly fetch?: Readonly<Record<string, number>>;
    },
    opts?: pulumi.CustomResourceOptions,
  ) {
    const { packages, replaceTimeDaemon, removePackages, fetch } = args;
    super(
      "Packages",
      name,
      {
        connection: connectionInput(args.connection),
        inputs: pulumi.output(removePackages).apply((gone) =>
          good({
            packages,
            ...(replaceTimeDaemon === true && { replaceTimeDaemon }),
            ...(gone === true && { removePackages: true }),
            ...(fetch !== undefined && { __fetch: fetch }),
          }),
        ),
        inputKeys: ["packages", "replaceTimeDaemon", "removePackages", "__fetch"],
        outputKeys: [],
      },
      opts,
    );
  }
}
