import type { BootView, FleetView, Known, MachineView } from "../fleet";

/** What is written into the page. */
export const view: FleetView = JSON.parse(document.getElementById("fleet")?.textContent ?? "{}");

/** The boots of each machine by its place, the newest first. */
export const bootsOf: ReadonlyMap<number, readonly BootView[]> = Map.groupBy(view.boots, ({ machine }) => machine);

/** What is known of something, in one word or two. */
export const knownWords: Readonly<Record<Known, string>> = {
  wrong: "fails",
  doubt: "not proved",
  unasked: "not asked",
  proved: "proved",
};

/** The worst first. */
export const knownOrder: readonly Known[] = ["wrong", "doubt", "unasked", "proved"];

/** How far a boot can come, in its order. */
export const reaches: readonly BootView["reached"][] = ["asked", "lease", "loader", "script", "rEFInd", "system"];

/** Whether a boot came as far as node 0 can bring it. */
export function isWhole({ reached }: BootView): boolean {
  return reached === "rEFInd" || reached === "system";
}

/** Whether machines are on more than one node 0. */
export const hasServers: boolean = view.servers.length > 1;

/** What a machine is found by. */
export function wordsOf(machine: MachineView): string {
  const { name, address, macs, comment, said, chain, by, server } = machine;
  const words = [
    name,
    address ?? "pool",
    ...macs,
    comment,
    knownWords[machine.known],
    said,
    view.chains[chain]?.name,
    view.resources[by],
    view.servers[server]?.host,
  ];
  return words.join(" ").toLowerCase();
}
