import * as pulumi from "@pulumi/pulumi";
import { good } from "../provider/config/problem";
import { type ConnectionArgs, connectionInput } from "./connection";
import { HostResource } from "./hostResource";

/**
 * The Debian packages of a whole node 0, so that apt runs once and before everything else.
 *
 * @remarks
 * On the host: what is missing is installed, without recommended packages, and without apt or a reboot starting it with
 * its own defaults: its units are masked until a part serves. Deleting the resource leaves the packages, stopped and
 * masked, and takes away our recovery unit and register with the last resource.
 *
 * @internal
 */
export class Packages extends HostResource {
  constructor(
    name: string,
    args: { readonly connection: pulumi.Input<ConnectionArgs>; readonly packages: readonly string[] },
    opts?: pulumi.CustomResourceOptions,
  ) {
    super(
      "Packages",
      name,
      {
        connection: connectionInput(args.connection),
        inputs: pulumi.output(good({ packages: args.packages })),
        inputKeys: ["packages"],
        outputKeys: [],
      },
      opts,
    );
  }
}
