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
     for each; do case $mode in
       install) echo "Setting up $each"; echo $each >> ${at("state/at-apt")}; ls -l ${at("units")} >> ${at("masked")}; > ${at("installed")}/\${each%=*};;
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

const nothing: BringPlan = {
  install: [],
  tell: [],
  masks: [],
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
    expect(lines("state/packages")).toEqual(["a", "idle"]);
    expect(readdirSync(at("state/kept"))).toEqual(["packages.since"]);
  });

  it("renews the lists once where apt fails, and stops there", () => {
    writeFileSync(at("fails"), "");
    const plan: BringPlan = {
      ...nothing,
      install: ["a"],
      take: [{ id: "B", path: "/x", package: "refind", members: ["/y"] }],
    };
    const [apt, ...rest] = told("bring($plan, \\%talk)", plan);
    expect([apt?.word, apt, rest.map(({ word }) => word)]).toMatchObject(["apt", { status: "1" }, ["brought"]]);
    expect(lines("calls").filter((call) => / (update|install .*)$/.test(call))).toHaveLength(3);
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
      giveBack: [{ package: "new", tell: ["T"] }],
      returning: [{ ...old, enable: "disable", run: "start" }],
    };
    expect(told("finish_packages($plan, \\%talk)", plan)).toEqual([
      { word: "given", package: "new", lost: "old", status: "0", said: "Setting up old=1\n" },
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
