import { describe, expect, it } from "vitest";
import type { Declaration, Want } from "../../../../provider/kinds/want";
import {
  type BringPlan,
  type BringReport,
  type PackageKnowledge,
  planAfterCommit,
  planBring,
  planTakes,
  refuseBring,
  renderBrought,
  renderPurged,
  warnOfApt,
} from "../../../../provider/plan/packages";
import type { Held, Register, RegisterEntry } from "../../../../provider/plan/records";
import type { Refusal } from "../../../../provider/plan/refusal";
import { packageCase, seenFile } from "../../../support/packageCases";

const tftpd: Want = { want: "package", name: "tftpd-hpa", units: ["tftpd-hpa.service"] };
const chrony: Want = { want: "package", name: "chrony", units: [] };
const timeDaemon: Want = {
  want: "standIn",
  package: "chrony",
  usual: ["systemd-timesyncd"],
  others: ["ntp", "ntpsec", "openntpd"],
  allowed: false,
};
const refind: Extract<Want, { want: "take" }> = {
  want: "take",
  path: "/srv/tftp/refind_x64.efi",
  mode: "0644",
  package: "refind",
  members: ["/usr/share/refind/refind/refind_x64.efi"],
};

function put(id: string, ...wants: readonly Want[]): Declaration {
  return { id, generation: "1", wants };
}

function registerOf(before: Readonly<Record<string, readonly Held[]>>, gone: readonly string[] = []): Register {
  const entries = Object.entries(before).map(([id, held]): [string, RegisterEntry] => [
    id,
    { id, generation: "1", held, machines: 0, pooled: 0, macs: 0, examples: [] },
  ]);
  return { before: new Map(entries), after: new Map(entries.filter(([id]) => !gone.includes(id))), clashes: [] };
}

function knowledgeOf(name: string, ...puts: readonly Declaration[]): PackageKnowledge {
  return {
    puts,
    register: registerOf({}),
    packages: packageCase(name).packages,
    seen: () => undefined,
    interfaceOf: (wanted) => (wanted === "name:eno2" ? "eno2" : undefined),
  };
}

function bringPlanOf(knowledge: PackageKnowledge): BringPlan {
  const plan = planBring(knowledge);
  if (plan === undefined || "code" in plan) throw new Error(`no plan: ${JSON.stringify(plan)}`);
  return plan;
}

describe("planBring", () => {
  it("brings nothing where all packages work, also where one waits for a trigger", () => {
    expect(planBring(knowledgeOf("bookworm-installed", put("TftpServer/p/s/t", tftpd)))).toBeUndefined();
    expect(planBring(knowledgeOf("trixie-trigger-awaited", put("TftpServer/p/s/t", tftpd)))).toBeUndefined();
  });

  it.each(["fresh", "half-installed", "unpacked"])(
    "installs a package that is missing, masked, where it is %s",
    (state) => {
      const plan = bringPlanOf(knowledgeOf(`bookworm-${state}`, put("TftpServer/p/s/t", tftpd)));
      expect(plan.install).toEqual(["tftpd-hpa"]);
      expect(plan.tell).toEqual(["TftpServer/p/s/t"]);
      expect(plan.masks).toEqual([
        {
          path: "/etc/systemd/system/tftpd-hpa.service",
          early: "/usr/local/lib/systemd/system/tftpd-hpa.service",
          package: "tftpd-hpa",
          hides: [
            "/lib/systemd/system/tftpd-hpa.service",
            "/usr/lib/systemd/system/tftpd-hpa.service",
            "/etc/init.d/tftpd-hpa",
          ],
        },
      ]);
    },
  );

  it("masks no unit that the host knows already, and notes whose configuration is there", () => {
    const plan = bringPlanOf(knowledgeOf("bookworm-removed", put("t", tftpd)));
    expect([plan.masks, plan.configured]).toEqual([[], ["tftpd-hpa"]]);
    expect(bringPlanOf(knowledgeOf("bookworm-fresh", put("t", tftpd))).configured).toEqual([]);
  });

  it("runs apt once for all, in an order of its own, and tells all of them", () => {
    const plan = bringPlanOf(knowledgeOf("trixie-fresh", put("b", tftpd), put("a", timeDaemon, chrony, tftpd)));
    expect(plan.install).toEqual(["chrony", "tftpd-hpa"]);
    expect(plan.tell).toEqual(["a", "b"]);
    expect(plan.masks).toHaveLength(1);
  });

  it("writes down what goes for chrony and how it ran, and has it fetched beside", () => {
    const plan = bringPlanOf(knowledgeOf("bookworm-fresh", put("time", timeDaemon, chrony)));
    expect(plan.standIns).toEqual(["chrony"]);
    expect(plan.rows).toEqual([
      {
        standIn: "chrony",
        package: "systemd-timesyncd",
        version: "252.39-1~deb12u2",
        unit: "systemd-timesyncd.service",
        fileState: "enabled",
        activeState: "inactive",
      },
    ]);
    expect(plan.keep).toEqual(["systemd-timesyncd=252.39-1~deb12u2"]);
  });

  it("fetches and listens beside apt, and not without it", () => {
    const beside: readonly Want[] = [
      { want: "fetch", package: "refind", files: 2 },
      { want: "listenFor", interface: "name:eno2", address: "192.168.1.1" },
    ];
    const plan = bringPlanOf(knowledgeOf("bookworm-fresh", put("a", tftpd, ...beside)));
    expect(plan.fetch).toEqual([{ package: "refind", files: 2 }]);
    expect(plan.listen).toEqual([{ interface: "eno2", address: "192.168.1.1" }]);
    expect(planBring(knowledgeOf("bookworm-installed", put("a", tftpd, ...beside)))).toBeUndefined();
  });

  it("listens on no interface that is not there", () => {
    const listen: Want = { want: "listenFor", interface: "name:eno9", address: "192.168.1.1" };
    expect(bringPlanOf(knowledgeOf("bookworm-fresh", put("a", tftpd, listen))).listen).toEqual([]);
  });

  it("only unpacks where a file of a package is all that is missing", () => {
    const pinned = { ...refind, version: "0.13.2-1" };
    const plan = bringPlanOf(knowledgeOf("bookworm-installed", put("f", tftpd, pinned)));
    expect(plan.install).toEqual([]);
    expect(plan.take).toEqual([{ id: "f", path: refind.path, package: "refind=0.13.2-1", members: refind.members }]);
  });

  it("refuses a foreign time daemon before anything is brought", () => {
    const plan = planBring(knowledgeOf("bookworm-ntpsec", put("time", timeDaemon, chrony)));
    expect((plan as Refusal).code).toBe("OCCUPIED");
  });
});

describe("planTakes", () => {
  const sha256 = "5".repeat(64);
  const taken: readonly Held[] = [
    { want: "taken", path: refind.path, package: "refind", version: undefined },
    { want: "file", path: refind.path, mode: "0644", sha256 },
  ];
  const takesOf = (held: readonly Held[], found: string, want: Want = refind): readonly [number, number] => {
    const { needed, kept } = planTakes({
      puts: [put("f", want)],
      register: registerOf({ f: held }),
      seen: (path) => seenFile(path, "", found),
    });
    return [needed.length, kept.length];
  };

  it("keeps a file that is on the disk as it was taken", () => {
    expect(takesOf(taken, sha256)).toEqual([0, 1]);
  });

  it("takes it again where it was changed, where it was not taken, and where another version is wanted", () => {
    expect(takesOf(taken, "6".repeat(64))).toEqual([1, 0]);
    expect(takesOf([], sha256)).toEqual([1, 0]);
    expect(takesOf(taken, sha256, { ...refind, version: "0.13.2-1" })).toEqual([1, 0]);
  });
});

describe("refuseBring", () => {
  const plan = bringPlanOf(knowledgeOf("bookworm-fresh", put("a", tftpd, refind)));
  const done: BringReport = {
    apt: { status: 0, said: "" },
    brought: ["tftpd-hpa"],
    taken: [{ path: refind.path, from: "/x", sha256: "5".repeat(64), bytes: 1 }],
  };
  const { packages: installed } = packageCase("bookworm-installed");
  const { packages: fresh } = packageCase("bookworm-fresh");

  it("has nothing to say where all came", () => {
    expect(refuseBring(plan, done, installed)).toBeUndefined();
  });

  it("tells which packages apt did not install, in apt's words, and nothing of node 0's state", () => {
    const apt = { status: 100, said: "Reading package lists...\nE: Unable to locate package tftpd-hpa\n" };
    expect(refuseBring(plan, { ...done, apt }, fresh)).toEqual({
      code: "PACKAGES_FAILED",
      message: `apt could not install tftpd-hpa:
  E: Unable to locate package tftpd-hpa
make apt work on node 0, then run again`,
    });
  });

  it("names what apt would have removed for it", () => {
    const said =
      "The following packages will be REMOVED:\n  atftpd\nE: Packages need to be removed but remove is disabled.\n";
    expect(refuseBring(plan, { ...done, apt: { status: 100, said } }, fresh)?.message).toBe(
      "apt would remove atftpd for tftpd-hpa, which can't be beside it on one host; if nobody needs it, remove it yourself, then run again",
    );
  });

  it("says that another package is in the way, and goes on with a warning where all is there in spite of it", () => {
    const said =
      "Setting up broken (1) ...\nlicence server down\ndpkg: error processing package broken (--configure):\n";
    const report = { ...done, apt: { status: 100, said } };
    expect(
      refuseBring(plan, report, fresh)?.message,
    ).toBe(`apt could not install tftpd-hpa, because of broken, which was not asked for:
  licence server down
  dpkg: error processing package broken (--configure):
mend broken on node 0 (\`dpkg --configure -a\` shows the same words), then run again`);
    expect(refuseBring(plan, report, installed)).toBeUndefined();
    expect(warnOfApt(report, { id: "a" })).toEqual([
      {
        id: "a",
        text: `apt brought what was asked for, and failed on account of broken:
  licence server down
  dpkg: error processing package broken (--configure):`,
      },
    ]);
    expect(warnOfApt(done, { id: "a" })).toEqual([]);
  });

  it("does not believe an apt that says all is well", () => {
    expect(refuseBring(plan, done, fresh)?.code).toBe("PACKAGES_FAILED");
  });

  it("tells on its own row which package could not be fetched, or has no such file", () => {
    const unfetched = { package: "refind", status: 100, said: "E: Unable to locate package refind\n" };
    expect(refuseBring(plan, { ...done, unfetched, taken: [] }, installed)).toEqual({
      code: "PACKAGES_FAILED",
      id: "a",
      message: `apt could not fetch refind:
  E: Unable to locate package refind
make \`apt-get download refind\` work on node 0, or give the file itself: { file: "…" }`,
    });
    expect(refuseBring(plan, { ...done, taken: [{ path: refind.path }] }, installed)).toEqual({
      code: "PACKAGES_FAILED",
      id: "a",
      message:
        'the package refind has none of /usr/share/refind/refind/refind_x64.efi; give the file itself: { file: "…" }',
    });
  });
});

describe("renderBrought", () => {
  it("says what stays, and nothing where nothing came", () => {
    expect(renderBrought(["a", "b"])).toBe("what apt installed for it stays, and nothing of it serves: a, b");
    expect(renderBrought([])).toBe("");
  });
});

describe("planAfterCommit", () => {
  const { packages } = packageCase("bookworm-installed");
  const held = { k: [tftpd, { want: "purge" }], t: [tftpd] } as const satisfies Record<string, readonly Want[]>;

  it("purges with the resource that says so, and takes the masks along", () => {
    const register = registerOf(held as never, ["k", "t"]);
    const { purge, unmask } = planAfterCommit({ puts: [], register, packages }, ["t", "k"], []);
    expect(purge).toEqual([{ tell: "k" }]);
    expect(unmask.map(({ path }) => path)).toEqual(["/etc/systemd/system/tftpd-hpa.service"]);
  });

  it("purges nothing as long as another resource needs a package", () => {
    const register = registerOf(held as never, ["k"]);
    expect(planAfterCommit({ puts: [], register, packages }, ["k"], []).purge).toEqual([]);
    const alone = registerOf({ k: held.k } as never, ["k"]);
    const puts = [put("n", tftpd)];
    expect(planAfterCommit({ puts, register: alone, packages }, ["k"], []).purge).toEqual([]);
  });

  it("purges nothing where nobody said so", () => {
    const register = registerOf({ t: held.t } as never, ["t"]);
    expect(planAfterCommit({ puts: [], register, packages }, ["t"], []).purge).toEqual([]);
  });

  it("counts the files that were taken out of each package", () => {
    const take = (path: string, name: string) => ({ id: "f", path, package: name, members: [] });
    const takes = [take("/a", "refind"), take("/b", "refind"), take("/c", "ipxe")];
    expect(planAfterCommit({ puts: [], register: registerOf({}), packages }, [], takes).taken).toEqual([
      { package: "refind", files: 2 },
      { package: "ipxe", files: 1 },
    ]);
  });
});

describe("renderPurged", () => {
  const apt = { status: 0, said: "" };

  it("says what would have gone along, why apt could not, and nothing where all went", () => {
    expect(renderPurged({ packages: ["tftpd-hpa"], others: ["lab-extra"], apt })).toBe(
      "the packages tftpd-hpa stay, stopped and masked, because lab-extra would go with them",
    );
    expect(renderPurged({ packages: ["tftpd-hpa"], others: [], apt: { status: 1, said: "E: no\n" } })).toBe(
      "apt could not purge tftpd-hpa; they stay, stopped and masked\n  E: no",
    );
    expect(renderPurged({ packages: ["tftpd-hpa"], others: [], apt })).toBeUndefined();
  });
});
