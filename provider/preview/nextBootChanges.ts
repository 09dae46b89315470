/** A machine whose next boot a preview has seen: as it was, and as it will be; absent where there is or was none. */
export interface NextBootChange {
  readonly name: string;
  readonly before?: string;
  /** `unknown` where only the up itself can tell. */
  readonly after?: string;
}

/** As many names as a line takes. */
const most = 8;

/**
 * What a preview says of all machines in one sentence.
 *
 * @example
 * ```
 * next boot changes for 2 of 300 nodes: db-1, db-2 (ipxe.efi 67c7f1f8 → 18fc84b6)
 * next boot changes for none of 300 nodes
 * ```
 */
export function describeNextBoots(changes: readonly NextBootChange[], total: number): string {
  const different = changes.filter(({ before, after }) => before !== after);
  if (different.length === 0) return `next boot changes for none of ${nodes(total)}`;
  const groups = new Map<string, string[]>();
  for (const change of different) {
    const why = reasonOf(change);
    groups.set(why, [...(groups.get(why) ?? []), change.name]);
  }
  const parts = [...groups].map(([why, names]) => `${listed(names.sort())} (${why})`);
  return `next boot changes for ${different.length} of ${nodes(total)}: ${parts.join("; ")}`;
}

function nodes(count: number): string {
  return count === 1 ? "1 node" : `${count} nodes`;
}

/** Names in a line, the first of many. */
export function listed(names: readonly string[]): string {
  if (names.length <= most) return names.join(", ");
  return `${names.slice(0, most - 1).join(", ")} and ${names.length - most + 1} more`;
}

function reasonOf({ before, after }: NextBootChange): string {
  if (before === undefined) return "new";
  if (after === undefined) return "goes";
  if (after === "unknown") return "known only after this up";
  const [was, is] = [partsOf(before), partsOf(after)];
  if (was === undefined || is === undefined) return "changed";
  const reasons = (["address", "host name", "NICs", "firmware"] as const)
    .filter((what) => was[what] !== is[what])
    .map((what) => `${what} ${was[what]} → ${is[what]}`);
  for (const [index, file] of is.files.entries()) {
    const old = was.files[index];
    if (old === undefined || old.name !== file.name) reasons.push(`${old?.name ?? "nothing"} → ${file.name}`);
    else if (old.hash !== file.hash) reasons.push(`${file.name} ${old.hash} → ${file.hash}`);
  }
  return reasons.length === 0 ? "changed" : reasons.join(", ");
}

/** What a text of renderNextBoot says. */
function partsOf(text: string) {
  const machine = /^(?<address>from the pool|\S+) (?<hostname>\S+) \((?<macs>[^)]*)\)\nUEFI (?<firmware>\S+) /.exec(
    text,
  )?.groups;
  if (machine === undefined) return undefined;
  return {
    address: machine["address"],
    "host name": machine["hostname"],
    NICs: machine["macs"],
    firmware: machine["firmware"],
    files: [...text.matchAll(/(\S+) sha256:(\w+)…/g)].map(([, name = "", hash = ""]) => ({
      name,
      hash: hash.slice(0, 8),
    })),
  };
}
