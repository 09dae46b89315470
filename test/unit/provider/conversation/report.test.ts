import { describe, expect, it } from "vitest";
import { parseReportLine } from "../../../../provider/conversation/report";

const hex = (text: string): string => Buffer.from(text, "utf8").toString("hex");

describe("parseReportLine", () => {
  it.each([
    [
      "say",
      `abc say Packages/a/b/c ${hex("apt: Unpacking…")}`,
      { tells: "say", id: "Packages/a/b/c", text: "apt: Unpacking…" },
    ],
    [
      "out",
      `abc out x verified ${hex("DHCP offered")}`,
      { tells: "out", id: "x", key: "verified", value: "DHCP offered" },
    ],
    [
      "drift",
      `abc drift x /etc/dhcp/a%20b changed ${hex("new\n")}`,
      { tells: "drift", id: "x", drift: { what: "/etc/dhcp/a b", how: "changed", seen: "new\n" } },
    ],
    ["done", "abc done x changed", { tells: "done", id: "x", how: "changed" }],
    ["fail", `abc fail CLASH x ${hex("no")}`, { tells: "fail", code: "CLASH", id: "x", message: "no" }],
    [
      "fail without a culprit",
      `abc fail LOCKED - ${hex("no")}`,
      { tells: "fail", code: "LOCKED", id: undefined, message: "no" },
    ],
    ["an empty text", "abc say x -", { tells: "say", id: "x", text: "" }],
    ["end", "abc end", { tells: "end" }],
  ])("reads %s", (_name, line, expected) => {
    expect(parseReportLine(line, "abc")).toEqual(expected);
  });

  it.each(["", "Welcome to node 0!", "end", "abd end", " abc end"])(
    "passes over %j, which is noise of a login shell",
    (line) => {
      expect(parseReportLine(line, "abc")).toBeUndefined();
    },
  );
});
