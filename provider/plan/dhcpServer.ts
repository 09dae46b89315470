import type { Answers, Question } from "../facts/question";
import { backendOf, type DhcpBackend, dhcpBackends } from "../formats/dhcpBackend";
import { unitNote } from "../os/packages";
import { heldOf, type Register, type RegisterEntry } from "./records";
import type { Refusal } from "./refusal";

/** The DHCP server of a register, or what a first one would be where there is none. */
export function backendIn(entries: ReadonlyMap<string, RegisterEntry>): DhcpBackend {
  return backendOf(heldOf(entries, "daemon")[0]?.held.daemon);
}

/** The units of DHCP servers that are ours before or after a change: one may take the other's place. */
export function ownDhcpUnits({ before, after }: Pick<Register, "before" | "after">): readonly string[] {
  const served = [before, after].filter((entries) => heldOf(entries, "serve").length > 0);
  return [...new Set(served.map((entries) => backendIn(entries).unit))];
}

function noteKey(unit: string): string {
  return `dhcp.before ${unit}`;
}

/** How the units of DHCP servers were before us. */
export const unitNotes: Readonly<Record<string, Question>> = Object.fromEntries(
  dhcpBackends.map(({ unit }) => [noteKey(unit), { ask: "path", path: unitNote(unit), bytes: 64 }] as const),
);

/** What served before us comes back where ours goes: beside another one of ours it would serve the same machines. */
export function whyFormerServerReturns({ before, after }: Register, answers: Answers): Refusal | undefined {
  const [server] = heldOf(after, "serve");
  const [was, is] = [backendIn(before), backendIn(after)];
  if (server === undefined || heldOf(before, "serve").length === 0 || was === is) return undefined;
  if (answers.path(noteKey(was.unit))?.content?.trim() !== "active") return undefined;
  const message = `${was.unit} served here before the first up, and would again beside ${is.unit}, for it is given back where ours of that name goes. Take this server off first (pulumi destroy), then stop and disable ${was.unit}, and declare it anew with the other daemon`;
  return { code: "OCCUPIED", id: server.id, message };
}
