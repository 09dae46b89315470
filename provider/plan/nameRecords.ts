import { readHostsTable, spellingsOf } from "../formats/hosts/hostsTable";
import { inOrderOfIds } from "./placed";
import { heldOf, type Placed, type Register } from "./records";
import type { Refusal } from "./refusal";

/**
 * A record that says of a machine's name another address would be a second answer to the same question. `named`: the
 * machines whose names stand in the records, with the domain or without it; of others nothing is said.
 */
export function whyRecordsContradict(
  { after }: Register,
  puts: ReadonlySet<string>,
  named: readonly Placed[],
): Refusal | undefined {
  const [names] = heldOf(after, "names");
  if (names === undefined) return undefined;
  const recorded = addressesByName(names.held.records);
  const asked = inOrderOfIds(named).filter(({ id }) => after.has(id) && (puts.has(names.id) || puts.has(id)));
  for (const { id, machine } of asked) {
    const { hostname, address } = machine;
    if (address === undefined) continue;
    for (const name of spellingsOf(hostname, names.held.domain)) {
      const others = (recorded.get(name.toLowerCase()) ?? []).filter((each) => each !== address);
      if (others.length === 0) continue;
      return {
        code: "CLASH",
        id: puts.has(id) ? id : names.id,
        message: `the name "${name}" is a machine's (${address}, ${id}) and a record's (${others.join(" ")}, ${names.id}); give one of the two another`,
      };
    }
  }
  return undefined;
}

/** What lines of hosts(5) say, by the names in small letters. */
function addressesByName(records: string): ReadonlyMap<string, readonly string[]> {
  const recorded = new Map<string, string[]>();
  for (const { address, names } of readHostsTable(records)) {
    for (const name of names) {
      const key = name.toLowerCase();
      recorded.set(key, [...(recorded.get(key) ?? []), address]);
    }
  }
  return recorded;
}
