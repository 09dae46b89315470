import { describe, expect, it } from "vitest";
import { type FileUse, type InFolder, whyNotServed } from "../../../../provider/plan/tftpFolder";
import { answered, program } from "../formats/program";

const file = (content: string | Uint8Array = "", more: Partial<InFolder> = {}): InFolder => ({
  type: "file",
  mode: "0644",
  content,
  ...more,
});
const link = (target: string): InFolder => ({ type: "link", mode: "0777", target });
const script = (...lines: readonly string[]): InFolder => file(`#!ipxe\n${lines.join("\n")}\n`);

const why = (
  files: Readonly<Record<string, InFolder>>,
  name: string,
  use: FileUse,
  declared: Readonly<Record<string, string>> = {},
) =>
  whyNotServed(
    {
      address: "192.168.1.1",
      directory: "/srv/tftp",
      files: new Map(Object.entries(files)),
      declared: new Map(Object.entries(declared)),
    },
    name,
    use,
  );

/** What is wrong with a file that the script fetches. */
const fetching = (name: string, files: Readonly<Record<string, InFolder>>) =>
  why({ ...files, "refind.pxe": script(`chain ${name} || shell`) }, "refind.pxe", "script of x64");

const where = "could not be fetched by TFTP from 192.168.1.1:";

describe("whyNotServed", () => {
  it("takes loaders for the firmware that asks, be they bytes of the program's or an answer of node 0", () => {
    expect(why({ "a.efi": file(program(0x8664)) }, "a.efi", "x64")).toBeUndefined();
    expect(why({ "a.efi": file(answered(program(0x14c))) }, "a.efi", "ia32")).toBeUndefined();
  });

  it.each<[string, FileUse, Uint8Array | string, string]>([
    ["arm64.efi", "x64", program(0xaa64), "arm64.efi is a program for arm64, and firmware of x64 can't run it"],
    ["ipxe.efi", "ia32", program(0x8664), "ipxe.efi is a program for x64, and firmware of ia32 can't run it"],
    ["no.efi", "x64", "no program\n", "no.efi is no program of UEFI"],
    ["no.efi", "script of x64", "no program\n", 'no.efi is no script of iPXE: its first line is not "#!ipxe"'],
  ])("knows which firmware %s is for, asked as %s", (name, use, content, text) => {
    expect(why({ [name]: file(content) }, name, use)).toEqual({ text, by: `/srv/tftp/${name}` });
  });

  it("does not judge the kind of a file whose bytes nobody knows yet", () => {
    const unknown: InFolder = { type: "file", mode: "0644" };
    expect(why({ "ipxe.efi": unknown }, "ipxe.efi", "x64")).toBeUndefined();
    expect(why({ "refind.pxe": unknown }, "refind.pxe", "script of x64")).toBeUndefined();
  });

  it("says that something is another file than was declared", () => {
    const files = { "ipxe.efi": file(program(0x8664), { sha256: "aa" }) };
    expect(why(files, "ipxe.efi", "x64", { "/srv/tftp/ipxe.efi": "bb" })?.text).toBe(
      "TFTP served another ipxe.efi than was declared (sha256 aa, not bb); `pulumi up --refresh` mends what somebody changed",
    );
    expect(why(files, "ipxe.efi", "x64", { "/srv/tftp/ipxe.efi": "aa" })).toBeUndefined();
  });

  it.each<[string, string, Readonly<Record<string, InFolder>>, string]>([
    ["what is not there", "menu.efi", {}, `menu.efi ${where} File not found`],
    [
      "a link out of the folder",
      "out",
      { out: link("/etc/hostname") },
      `out ${where} it is a link out of /srv/tftp, to /etc/hostname`,
    ],
    [
      "a link above the folder",
      "debian/linux",
      { debian: { type: "folder", mode: "0755" }, "debian/linux": link("../../secret") },
      `debian/linux ${where} it is a link out of /srv/tftp, to ../../secret`,
    ],
    [
      "what tftp may not read",
      "secret",
      { secret: file("", { mode: "0640" }) },
      `secret ${where} the user tftp may not read it (mode 0640)`,
    ],
    ["a folder", "folder", { folder: { type: "folder", mode: "0755" } }, `folder ${where} it is no regular file`],
    ["links in a circle", "round", { round: link("round") }, `round ${where} it is no regular file`],
    ["a link to nothing", "gone", { gone: link("nothing") }, `gone ${where} File not found`],
  ])("finds that a script fetches %s", (_name, name, files, text) => {
    expect(fetching(name, files)).toEqual({
      text: `${text}; refind.pxe fetches it`,
      by: `/srv/tftp/${name}`,
      besides: "/srv/tftp/refind.pxe",
    });
  });

  it("follows links that stay inside, also those of folders", () => {
    const files = { "linux-6": file(), linux: link("linux-6"), debian: link("./stable"), "stable/linux": file() };
    expect(fetching("linux", files)).toBeUndefined();
    expect(fetching("/debian//linux", files)).toBeUndefined();
    expect(fetching("pool/linux", { "pool/linux": link("linux-6"), "pool/linux-6": file() })).toBeUndefined();
  });

  it("finds a script that newer iPXE runs first, unless it was declared", () => {
    const files = { "refind.pxe": script(), "autoexec.ipxe": script() };
    expect(why(files, "refind.pxe", "script of x64")).toEqual({
      text: "/srv/tftp/autoexec.ipxe is there, which newer iPXE runs before the script that DHCP names; take it away, or declare it as a BootFile",
      by: undefined,
    });
    expect(why(files, "refind.pxe", "script of x64", { "/srv/tftp/autoexec.ipxe": "aa" })).toBeUndefined();
  });

  it("finds a name beside the script's that differs by case only", () => {
    expect(fetching("note.txt", { "note.txt": file(), "NOTE.txt": file() })).toEqual({
      text: "/srv/tftp/NOTE.txt is there beside note.txt, and iPXE knows no case; take it away",
      by: undefined,
      besides: "/srv/tftp/refind.pxe",
    });
    expect(why({ "refind.pxe": script(), "Refind.pxe": file() }, "refind.pxe", "script of x64")?.text).toMatch(
      /^\/srv\/tftp\/Refind\.pxe is there beside refind\.pxe/,
    );
  });
});
