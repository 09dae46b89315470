import type { NodeRow } from "../values/nodeRow";
import { afterUp, isUnknown } from "../values/unknown";

/** A file of the boot chain. */
export interface ChainFile {
  readonly name: string;
  /** 64 hex digits; `unknownText` where only the up will know them. */
  readonly sha256: string;
}

/** The files that a machine meets on its way, in that order. */
export interface BootChain {
  readonly loader: ChainFile;
  readonly script: ChainFile;
  readonly refind: ChainFile;
  readonly refindConf: ChainFile;
}

/** What the next reboot of a machine does, for people. */
export interface NextBoot extends BootChain {
  readonly row: NodeRow;
}

/** How a state says of a resource on one of two servers that the last run went on without that one. */
export const notDone = "not done: ";

/** What begins in the place of a next boot what a refresh found otherwise than declared: `not as declared: db-1 is missing`. */
export const notAsDeclared = "not as declared: ";

/** A file with as much of its hash as people compare. */
function named({ name, sha256 }: ChainFile): string {
  if (isUnknown(name)) return `a file that is known ${afterUp}`;
  if (isUnknown(sha256)) return `${name} (its hash ${afterUp})`;
  return `${name} sha256:${sha256.slice(0, 10)}…`;
}

/** A text of next boots with the hashes of which it says that they come later, as far as they are known. */
export function withHashes(text: string, hashOf: (name: string) => string | undefined): string {
  return text.replaceAll(later, (words, name) => {
    const sha256 = hashOf(name);
    return sha256 === undefined ? words : named({ name, sha256 });
  });
}

const later = new RegExp(`(\\S+) \\(its hash ${afterUp}\\)`, "g");

/** The chain without the machine: what many machines of a fleet have in common. */
export function renderChain(firmware: NodeRow["firmware"], chain: BootChain): string {
  return [
    `UEFI ${shown(firmware, "firmware")} → ${named(chain.loader)}`,
    `iPXE → ${named(chain.script)} → ${named(chain.refind)}, ${named(chain.refindConf)}`,
    "→ first loader on a local disk",
  ].join("\n");
}

/** Under what a chain stands among others: `x64 snponly.efi`, or `x64` for the server's own loader. */
export function chainKey({ firmware, loader }: Pick<NodeRow, "firmware" | "loader">): string {
  return loader === undefined ? firmware : `${firmware} ${loader}`;
}

/** The machine without its chain. */
export function renderMachine({
  address = "from the pool",
  hostname,
  macs,
}: Pick<NodeRow, "address" | "hostname" | "macs">): string {
  const nics = macs.map((mac) => shown(mac, "MAC"));
  return `${shown(address, "address")} ${shown(hostname, "name")} (${nics.join(", ")})`;
}

/** A value, or in its place that it comes later. */
function shown(value: string, what: string): string {
  return isUnknown(value) ? `[${what} ${afterUp}]` : value;
}

/**
 * What the next reboot of a machine does. It stays the same as long as the machine's address, name, NICs and chain do. What
 * a preview does not know yet it says: `ipxe.efi (its hash after this up)`.
 *
 * @example
 * ```
 * 10.20.0.11 db-1 (04:3f:72:aa:00:01, 04:3f:72:aa:00:02)
 * UEFI x64 → ipxe.efi sha256:67c7f1f8a1…
 * iPXE → refind.pxe sha256:9a12c0ffee… → refind_x64.efi sha256:862e782512…, refind.conf sha256:51c0de5eed…
 * → first loader on a local disk
 * ```
 */
export function renderNextBoot({ row, ...chain }: NextBoot): string {
  return `${renderMachine(row)}\n${renderChain(row.firmware, chain)}`;
}
