import type { DhcpBackend } from "../formats/dhcpBackend";
import type { Want } from "../kinds/want";
import { namesFile } from "../os/paths";
import { backendIn } from "./dhcpServer";
import type { JoinPlan } from "./plan";
import { heldOf, type Register } from "./records";

/** What is joined on node 0, and around what. */
export type Join = Pick<JoinPlan, "path" | "of" | "before" | "after" | "separator" | "domain" | "between">;

/** The file of all machines that the DHCP server's configuration includes. */
export function machinesJoin({ machines }: DhcpBackend): Join {
  return { ...machines, of: "blocks", domain: "" };
}

/** dnsmasq's file of names, or a block in node 0's own /etc/hosts. */
export function namesJoin({ mode, domain = "", records }: Extract<Want, { readonly want: "names" }>): Join {
  const names = { of: "names", after: records, domain } as const;
  if (mode === "hosts") {
    const between = { begin: "# pulumi-netboot begin", end: "# pulumi-netboot end" };
    return { path: "/etc/hosts", before: "", between, ...names };
  }
  const before =
    "# Written by pulumi-netboot: the machines of every stack that declares some on this node 0, and the records.\n";
  return { path: namesFile, before, ...names };
}

/** The files that are joined on node 0 from the machines of all stacks, after a change. */
export function planJoins({ before, after }: Register): readonly JoinPlan[] {
  const joins: JoinPlan[] = [];
  const [server] = heldOf(after, "serve");
  const [serverBefore] = heldOf(before, "serve");
  const [backend, backendBefore] = [server && backendIn(after), serverBefore && backendIn(before)];
  for (const each of new Set([backend, backendBefore])) {
    const of = each === backend ? server : serverBefore;
    if (each === undefined || of === undefined) continue;
    const [is, had] = [each === backend ? "file" : "gone", each === backendBefore] as const;
    const join = machinesJoin(each);
    joins.push({ ...join, id: of.id, is, had, domainBefore: "", afterBefore: had ? join.after : "" });
  }
  const [names] = heldOf(after, "names");
  const [namesBefore] = heldOf(before, "names");
  for (const mode of ["dnsmasq", "hosts"] as const) {
    const now = names?.held.mode === mode ? names : undefined;
    const was = namesBefore?.held.mode === mode ? namesBefore : undefined;
    const of = now ?? was;
    if (of === undefined) continue;
    joins.push({
      ...namesJoin(of.held),
      id: of.id,
      is: now === undefined ? "gone" : "file",
      had: was !== undefined,
      domainBefore: was?.held.domain ?? "",
      afterBefore: was?.held.records ?? "",
    });
  }
  return joins;
}
