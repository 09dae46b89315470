import { describe, expect, it } from "vitest";
import type { Seen } from "../../../../provider/facts/question";
import { ancestorKey, ancestorsOf } from "../../../../provider/plan/questions";
import { whyTftpFolderIsSomebodys } from "../../../../provider/plan/tftpAncestors";
import { seenFile } from "../../../support/packageCases";

const change = (directory: string) => ({
  puts: new Map([
    ["T", { id: "T", generation: "1", wants: [{ want: "tftpd", address: "192.168.1.1", directory } as const] }],
  ]),
  drops: new Map<string, string>(),
});
const why = (directory: string, folders: Readonly<Record<string, { uid?: number; mode?: string }>>) =>
  whyTftpFolderIsSomebodys(change(directory), {
    // As the real answers do, by what is their own.
    folders,
    path(key: string): Seen | undefined {
      const path = ancestorsOf(directory).find((each) => ancestorKey(each) === key);
      const found = path === undefined ? undefined : this.folders[path];
      return found && { ...seenFile(path ?? "", ""), type: "folder", uid: 0, mode: "0755", ...found };
    },
  } as { path(key: string): Seen | undefined; folders: typeof folders })?.message;

describe("whyTftpFolderIsSomebodys", () => {
  it("refuses a folder of a user's above the files, and one that everybody may write to", () => {
    expect(why("/home/me/tftp", { "/home": {}, "/home/me": { uid: 1000 }, "/home/me/tftp": {} })).toMatch(
      /^\/home\/me is a folder .* it belongs to the user 1000, and \/home\/me\/tftp lies below it\. Serve a folder that lies below root's own only/,
    );
    expect(why("/srv/tftp", { "/srv": {}, "/srv/tftp": { uid: 1000 } })).toMatch(
      /^\/srv\/tftp .* user 1000\. Run `chown root \/srv\/tftp`/,
    );
    expect(why("/srv/tftp", { "/srv": { mode: "0777" }, "/srv/tftp": {} })).toMatch(
      /everybody may write to it \(mode 0777\)/,
    );
    expect(why("/srv/tftp", { "/srv": {}, "/srv/tftp": { mode: "1777" } })).toMatch(/everybody/);
    expect(why("/var/www/tftp", { "/var/www": { uid: 33 }, "/var/www/tftp": {} })).toMatch(/user 33/);
  });

  it("takes root's, a daemon's own, a new one, and one below a folder in which nobody can take another's away", () => {
    expect(why("/srv/tftp", { "/srv": {}, "/srv/tftp": { mode: "2775" } })).toBeUndefined();
    expect(why("/srv/tftp", { "/srv": {}, "/srv/tftp": { uid: 102 } })).toBeUndefined();
    // As tutorials have it, and Debian's atftpd.
    expect(why("/srv/tftp", { "/srv": {}, "/srv/tftp": { uid: 65_534 } })).toBeUndefined();
    expect(why("/srv/tftp", { "/srv": {} })).toBeUndefined();
    expect(why("/tmp/tftp", { "/tmp": { mode: "1777" }, "/tmp/tftp": {} })).toBeUndefined();
  });
});
