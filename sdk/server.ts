import * as pulumi from "@pulumi/pulumi";
import type { DhcpdSettings } from "../provider/config/dhcpdConf";
import type { HostsEntry } from "../provider/config/hostsTable";
import type { BootChain } from "../provider/config/nextBoot";
import type { Firmware, NodeRow } from "../provider/config/node";
import type { ServedFile } from "./bootArtifacts";
import { connectionInput } from "./connection";
import { DhcpServer } from "./dhcpServer";
import { NetbootServer } from "./netbootServer";
import type { ServerReference } from "./reference";

/** The server on which machines are declared: in this program, or by the reference that another stack exports. */
export type Server = NetbootServer | DhcpServer | pulumi.Input<ServerReference>;

/** What machines need to know of their server. */
export interface ResolvedServer {
  readonly connection: pulumi.Input<ServerReference["connection"]>;
  readonly reference: pulumi.Output<Omit<ServerReference, "connection" | "files">>;
  readonly files: pulumi.Output<ServerReference["files"]>;
  /** What must be there before them. */
  readonly parts: pulumi.Resource[];
}

/** Of another stack's reference only the connection can be a secret. */
export function resolveServer(server: Server): ResolvedServer {
  if (server instanceof NetbootServer || server instanceof DhcpServer) {
    const { reachedBy: connection, described } = server;
    const parts = server instanceof NetbootServer ? [...server.parts] : [server];
    const files = server instanceof NetbootServer ? server.artifacts.files : pulumi.output(undefined);
    return { connection, reference: described, files, parts };
  }
  const given = pulumi.output(server) as pulumi.Output<ServerReference>;
  return {
    connection: given.apply(({ connection }) => pulumi.output(connectionInput(connection))),
    reference: pulumi.unsecret(given.apply(({ server: urn, settings }) => ({ server: urn, settings }))),
    files: pulumi.unsecret(given.apply(({ files }) => files)),
    parts: [],
  };
}

/** The machines that have an address of their own, by name, in the server's domain. */
export function namedOf(rows: readonly NodeRow[], settings: DhcpdSettings | undefined): readonly HostsEntry[] {
  const domain = settings?.network.domain;
  return rows.flatMap(({ address, hostname }) => (address === undefined ? [] : [{ address, hostname, domain }]));
}

/** What each firmware starts, unless a machine has a loader of its own. */
export function standardLoaders(settings: DhcpdSettings | undefined): Readonly<Record<Firmware, string>> {
  return { x64: settings?.loaders.x64 ?? "ipxe.efi", ia32: settings?.loaders.ia32 ?? "ipxe32.efi" };
}

/** The files that a machine meets, each with its hash where the server knows it. */
export function chainOf(
  row: Pick<NodeRow, "firmware" | "loader">,
  settings: DhcpdSettings | undefined,
  files: Readonly<Record<string, ServedFile>> | undefined,
): BootChain {
  const file = (name: string) => ({ name, sha256: files?.[name]?.sha256 ?? "unknown" });
  return {
    loader: file(row.loader ?? standardLoaders(settings)[row.firmware]),
    script: file(settings?.loaders.script ?? "refind.pxe"),
    refind: file("refind_x64.efi"),
    refindConf: file("refind.conf"),
  };
}
