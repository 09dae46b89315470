import { parseTftpdSettings, renderTftpdDefaults, renderTftpdUnit } from "../provider/formats/tftpd/tftpd";
import type { TftpServerInputs } from "../provider/kinds/tftpServer";
import { bad, type Checked, good } from "../provider/values/problem";
import { type ConnectionArgs, connectionInput } from "./connection";
import { given } from "./program/given";
import { HostResource } from "./program/hostResource";
import { previewPart } from "./program/nextBootPreview";
import * as pulumi from "./program/pulumi";

/** The arguments of a {@link TftpServer}. */
export interface TftpServerArgs {
  /** How node 0 is reached. */
  readonly connection: pulumi.Input<ConnectionArgs>;
  /** Node 0's private address, the only one that is bound. */
  readonly address: pulumi.Input<string>;
  /** @defaultValue "/srv/tftp" */
  readonly directory?: pulumi.Input<string>;
  /** in.tftpd's options, one word each. @defaultValue `["--secure", "--verbosity", "2", "--blocksize", "1468"]` */
  readonly options?: pulumi.Input<readonly string[]>;
  /**
   * The largest packet that comes through all the way to the machines: no block of a file is larger. In a NetbootServer,
   * `network.mtu`. @defaultValue 1500
   */
  readonly mtu?: pulumi.Input<number | undefined>;
}

/**
 * The TFTP server of node 0.
 *
 * @remarks
 * On the host: the package `tftpd-hpa`, `/etc/default/tftpd-hpa`, and a unit of ours under the name
 * `tftpd-hpa.service`, which comes back whenever it dies; Debian's own does not when the address comes late. It listens
 * on the given address only, port 69/udp. What was there before comes back when the resource is deleted; a package that
 * we brought stays, stopped and masked.
 *
 * @see in.tftpd(8), RFC 1350, RFC 2348
 */
export class TftpServer extends HostResource {
  /** @internal */
  static readonly __pulumiType: string = "pulumi-nodejs:dynamic/netboot:TftpServer";

  /** What it was seen listening on: `192.168.1.1:69 udp`. */
  declare readonly listening: pulumi.Output<string>;

  constructor(name: string, args: TftpServerArgs, opts?: pulumi.CustomResourceOptions) {
    const { connection, ...values } = given(args);
    super(
      "TftpServer",
      name,
      {
        connection: connectionInput(connection),
        args: values,
        inputs: pulumi.output(values).apply(inputsOfTftpServer),
        listsPaths: true,
        once: "the TFTP server",
      },
      pulumi.mergeOptions(previewPart(), opts) as pulumi.CustomResourceOptions,
    );
  }
}

function inputsOfTftpServer(values: unknown): Checked<TftpServerInputs> {
  const settings = parseTftpdSettings(values);
  if (settings.value === undefined) return bad(...settings.problems);
  const { address, directory } = settings.value;
  return good({
    address,
    directory,
    defaults: renderTftpdDefaults(settings.value),
    unit: renderTftpdUnit({ directory }),
  });
}
