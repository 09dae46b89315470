import type { Held, Machine, Placed, Register, RegisterEntry } from "../../../../provider/plan/records";

/** A machine of 64-bit firmware with an address, in all that is not said. */
export function machine(hostname: string, more: Partial<Machine> = {}): Machine {
  return {
    hostname,
    address: "192.168.1.2",
    macs: ["52:54:00:00:00:01"],
    firmware: "x64",
    loader: undefined,
    proof: true,
    blocks: "",
    ...more,
  };
}

/** A resource of the register with what it holds and its machines. */
export function entry(id: string, held: readonly Held[] = [], machines: readonly Machine[] = []): RegisterEntry {
  const pooled = machines.filter(({ address }) => address === undefined).flatMap((each) => each.macs).length;
  const macs = machines.flatMap((each) => each.macs).length;
  return { id, generation: "1", held, machines: machines.length, macs, pooled, examples: machines };
}

/** The register before and after a change. */
export function register(before: readonly RegisterEntry[], after: readonly RegisterEntry[] = before): Register {
  const byId = (entries: readonly RegisterEntry[]) => new Map(entries.map((each) => [each.id, each]));
  return { before: byId(before), after: byId(after), clashes: [] };
}

/** The machines of a register's resources. */
export function placed(...entries: readonly RegisterEntry[]): readonly Placed[] {
  return entries.flatMap(({ id, examples }) => examples.map((each) => ({ id, machine: each })));
}

type Serve = Extract<Held, { readonly want: "serve" }>;

/** What a DHCP server holds. */
export function serve(more: Partial<Serve> = {}): Serve {
  return {
    want: "serve",
    interface: "eno2",
    bootServer: "192.168.1.1",
    cidr: "192.168.1.0/28",
    loaders: { x64: "ipxe.efi", script: "refind.pxe" },
    unknownMachines: "refuse",
    ...more,
  };
}

export const tftpd: Held = { want: "tftpd", address: "192.168.1.1", directory: "/srv/tftp" };
