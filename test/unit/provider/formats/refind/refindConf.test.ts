import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRefindConf, renderRefindConf } from "../../../../../provider/formats/refind/refindConf";
import { lintRefindConf, wordsOf } from "../../../../../provider/formats/refind/refindLint";
import { corpus } from "../../../../support/hostile";
import { right, sentences } from "../../values/sentences";

const guide = readFileSync("test/cases/guide/refind.conf", "utf8");

/** Every option that rEFInd 0.14.2 documents, as its manual and its sample file show them. */
const manual = `
timeout 20
timeout -1
timeout=5
log_level 1
shutdown_after_timeout false
use_nvram false
USE_NVRAM on
screensaver 300
screensaver -1
hideui singleuser
hideui all
hideui hints,label , badges
icons_dir icons/snowy
banner icons/snowy/banner-snowy.png
banner "my banner.png"
banner_scale fillscreen
small_icon_size 96
big_icon_size 256
selection_big selection-big.bmp
selection_small selection-small.bmp
font myfont.png
textonly
textonly 1
textonly yes
textmode 2
resolution 1024 768
resolution 3
resolution max
enable_touch
enable_mouse
mouse_size 16
mouse_speed 4
use_graphics_for osx,linux
use_graphics_for + windows
showtools shell, bootorder, gdisk, memtest, mok_tool, apple_recovery, windows_recovery, about, hidden_tags, reboot, exit, firmware, fwupdate
showtools memtest86,install,gptsync,csr_rotate,netboot,shutdown
also_scan_tool_dirs EFI/memtest,ESP2:/EFI/tools/memtest86
dont_scan_tools ESP2:/EFI/ubuntu/mmx64.efi,gptsync_x64.efi
windows_recovery_files LRS_ESP:/EFI/Microsoft/Boot/LrsBootmgr.efi
scan_driver_dirs EFI/tools/drivers,drivers
scanfor internal,external,optical,manual,firmware
scanfor i,m
uefi_deep_legacy_scan
scan_delay 5
also_scan_dirs boot,ESP2:EFI/linux/kernels
also_scan_dirs +,@/kernels
dont_scan_volumes "Recovery HD"
don't_scan_volumes
dont_scan_dirs ESP:/EFI/boot,EFI/Dell,EFI/memtest86
dont_scan_files shim.efi,MokManager.efi
dont_scan_firmware HARDDISK,shell,"Removable Device"
scan_all_linux_kernels false
support_gzipped_loaders true
fold_linux_kernels false
linux_prefixes +,zImage
extra_kernel_version_strings linux-lts,linux
write_systemd_vars true
follow_symlinks true
max_tags 0
default_selection 1
default_selection "+,bzImage,vmlinuz"
default_selection Maintenance 8:00 18:30
enable_and_lock_vmx false
spoof_osx_version 10.9
csr_values 10,877
include manual.conf
menuentry Linux {
  icon EFI/refind/icons/os_linux.png
  volume 904404F8-B481-440C-A1E3-11A5A954E601
  loader bzImage-3.3.0-rc7
  initrd initrd-3.3.0.img
  options "ro root=UUID=5f96cafa-e0a7-4057-b18f-fa709db5b837"
  graphics on
  options "ro dyndbg=""file drivers/usb/* +p"""
  disabled
}
menuentry "Windows 7" {
  loader \\EFI\\Microsoft\\Boot\\bootmgfw.efi
  ostype Windows
  submenuentry "to a terminal" {
    add_options "init=3"
    initrd
    options
    graphics off
  }
}
menuentry "by the firmware" {
  firmware_bootnum 80
}
`;

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
    await expect(text).toMatchFileSnapshot(`../../../../golden/refind/${file}.conf`);
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

describe("wordsOf", () => {
  it("gives each setting back as rEFInd takes it", () => {
    const lines = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[\p{L}+][\p{L}\p{N}+ ._:,\\/()-]{0,30}$/u),
      fc.constantFrom(...corpus),
    );
    fc.assert(
      fc.property(lines, (defaultSelection) => {
        const { value } = parseRefindConf({ defaultSelection, showTools: ["exit", "shell"] });
        if (value === undefined) return;
        const read = renderRefindConf(value).split("\n").map(wordsOf);
        expect(read.filter(([option]) => option === "default_selection")).toEqual([
          ["default_selection", defaultSelection],
        ]);
        expect(read).toContainEqual(["showtools", "exit", "shell"]);
      }),
    );
  });

  it.each([
    ['options "a = b" # c', ["options", "a = b"]],
    ["timeout=5", ["timeout", "5"]],
    ["hideui hints,label , badges", ["hideui", "hints", "label", "badges"]],
    ["  # only a comment", []],
    ['options "ro dyndbg=""file x +p"""', ["options", 'ro dyndbg="file x +p"']],
    ["timeout\u00a01", ["timeout\u00a01"]],
  ])("takes %s apart", (line, words) => expect(wordsOf(line)).toEqual(words));
});

describe("parseRefindConf", () => {
  it("takes the guide's own file as it is", () => {
    expect(parseRefindConf(guide)).toEqual({ value: guide, problems: [] });
  });

  it("takes every option of rEFInd's manual in each of its forms", () => {
    expect(lintRefindConf(manual)).toEqual([]);
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
        'line 1: "showtools # none": without a tool rEFInd 0.13.2 crashes when the disks hold no loader; write "showtools exit"',
      ],
    ],
    [
      "an option inside an entry",
      'menuentry "a" {\n timeout 1\n loader /x.efi\n}\n',
      [
        'line 2: rEFInd knows no option "timeout" and would pass over it; see https://www.rodsbooks.com/refind/configfile.html for those it knows',
      ],
    ],
    [
      "arguments that rEFInd takes for others",
      "timeout 0\ntimeout abc\ntimeout\nscan_delay 1 2\nuse_nvram no\nshutdown_after_timeout\ntextmode big",
      [
        'line 1: "timeout 0": 0 waits for a key for ever; write 1, or -1 to boot without a screen',
        ...["timeout abc", "timeout"].map(
          (line, index) =>
            `line ${index + 2}: "${line}": the option takes one number of seconds, and rEFInd takes other words for 0, which waits for a key for ever; write timeout 1`,
        ),
        'line 4: "scan_delay 1 2": the option takes one number from 0 to 300, as in 0',
        'line 5: "use_nvram no": the option takes true or false, and rEFInd takes everything else for true; write false to turn it off',
        'line 6: "shutdown_after_timeout": the machine would be switched off instead of booted; take the line away',
        'line 7: "textmode big": the option takes one number from 0 to 1024, as in 2',
      ],
    ],
    [
      "words that rEFInd does not know",
      "scanfor internal,xyz\nhideui hint\nshowtools quit\nbanner_scale half\nscanfor\nuse_graphics_for bsd\ncsr_values 7,xx",
      [
        'line 1: "scanfor internal,xyz": rEFInd does not know "xyz"; there are internal, external, optical, netboot, hdbios, biosexternal, cd, manual, firmware',
        'line 2: "hideui hint": rEFInd does not know "hint"; there are banner, label, singleuser, safemode, hwtest, arrows, hints, editor, badges, all',
        expect.stringMatching(/^line 3: "showtools quit": rEFInd does not know "quit"; there are shell, /) as string,
        'line 4: "banner_scale half": rEFInd does not know "half"; there are noscale, fillscreen, fullscreen',
        'line 5: "scanfor": the option takes words, as in internal,external',
        'line 6: "use_graphics_for bsd": rEFInd does not know "bsd"; there are +, osx, linux, elilo, grub, windows',
        'line 7: "csr_values 7,xx": the option takes hexadecimal numbers, as in 10,877',
      ],
    ],
    [
      "texts that fall apart, for want of quotes",
      'default_selection debian ubuntu\nbanner my banner.png\nresolution wide\nmenuentry "a" {\nloader /x.efi\noptions ro quiet\n}',
      [
        'line 1: "default_selection debian ubuntu": the option takes one text, in quotes if it has spaces or commas, as in "debian,ubuntu", and perhaps two times of day, as in 8:00 18:30',
        'line 2: "banner my banner.png": the option takes one text, in quotes if it has spaces, as in mybanner.png',
        'line 3: "resolution wide": the option takes a width and a height, a mode\'s number, or max, as in 1024 768',
        'line 6: "options ro quiet": the option takes one text, in quotes if it has spaces, as in "ro quiet"',
      ],
    ],
    [
      "what never holds, or leaves nothing to start",
      "default_selection windows 23:30 2:00\nscanfor manual",
      [
        'line 1: "default_selection windows 23:30 2:00": rEFInd never takes a time across midnight; write it to its end, as in 23:30 23:59',
        'scanfor has nothing but manual, and there is no menuentry that is enabled; add one, or "scanfor internal,manual"',
      ],
    ],
    [
      "a selection that rEFInd would read as other letters",
      { defaultSelection: "Système" },
      [
        'defaultSelection: "Système" is no selection; write an entry\'s number or a part of its title, as in "1" or "debian,ubuntu"',
      ],
    ],
    [
      "nothing to start",
      { scanFor: ["manual"] },
      ['scanFor: "manual" alone finds nothing; write it in a whole text with a menuentry, or add "internal"'],
    ],
    [
      "an entry that starts nothing, and that scanfor leaves out",
      'scanfor internal\nmenuentry "a" {\noptions ro\n}\nmenuentry "b" {\ndisabled\n}',
      [
        "line 2: the menuentry starts nothing; give it a line loader or firmware_bootnum",
        'rEFInd reads menuentry only if scanfor has the word manual; write "scanfor internal,manual"',
      ],
    ],
    [
      "an entry without a title",
      "menuentry {\nloader /x\n}",
      ['line 1: "menuentry {": write it as menuentry "Debian" {, the brace at the line\'s end'],
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
