import type { Holder } from "../facts/question";
import { heldOf, type Register } from "./records";
import type { Refusal } from "./refusal";

const port = 53;

/** Another name server has the port of the private address, or of all addresses. `holders`: of port 53. */
export function whyNamePortIsHeld(
  { after }: Register,
  puts: ReadonlySet<string>,
  holders: readonly Holder[],
): Refusal | undefined {
  for (const { id, held } of heldOf(after, "names")) {
    if (!puts.has(id) || held.mode !== "dnsmasq" || held.address === undefined) continue;
    const ours = after.get(id)?.held.find((each) => each.want === "unit")?.name;
    const address = held.address;
    const others = holders.filter(
      (holder) => holder.port === port && hears(holder, address) && (ours === undefined || holder.unit !== ours),
    );
    if (others.length === 0) continue;
    const names = [...new Set(others.map(nameOf))].toSorted().join(", ");
    return {
      code: "OCCUPIED",
      id,
      message: `${names} has port 53 of ${address} already. Let it listen on other addresses only; or let node 0 serve no names: names: false; or keep them in its own /etc/hosts: names: { mode: "hosts" }`,
    };
  }
  return undefined;
}

function hears(holder: Holder, address: string): boolean {
  return ["0.0.0.0", "::", address, `::ffff:${address}`].includes(holder.address);
}

function nameOf({ program, unit }: Holder): string {
  return unit?.endsWith(".service") ? `${program} (${unit})` : program;
}
