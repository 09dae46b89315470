import { describe, expect, it } from "vitest";
import { missingMounts, readsOldFolder, servedFolderQuestions } from "../../../../provider/facts/tftpFolder";
import { hostAnswers } from "../plan/told";

const viewed = (said: string) => readsOldFolder(hostAnswers({ "folder.view": { status: 0, said } }));

/** As `systemctl show` of a Debian 12 has a file system of /etc/fstab. */
const mount = (where: string, more: Readonly<Record<string, string>> = {}): string =>
  Object.entries({
    Where: where,
    Id: `${where.slice(1).replaceAll("/", "-") || "-"}.mount`,
    RequiredBy: "",
    WantedBy: "local-fs.target",
    LoadState: "loaded",
    ActiveState: "inactive",
    ...more,
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
const missing = (directory: string, ...mounts: readonly string[]) =>
  missingMounts(directory, hostAnswers({ "folder.mounts": { status: 0, said: mounts.join("\n") } })).map(
    ({ where }) => where,
  );

describe("readsOldFolder", () => {
  it.each([
    ["1792:171\n92:2\n", true],
    ["1792:171\n1792:171\n", false],
    // Neither where in.tftpd does not run, nor where there is no folder yet.
    ["stat: cannot statx '/proc/0/cwd': No such file or directory\n92:2\n", false],
    ["1792:171\nstat: cannot statx '/srv/tftp': No such file or directory\n", false],
    ["", false],
  ])("compares where in.tftpd is with what is there now: %j", (said, isOld) => {
    expect(viewed(said)).toBe(isOld);
  });

  it("asks for the folder that is served", () => {
    expect(servedFolderQuestions("/srv/tftp")["folder.view"]).toMatchObject({
      argv: ["sh", "-c", expect.any(String), "sh", "/srv/tftp"],
    });
  });
});

describe("missingMounts", () => {
  it("has what is mounted at boot on the way to a folder, and is not mounted now", () => {
    expect(missing("/srv/tftp", mount("/srv"))).toEqual(["/srv"]);
    expect(missing("/srv/tftp", mount("/srv/tftp"), mount("/boot"))).toEqual(["/srv/tftp"]);
    expect(missing("/srv/tftp", mount("/srv", { ActiveState: "failed" }))).toEqual(["/srv"]);
    expect(missing("/srv/tftp", mount("/srv", { WantedBy: "", RequiredBy: "tftpd-hpa.service" }))).toEqual(["/srv"]);
  });

  it.each([
    ["is mounted", { ActiveState: "active" }],
    ["nobody mounts at boot", { WantedBy: "" }],
    ["has no unit", { LoadState: "not-found" }],
  ])("leaves what %s", (_what, more) => {
    expect(missing("/srv/tftp", mount("/srv", more))).toEqual([]);
  });

  it("leaves what is elsewhere", () => {
    expect(missing("/srv/tftp", mount("/srv/t"), mount("/srv/tftp/x"), mount("/var"))).toEqual([]);
    expect(missing("/srv/tftp")).toEqual([]);
  });
});
