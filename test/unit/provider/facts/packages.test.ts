import { describe, expect, it } from "vitest";
import {
  complaintOf,
  failedPackages,
  packagesFact,
  parsePackages,
  unremoved,
} from "../../../../provider/facts/packages";
import { answersOf, packageCase } from "../../../support/packageCases";

const releases = ["bullseye", "bookworm", "trixie"] as const;

describe.each(releases)("packagesFact on %s", (release) => {
  it.each([
    ["fresh", { installed: false, present: false, interrupted: false }],
    ["half-installed", { installed: false, present: true, interrupted: true }],
    ["unpacked", { installed: false, present: true, interrupted: true }],
    ["installed", { installed: true, present: true, interrupted: false }],
    ["trigger-awaited", { installed: true, present: true, interrupted: true }],
    ["removed", { installed: false, present: false, interrupted: false }],
  ])("tells whether tftpd-hpa is there and works where it is %s", (state, expected) => {
    const { packages } = packageCase(`${release}-${state}`);
    const { interrupted } = packages;
    expect({
      installed: packages.installed("tftpd-hpa"),
      present: packages.present("tftpd-hpa"),
      interrupted,
    }).toEqual(expected);
    expect(packages.version("tftpd-hpa") !== undefined).toBe(expected.present);
  });

  it.each([
    ["fresh", "systemd-timesyncd"],
    ["chrony", "chrony"],
    ["ntpsec", "ntpsec"],
    ["openntpd", "openntpd"],
  ])("finds who keeps the time where it is %s, by what he provides", (state, keeper) => {
    const { packages } = packageCase(`${release}-${state}`);
    expect(packages.providing([], "time-daemon").map(({ name }) => name)).toEqual([keeper]);
  });

  it("knows the unit of a package that is installed", () => {
    expect(packageCase(`${release}-fresh`).packages.unitFiles.has("tftpd-hpa.service")).toBe(false);
    expect(packageCase(`${release}-installed`).packages.unitFiles.has("tftpd-hpa.service")).toBe(true);
  });

  it("knows what runs", () => {
    expect(packageCase(`${release}-installed`).packages.running.has("tftpd-hpa.service")).toBe(true);
    expect(packageCase(`${release}-removed`).packages.running.has("tftpd-hpa.service")).toBe(false);
  });
});

describe("packagesFact", () => {
  it.each([
    ["bullseye", "generated"],
    ["bookworm", "generated"],
    ["trixie", undefined],
  ])("knows the script of System V that a removed package left, where it had one: %s", (release, state) => {
    expect(packageCase(`${release}-removed`).packages.unitFiles.get("tftpd-hpa.service")).toBe(state);
  });

  it("tells a package of which the configuration alone is left", () => {
    const { packages } = packageCase("bookworm-removed");
    expect(packages.leftConfiguration("tftpd-hpa")).toBe(true);
    expect(packageCase("bookworm-installed").packages.leftConfiguration("tftpd-hpa")).toBe(false);
    expect(packages.leftConfiguration("no-such-package")).toBe(false);
  });

  it("has no notes on a host that was never ours", () => {
    const { packages } = packageCase("bookworm-fresh");
    expect([packages.brought, packages.planned, [...packages.standIns]]).toEqual([[], [], []]);
  });

  it("reads our notes, words with signs and words that are empty too", () => {
    const { packages } = packageCase("bookworm-chrony", {
      "packages.brought": "chrony\ntftpd-hpa\n",
      "packages.planned": "isc-dhcp-server\n",
      "packages.standIn.chrony": "systemd-timesyncd 252.39-1%7Edeb12u2 systemd-timesyncd.service enabled %\n",
    });
    expect(packages.brought).toEqual(["chrony", "tftpd-hpa"]);
    expect(packages.planned).toEqual(["isc-dhcp-server"]);
    expect(packages.standIns.get("chrony")).toEqual([
      {
        package: "systemd-timesyncd",
        version: "252.39-1~deb12u2",
        unit: "systemd-timesyncd.service",
        fileState: "enabled",
        activeState: "",
      },
    ]);
  });

  it("tells a marker without rows, for which nothing went, from none", () => {
    const { packages } = packageCase("bookworm-chrony", { "packages.standIn.chrony": "" });
    expect(packages.standIns.get("chrony")).toEqual([]);
  });

  it("knows nothing of a host that answered nothing", () => {
    const packages = packagesFact.read(answersOf({}));
    expect(packages.installed("chrony")).toBe(false);
    expect(packages.interrupted).toBe(false);
  });
});

describe("parsePackages", () => {
  it("prefers of two architectures the one that works", () => {
    const rows = ["rc \tlibc6\t1\t", "ii \tlibc6\t2\t", "rc \tlibc6\t3\t"];
    expect(parsePackages(rows.join("\n")).map(({ version }) => version)).toEqual(["2"]);
  });

  it("reads what a package provides without the versions", () => {
    const [found] = parsePackages("ii \tntpsec\t1\tntp (= 1:4.2), time-daemon\n");
    expect(found?.provides).toEqual(["ntp", "time-daemon"]);
  });

  it("passes over what dpkg-query says beside its rows", () => {
    expect(parsePackages("dpkg-query: warning:\tfiles list file\tmissing\nii \ta\t1\t\n")).toHaveLength(1);
  });
});

describe("complaintOf", () => {
  it("names a few of the files that could not be fetched, with the reason, and counts the rest", () => {
    const said = [1, 2, 3, 4, 5, 6].map(
      (at) => `Err:${at} http://m a\n  No route\nW: Failed to fetch http://m/${at}  No route\n`,
    );
    expect(complaintOf(`${said.join("")}E: Unable to fetch some archives\n`).split("\n")).toEqual([
      ...[1, 2, 3, 4].map((at) => `  W: Failed to fetch http://m/${at}  No route`),
      "  and 2 more that could not be fetched",
      "  E: Unable to fetch some archives",
    ]);
  });

  it("keeps of all that apt said its complaints, each once", () => {
    const said = "Reading package lists...\nE: no such package\nErr:1 http://m\nE: no such package\n";
    expect(complaintOf(said)).toBe("  E: no such package\n  Err:1 http://m");
  });

  it("keeps the last lines of an apt that was ended in the middle", () => {
    const said = [...Array(12).keys()].map((each) => `line ${each}\n`).join("");
    expect(complaintOf(said).split("\n")).toEqual([4, 5, 6, 7, 8, 9, 10, 11].map((each) => `  line ${each}`));
  });

  it("lets the script of a package speak that failed, and not those that did not", () => {
    const words = `  licence server down
  dpkg: error processing package broken (--configure):
   installed broken package post-installation script subprocess returned error exit status 1
  E: Sub-process /usr/bin/dpkg returned an error code (1)`;
    expect(complaintOf(broken)).toBe(words);
    expect(failedPackages(broken)).toEqual(["broken"]);
  });

  it("lets a hook of apt speak that refused", () => {
    const said = `The following NEW packages will be installed:
  isc-dhcp-server
0 upgraded, 1 newly installed, 0 to remove and 0 not upgraded.
Fetched 1 kB in 0s (1 kB/s)

** etckeeper detected uncommitted changes in /etc prior to apt run
** Aborting apt run. Manually commit and restart.

E: Problem executing scripts DPkg::Pre-Invoke 'if [ -x /usr/bin/etckeeper ]; then etckeeper pre-install; fi'
E: Sub-process returned an error code
`;
    expect(complaintOf(said)).toBe(`  ** etckeeper detected uncommitted changes in /etc prior to apt run
  ** Aborting apt run. Manually commit and restart.
  E: Problem executing scripts DPkg::Pre-Invoke 'if [ -x /usr/bin/etckeeper ]; then etckeeper pre-install; fi'
  E: Sub-process returned an error code`);
  });
});

const broken = `Setting up tftpd-hpa (5.2) ...
tftpd user (tftp) already exists, doing nothing.
Setting up broken (1) ...
licence server down
dpkg: error processing package broken (--configure):
 installed broken package post-installation script subprocess returned error exit status 1
Errors were encountered while processing:
 broken
E: Sub-process /usr/bin/dpkg returned an error code (1)
`;

describe("unremoved", () => {
  const said = `The following packages will be REMOVED:
  atftpd* old
The following NEW packages will be installed:
  tftpd-hpa
`;

  it("tells what apt would have removed, and nothing where it was let", () => {
    expect(unremoved(`${said}E: Packages need to be removed but remove is disabled.\n`)).toEqual(["atftpd", "old"]);
    expect(unremoved(said)).toEqual([]);
  });
});
