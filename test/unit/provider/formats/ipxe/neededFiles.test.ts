import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { renderBootScript } from "../../../../../provider/formats/ipxe/bootScript";
import { filesOfScript } from "../../../../../provider/formats/ipxe/fetchedFiles";
import { neededFiles } from "../../../../../provider/formats/ipxe/neededFiles";

/** A variable as iPXE writes it, which biome takes for a mistake in a plain text. */
const value = (name: string): string => `$\{${name}}`;

/** What of a script is missed by a machine, if these files are there. */
function missed(lines: readonly string[], there: readonly string[] = [], firmware: "x64" | "ia32" = "x64") {
  const has = (name: string) => there.includes(name);
  const text = lines[0]?.startsWith("#!ipxe") ? lines.join("\n") : `#!ipxe\n${lines.join("\n")}\n`;
  return neededFiles(text, { bootServer: "192.168.1.1", firmware, has }).filter((name) => !has(name));
}

describe("neededFiles", () => {
  it.each<[string, readonly string[], readonly string[], readonly string[]]>([
    [
      "a script of one's own that the next line does without",
      [`chain --autofree tftp://${value("next-server")}/local.ipxe || echo none`, "chain a.efi"],
      ["a.efi"],
      [],
    ],
    ["the same with nothing behind the bars", ["initrd micro.img ||", "chain a.efi"], ["a.efi"], []],
    ["what another one stands in for", ["chain a.efi || chain b.efi || goto lost", ":lost"], ["b.efi"], []],
    [
      "what is for other machines",
      [`iseq ${value("buildarch")} arm64 && chain arm.efi ||`, "chain a.efi"],
      ["a.efi"],
      [],
    ],
    [
      "what is for other machines, behind a label",
      [`iseq ${value("buildarch")} arm64 && goto arm ||`, "chain a.efi", ":arm", "chain arm.efi"],
      ["a.efi"],
      [],
    ],
    [
      "what is for some machines only, where there is another way",
      [`iseq ${value("mac")} 52:54:00:00:00:01 && chain one.efi ||`, "chain a.efi"],
      ["a.efi"],
      [],
    ],
    ["all that stand in for each other", ["chain a.efi || chain b.efi || goto lost", ":lost"], [], ["a.efi", "b.efi"]],
    ["a file without which the script ends", ["chain a.efi"], [], ["a.efi"]],
    [
      "a file whose way on leads to the end",
      ["imgfetch a.conf || goto lost", "chain a.efi", ":lost"],
      ["a.efi"],
      ["a.conf"],
    ],
    [
      "a file that comes too late to be asked for now",
      ["imgfetch a.conf || goto lost", "chain a.efi", ":lost", "exit"],
      [],
      ["a.conf"],
    ],
    [
      "what a later line starts by a name of its own",
      ["imgfetch --name kept a.efi || echo none", "chain kept"],
      [],
      ["a.efi"],
    ],
    [
      "what is behind a question that a user may answer",
      ["prompt --timeout 100 yes && goto other ||", "chain a.efi", ":other", "chain b.efi"],
      ["a.efi"],
      ["b.efi"],
    ],
    [
      "a program for some machines",
      [`iseq ${value("mac")} x && goto one ||`, "chain a.efi", ":one", "chain b.efi"],
      ["a.efi"],
      ["b.efi"],
    ],
    ["a file that is asked for again and again", [":again", "chain a.efi || goto again"], [], ["a.efi"]],
    [
      "a file that is tried some times",
      [
        ":again",
        "initrd a.img || goto next",
        "chain a.efi",
        ":next",
        "inc n",
        `iseq ${value("n")} 3 && exit || goto again`,
      ],
      ["a.efi"],
      ["a.img"],
    ],
  ])("tells of %s", (_name, lines, there, expected) => {
    expect(missed(lines, there)).toEqual(expected);
  });

  it("needs what our own script fetches for the machine that runs it", () => {
    const script = renderBootScript({ ia32: "refind_ia32.efi" }).split("\n");
    expect(missed(script, ["refind.conf", "refind_x64.efi"])).toEqual([]);
    expect(missed(script, ["refind.conf", "refind_x64.efi"], "ia32")).toEqual(["refind_ia32.efi"]);
    expect(missed(script, ["refind_x64.efi"])).toEqual(["refind.conf"]);
    expect(missed(script, ["refind.conf"])).toEqual(["refind_x64.efi"]);
  });

  it("names all that is there, as before", () => {
    const lines = ["chain a.efi || chain b.efi"];
    const has = () => true;
    expect(neededFiles(`#!ipxe\n${lines[0]}`, { bootServer: "192.168.1.1", firmware: "x64", has })).toEqual([
      "a.efi",
      "b.efi",
    ]);
  });

  it("ends with any script, and with nothing there never lets one pass that only runs files from here", () => {
    const command = fc.oneof(
      fc.constantFrom(
        "echo a",
        "inc n",
        "goto one",
        "goto two",
        ":one",
        ":two",
        `iseq ${value("n")} 3`,
        "set n 1",
        "exit",
      ),
      fc.constantFrom("chain a.efi", "imgfetch b.conf", "chain c.efi"),
    );
    const line = fc.array(fc.tuple(fc.constantFrom(" || ", " && "), command), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
        const text = `#!ipxe\n:one\n:two\n${lines.map((each) => each.map(([by, what], at) => (at === 0 ? what : by + what)).join("")).join("\n")}\nchain z.efi\n`;
        const host = { bootServer: "192.168.1.1", firmware: "x64" as const, has: () => false };
        const needed = neededFiles(text, host);
        expect(filesOfScript(text, "192.168.1.1")).toEqual(expect.arrayContaining([...needed]));
      }),
    );
  });
});
