import { describe, expect, it } from "vitest";
import type { Want } from "../../../../provider/kinds/want";
import { renderFound } from "../../../../provider/plan/shownDrift";

const path = "/srv/tftp/refind.conf";
const fileOf = (content: string): Want => ({ want: "file", path, mode: "0644", content, input: "content" });
const changed = (seen: string) => ({ what: path, how: "changed", seen }) as const;

describe("what a look found", () => {
  it("is told with the lines that somebody changed, and no other line", () => {
    expect(renderFound([fileOf("a\ntimeout 1\nb\n")], [changed("a\ntimeout 9\nb\n")])).toBe(
      `not as declared: ${path} was changed (- as declared, + as it is now)\n@@ -2 +2 @@\n-timeout 1\n+timeout 9`,
    );
  });

  it("is told in words where there is no text to compare", () => {
    const stopped = { what: "tftpd-hpa.service", how: "stopped", seen: "inactive (dead)" } as const;
    const taken: Want = { want: "take", path, mode: "0644", package: "refind", version: undefined, members: [] };
    expect(renderFound([taken], [changed(""), stopped])).toBe(
      `not as declared: ${path} was changed\nnot as declared: tftpd-hpa.service does not run: inactive (dead)`,
    );
    // A file of ours that is no input, as the recovery's.
    const { input: _, ...own } = fileOf("a\n") as Extract<Want, { want: "file" }>;
    expect(renderFound([own], [changed("b\n")])).toBe(`not as declared: ${path} was changed`);
  });

  it("has no line of a text that is a secret of the program's", () => {
    expect(renderFound([fileOf("a\n")], [changed("b\n")], true)).toBe(`not as declared: ${path} was changed`);
  });

  it("shows no secret of a file, and no more than a screen takes", () => {
    const long = Array.from({ length: 100 }, (_, n) => `line ${n}\n`).join("");
    const text = renderFound([fileOf("")], [changed(`password = hunter2\n${long}`)]);
    expect(text).toContain("+password = [secret]");
    expect(text).not.toContain("hunter2");
    expect(text).toMatch(/\n… 62 more lines$/);
    const missing = Array.from({ length: 300 }, (_, n) => ({ what: `m${n}`, how: "missing", seen: "" }) as const);
    expect(renderFound([], missing).split("\n")).toHaveLength(9);
    expect(renderFound([], missing)).toMatch(/m7 is missing\nnot as declared: 292 more$/);
  });
});
