import * as pulumi from "@pulumi/pulumi";
import type { Connection } from "../provider/config/connection";
import type { Checked, Problem } from "../provider/config/problem";
import { connectionProblems } from "./connection";
import { declareOnce } from "./declaredOnce";
import { providers, type ResourceKind } from "./inProvider";

/** What a resource hands to its provider: values that the program worked out, or what is wrong with its arguments. */
interface Declared {
  readonly connection: pulumi.Input<Connection>;
  readonly inputs: pulumi.Output<Checked<object>>;
  /** Every key that the inputs can have, for each becomes a property of its own. */
  readonly inputKeys: readonly string[];
  /** What only node 0 can tell. */
  readonly outputKeys: readonly string[];
  /** What a host has once, in words: `the DHCP server`. Two resources of one program can't both declare it. */
  readonly once?: pulumi.Input<string>;
  /** Inputs that may stay unknown longer than the others. */
  readonly computed?: Readonly<Record<string, pulumi.Output<unknown>>>;
}

/** A resource on a host: one row of the preview, one entry in node 0's register. */
export abstract class HostResource extends pulumi.dynamic.Resource {
  /**
   * The connection as the program gave it; the property `connection` is what the state holds.
   *
   * @internal
   */
  readonly reachedBy: pulumi.Input<Connection>;

  constructor(kind: ResourceKind, name: string, declared: Declared, opts: pulumi.CustomResourceOptions | undefined) {
    const { connection, inputs, inputKeys, outputKeys, once, computed } = declared;
    const twice = pulumi.all([pulumi.output(connection), once]).apply(([reached, thing]): readonly Problem[] => {
      if (thing === undefined || thing === "") return [];
      return declareOnce(reached.host, thing, `${kind} "${name}"`);
    });
    const problems = pulumi
      .all([connectionProblems(connection), inputs.apply(({ problems: found }) => found), pulumi.unsecret(twice)])
      .apply((found): readonly Problem[] | undefined => (found.flat().length > 0 ? found.flat() : undefined));
    const type = `pulumi-nodejs:dynamic/netboot:${kind}`;
    super(
      providers[kind],
      name,
      {
        ...Object.fromEntries(outputKeys.map((key) => [key, undefined])),
        ...Object.fromEntries(
          inputKeys.map((key) => [
            key,
            inputs.apply(({ value }) => (value as Record<string, unknown> | undefined)?.[key]),
          ]),
        ),
        ...computed,
        connection,
        __problems: pulumi.unsecret(problems),
        __urn: pulumi.createUrn(name, type, opts?.parent && urnWithoutDependencies(opts.parent)),
      },
      opts,
      "netboot",
      kind,
    );
    this.reachedBy = connection;
  }
}

/**
 * The parent's URN as a plain promise: as an output it would make the resource depend on its parent, and so, where that
 * is a component, on all of the parent's children and on itself.
 */
function urnWithoutDependencies(parent: pulumi.Resource): Promise<string> {
  return new Promise((resolve) => parent.urn.apply(resolve));
}
