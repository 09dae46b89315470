import { describe, expect, it } from "vitest";
import type { Declaration, Want } from "../../../../provider/kinds/want";
import type { Register } from "../../../../provider/plan/records";
import {
  planEnabled,
  planGivingBack,
  planReplaced,
  refuseGivenBack,
  refuseTimeDaemon,
  renderRemaining,
} from "../../../../provider/plan/timeDaemon";
import { packageCase, seenFile } from "../../../support/packageCases";

const releases = ["bullseye", "bookworm", "trixie"] as const;
const marker = "systemd-timesyncd 252.39-1%7Edeb12u2 systemd-timesyncd.service enabled active\n";
const nobody: Register = { before: new Map(), after: new Map(), clashes: [] };

function wanted(allowed: boolean): Extract<Want, { want: "standIn" }> {
  const [usual, others] = [["systemd-timesyncd"], ["ntp", "ntpsec", "openntpd"]];
  return { want: "standIn", package: "chrony", usual, others, allowed };
}

function putting(allowed: boolean): readonly Declaration[] {
  return [{ id: "TimeServer/p/s/time", generation: "1", wants: [wanted(allowed)] }];
}

describe.each(releases)("refuseTimeDaemon on %s", (release) => {
  it("lets Debian's usual daemon go without a question", () => {
    expect(refuseTimeDaemon(putting(false), packageCase(`${release}-fresh`).packages)).toBeUndefined();
  });

  it.each(["ntpsec", "openntpd"])("refuses to replace %s", (name) => {
    expect(refuseTimeDaemon(putting(false), packageCase(`${release}-${name}`).packages)).toEqual({
      code: "OCCUPIED",
      id: "TimeServer/p/s/time",
      message: `${name} keeps the time of this host, and chrony would replace it. Say time: { replace: true } (for a TimeServer alone: replace: true) if that is right; it is put back on destroy. Or let node 0 serve no time: time: false`,
    });
  });

  it("refuses to add to a chrony that somebody else has", () => {
    expect(refuseTimeDaemon(putting(false), packageCase(`${release}-chrony`).packages)?.message).toMatch(
      /^chrony is on this host already; a drop-in of ours would be added to its configuration, and it would serve the private network only\. Say time: \{ replace: true \}/,
    );
  });

  it("takes a chrony that we brought for ours, and any daemon where the program says so", () => {
    const { packages } = packageCase(`${release}-chrony`, { "packages.standIn.chrony": marker });
    expect(refuseTimeDaemon(putting(false), packages)).toBeUndefined();
    expect(refuseTimeDaemon(putting(true), packageCase(`${release}-openntpd`).packages)).toBeUndefined();
  });
});

describe("planReplaced", () => {
  it.each(releases)("writes down the daemon of the user's own under its own unit, on %s", (release) => {
    for (const name of ["ntpsec", "openntpd"]) {
      const { packages, units } = packageCase(`${release}-${name}`);
      const { standIns, rows } = planReplaced(putting(true), packages);
      const unit = units.get(`${name}.service`);
      expect(standIns).toEqual(["chrony"]);
      expect(rows).toEqual([
        {
          standIn: "chrony",
          package: name,
          version: packages.version(name),
          unit: `${name}.service`,
          fileState: unit?.unitFileState,
          activeState: unit?.activeState === "active" ? "active" : "inactive",
        },
      ]);
    }
  });

  it("writes nothing down for a chrony of somebody else's", () => {
    expect(planReplaced(putting(true), packageCase("bookworm-chrony").packages)).toEqual({ standIns: [], rows: [] });
  });

  it("keeps what an apt that was ended in the middle found, though it is gone now", () => {
    const { packages } = packageCase("bookworm-removed", { "packages.standIn.chrony": marker });
    expect(planReplaced(putting(false), packages).rows).toMatchObject([
      { package: "systemd-timesyncd", activeState: "active" },
    ]);
  });
});

describe("planGivingBack", () => {
  const { packages } = packageCase("bookworm-chrony", { "packages.standIn.chrony": marker });

  it("gives back as it was what went, when nobody wants chrony any more", () => {
    expect(planGivingBack([], nobody, packages, ["b", "a"])).toEqual({
      giveBack: [{ package: "chrony", how: "--purge", tell: ["a", "b"] }],
      returning: [
        {
          standIn: "chrony",
          package: "systemd-timesyncd",
          version: "252.39-1~deb12u2",
          unit: "systemd-timesyncd.service",
          fileState: "enabled",
          enable: "enable",
          run: "start",
        },
      ],
    });
  });

  it("leaves a daemon alone of which it was not known how it ran", () => {
    const notes = { "packages.standIn.chrony": "ntp 1 ntp.service alias %\n" };
    const [row] = planGivingBack([], nobody, packageCase("bookworm-chrony", notes).packages, []).returning;
    expect(row).not.toHaveProperty("enable");
    expect(row).not.toHaveProperty("run");
  });

  it("lets chrony stay as long as a resource of any stack wants it", () => {
    const held = { id: "o", generation: "1", held: [wanted(false)], machines: 0, pooled: 0, macs: 0, examples: [] };
    const register: Register = { ...nobody, after: new Map([["o", held]]) };
    expect(planGivingBack([], register, packages, []).giveBack).toEqual([]);
    expect(planGivingBack(putting(false), nobody, packages, []).giveBack).toEqual([]);
  });

  it("lets its configuration stay where that was there before us", () => {
    const notes = { "packages.standIn.chrony": "", "packages.configured": "chrony\n" };
    const { packages: rc } = packageCase("bookworm-chrony", notes);
    expect(planGivingBack([], nobody, rc, ["T"]).giveBack).toEqual([
      { package: "chrony", how: "--remove", tell: ["T"] },
    ]);
    expect(planGivingBack([], nobody, packages, []).giveBack.map(({ how }) => how)).toEqual(["--purge"]);
  });

  it("does not count what a resource wanted that is put anew without it", () => {
    const held = { id: "o", generation: "1", held: [wanted(false)], machines: 0, pooled: 0, macs: 0, examples: [] };
    const register: Register = { ...nobody, after: new Map([["o", held]]) };
    const puts = [{ id: "o", generation: "2", wants: [] }];
    expect(planGivingBack(puts, register, packages, ["o"]).giveBack).toHaveLength(1);
  });

  it("goes without a word where we brought none", () => {
    expect(planGivingBack([], nobody, packageCase("bookworm-chrony").packages, []).giveBack).toEqual([]);
  });
});

describe("refuseGivenBack", () => {
  it("says who keeps the time until it can be put back", () => {
    const apt = { stays: true, status: 100, said: "E: Unable to fetch some archives\n" };
    expect(refuseGivenBack([{ package: "chrony", lost: ["systemd-timesyncd"], ...apt }])).toEqual({
      code: "PACKAGES_FAILED",
      message: `chrony serves no more, but apt could not put systemd-timesyncd back, which kept the time before; until then chrony keeps it.
  E: Unable to fetch some archives
make \`apt-get install systemd-timesyncd\` work on node 0, then run again`,
    });
    expect(refuseGivenBack([{ package: "chrony", lost: [], stays: true, status: 0, said: "" }])).toBeUndefined();
  });

  it("says whose fault it is, what would go along, and that nobody keeps the time where nobody does", () => {
    const said =
      "Setting up broken (1) ...\nlicence server down\ndpkg: error processing package broken (--configure):\n" +
      " installed broken package post-installation script subprocess returned error exit status 1\n" +
      "E: Sub-process /usr/bin/dpkg returned an error code (1)\n";
    const given = { package: "chrony", lost: ["systemd-timesyncd"], stays: false, status: 100 };
    expect(refuseGivenBack([{ ...given, said }])?.message).toMatch(
      /until then nobody does\.\n {2}licence server down\n[\s\S]*\n {2}broken is none of ours\nmake/,
    );
    const going =
      "The following packages will be REMOVED:\n  chrony theirs\nE: Packages need to be removed but remove is disabled.\n";
    expect(refuseGivenBack([{ ...given, said: going }])?.message).toContain("  apt would remove theirs for it\n");
  });
});

describe("renderRemaining", () => {
  it("says why a package is still there", () => {
    const given = { package: "chrony", lost: [], stays: true, status: 0, said: "" };
    expect(renderRemaining([given, { ...given, remains: "dpkg: error" }])).toEqual([
      "chrony stays on the host until the next run, because dpkg could not remove it: dpkg: error",
    ]);
  });
});

describe("planEnabled", () => {
  const path = "/etc/systemd/system/multi-user.target.wants/chrony.service";
  const enabled: readonly Want[] = [{ want: "enabled", unit: "chrony.service" }];
  const { units } = packageCase("trixie-chrony");

  it("links to where the distribution has the unit", () => {
    expect(planEnabled(enabled, units, () => undefined)).toEqual([
      { want: "link", path, target: "/usr/lib/systemd/system/chrony.service" },
    ]);
  });

  it("leaves a link that is there as it is", () => {
    const link = { ...seenFile(path, ""), type: "link", target: "/lib/systemd/system/chrony.service" } as const;
    expect(planEnabled(enabled, units, () => link)).toEqual([{ want: "link", path, target: link.target }]);
  });

  it("links no unit that node 0 does not know", () => {
    expect(planEnabled(enabled, packageCase("trixie-fresh").units, () => undefined)).toEqual([]);
  });
});
