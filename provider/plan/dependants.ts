import { bootChainFile } from "../values/bootChain";
import { type Held, heldOf, identityOf, type Register, stackNow } from "./records";
import type { Refusal } from "./refusal";

/**
 * Why what goes can't go: machines of other stacks need the DHCP server, and beside it TFTP, its files and the open
 * firewall; and the machines of this change need a DHCP server.
 */
export function whyMachinesAreLost(register: Register, puts: ReadonlySet<string>): Refusal | undefined {
  return whyServerStays(register) ?? whyBootPartsStay(register) ?? whyNoServer(register, puts);
}

/** The DHCP server can't go while another stack has machines on it. */
export function whyServerStays(register: Register): Refusal | undefined {
  const [had] = heldOf(register.before, "serve");
  const [has] = heldOf(register.after, "serve");
  if (had === undefined || has !== undefined) return undefined;
  const others = machinesOfOthers(register, had.id);
  if (others.length === 0) return undefined;
  return {
    code: "IN_USE",
    id: had.id,
    message: `other stacks still have machines on this DHCP server: ${others.join(", ")}; destroy them first`,
  };
}

/** What a boot needs beside DHCP stays as long as another stack has machines here. */
export function whyBootPartsStay(register: Register): Refusal | undefined {
  const isNeeded = partsNeeded(register);
  const dropped = [...register.before.values()]
    .filter(({ id }) => !register.after.has(id))
    .toSorted((one, other) => (one.id < other.id ? -1 : 1));
  for (const { id, held } of dropped) {
    const others = machinesOfOthers(register, id);
    if (others.length === 0 || !held.some(isNeeded)) continue;
    const message = `machines of other stacks boot by it: ${others.join(", ")}; destroy them first`;
    return { code: "IN_USE", id, message };
  }
  return undefined;
}

/** Machines need a DHCP server. */
export function whyNoServer(register: Register, puts: ReadonlySet<string>): Refusal | undefined {
  if (heldOf(register.after, "serve").length > 0) return undefined;
  const id = resourcesWithMachines(register).find((each) => puts.has(each));
  if (id === undefined) return undefined;
  return {
    code: "NOT_SERVING",
    id,
    message:
      "there is no DhcpServer on this host that could serve it; declare one (a NetbootServer has one), and let the node depend on it; one that is declared already, node 0 has lost, and `pulumi up --refresh` declares it anew",
  };
}

/**
 * Whether something that is dropped is a part that every boot needs, and that nobody else holds. Of files those of the boot
 * chain, and what DHCP names; what else a script fetches is found where chains are looked at.
 */
function partsNeeded(register: Register): (held: Held) => boolean {
  const [tftp] = heldOf(register.before, "tftpd");
  const [server] = heldOf(register.before, "serve");
  const named = new Set<string | undefined>(Object.values(server?.held.loaders ?? {}));
  for (const { examples } of register.after.values()) for (const { loader } of examples) named.add(loader);
  const isGone = {
    tftpd: heldOf(register.after, "tftpd").length === 0,
    firewall: heldOf(register.after, "firewall").length === 0,
  };
  const paths = new Set(heldOf(register.after, "file").map(({ held }) => held.path));
  return (held) => {
    if (held.want === "tftpd" || held.want === "firewall") return isGone[held.want];
    if (held.want !== "file" || tftp === undefined || paths.has(held.path)) return false;
    const folder = `${tftp.held.directory}/`;
    const name = held.path.startsWith(folder) ? held.path.slice(folder.length) : "";
    return bootChainFile(name) !== undefined || named.has(name);
  };
}

function resourcesWithMachines({ after }: Register): readonly string[] {
  return [...after.values()]
    .filter(({ machines }) => machines > 0)
    .map(({ id }) => id)
    .toSorted();
}

function machinesOfOthers(register: Register, id: string): readonly string[] {
  const stack = stackNow(register.before, id);
  return resourcesWithMachines(register)
    .filter((each) => stackNow(register.after, each) !== stack)
    .map((each) => identityOf(each, register.after));
}
