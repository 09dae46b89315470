import * as pulumi from "./program/pulumi";

/** A virtual network interface of a dedicated server, as `getServer` of `@ovhcloud/pulumi-ovh` returns it. */
export interface OvhVni {
  /** Whether it is in use. */
  readonly enabled: boolean;
  /** `public`, `public_aggregation`, `vrack`, or `vrack_aggregation` (OLA's private aggregation). */
  readonly mode: string;
  /** The hardware addresses of its NICs. */
  readonly nics: readonly string[];
  /** Its id at OVHcloud. */
  readonly uuid?: string;
}

/** What is read of a dedicated server. `ovh.getServerOutput({ serviceName })` fits. */
export interface OvhServer {
  /** For sentences about it. */
  readonly name?: string;
  /** Its virtual network interfaces. */
  readonly vnis: readonly OvhVni[];
}

/**
 * The hardware addresses of all NICs on a server's private side, for `macs` of a machine: the switch lets any of them boot
 * when the bond is not up, and which one the firmware takes is not ours to choose.
 *
 * @example
 * ```ts
 * const server = ovh.getServerOutput({ serviceName });
 * new netboot.OlaNode("db-1", { server: node0, macs: netboot.ovh.privateMacs(server), address: "10.20.0.11" });
 * ```
 */
export function privateMacs(server: pulumi.Input<OvhServer>): pulumi.Output<string[]> {
  return pulumi.output(server).apply((known) => macsOf(vnisOf(known).filter(isPrivate)));
}

/**
 * What keeps a server from booting from node 0 by its private side, in sentences; none if all is well.
 *
 * @param macs - those that the program declares, if they are not `privateMacs`
 *
 * @example A machine that is declared only if it can boot
 * ```ts
 * new netboot.OlaNode("db-1", {
 *   server: node0,
 *   macs: netboot.ovh.privateMacs(server),
 *   problems: netboot.ovh.problems(server),
 *   address: "10.20.0.11",
 * });
 * ```
 */
export function problems(
  server: pulumi.Input<OvhServer>,
  macs: pulumi.Input<readonly string[]> = privateMacs(server),
): pulumi.Output<string[]> {
  return pulumi.all([pulumi.output(server), pulumi.output(macs)]).apply(([known, macsOfProgram]) => {
    const { name } = Object(known) as Partial<OvhServer>;
    const vnis = vnisOf(known);
    const declared = Array.isArray(macsOfProgram) ? macsOfProgram.map(String) : [];
    const who = name === undefined ? "" : `${name}: `;
    const ours = new Set(declared.map((mac) => mac.toLowerCase()));
    const all = macsOf(vnis);
    const enabled = macsOf(vnis.filter((vni) => vni.enabled));
    const modes = vnis.flatMap((vni) => whyNotPrivate(vni, enabled));
    const missing = all.filter((mac) => !ours.has(mac));
    const foreign = [...ours].filter((mac) => !all.includes(mac)).sort();
    return [
      ...(vnis.length === 0 ? ["OVHcloud names no network interface of it"] : []),
      ...modes,
      ...missing.map((mac) => `its NIC ${mac} is not declared, so a boot from it gets no answer`),
      ...foreign.map((mac) => `the declared MAC ${mac} is none of its NICs (${all.join(", ")})`),
    ].map((sentence) => `${who}${sentence}`);
  });
}

/** The interfaces; none where what was given is no server, as an output that is undefined. */
function vnisOf(server: unknown): readonly OvhVni[] {
  const { vnis } = Object(server) as Partial<OvhServer>;
  return Array.isArray(vnis) ? vnis.map((vni) => ({ ...vni, nics: Array.isArray(vni?.nics) ? vni.nics : [] })) : [];
}

function isPrivate({ enabled, mode }: OvhVni): boolean {
  return enabled && (mode === "vrack" || mode === "vrack_aggregation");
}

function whyNotPrivate(vni: OvhVni, inUse: readonly string[]): readonly string[] {
  const { enabled, mode, uuid } = vni;
  const macs = macsOf([vni]);
  const what = `its network interface ${uuid ?? "?"} (${macs.join(", ")})`;
  // One whose NICs have all gone to another is only a remainder.
  if (!enabled) return macs.every((mac) => inUse.includes(mac)) ? [] : [`${what} is disabled`];
  if (mode === "vrack_aggregation") return [];
  return [
    `${what} has the mode "${mode}", not "vrack_aggregation": OLA's private aggregation is not switched on for it`,
  ];
}

function macsOf(vnis: readonly OvhVni[]): string[] {
  return [...new Set(vnis.flatMap(({ nics }) => nics.map((mac) => mac.toLowerCase())))].sort();
}
