import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { renderFlat } from "../../../../provider/conversation/rows";
import { loader } from "../../../../provider/embedded";
import type { AfterCommit, BringPlan } from "../../../../provider/plan/packages";
import { inHands } from "./perl";

let root = "";
const at = (name: string): string => join(root, name);
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "netboot-packages-"));
  for (const each of ["bin", "units", "hidden", "state", "state/kept", "installed"]) mkdirSync(at(each));
  program("systemctl", "echo enabled");
  program("sync", "");
  program(
    "dpkg-query",
    `for each in ${at("installed")}/*; do [ -e $each ] && echo "ii  $(basename $each)"; done; true`,
  );
  program("dpkg", `case "$*" in *--purge*) eval name=\\\${$#}; rm ${at("installed")}/$name;; esac`);
  program(
    "apt-get",
    `mode=none
     for each; do case $each in --no-remove) continue;; esac; case $mode in
       install) echo "Setting up $each"; echo $each >> ${at("state/at-apt")}; ls -lR ${at("early")} >> ${at("masked")} 2>&1; ls ${at("units")} >> ${at("in-etc")}; > ${at("installed")}/\${each%=*};;
       purge) rm ${at("installed")}/$each;;
       none) case $each in -s) [ -e ${at("others")} ] && cat ${at("others")}; exit 0;; install|purge) mode=$each;; esac;;
     esac; done; [ ! -e ${at("fails")} ]`,
  );
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

/** Stands in for a program of Debian's, and notes how it was called. */
function program(name: string, body: string): void {
  writeFileSync(at(`bin/${name}`), `#!/bin/sh\necho "${name} $*" >> ${at("calls")}\n${body}\n`);
  chmodSync(at(`bin/${name}`), 0o755);
}

function told(perl: string, plan: object) {
  const said = inHands(
    `$ENV{PATH} = "${at("bin")}:$ENV{PATH}"; my %talk = (renewed => 0, syncing => []);
     my $plan = read_flat(@in); ${perl}; end_sync(\\%talk)`,
    renderFlat(plan),
    at("state"),
  );
  return said.filter(({ word }) => word !== "say").map(({ word, values }) => ({ word, ...values }));
}

/** What rows hear meanwhile. */
function sayings(perl: string, plan: object): readonly (string | undefined)[] {
  const program = `$ENV{PATH} = "${at("bin")}:$ENV{PATH}"; my %talk = (renewed => 0, syncing => []); my $plan = read_flat(@in); ${perl}; end_sync(\\%talk)`;
  const said = inHands(program, renderFlat(plan), at("state"));
  return said.filter(({ word }) => word === "say").map(({ values }) => values["text"]);
}

const nothing: BringPlan = {
  install: [],
  tell: [],
  masks: [],
  configured: [],
  standIns: [],
  rows: [],
  keep: [],
  fetch: [],
  listen: [],
  take: [],
  freshSeconds: 3600,
};
const after: AfterCommit = { giveBack: [], returning: [], purge: [], unmask: [], taken: [] };
const lines = (name: string): readonly string[] => readFileSync(at(name), "utf8").trimEnd().split("\n");

describe("bring", () => {
  const masks = (): BringPlan["masks"] =>
    ["a", "idle"].map((name) => ({
      path: at(`units/${name}.service`),
      early: at(`early/system/${name}.service`),
      package: name,
      hides: [at(`hidden/${name}.service`)],
    }));

  it("installs behind masks, which go where there is no unit below them, and notes what it brought", () => {
    writeFileSync(at("hidden/a.service"), "");
    writeFileSync(at("installed/there"), "");
    const plan: BringPlan = { ...nothing, install: ["a", "idle"], tell: ["T"], masks: masks() };
    expect(told("bring($plan, \\%talk)", plan)).toEqual([
      { word: "apt", status: "0", said: "Setting up a\nSetting up idle\n" },
      { word: "brought", packages: "a\0idle" },
    ]);
    expect(readFileSync(at("masked"), "utf8")).toMatch(/a\.service -> \/dev\/null[\s\S]*idle\.service -> \/dev\/null/);
    expect(readdirSync(at("units"))).toEqual(["a.service"]);
    expect([readFileSync(at("in-etc"), "utf8"), existsSync(at("early"))]).toEqual(["", false]);
    expect(lines("state/packages")).toEqual(["a", "idle"]);
    expect(readdirSync(at("state/kept"))).toEqual(["packages.since"]);
  });

  it("renews the lists once where apt fails, and stops there", () => {
    program("apt-get", "exit 1");
    const plan: BringPlan = {
      ...nothing,
      install: ["a"],
      take: [{ id: "B", path: "/x", package: "refind", members: ["/y"] }],
    };
    const [apt, ...rest] = told("bring($plan, \\%talk)", plan);
    expect([apt?.word, apt, rest.map(({ word }) => word)]).toMatchObject(["apt", { status: "1" }, ["brought"]]);
    expect(lines("calls").filter((call) => / (update|install .*)$/.test(call))).toHaveLength(3);
  });

  it("waits for who holds a lock of apt's, and says for whom", () => {
    program(
      "apt-get",
      `if [ -e ${at("held")} ]; then rm ${at("held")}
       echo 'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 42 (python3)'; exit 100; fi
       > ${at("installed/a")}`,
    );
    writeFileSync(at("held"), "");
    const said = sayings("bring($plan, \\%talk)", { ...nothing, install: ["a"], tell: ["T"] });
    expect(said).toContain("apt: waiting for process 42 (python3), which holds /var/lib/apt/lists/lock");
    expect(lines("calls").filter((call) => / (update|install .*)$/.test(call))).toHaveLength(2);
  });

  it("lets nothing go for a package but what may", () => {
    const apt = `case "$*" in *--no-remove*) printf 'The following packages will be REMOVED:\\n  old\\nThe following NEW packages will be installed:\\n  a\\n'
      echo 'E: Packages need to be removed but remove is disabled.'; exit 100;; esac
      > ${at("installed/a")}`;
    program("apt-get", apt);
    expect(told("bring($plan, \\%talk)", { ...nothing, install: ["a"] })[0]).toMatchObject({
      word: "apt",
      status: "100",
    });
    expect(readdirSync(at("installed"))).toEqual([]);
    const row = { standIn: "a", package: "old", version: "1", unit: "u", fileState: "", activeState: "" };
    told("bring($plan, \\%talk)", { ...nothing, install: ["a"], standIns: ["a"], rows: [row] });
    expect(readdirSync(at("installed"))).toEqual(["a"]);
    expect(lines("calls").some((call) => / update$/.test(call))).toBe(false);
  });

  it("finishes first what was left half done, asks nobody anything, and says so", () => {
    program("dpkg", `case "$*" in --audit) echo half;; --configure*) echo "Setting up broken";; esac`);
    const said = sayings("bring($plan, \\%talk)", { ...nothing, install: ["a"], tell: ["T"] });
    expect(said.slice(0, 2)).toEqual(["dpkg: finishing what was begun on this host before", "apt: Setting up broken"]);
    expect(loader).toMatch(/DEBIAN_FRONTEND[\s\S]*noninteractive/);
  });

  it("takes out what it was to, also where apt fails on account of another package", () => {
    program("apt-get", `> ${at("installed/a")}; exit 100`);
    const plan = { ...nothing, install: ["a"], take: [{ id: "B", path: "/x", package: "refind", members: ["/y"] }] };
    expect(told("bring($plan, \\%talk)", plan).map(({ word }) => word)).toEqual(["apt", "brought", "unfetched"]);
  });

  it("writes down what goes before apt runs, and forgets it where apt has not begun", () => {
    writeFileSync(at("fails"), "");
    writeFileSync(at("installed/old"), "");
    const row = { standIn: "new", package: "old", version: "1", unit: "old.service", fileState: "enabled" };
    const plan = { ...nothing, install: ["new"], standIns: ["new"], rows: [{ ...row, activeState: "active" }] };
    program(
      "dpkg",
      `[ -e ${at("state/kept/stand-in:new")} ] && cp ${at("state/kept/stand-in:new")} ${at("seen")}; true`,
    );
    program("apt-get", `cp ${at("state/kept/stand-in:new")} ${at("seen")}; exit 1`);
    told("bring($plan, \\%talk)", plan);
    expect(lines("seen")).toEqual(["old 1 old.service enabled active"]);
    expect(existsSync(at("state/kept/stand-in:new"))).toBe(false);
  });
});

describe("finish_packages", () => {
  it("brings back what went, runs it as it ran, and purges what stood in for it", () => {
    for (const name of ["installed/new", "state/kept/stand-in:new"]) writeFileSync(at(name), "");
    writeFileSync(at("state/packages"), "new\nother\n");
    const old = { standIn: "new", package: "old", version: "1", unit: "old.service", fileState: "disabled" } as const;
    const plan: AfterCommit = {
      ...after,
      giveBack: [{ package: "new", how: "--purge", tell: ["T"] }],
      returning: [{ ...old, enable: "disable", run: "start" }],
    };
    expect(told("finish_packages($plan, \\%talk)", plan)).toEqual([
      { word: "given", package: "new", lost: "old", status: "0", said: "Setting up old=1\n", stays: "1" },
    ]);
    expect(readdirSync(at("installed"))).toEqual(["old"]);
    expect(lines("calls").filter((call) => call.startsWith("systemctl"))).toEqual([
      "systemctl is-enabled old.service",
      "systemctl disable old.service",
      "systemctl start old.service",
    ]);
    expect(lines("state/packages")).toEqual(["other"]);
    expect(existsSync(at("state/kept/stand-in:new"))).toBe(false);
  });

  it("counts what is there, and not how apt ended", () => {
    writeFileSync(at("installed/new"), "");
    writeFileSync(at("state/kept/stand-in:new"), "");
    program("apt-get", `> ${at("installed/old")}; rm -f ${at("installed/new")}; exit 100`);
    const old = { standIn: "new", package: "old", version: "1", unit: "old.service", fileState: "enabled" } as const;
    const plan = { ...after, giveBack: [{ package: "new", how: "--remove", tell: ["T"] }], returning: [old] } as const;
    expect(told("finish_packages($plan, \\%talk)", plan)).toMatchObject([{ word: "given", status: "0", stays: "0" }]);
    expect(lines("calls")).toContain("dpkg --force-remove-reinstreq --remove new");
  });

  it("leaves the configuration of what had one before us", () => {
    writeFileSync(at("state/packages"), "a\nb\n");
    writeFileSync(at("state/packages.configured"), "b\n");
    for (const name of ["a", "b"]) writeFileSync(at(`installed/${name}`), "");
    program("apt-get", `case "$*" in *-s*) ;; *) for each; do rm -f ${at("installed")}/$each; done;; esac`);
    told("finish_packages($plan, \\%talk)", { ...after, purge: [{ tell: "P" }] });
    const calls = lines("calls").filter((call) => !/ -s /.test(call));
    expect(calls.flatMap((call) => / (?:purge|remove) .*/.exec(call) ?? [])).toEqual([" remove b", " purge a"]);
    expect(readdirSync(at("state"))).toEqual(["kept"]);
  });

  it("purges what we brought, unless others would go with it", () => {
    writeFileSync(at("state/packages"), "a\ngone\n");
    writeFileSync(at("installed/a"), "");
    const plan: AfterCommit = { ...after, purge: [{ tell: "P" }] };
    writeFileSync(at("others"), "Purg a [1]\nRemv theirs [1]\n");
    expect(told("finish_packages($plan, \\%talk)", plan)).toEqual([
      { word: "purged", id: "P", packages: "a", others: "theirs", status: "0", said: "" },
    ]);
    expect(readdirSync(at("installed"))).toEqual(["a"]);
    rmSync(at("others"));
    expect(told("finish_packages($plan, \\%talk)", plan)).toMatchObject([
      { word: "purged", packages: "a", others: "" },
    ]);
    expect([readdirSync(at("installed")), existsSync(at("state/packages"))]).toEqual([[], false]);
  });
});
