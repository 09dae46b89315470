import type { Answers } from "../facts/question";
import type { Units } from "../facts/units";
import { backendOf } from "../formats/dhcpBackend";
import { dhcpLanguages } from "../formats/dhcpLanguage";
import { declaresMachines } from "../kinds/node";
import { upMends } from "../values/mending";
import { type Change, wantsOf } from "./change";
import { backendIn } from "./dhcpServer";
import { isInNetwork } from "./network";
import { lookKey } from "./questions";
import { heldOf, kindIn, type Register } from "./records";
import type { Refusal } from "./refusal";

/** Somebody's own DHCP server that serves more than the private network loses that by ours, so only where the program says so. */
export function whyDhcpConfStays(
  { puts }: Change,
  { before }: Register,
  units: Units,
  text: string | undefined,
): Refusal | undefined {
  const [server] = wantsOf(puts, "serve");
  if (server === undefined || text === undefined || wantsOf(puts, "replaceDhcp").length > 0) return undefined;
  const { daemon, unit, conf, machines } = backendOf(wantsOf(puts, "daemon")[0]?.want.daemon);
  if (heldOf(before, "file").some(({ held }) => held.path === conf)) return undefined;
  const { activeState = "", unitFileState = "" } = units.get(unit) ?? {};
  // One that neither runs nor would at the next boot serves nobody.
  if (activeState !== "active" && !/^(?:enabled|generated)/.test(unitFileState)) return undefined;
  const { cidr } = server.want;
  const { subnets, others } = dhcpLanguages[daemon].parseServedBy(text);
  const beyond = [
    ...subnets.filter((subnet) => !isInNetwork(subnet, cidr)).map((subnet) => `subnet ${subnet}`),
    // A file of ours, of which a register that somebody lost tells no more.
    ...others.filter((other) => !other.includes(machines.path)),
  ];
  if (beyond.length === 0) return undefined;
  const shown = [...beyond.slice(0, 6), ...(beyond.length > 6 ? [`and ${beyond.length - 6} more`] : [])].join(", ");
  return {
    code: "OCCUPIED",
    id: server.id,
    message: `${conf} on this host serves more than ${cidr} (${shown}), and would no more: ours takes its place, and serves the private network only. Say dhcp: { replace: true } (for a DhcpServer alone: replace: true) if that is right; it is put back on destroy`,
  };
}

/**
 * What somebody has written by hand into the DHCP server's own file comes into force with the first machine that changes after
 * it: the server reads that anew with the machines.
 */
export function whyEditComesIntoForce(
  { puts, drops }: Change,
  { after }: Register,
  answers: Answers,
): string | undefined {
  const goes = [...drops.keys()].some((id) => declaresMachines({ kind: kindIn(id) }));
  if (!goes && wantsOf(puts, "node").length === 0) return undefined;
  const { conf, machines } = backendIn(after);
  const file = heldOf(after, "file").find(({ held }) => held.path === conf);
  const seen = answers.path(lookKey(conf))?.sha256;
  if (file === undefined || puts.has(file.id) || seen === undefined || seen === file.held.sha256) return undefined;
  return (
    `${conf} was changed by hand since the last run, and is read anew as soon as ${machines.path} changes: what it says is in ` +
    `force from then on. ${upMends("mends what somebody changed")}`
  );
}
