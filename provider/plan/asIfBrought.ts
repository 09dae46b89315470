import type { HostAnswers, Ran, Seen } from "../facts/question";
import { takingFolder } from "../os/packages";
import { chronyConf, chronyUnit, enablingLink } from "../os/paths";
import type { Facts } from "./facts";
import type { Brought } from "./ground";
import type { BringPlan } from "./packages";
import { chronyConfKey, lookKey } from "./questions";

/** What a package brings beside its programs, as far as plans ask for it; as Debian has it. */
const bringsWith: Readonly<Record<string, ReadonlyMap<string, Seen>>> = {
  chrony: new Map([
    [chronyConfKey, seen(chronyConf, { type: "file", content: "confdir /etc/chrony/conf.d\n" })],
    [
      lookKey(enablingLink(chronyUnit)),
      seen(enablingLink(chronyUnit), { type: "link", target: `/lib/systemd/system/${chronyUnit}` }),
    ],
  ]),
};

function seen(path: string, what: Pick<Seen, "type" | "content" | "target">): Seen {
  return { path, mode: "0644", uid: 0, gid: 0, bytes: 0, mtime: 0, ctime: 0, ...what };
}

/**
 * Node 0's facts as they would be once the packages were there: so that the rest can be planned without bringing them. What
 * files out of packages hold is not known then.
 */
export function asIfBrought(facts: Facts, { install }: BringPlan): Facts {
  const { answers } = facts;
  const brought = new Map(install.flatMap((name) => [...(bringsWith[name] ?? [])]));
  const ran = (key: string): Ran | undefined => {
    const there = answers.ran(key);
    if (key !== "packages.status" || there === undefined) return there;
    // Of one name the row counts by which it is installed.
    return { ...there, said: `${there.said}${install.map((name) => `ii \t${name}\t\t\n`).join("")}` };
  };
  const as: HostAnswers = {
    ran,
    path: (key) => {
      const there = answers.path(key);
      return there === undefined || there.type === "absent" ? (brought.get(key) ?? there) : there;
    },
    ranFor: (key) => answers.ranFor(key),
    folder: (key) => answers.folder(key),
    holders: (key) => answers.holders(key),
    packetSockets: (key) => answers.packetSockets(key),
    machines: (key) => answers.machines(key),
    others: (key) => answers.others(key),
    boots: (key) => answers.boots(key),
    recorded: (key) => answers.recorded(key),
    roster: (key) => answers.roster(key),
    joined: (key) => answers.joined(key),
  };
  return { ...facts, answers: as };
}

/** What would have come of it, if all goes well. */
export function broughtInPlan(plan: BringPlan): Brought {
  const taken = plan.take.map((take) => ({
    path: take.path,
    from: `${takingFolder(take.package)}${take.members[0] ?? ""}`,
  }));
  return { plan, report: { apt: { status: 0, said: "" }, brought: plan.install, taken } };
}
