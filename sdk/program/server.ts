import type { NameRecord } from "../../provider/formats/dnsmasq/dnsmasq";
import type { HostsEntry } from "../../provider/formats/hosts/hostsTable";
import type { DhcpdSettings } from "../../provider/formats/isc/dhcpdConf";
import type { Chains } from "../../provider/kinds/kind";
import { type BootChain, chainKey, renderChain } from "../../provider/preview/nextBoot";
import {
  type BootChainName,
  bootScriptName,
  type Firmware,
  firmwares,
  type LoaderFor,
  loadersFor,
} from "../../provider/values/bootChain";
import type { NodeRow } from "../../provider/values/node";
import { bad, type Checked, good, type Problem } from "../../provider/values/problem";
import { isUnknown, unknownText } from "../../provider/values/unknown";
import type { ServedFile } from "../bootArtifacts";
import { connectionInput, problemsOf as problemsOfConnection } from "../connection";
import { DhcpServer } from "../dhcpServer";
import { NetbootServer } from "../netbootServer";
import type { ServerReference } from "../reference";
import { isObject } from "./given";
import { asPlannedText, partly } from "./partly";
import * as pulumi from "./pulumi";

/** The server on which machines are declared: in this program, or by the reference that another stack exports. */
export type Server = NetbootServer | DhcpServer | pulumi.Input<ServerReference>;

/** A server without its connection and its files. */
export type Described = Omit<ServerReference, "connection" | "files">;

/** A server as a preview knows it: what the next boots of its machines are made of. */
export interface Whole {
  /** The DHCP server's URN. */
  readonly server: string;
  readonly settings: DhcpdSettings | undefined | typeof unknownText;
  /** The names that its name server has beside those of machines, where the program declares both together. */
  readonly records?: readonly NameRecord[] | undefined;
  readonly files: ServerReference["files"];
}

/** What machines need to know of their server. */
export interface ResolvedServer {
  readonly connection: pulumi.Input<ServerReference["connection"]>;
  readonly reference: pulumi.Output<Described>;
  readonly files: pulumi.Output<ServerReference["files"]>;
  /** The server without its files, as much as a preview knows of it: what is wrong with machines depends on no more. */
  readonly placed: pulumi.Output<Omit<Whole, "files">>;
  /** Both of them, made once for all machines of a server, with as much as a preview knows. */
  readonly described: pulumi.Output<Whole>;
  /** What each kind of machine boots on it, made once for all of them. */
  readonly chains: pulumi.Output<Chains>;
  /** The same as one text, as a machine hands it over. */
  readonly chainsText: pulumi.Output<string>;
  /** What is wrong with the argument itself, where it is a reference. */
  readonly reaching?: pulumi.Input<readonly Problem[]>;
  /** Its program, where that is not ISC's. */
  readonly daemon: pulumi.Output<DhcpdSettings["daemon"]>;
  /** What must be there before them. */
  readonly parts: pulumi.Resource[];
}

// Hundreds of machines ask for the same server, and each output that is made anew costs.
const resolved = new WeakMap<object, ResolvedServer>();

export function resolveServer(server: Server): ResolvedServer {
  if (typeof server !== "object" || server === null) return resolve(server);
  const known = resolved.get(server) ?? resolve(server);
  resolved.set(server, known);
  return known;
}

function together(
  reference: ResolvedServer["reference"],
  served: ResolvedServer["files"],
  records?: pulumi.Output<readonly NameRecord[]>,
): Pick<ResolvedServer, "placed" | "described" | "chains" | "chainsText" | "daemon"> {
  const placed = partly(pulumi.all([reference, records])).apply((given) => {
    const [known, recorded] = isUnknown(given) ? [unknownText] : given;
    const { server, settings } = isUnknown(known)
      ? { server: unknownText, settings: unknownText as typeof unknownText }
      : (known as Described);
    return { server, settings, ...(Array.isArray(recorded) && { records: recorded as readonly NameRecord[] }) };
  });
  const described = partly(pulumi.all([reference, served])).apply((given): Whole => {
    const [known, files] = isUnknown(given) ? [unknownText, unknownText] : given;
    const { server, settings } = isUnknown(known)
      ? { server: unknownText, settings: unknownText }
      : (known as Described);
    return { server, settings, files } as Whole;
  });
  const chains = described.apply(chainsOn);
  const chainsText = chains.apply((known) => {
    // Inside of a text the engine would not see what is unknown.
    return Object.values(known).some(isUnknown) ? unknownText : JSON.stringify(known);
  });
  const daemon = placed.apply(({ settings }) => (typeof settings === "object" ? settings.daemon : undefined));
  return { placed, described, chains, chainsText, daemon };
}

function chainsOn(whole: Whole): Chains {
  const kinds = firmwareNames.flatMap((firmware) =>
    [undefined, ...loadersFor("x64")].map((loader) => ({ firmware, ...(loader !== undefined && { loader }) })),
  );
  return Object.fromEntries(
    kinds.map((kind) => [chainKey(kind), asPlannedText(renderChain(kind.firmware, chainOf(kind, whole)))]),
  );
}

const firmwareNames = ["x64", "ia32"] as const;

/** Of another stack's reference only the connection can be a secret. */
function resolve(server: Server): ResolvedServer {
  if (server instanceof NetbootServer || server instanceof DhcpServer) {
    const { reachedBy: connection, described: reference } = server;
    const parts = server instanceof NetbootServer ? [...server.parts] : [server];
    const files =
      server instanceof NetbootServer ? server.artifacts.files : (server.filesBeside() ?? pulumi.output(undefined));
    const records = server instanceof NetbootServer ? server.names?.recorded : undefined;
    return { connection, reference, files, ...together(reference, files, records), parts };
  }
  const checked = (pulumi.output(server as object) as pulumi.Output<unknown>).apply(checkReference) as pulumi.Output<
    Checked<ServerReference>
  >;
  const reference = pulumi.unsecret(
    checked.apply(({ value }): Described => ({ server: value?.server ?? "", settings: value?.settings })),
  );
  const files = pulumi.unsecret(checked.apply(({ value }) => value?.files)) as ResolvedServer["files"];
  const connection = checked.apply(({ value }) => pulumi.output(connectionInput(value?.connection as never)));
  return {
    connection,
    reference,
    files,
    ...together(reference, files),
    reaching: pulumi.unsecret(
      checked.apply(({ value, problems }) => (value === undefined ? problems : problemsOfConnection(value.connection))),
    ),
    parts: [],
  };
}

/** A reference as another stack exports it, or why it is none. */
function checkReference(given: unknown): Checked<ServerReference> {
  if (isObject(given) && typeof given["server"] === "string" && isObject(given["connection"])) {
    return good(given as unknown as ServerReference);
  }
  // Not the value: a reference may hold a key.
  const what =
    given === undefined || given === null
      ? "is required"
      : `is no server${isObject(given) ? "" : `, but ${whatIs(given)}`}`;
  const other =
    'the output `reference` of one, which another stack exports: new pulumi.StackReference("…").requireOutput("reference")';
  return bad({ path: "server", message: `${what}; give a NetbootServer, a DhcpServer, or ${other}` });
}

function whatIs(given: unknown): string {
  if (given instanceof NetbootServer || given instanceof DhcpServer) {
    return "an output of one; give the server itself, or its reference: server.apply(({ reference }) => reference)";
  }
  const { __pulumiType: type } = Object(given) as { readonly __pulumiType?: unknown };
  if (typeof type === "string") return `a resource of the type ${type}`;
  if (Array.isArray(given)) return given.length === 0 ? "an empty list" : "a list";
  return typeof given === "object" ? "an object" : `a ${typeof given}`;
}

/** The machines that have an address of their own, by name, in the server's domain. */
export function namedOf(
  rows: readonly Pick<NodeRow, "hostname" | "address">[],
  settings: DhcpdSettings | undefined,
): readonly HostsEntry[] {
  const domain = settings?.network.domain;
  return rows.flatMap(({ address, hostname }) => (address === undefined ? [] : [{ address, hostname, domain }]));
}

/** What each firmware starts, unless a machine has a loader of its own. */
export function standardLoaders(settings: Whole["settings"]): { readonly [F in Firmware]: LoaderFor<F> } {
  if (typeof settings === "string") return { x64: settings as LoaderFor<"x64">, ia32: settings as LoaderFor<"ia32"> };
  return {
    x64: settings?.loaders.x64 ?? firmwares.x64.loader,
    ia32: settings?.loaders.ia32 ?? firmwares.ia32.loader,
  };
}

/** The files that a machine meets, each with its hash where the server knows it. */
export function chainOf(row: Pick<NodeRow, "firmware" | "loader">, { settings, files }: Whole): BootChain {
  const file = (name: BootChainName) => ({ name, sha256: isUnknown(files) ? unknownText : hashOf(files?.[name]) });
  return {
    loader: file(row.loader ?? standardLoaders(settings)[row.firmware] ?? (unknownText as BootChainName)),
    script: file((typeof settings === "object" ? settings.loaders.script : undefined) ?? bootScriptName),
    refind: file("refind_x64.efi"),
    refindConf: file("refind.conf"),
  };
}

function hashOf(file: ServedFile | undefined): string {
  return isUnknown(file) ? unknownText : (file?.sha256 ?? "unknown");
}
