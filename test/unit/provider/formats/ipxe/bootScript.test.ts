import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { lintBootScript, parseBootScript, renderBootScript } from "../../../../../provider/formats/ipxe/bootScript";
import { right, sentences } from "../../values/sentences";

const guide = readFileSync("test/cases/guide/refind.pxe", "utf8");

describe("renderBootScript", () => {
  it.each<[string, unknown]>([
    ["default", undefined],
    ["ia32", { attempts: 5, waitSeconds: 0, ia32: "refind_ia32.efi" }],
  ])("writes %s", async (file, args) => {
    const text = renderBootScript(right(parseBootScript(args)));
    await expect(text).toMatchFileSnapshot(`../../../../golden/ipxe/${file}.pxe`);
    expect(lintBootScript(text)).toEqual([]);
  });

  it("fetches what the guide fetches, under the same names, in the same order", () => {
    const fetched = (text: string) => [...text.matchAll(/^imgfetch --name (\S+)/gm)].map(([, name]) => name);
    expect(fetched(renderBootScript({}))).toEqual(fetched(guide));
  });

  it("lets no command that can fail end the script", () => {
    const commands = renderBootScript({ ia32: "refind_ia32.efi" }).split("\n");
    for (const line of commands.filter((command) => /^(iseq|imgfetch|chain)/.test(command)))
      expect(line).toContain("||");
  });
});

describe("parseBootScript", () => {
  it("takes the guide's own file as it is", () => {
    expect(parseBootScript(guide)).toEqual({ value: guide, problems: [] });
  });

  it("ends the last line of a whole text", () => {
    expect(right(parseBootScript("#!ipxe"))).toBe("#!ipxe\n");
  });

  it.each<[string, unknown, string]>([
    [
      "a shell script",
      "#!/bin/sh\n",
      'the text begins with "#!/bin/sh\\n"; iPXE runs a script only if its first line is "#!ipxe"',
    ],
    [
      "a line before the first",
      "\n#!ipxe\n",
      'the text begins with "\\n#!ipxe\\n"; iPXE runs a script only if its first line is "#!ipxe"',
    ],
    [
      "another word",
      "#!ipxe2\n",
      'the text begins with "#!ipxe2\\n"; iPXE runs a script only if its first line is "#!ipxe"',
    ],
    [
      "the line ends of Windows",
      "#!ipxe\r\n",
      "the text has the line ends of Windows; save it with those of Unix (LF)",
    ],
    ["a NUL", "#!ipxe\n\0", "the text holds a NUL character; save it as plain text"],
    [
      "a label that is not there",
      "#!ipxe\nchain x || goto faill\n:fail\n",
      'line 2: there is no label ":faill" to go to; did you mean fail?',
    ],
    [
      "a label that is far from all",
      "#!ipxe\ngoto out\n",
      'line 2: there is no label ":out" to go to; write a line ":out"',
    ],
    [
      "a path for a file",
      { ia32: "../refind_ia32.efi" },
      'ia32: "../refind_ia32.efi" is no file\'s name; write it as in "refind_ia32.efi"',
    ],
    ["no attempt", { attempts: 0 }, "attempts: 0 is too small; the least is 1"],
    [
      "a setting that is none",
      { retries: 3 },
      "retries: there is no such property; there are attempts, waitSeconds, ia32",
    ],
  ])("refuses %s", (_name, args, sentence) => {
    expect(sentences(parseBootScript(args))).toEqual([sentence]);
  });

  it("leaves a label alone that iPXE works out itself, and one in a comment", () => {
    expect(parseBootScript(`#!ipxe\n# goto nowhere\ngoto \${label} ||\n`).problems).toEqual([]);
  });
});
