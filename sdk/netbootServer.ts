import { isDeepStrictEqual } from "node:util";
import { NetbootError, renderError } from "../provider/errors";
import { backendOf } from "../provider/formats/dhcpBackend";
import type { Connection } from "../provider/values/connection";
import { halfOf, nicInputs, type Pool, parseNetwork } from "../provider/values/network";
import { bad, type Checked, good, guess, type Problem, quoted, within } from "../provider/values/problem";
import { BootArtifacts, type BootArtifactsSettings, packagesTaken } from "./bootArtifacts";
import { type ConnectionArgs, connectionInput, connectionProblems } from "./connection";
import { DhcpServer, type DhcpServerSettings, type NetworkArgs } from "./dhcpServer";
import { Firewall, type FirewallPartSettings } from "./firewall";
import { NameServer, type NameServerSettings } from "./nameServer";
import { Packages } from "./packages";
import { warnOfIdleOptions } from "./program/componentOptions";
import { given, isObject, whyNoFlag } from "./program/given";
import { otherOf, type Pair, pairOf } from "./program/pairs";
import * as pulumi from "./program/pulumi";
import { tellingUndefined, warnOfUndefined } from "./program/tellingUndefined";
import type { ServerReference } from "./reference";
import { TftpServer, type TftpServerArgs } from "./tftpServer";
import { TimeServer, type TimeServerSettings } from "./timeServer";

/** The arguments of a {@link NetbootServer}. */
export interface NetbootServerArgs extends Pick<DhcpServerSettings, "unknownMachines" | "allowDefaultRoute"> {
  /** How node 0 is reached. */
  readonly connection: pulumi.Input<ConnectionArgs>;
  /** The private network that it serves. */
  readonly network: pulumi.Input<NetworkArgs>;
  /** More about the DHCP server. */
  readonly dhcp?: DhcpServerSettings;
  /** More about the TFTP server. */
  readonly tftp?: Pick<TftpServerArgs, "options">;
  /** More about the files that it serves. */
  readonly artifacts?: BootArtifactsSettings;
  /** More about the time server; `false`: none. @defaultValue true */
  readonly time?: boolean | TimeServerSettings;
  /** More about the names of the machines; `false`: none. @defaultValue true */
  readonly names?: boolean | NameServerSettings;
  /** On destroy, purge the packages that we brought, instead of leaving them stopped and masked. @defaultValue false */
  readonly removePackages?: pulumi.Input<boolean>;
  /** More about the firewall, which lets in what this server serves. */
  readonly firewall?: FirewallPartSettings;
}

/** All of them, which the compiler holds it to. */
const argumentsKnown: Readonly<Record<keyof NetbootServerArgs, true>> = {
  connection: true,
  network: true,
  dhcp: true,
  tftp: true,
  artifacts: true,
  time: true,
  names: true,
  firewall: true,
  unknownMachines: true,
  allowDefaultRoute: true,
  removePackages: true,
};

/** What is no argument. Its parts, which find all other mistakes, do not see it. */
function whyUnknown(args: object): readonly Problem[] {
  const known = Object.keys(argumentsKnown);
  return Object.entries(args)
    .filter(([key, value]) => value !== undefined && !known.includes(key))
    .map(([key]) => ({ path: key, message: `there is no such property; ${guess(key, known)}` }));
}

/**
 * Node 0: the machine on the private network that answers when the others boot.
 *
 * @remarks
 * A component of {@link DhcpServer}, {@link TftpServer}, {@link BootArtifacts}, {@link TimeServer}, {@link NameServer}
 * and {@link Firewall}; on the host, theirs together, in one run of apt. It serves the private interface and nothing
 * else. The machines are told of its time and its names, unless `network` names other `ntpServers` and `dnsServers`.
 *
 * @example The guide's node 0
 * ```ts
 * const node0 = new netboot.NetbootServer("node0", {
 *   connection: { host: "203.0.113.7", user: "root", hostKey: "ssh-ed25519 AAAA…" },
 *   network: { interface: "eno2", cidr: "192.168.1.0/28", address: "192.168.1.1" },
 * });
 * new netboot.OlaNode("node-1", { server: node0, macs: ["52:54:00:12:34:56"], address: "192.168.1.2" });
 * ```
 */
export class NetbootServer extends pulumi.ComponentResource {
  /** Its DHCP server. */
  readonly dhcp: DhcpServer;
  /** Its TFTP server. */
  readonly tftp: TftpServer;
  /** The files that TFTP serves. */
  readonly artifacts: BootArtifacts;
  /** Undefined with `time: false`. */
  readonly time: TimeServer | undefined;
  /** Undefined with `names: false`. */
  readonly names: NameServer | undefined;
  /** What node 0's firewall lets in. */
  readonly firewall: Firewall;
  /** The private network, as the program gave it. */
  readonly network: pulumi.Output<pulumi.Unwrap<NetworkArgs>>;
  /** How node 0 is reached; its secret fields are secrets. */
  readonly connection: pulumi.Output<pulumi.Unwrap<ConnectionArgs>>;
  /** What another stack needs to declare machines here; a secret if the connection holds one. */
  readonly reference: pulumi.Output<ServerReference>;
  /** @internal */
  readonly reachedBy: DhcpServer["reachedBy"];
  /** @internal */
  readonly described: DhcpServer["described"];
  /**
   * What a boot needs.
   *
   * @internal
   */
  readonly parts: readonly pulumi.Resource[];
  /**
   * All of it.
   *
   * @internal
   */
  readonly whole: readonly pulumi.Resource[];
  /**
   * What its machines are told of it.
   *
   * @internal
   */
  readonly announced: pulumi.Output<Announced>;

  constructor(name: string, args: NetbootServerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("netboot:index:NetbootServer", name, {}, opts);
    warnOfIdleOptions(this, opts);
    const { network, unknownMachines, allowDefaultRoute, removePackages, ...wanted } = given(args);
    const settings = parts(wanted);
    const { artifacts, time, names } = settings;
    const servesNames = names !== undefined && names.mode !== "hosts";
    const connection = connectionInput(wanted.connection) as pulumi.Input<ConnectionArgs>;
    const place = pulumi
      .all([network, settings.dhcp.otherDhcpServers])
      .apply(([known, others]) => placeAlone(known, others === "allow"));
    const flags = pulumi.output(removePackages).apply((flag) => whyNoFlag("removePackages", flag));
    const mistakes = [
      [...whyUnknown(given(args)), ...settings.problems],
      tellingUndefined(
        place.apply(({ problems }) => problems),
        { network },
      ),
      flags,
    ];
    const all = pulumi
      .all([connectionProblems(connection as pulumi.Input<Connection>), ...mistakes])
      .apply((lists) => lists.flat());
    tell(this, all);
    warnOfUndefined(this, all, given(args));
    this.announced = pulumi
      .all([partsOf(network), settings.dhcp.highAvailability])
      .apply(([{ address, pool }, shares]) => ({
        address,
        pool,
        sharesLeases: shares !== undefined,
        time: time !== undefined,
        names: servesNames,
      }));
    const pair = pairOf(() => this.dhcp);
    const other = pair.then((known) => otherOf(known, this.dhcp)?.partOf?.announced);
    const packages = new Packages(
      `${name}-packages`,
      {
        connection,
        packages: pulumi
          .output(settings.dhcp.daemon)
          .apply((daemon) => [
            ...(time === undefined ? [] : ["chrony"]),
            ...(servesNames ? ["dnsmasq-base"] : []),
            backendOf(daemon).package,
            "tftpd-hpa",
          ]),
        fetch: packagesTaken(artifacts),
        listenFor: place.apply(({ value }) => value),
        mistakes,
        toldBeside: `NetbootServer "${name}"`,
        ...(time?.replace === true && { replaceTimeDaemon: true }),
        ...(removePackages === undefined ? {} : { removePackages }),
      },
      // Of two servers of the same machines one serves as it did until the other has shown that it serves the new state.
      {
        parent: this,
        dependsOn: pair.then<pulumi.Input<pulumi.Resource>[]>((known) =>
          known?.second === this.dhcp ? before(known) : [],
        ),
      },
    );
    const part = { parent: this, dependsOn: packages };
    const partOf = (argument: keyof Wanted, opts: pulumi.CustomResourceOptions = part) => ({
      ...opts,
      writtenAs: (path: string) => writtenAs(argument, path),
    });
    this.artifacts = new BootArtifacts(`${name}-artifacts`, { connection, ...artifacts }, partOf("artifacts"));
    this.tftp = new TftpServer(
      `${name}-tftp`,
      {
        connection,
        address: partsOf(network).address,
        directory: this.artifacts.directory,
        mtu: partsOf(network).apply((known) => parseNetwork(known).value?.mtu),
        ...settings.tftp,
      },
      partOf("tftp"),
    );
    this.dhcp = new DhcpServer(
      `${name}-dhcp`,
      {
        connection,
        network: pulumi
          .all([partsOf(network), this.announced, other, pair.then((known) => known?.first === this.dhcp)])
          .apply(([known, own, theirs, isFirst]) => announcing(known, own, theirs, isFirst)),
        ...(unknownMachines === undefined ? {} : { unknownMachines }),
        ...(allowDefaultRoute === undefined ? {} : { allowDefaultRoute }),
        ...(this.artifacts.hasIa32 ? { loaders: { ia32: "ipxe32.efi" } } : {}),
        ...settings.dhcp,
      },
      partOf("dhcp"),
    );
    const bound = { connection, network, ...(allowDefaultRoute === undefined ? {} : { allowDefaultRoute }) };
    // No boot asks them. The engine takes eight resources at a time, as they come: it has all that a boot needs first.
    const later = { parent: this, dependsOn: handedOver(this.artifacts).then(() => packages) };
    this.time = time && new TimeServer(`${name}-time`, { ...bound, ...time }, partOf("time", later));
    this.names = names && new NameServer(`${name}-names`, { ...bound, ...names }, partOf("names", later));
    this.firewall = new Firewall(
      `${name}-firewall`,
      {
        connection,
        interface: partsOf(network).interface,
        services: [
          "dhcp",
          "tftp",
          ...(time === undefined ? [] : ["ntp" as const]),
          ...(servesNames ? ["dns" as const] : []),
          ...(settings.dhcp.highAvailability === undefined ? [] : ["kea-ha" as const]),
        ],
        ...(allowDefaultRoute === undefined ? {} : { allowDefaultRoute }),
        ...settings.firewall,
      },
      partOf("firewall"),
    );
    this.dhcp.partOf = this;
    this.reachedBy = this.dhcp.reachedBy;
    this.described = this.dhcp.described;
    this.parts = [this.dhcp, this.tftp, this.firewall, ...this.artifacts.parts];
    this.whole = [packages, ...this.parts, ...(this.time ? [this.time] : []), ...(this.names ? [this.names] : [])];
    this.reference = pulumi
      .all([this.dhcp.reference, this.artifacts.files])
      .apply(([reference, files]) => ({ ...reference, files }));
    this.network = pulumi.output(network) as NetbootServer["network"];
    this.connection = pulumi.output(connection) as NetbootServer["connection"];
    // Not the output of it, which is a secret as a whole if a field is.
    this.registerOutputs({ network, connection });
  }
}

/** When the children of a component have gone to the engine, which they do as soon as it is registered. */
function handedOver({ urn }: pulumi.ComponentResource): Promise<void> {
  return new Promise((resolve) => urn.apply(() => setImmediate(resolve)));
}

type Wanted = Pick<NetbootServerArgs, "dhcp" | "tftp" | "artifacts" | "time" | "names" | "firewall">;

/** What is said of each part, undefined of one that is not wanted; nothing where it is no object, which is a mistake. */
function parts({ dhcp, tftp, artifacts, time, names, firewall }: Wanted) {
  const problems: Problem[] = [];
  const settings = <T extends object>(path: string, value: T | true | undefined, example: string): T => {
    if (isObject(value) || value === undefined) {
      problems.push(...whySaidTwice(path, value ?? {}));
      return (value ?? {}) as T;
    }
    const isSwitch = path === "time" || path === "names";
    if (isSwitch && value === true) return {} as T;
    const shown = pulumi.Output.isInstance(value) ? "an output" : quoted(value);
    const words = isSwitch ? "neither true nor false nor an object of settings" : "no object of settings";
    const known = pulumi.Output.isInstance(value) ? "; only the values in it may be outputs" : "";
    problems.push({ path, message: `${shown} is ${words}; write it as ${example}${known}` });
    return {} as T;
  };
  return {
    dhcp: settings("dhcp", dhcp, '{ otherDhcpServers: "allow" }'),
    tftp: settings("tftp", tftp, '{ options: ["--secure"] }'),
    artifacts: settings("artifacts", artifacts, "{ refindConf: { timeoutSeconds: 3 } }"),
    time: time === false ? undefined : settings<TimeServerSettings>("time", time, '{ upstreams: ["ntp.example.net"] }'),
    names:
      names === false
        ? undefined
        : settings<NameServerSettings>("names", names, '{ records: { filer: "192.168.1.14" } }'),
    firewall: settings("firewall", firewall, "{ confine: true }"),
    problems,
  };
}

/** What the parts have in common, and the argument that says it once for all of them. */
const saidOnce: Readonly<Record<string, string>> = {
  connection: "connection",
  network: "network",
  interface: "network.interface",
  address: "network.address",
  mtu: "network.mtu",
  directory: "artifacts.directory",
};

/** An argument of a part as the program writes it: most are settings of that part, some stand beside them. */
function writtenAs(argument: keyof Wanted, path: string): string {
  const [key = ""] = path.split(/[.[]/, 1);
  return key === "" || Object.hasOwn(argumentsKnown, key) ? path : `${argument}.${path}`;
}

/** A part alone would take these; in a node 0 two that differ would break every boot. */
function whySaidTwice(part: string, settings: object): readonly Problem[] {
  return Object.keys(settings)
    .map((key) => ({ path: `${part}.${key}`, once: saidOnce[key] }))
    .filter(({ path, once }) => once !== undefined && once !== path)
    .map(({ path, once }) => ({ path, message: `it is one for all parts of a node 0; say it as ${once}` }));
}

/** Says what is wrong beside the component that the program has, for no check is asked of it. */
function tell(server: pulumi.Resource, problems: pulumi.Output<readonly Problem[]>): void {
  problems.apply((found) => {
    const sentences = found.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
    if (sentences.length === 0) return;
    const refused = new NetbootError("ARGUMENTS_INVALID", sentences.join("\n"));
    void pulumi.log.error(renderError(refused), server);
  });
}

/** Where nobody else may serve DHCP, as `Packages` takes it; or all that is wrong with the network. */
function placeAlone(network: pulumi.Unwrap<NetworkArgs>, withOthers: boolean): Checked<string | undefined> {
  const { value, problems } = parseNetwork(network);
  if (value === undefined) return bad(...within("network", problems));
  return good(withOthers ? undefined : `${nicInputs(value).interface} ${value.address}`);
}

/** The network where it is one; what is none is told by `Packages`, before a part can ask for it. */
function partsOf(network: pulumi.Input<NetworkArgs>): pulumi.Output<pulumi.Unwrap<NetworkArgs>> {
  return pulumi.output(network).apply((known) => Object(known) as pulumi.Unwrap<NetworkArgs>);
}

interface Announced extends Pick<pulumi.Unwrap<NetworkArgs>, "address"> {
  readonly pool: Pool | undefined;
  /** Whether its pool is lent as a whole, for the other one knows the leases. */
  readonly sharesLeases: boolean;
  /** Whether it serves the time, and names. */
  readonly time: boolean;
  readonly names: boolean;
}

/**
 * The network as DHCP tells it to the machines: with node 0's own time and names, where the program gives no others, and those of
 * the other node 0 of the same machines. Of a pool that both have each lends one half, unless they share their leases.
 */
function announcing(
  network: pulumi.Unwrap<NetworkArgs>,
  own: Announced,
  other: Announced | undefined,
  isFirst: boolean,
): pulumi.Unwrap<NetworkArgs> {
  const serving = (what: "time" | "names") =>
    [own, ...(other === undefined ? [] : [other])].flatMap((each) => (each[what] ? [each.address] : []));
  const [time, names] = [serving("time"), serving("names")];
  const { pool, ...rest } = network;
  const isShared = other !== undefined && !own.sharesLeases && isDeepStrictEqual(own.pool, other.pool);
  const lent = isShared ? halfOf(own.pool, isFirst) : pool;
  return {
    ...rest,
    ...(lent !== undefined && { pool: lent }),
    ...(time.length > 0 && network.ntpServers === undefined && { ntpServers: time }),
    ...(names.length > 0 && network.dnsServers === undefined && { dnsServers: names }),
  };
}

/** All that comes before the second of two servers: the first, and what declares machines on both. */
function before({ first, machines }: Pair): pulumi.Resource[] {
  return [...(first.partOf?.whole ?? [first]), ...machines];
}
