import { describe, expect, it } from "vitest";
import { fixedQuestions, whyFixed } from "../../../../provider/facts/fixedPaths";
import { hostAnswers } from "../plan/told";

/** As lsattr of e2fsprogs 1.47 and findmnt of util-linux 2.38 answer. */
const seen = (path: string, flags: readonly string[], mounts: readonly string[] = []) =>
  whyFixed(
    hostAnswers({
      "fixedPaths.flags": { status: 1, said: flags.map((line) => `${line}\n`).join("") },
      "fixedPaths.mounts": {
        status: 0,
        said: ["/proc rw,nosuid,nodev,noexec", "/ rw,relatime", ...mounts].map((line) => `${line}\n`).join(""),
      },
    }),
    path,
  );

describe("whyFixed", () => {
  const file = "/srv/tftp/refind.conf";

  it.each([
    [
      "a file as it should be",
      ["--------------e------- /srv/tftp/refind.conf", "--------------e------- /srv/tftp"],
      [],
    ],
    ["one that is not there yet", ["lsattr: No such file or directory while trying to stat /srv/tftp/refind.conf"], []],
    ["a file system without flags", ["lsattr: Inappropriate ioctl for device While reading flags on /srv/tftp"], []],
    ["another folder that is read-only", [], ["/srv/tftp2 ro,relatime", "/srv/tf ro"]],
    ["another file on which something is mounted", [], ["/srv/tftp/ipxe.efi rw"]],
  ])("finds nothing of %s", (_what, flags, mounts) => {
    expect(seen(file, flags, mounts)).toBeUndefined();
  });

  it.each([
    ["----i---------e------- /srv/tftp/refind.conf", "it is immutable (lsattr)"],
    ["-----a--------e------- /srv/tftp/refind.conf", "it is immutable (lsattr)"],
    ["----i---------e------- /srv/tftp", "its folder /srv/tftp is immutable (lsattr -d)"],
  ])("tells of the flags %s", (line, why) => {
    expect(seen(file, [line])).toBe(why);
  });

  it.each([
    [["/srv ro,relatime"], "/srv is mounted read-only (findmnt)"],
    [["/srv rw", "/srv/tftp ro,relatime"], "/srv/tftp is mounted read-only (findmnt)"],
    [["/srv ro", "/srv/tftp rw"], undefined],
    [["/srv/tftp rw", "/srv/tftp ro"], "/srv/tftp is mounted read-only (findmnt)"],
    [["/srv/tftp/refind.conf rw"], "something is mounted on it (findmnt)"],
  ])("tells of what is mounted: %j", (mounts, why) => {
    expect(seen(file, [], mounts)).toBe(why);
  });

  it("reads a name with a blank", () => {
    expect(seen("/srv/boot files/a", [], ["/srv/boot\\x20files ro"])).toBe(
      "/srv/boot files is mounted read-only (findmnt)",
    );
  });

  it("asks for each file and its folder, once, and for nothing where nothing is written", () => {
    expect(fixedQuestions([])).toEqual({});
    expect(fixedQuestions([file, "/srv/tftp/a"])["fixedPaths.flags"]).toEqual({
      ask: "run",
      argv: ["lsattr", "-d", "--", file, "/srv/tftp", "/srv/tftp/a"],
    });
  });
});
