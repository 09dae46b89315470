import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lintRefindConf, parseRefindConf, renderRefindConf } from "../../../../provider/config/refindConf";
import { right, sentences } from "./sentences";

const guide = readFileSync("test/cases/guide/refind.conf", "utf8");

describe("renderRefindConf", () => {
  it.each<[string, unknown]>([
    ["default", undefined],
    [
      "everything",
      {
        timeoutSeconds: 5,
        defaultSelection: "debian,ubuntu",
        scanFor: ["internal", "external"],
        textOnly: false,
        hideUi: [],
        showTools: ["exit", "reboot"],
        scanDelaySeconds: 3,
        bannerScale: "fillscreen",
        useNvram: false,
      },
    ],
  ])("writes %s", async (file, args) => {
    const text = renderRefindConf(right(parseRefindConf(args)));
    await expect(text).toMatchFileSnapshot(`../../../golden/refind/${file}.conf`);
  });

  it("says what the guide says, but for three words that rEFInd passes over or needs", () => {
    const words = (text: string) => text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    const ours = words(renderRefindConf({}));
    expect(words(guide).filter((line) => !ours.includes(line))).toEqual(["banner_scale", "uefi_deep_legacy_scan"]);
    expect(ours.filter((line) => !words(guide).includes(line))).toEqual(["banner_scale noscale", "showtools exit"]);
  });

  it("passes its own check, whatever the settings", () => {
    const settings = fc.record(
      {
        timeoutSeconds: fc.constantFrom(-1, 1, 3600),
        defaultSelection: fc.string(),
        hideUi: fc.subarray(["banner", "hints", "all"]),
        showTools: fc.subarray(["exit", "shell", "about"]),
        textOnly: fc.boolean(),
        useNvram: fc.boolean(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(settings, (args) => {
        const { value } = parseRefindConf(args);
        if (value !== undefined) expect(lintRefindConf(renderRefindConf(value))).toEqual([]);
      }),
    );
  });

  it("never lets a value start a line of its own", () => {
    const lines = renderRefindConf({}).split("\n").length;
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("1\ninclude x", '1"', "1 #")),
        (defaultSelection) => {
          const { value } = parseRefindConf({ defaultSelection });
          if (value !== undefined) expect(renderRefindConf(value).split("\n")).toHaveLength(lines);
        },
      ),
    );
  });
});

describe("parseRefindConf", () => {
  it("takes the guide's own file as it is", () => {
    expect(parseRefindConf(guide)).toEqual({ value: guide, problems: [] });
  });

  it("takes a whole text with an entry of its own, and ends its last line", () => {
    const text =
      'timeout 5\nmenuentry "Debian" {\n  volume ESP\n  loader /EFI/debian/grubx64.efi\n  options "a = b" # c\n}';
    expect(right(parseRefindConf(text))).toBe(`${text}\n`);
  });

  it.each<[string, unknown, string[]]>([
    [
      "an option that is none",
      "timeout 1\ndefault_selction 1\n",
      ['line 2: rEFInd knows no option "default_selction" and would pass over it; did you mean default_selection?'],
    ],
    [
      "a word that is far from all",
      "banana\n",
      [
        'line 1: rEFInd knows no option "banana" and would pass over it; see https://www.rodsbooks.com/refind/configfile.html for those it knows',
      ],
    ],
    [
      "no tools",
      "showtools # none\n",
      [
        'line 1: "showtools" without a tool makes rEFInd 0.13.2 crash when the disks hold no loader; write "showtools exit"',
      ],
    ],
    [
      "an option inside an entry",
      'menuentry "a" {\n timeout 1\n}\n',
      [
        'line 2: rEFInd knows no option "timeout" and would pass over it; see https://www.rodsbooks.com/refind/configfile.html for those it knows',
      ],
    ],
    ["an open entry", 'menuentry "a" {\n', ['a menuentry is not closed; end it with a line "}"']],
    ["a brace too many", "}\n", ['line 1: "}" closes no menuentry; take it away']],
    [
      "the line ends of Windows",
      "timeout 1\r\n",
      ["the text has the line ends of Windows; save it with those of Unix (LF)"],
    ],
    ["UTF-16", "t\0i\0", ["the text holds a NUL character, perhaps it is UTF-16; save it as UTF-8"]],
    [
      "nothing",
      " \n",
      ['the text is empty; write rEFInd\'s options, as in "timeout 1", or leave it out for the defaults'],
    ],
    [
      "no tools in the settings",
      { showTools: [] },
      ['showTools: the list is empty; write at least one, as in ["exit"]'],
    ],
    [
      "a tool that is none",
      { showTools: ["quit"] },
      [expect.stringContaining('showTools[0]: "quit" is none of "shell", ') as string],
    ],
    ["no source", { scanFor: [] }, ['scanFor: the list is empty; write at least one, as in ["internal"]']],
    [
      "waiting for ever",
      { timeoutSeconds: 0 },
      ["timeoutSeconds: 0 waits for a key for ever; write 1, or -1 to boot without a screen"],
    ],
    [
      "a selection with a line end",
      { defaultSelection: "1\nshowtools" },
      [
        'defaultSelection: "1\\nshowtools" is no selection; write an entry\'s number or a part of its title, as in "1" or "debian,ubuntu"',
      ],
    ],
    [
      "a setting that is none",
      { timeout: 1 },
      [
        "timeout: there is no such property; there are timeoutSeconds, defaultSelection, scanFor, textOnly, hideUi, showTools, scanDelaySeconds, bannerScale, useNvram",
      ],
    ],
    ["a number", 5, ["5 is no object; write it as { timeoutSeconds: 1 }, or a whole text"]],
  ])("refuses %s", (_name, args, expected) => {
    expect(sentences(parseRefindConf(args))).toEqual(expected);
  });
});
