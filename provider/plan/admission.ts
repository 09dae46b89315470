import { parseAddresses, type Range } from "../admitted/packet";
import { type NotAdmitted, whyNotAdmitted, whyOwnIsKept } from "../admitted/whyNotAdmitted";
import { type Placement, whyNoLink, whyNotFound } from "../admitted/whyNotFound";
import { whyNotRouted } from "../admitted/whyNotRouted";
import { whyServerRefuses } from "../admitted/whyServerRefuses";
import { iptables } from "../facts/iptables";
import { links, vrfOf } from "../facts/links";
import { neighbours } from "../facts/neighbours";
import { nftables } from "../facts/nftables";
import type { HostAnswers } from "../facts/question";
import { routing } from "../facts/routing";
import { tftpPeers } from "../facts/tftpPeers";
import { trafficControl } from "../facts/trafficControl";
import { isBootServerHere, whyAddressIsGone, whyFilesAreUnknown } from "./bootServer";
import { machinesToAsk } from "./chains";
import { placedIn } from "./change";
import { knownOfMany, putMachines } from "./expectations";
import { type FirewallPart, rulesHeld } from "./firewallPart";
import { mark } from "./firewallRules";
import type { Ground } from "./ground";
import { neighboursKey, rosterKey } from "./questions";
import { heldOf, type Placed, type Register } from "./records";
import type { Refusal } from "./refusal";
import type { Warning } from "./warning";

/** Whether machines' packets come through node 0's firewall, as it will be after the change. */
export function admissionOf(
  { change, register, facts }: Ground,
  firewall: FirewallPart | undefined,
  proved: ReadonlySet<string>,
  touchesBoot: boolean,
): Admission {
  const nothing = { isSure: false, warnings: [], doubts: new Map<string, string>() };
  const [server] = heldOf(register.after, "serve");
  const [tftp] = heldOf(register.after, "tftpd");
  const wasAsked = facts.answers.ran("nftables.tables") !== undefined;
  const onlyRules = change.puts.size === 0 && firewall?.plan.differs === true;
  if (server === undefined || !wasAsked || (change.puts.size === 0 && !onlyRules)) return nothing;
  const puts = putMachines(change);
  const asked = machinesToAsk(register, puts, knownOfMany(puts));
  const own = placedIn(change.puts).filter(({ machine }) => machine.proof !== false);
  const kept = whyKeptOut(register, facts.answers, firewall);
  const why = kept?.all;
  // A server that answers no machine is no good to those that are declared later either.
  if (why?.sure && why.of === "server" && tftp !== undefined && change.puts.has(tftp.id)) {
    return { ...nothing, refusal: { code: "NOT_SERVING", id: tftp.id, message: why.text } };
  }
  if (asked.length === 0 || (own.length === 0 && !touchesBoot)) return nothing;
  if (own.length > 0) return { ...nothing, ...admissionOfMachines(own, kept) };
  if (why?.sure) {
    const good = asked.find(({ chain }) => proved.has(chain));
    const rows = [...change.puts.keys()].slice(0, 1);
    if (good !== undefined && firewall?.plan.differs === true) {
      const [goes] = change.puts.size > 0 ? [] : firewall.ids;
      return { ...nothing, refusal: { code: "NOT_SERVING", ...(goes && { id: goes }), message: why.text } };
    }
    const warnings = rows.map((id) => ({ id, text: `not proved: ${why.text}` }));
    return { ...nothing, isSure: true, warnings };
  }
  return nothing;
}

/** The machines that a change puts, each by what concerns it. */
function admissionOfMachines(own: readonly Placed[], kept: KeptOut | undefined): Partial<Admission> {
  const found = own.flatMap(({ id, machine }) => {
    const why = kept?.of(machine.address);
    return why === undefined ? [] : [{ id, isAgain: typeof machine.proof === "string", why }];
  });
  const refusal = (id: string, message: string) => ({ refusal: { code: "NOT_SERVING", id, message } }) as const;
  const sure = found.find(({ why }) => why.sure);
  if (sure !== undefined) return refusal(sure.id, sure.why.text);
  const again = found.find(({ isAgain }) => isAgain);
  if (again !== undefined) {
    return refusal(again.id, `${again.why.text}; with verify.again, what can't be told is an error`);
  }
  // Of a fleet the first that is found.
  const doubts = new Map(found.toReversed().map(({ id, why }) => [id, why.text] as const));
  const warnings = [...new Set(found.map(({ id }) => id))].map((id) => ({ id, text: `not proved: ${doubts.get(id)}` }));
  return { warnings, doubts };
}

/** Whether machines' packets come through, as far as it concerns a change. */
export interface Admission {
  readonly refusal?: Refusal;
  readonly warnings: readonly Warning[];
  /** By resource, why it can't be told of a machine of it. */
  readonly doubts: ReadonlyMap<string, string>;
  /** They certainly do not. */
  readonly isSure: boolean;
}

type Why = NotAdmitted & { readonly of: "firewall" | "server" | "way" };

/** Why machines' packets do not come through, or why that can't be told. */
export interface KeptOut {
  /** What holds for each machine of the network, if anything does. */
  readonly all: Why | undefined;
  /** What may have kept node 0's own question from its answer, which says nothing of machines. */
  readonly own?: string | undefined;
  /** What holds for the machine with this address, be it for all of them; without one, for some address of the pool. */
  of(address: string | undefined): Why | undefined;
}

/** Why a machine's packets do not come through, or why that can't be told. */
export function whyKeptOut(
  register: Register,
  answers: HostAnswers,
  firewall: FirewallPart | undefined,
): KeptOut | undefined {
  const [server] = heldOf(register.after, "serve");
  if (server === undefined) return undefined;
  const interfaces = links.read(answers);
  const isHere = isBootServerHere(register, interfaces);
  const unknown = whyFilesAreUnknown(register, isHere);
  const besides = unknown === undefined ? [] : [{ of: "server" as const, sure: false, text: unknown }];
  const gone = whyAddressIsGone(register, isHere);
  const forAll = (all: Why | undefined): KeptOut | undefined => all && { all, of: () => all };
  if (gone !== undefined) return forAll({ of: "way", sure: true, text: gone });
  if (!isHere) return forAll(besides[0]);
  const rulesets = {
    nftables: nftables.read(answers),
    iptables: iptables.read(answers),
    trafficControl: trafficControl.read(answers),
    links: interfaces,
  };
  const path = {
    interface: server.held.interface,
    address: server.held.bootServer,
    cidr: server.held.cidr,
    dataPorts: dataPortsIn(answers),
    givesHelpers: answers.path("admitted.helpers")?.content?.trim() === "1",
    firewall: rulesHeld(register.after).includes(`allow in on ${server.held.interface} udp 69`) ? mark : undefined,
  };
  const ways = routing.read(answers);
  const machines = placedMachines(register, answers);
  const found = neighbours.read(answers);
  // A member of a VRF has its routes elsewhere, which is told of it.
  const isInVrf = vrfOf(interfaces.links, path.interface) !== undefined;
  const whyElsewhere = isInVrf || ways === undefined ? undefined : whyNotRouted(ways, path);
  const predicted = firewall?.predict(rulesets) ?? rulesets;
  const peers = tftpPeers.read(answers);
  const whyTo = (machine?: string) => [
    { of: "firewall" as const, why: whyNotAdmitted(predicted, { ...path, machine }) },
    { of: "server" as const, why: unknown === undefined ? whyServerRefuses(peers, { ...path, machine }) : undefined },
  ];
  const network = whyTo();
  // Rules that let all machines pass, or none, need not be read for each.
  const isMixed = network.some(({ why }) => why?.sure === false);
  const whyOf = (whom: readonly Range[], machines: readonly Placement[], address?: string): Why | undefined => {
    const reasons = [
      { of: "way" as const, why: whyNoLink(interfaces.links, path.interface) },
      ...(isMixed && address !== undefined ? whyTo(address) : network),
      { of: "way" as const, why: whyElsewhere?.(whom) },
      { of: "way" as const, why: whyNotFound(found, interfaces.links, path, machines) },
    ].flatMap(({ of, why }) => (why === undefined ? [] : [{ of, ...why }]));
    return reasons.find(({ sure }) => sure) ?? reasons[0] ?? besides[0];
  };
  return {
    all: whyOf([], []),
    own: whyOwnIsKept(predicted, path),
    of: (address) =>
      whyOf(
        [parseAddresses(address ?? server.held.pool ?? server.held.cidr) ?? { first: -1, last: -1 }],
        machines.filter((each) => each.address === address),
        address,
      ),
  };
}

/** Machines with addresses of their own: all that node 0 knows, if it was asked, and of each chain one that this change has. */
function placedMachines(register: Register, answers: HostAnswers): readonly Placement[] {
  const macs = new Map(
    (answers.roster(rosterKey) ?? "").split("\n").map((row) => {
      const [id = "", hostname = "", all = ""] = row.split(" ");
      return [`${decodeURIComponent(id)} ${hostname}`, all.split(",")] as const;
    }),
  );
  const known = (answers.machines(neighboursKey) ?? []).map(({ id, hostname, address }) => ({
    address,
    macs: macs.get(`${id} ${hostname}`) ?? [],
  }));
  const examples = [...register.after.values()].flatMap(({ examples }) =>
    examples.flatMap(({ address, macs }) => (address === undefined ? [] : [{ address, macs }])),
  );
  return [...examples, ...known];
}

/** The ports from which in.tftpd sends, where acknowledgements go to. */
function dataPortsIn(answers: HostAnswers): { readonly first: number; readonly last: number } {
  const defaults = answers.path("admitted.defaults")?.content ?? "";
  const kernel = answers.path("admitted.ports")?.content ?? "32768 60999";
  const [, first, last] = /(?:--port-range|-R) (\d+):(\d+)/.exec(defaults) ?? /^(\d+)\s+(\d+)/.exec(kernel) ?? [];
  return { first: Number(first ?? 32_768), last: Number(last ?? 60_999) };
}
