import type { Holder } from "../facts/question";
import { tftpdUnit } from "../os/paths";
import { inOneChange } from "./chains";
import { type Change, wantsOf } from "./change";
import type { Interfaces } from "./interfaces";
import { hears } from "./occupied";
import { heldOf, type Placed, type Register } from "./records";
import type { Refusal } from "./refusal";

/** Whether machines are sent to this host for their files, whoever serves them there. */
export function isBootServerHere({ after }: Pick<Register, "after">, { links }: Interfaces): boolean {
  const [server] = heldOf(after, "serve");
  return links.some(({ addresses }) => addresses.some((each) => each.split("/")[0] === server?.held.bootServer));
}

/** Whether it is our own TFTP server. */
export function isBootServerOurs({ after }: Pick<Register, "after">): boolean {
  const [server] = heldOf(after, "serve");
  return heldOf(after, "tftpd").some(({ held }) => held.address === server?.held.bootServer);
}

/** Why it can't be told that machines get their files, which are not ours. */
export function whyFilesAreUnknown(register: Pick<Register, "after">, isHere: boolean): string | undefined {
  const [server] = heldOf(register.after, "serve");
  if (server === undefined || isBootServerOurs(register)) return undefined;
  const { bootServer, loaders } = server.held;
  return isHere
    ? `what ${loaders["script"]} fetches from ${bootServer} is not known here; declare a TftpServer and the boot files (a NetbootServer has them)`
    : `the boot files come from ${bootServer}, which is not this host`;
}

/** The address of our TFTP server is taken off node 0: its socket stays as it was, and hears nobody any more. */
export function whyAddressIsGone(register: Pick<Register, "after">, isHere: boolean): string | undefined {
  const [server] = heldOf(register.after, "serve");
  if (server === undefined || isHere || !isBootServerOurs(register)) return undefined;
  const { bootServer, interface: nic } = server.held;
  return `node 0 does not have ${bootServer} any more, from which machines fetch their files: give ${nic} that address back, also in the host's own network configuration`;
}

/** A server that is to listen on an address which node 0 has not: a restart would stop it, and it would not come up. */
export function whyNoAddressToListen({ puts }: Change, { links }: Interfaces): Refusal | undefined {
  const own = new Set(links.flatMap(({ addresses }) => addresses.map((each) => each.split("/")[0])));
  for (const { id, want } of wantsOf(puts, "listen")) {
    const { on, unit } = want;
    // Where ip(8) told nothing, nothing is known.
    if (on.kind === "packet" || own.size === 0 || own.has(on.address)) continue;
    return {
      code: "INTERFACE_UNFIT",
      id,
      message: `no interface of node 0 has the address ${on.address}, on which ${unit} is to listen, and it would not start: give one that address, also in the host's own network configuration, or correct it here`,
    };
  }
  return undefined;
}

/** Machines are sent to this host, and nobody serves files there. `holders`: of ports of this host, if they were asked for. */
export function whyNobodyGivesFiles(
  register: Register,
  puts: ReadonlySet<string>,
  own: readonly Placed[],
  isHere: boolean,
  holders: readonly Holder[],
): Refusal | undefined {
  const [server] = heldOf(register.after, "serve");
  if (server === undefined || !isHere || isBootServerOurs(register)) return undefined;
  const { bootServer, loaders } = server.held;
  // Ours, which has the port until this change has moved it, is nobody there afterwards.
  const [had] = heldOf(register.before, "tftpd");
  const others = holders.filter(({ unit }) => had === undefined || unit !== tftpdUnit);
  if (others.some((holder) => holder.port === 69 && hears(holder, bootServer))) return undefined;
  const hasMachines = [...register.after.values()].some(({ machines }) => machines > 0);
  const [tftp] = heldOf(register.after, "tftpd");
  const goes = tftp === undefined ? had?.id : undefined;
  const part = goes ?? [server.id, tftp?.id].find((each) => each !== undefined && puts.has(each));
  const id = own[0]?.id ?? (hasMachines ? part : undefined);
  if (id === undefined) return undefined;
  if (tftp !== undefined) {
    const message = `DHCP sends machines to ${bootServer} for their files, and the TFTP server listens on ${tftp.held.address}: ${inOneChange}`;
    return { code: "NOT_SERVING", id, message };
  }
  return {
    code: "NOT_SERVING",
    id,
    message:
      `nobody serves TFTP on ${bootServer}, where DHCP sends machines for ${loaders["script"]}; declare a TftpServer there ` +
      "(a NetbootServer has one) and let the node depend on it, or say bootServer if the files are elsewhere",
  };
}
