import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { renderBootScript } from "../../../../../provider/formats/ipxe/bootScript";
import { filesOfScript } from "../../../../../provider/formats/ipxe/fetchedFiles";

const filesOf = (...lines: readonly string[]): readonly string[] =>
  filesOfScript(`#!ipxe\n${lines.join("\n")}\n`, "192.168.1.1");

/** A variable as iPXE writes it, which biome takes for a mistake in a plain text. */
const value = (name: string): string => `$\{${name}}`;

describe("filesOfScript", () => {
  it("reads a script's files by whatever options and variables it names them", () => {
    expect(
      filesOf(
        `set base tftp://${value("next-server")}`,
        "set:string other nobody",
        "set first a.efi",
        `imgfetch -n conf ${value("base")}/b.conf`,
        `chain -ar ${value("base")}/${value("first")} || chain --replace --timeout 500 tftp://192.168.1.1:69/c.efi`,
        `module -an kept tftp://${value("net0/next-server")}/d.img`,
        "chain kept",
        `chain http://elsewhere/e.efi && chain ${value("unknown")}/f.efi`,
        "chain g.efi # comment",
      ),
    ).toEqual(["b.conf", "a.efi", "c.efi", "d.img", "g.efi"]);
  });

  it("finds what our own scripts and the guide's fetch", () => {
    expect(filesOfScript(renderBootScript({}), "192.168.1.1")).toEqual(["refind.conf", "refind_x64.efi"]);
    expect(filesOfScript(renderBootScript({ ia32: "refind_ia32.efi" }), "192.168.1.1")).toEqual([
      "refind.conf",
      "refind_x64.efi",
      "refind_ia32.efi",
    ]);
    expect(filesOfScript(readFileSync("test/cases/guide/refind.pxe", "utf8"), "192.168.1.1")).toContain("refind.conf");
  });

  it("passes over comments, and over what other commands say", () => {
    expect(filesOf("# chain a.efi", "  #chain b.efi", "echo chain c.efi", "  chain d.efi", "chained e.efi")).toEqual([
      "d.efi",
    ]);
  });

  it("names a file once, and takes every value that a variable may have", () => {
    const lines = ["set name a.efi", "set name:string b.efi", `chain ${value("name")} || chain a.efi`];
    expect(filesOf(...lines)).toEqual(["a.efi", "b.efi"]);
  });

  it("follows only this server, under its address with or without the port of TFTP", () => {
    const uris = [
      "tftp://192.168.1.1//a",
      "tftp://192.168.1.2/b",
      "tftp://192.168.1.11/c",
      "tftp://192.168.1.1:6969/d",
    ];
    expect(filesOf(...uris.map((uri) => `kernel ${uri}`))).toEqual(["a"]);
  });

  it("ends with variables that hold themselves, or each other many times", () => {
    expect(filesOf(`set a ${value("a")}x`, `chain ${value("a")}`)).toEqual([]);
    const many = Array.from({ length: 10 }, (_, count) => count);
    const lines = many.flatMap((name) => many.map((each) => `set v${name} ${each}`));
    expect(filesOf(...lines, `chain ${many.map((name) => value(`v${name}`)).join("")}`)).toHaveLength(1000);
  });

  it("puts a variable's value in as it is", () => {
    expect(filesOf("set name $&.efi", `chain ${value("name")}`)).toEqual(["$&.efi"]);
  });
});
