import { whyNoLink } from "../admitted/whyNotFound";
import { addressLifetimes } from "../facts/addressLifetimes";
import { daemonUserFacts } from "../facts/daemonUsers";
import { links } from "../facts/links";
import { bootQuestions, nextStartFacts } from "../facts/nextStart";
import type { Question } from "../facts/question";
import { servers } from "../facts/servers";
import { foldersOwned, ownersQuestions } from "../facts/tftpFolder";
import { type Unit, unitFacts } from "../facts/units";
import { dhcpBackends } from "../formats/dhcpBackend";
import { chronyUnit, namesUnit, recoveryUnitName, tftpdUnit } from "../os/paths";
import { isBootServerHere, whyAddressIsGone } from "./bootServer";
import { shownGoneUser, shownUnmet } from "./daemons";
import type { Facts } from "./facts";
import { whoElseServes, whoElseTells } from "./occupied";
import { heldOf, type Register } from "./records";
import { shownDrill, silenceTimer } from "./silence";
import { whyOthersMayReplace } from "./tftpAncestors";

/** Something about node 0 itself, that is no resource's. */
export interface Ailment {
  readonly what: string;
  readonly text: string;
  /** No `up` gets past it, so that none mends anything. */
  readonly holdsUp?: true;
}

const ownUnits = [...dhcpBackends.map(({ unit }) => unit), tftpdUnit, namesUnit];
const nextStart = nextStartFacts(ownUnits);
const users = daemonUserFacts([...ownUnits, chronyUnit]);
const units = unitFacts([recoveryUnitName], "health.units");
const drill = unitFacts([silenceTimer], "health.drill");

/** What else is to be known of a node 0 that is examined. */
export const healthQuestions: Readonly<Record<string, Question>> = {
  ...units.questions,
  ...drill.questions,
  ...servers.questions,
  ...links.questions,
  ...bootQuestions(ownUnits),
  ...users.questions,
  ...addressLifetimes.questions,
  ...ownersQuestions("@held:tftpd:2@"),
};

/** What is wrong with node 0 beside its resources: what would undo a change that a power cut ends, and who else serves there. */
export function ailmentsOf({ before, answers }: Facts): readonly Ailment[] {
  if (before.size === 0) return [];
  const register: Register = { before, after: before, clashes: [] };
  const recovery = whyNoRecovery(units.read(answers).get(recoveryUnitName));
  const isDrilled = drill.read(answers).get(silenceTimer)?.activeState === "active";
  const known = servers.read(answers);
  const others = whoElseServes(register, known);
  const tells = whoElseTells(register, known);
  const nic = heldOf(before, "serve")[0]?.held.interface ?? "";
  const interfaces = links.read(answers);
  // Where ip(8) told nothing, nothing is known.
  const isHere =
    interfaces.links.every(({ addresses }) => addresses.length === 0) || isBootServerHere(register, interfaces);
  const cutOff = whyNoLink(interfaces.links, nic)?.text ?? whyAddressIsGone(register, isHere);
  return [
    ...(cutOff === undefined ? [] : [{ what: nic, text: cutOff, holdsUp: true } as const]),
    ...(isDrilled ? [{ what: silenceTimer, text: shownDrill }] : []),
    ...(recovery === undefined ? [] : [{ what: recoveryUnitName, text: recovery }]),
    ...(others === undefined ? [] : [{ what: "another server", text: others }]),
    ...(tells === undefined ? [] : [{ what: "another server", text: tells }]),
    ...whyNotNextTime({ before, answers }),
    ...whyNotForLong({ before, answers }),
    ...whyNotAlone({ before, answers }),
  ];
}

/** An address of node 0 that goes by itself. */
function whyNotForLong({ before, answers }: Pick<Facts, "before" | "answers">): readonly Ailment[] {
  const own = new Set([
    ...heldOf(before, "interface").map(({ held }) => held.address),
    ...heldOf(before, "tftpd").map(({ held }) => held.address),
  ]);
  return addressLifetimes
    .read(answers)
    .filter(({ address }) => own.has(address))
    .map(({ interface: what, address, seconds, giver }) => {
      const by = giver === undefined ? "" : `; ${giver} gives it there`;
      const text = `${address} goes in ${seconds} seconds unless it is renewed${by}: give ${what} that address for good, in the host's own network configuration`;
      return { what, text };
    });
}

/** Others than root who have the boot files in their hands. */
function whyNotAlone({ before, answers }: Pick<Facts, "before" | "answers">): readonly Ailment[] {
  const [tftp] = heldOf(before, "tftpd");
  const text = whyOthersMayReplace(foldersOwned(answers));
  return tftp === undefined || text === undefined ? [] : [{ what: tftp.held.directory, text }];
}

/** What runs now, and would not after the next boot of node 0 itself, or its next start. */
function whyNotNextTime({ before, answers }: Pick<Facts, "before" | "answers">): readonly Ailment[] {
  const { unmet, boot } = nextStart.read(answers);
  const held = heldOf(before, "unit").map(({ held: { name } }) => name);
  const gone = users.read(answers);
  return [...ownUnits, chronyUnit].flatMap((what): readonly Ailment[] => {
    if (!held.includes(what)) return [];
    if (gone.has(what)) return [{ what, text: shownGoneUser(what) }];
    if (!ownUnits.includes(what)) return [];
    const conditions = unmet.get(what);
    if (conditions !== undefined) return [{ what, text: shownUnmet(what, conditions) }];
    if (boot === undefined || boot.starts.size === 0) return [];
    if (!boot.starts.has(what)) {
      // One that nobody starts at any boot is told where it is compared.
      return boot.starts.has("multi-user.target")
        ? []
        : [
            {
              what,
              text: `the next boot of node 0 goes to ${boot.target}, which does not start it: \`systemctl set-default multi-user.target\` there`,
            },
          ];
    }
    const other = boot.conflicts.get(what)?.find((each) => boot.starts.has(each));
    return other === undefined
      ? []
      : [
          {
            what,
            text: `a boot of node 0 starts ${other} too, and by Conflicts= only one of the two can run: disable ${other}, or take that line away`,
          },
        ];
  });
}

function whyNoRecovery(unit: Unit | undefined): string | undefined {
  if (unit === undefined) return undefined;
  if (unit.activeState === "failed")
    return `failed when node 0 booted: \`journalctl -b -u ${recoveryUnitName}\` there says why`;
  // What a boot starts is what lies in /etc, also where systemd has not read it yet.
  if (unit.loadState === "loaded" && (unit.wantedBy.length > 0 || unit.unitFileState === "enabled")) return undefined;
  const how = unit.loadState === "loaded" ? "is not enabled" : `is ${unit.loadState}`;
  return `${how}, so nothing would undo a change that a power cut ends; the next change by \`pulumi up\` puts it back`;
}
