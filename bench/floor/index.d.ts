// biome-ignore-all lint/suspicious/noExplicitAny: whatever the program gives is right, so that reading it costs nothing
import type * as pulumi from "@pulumi/pulumi";

export class NetbootServer extends pulumi.ComponentResource {
  constructor(name: string, args: any);
}
export class OlaNode extends pulumi.CustomResource {
  constructor(name: string, args: any);
  readonly nextBoot: pulumi.Output<any>;
  readonly verified: pulumi.Output<any>;
}
export class OlaFleet extends pulumi.CustomResource {
  constructor(name: string, args: any);
}
