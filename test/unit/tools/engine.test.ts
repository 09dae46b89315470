import { describe, expect, it } from "vitest";
import { quoted, runCommand } from "../../../tools/command.mts";
import { isOlder } from "../../../tools/engine.mts";

describe("isOlder", () => {
  it.each([
    ["3.99.1", "3.216.0", true],
    ["3.216.0", "3.216.0", false],
    ["3.259.0", "3.216.0", false],
    ["4.0.0", "3.216.0", false],
  ])("%s than %s: %s", (version, than, expected) => {
    expect(isOlder(version, than)).toBe(expected);
  });
});

describe("runCommand", () => {
  const node = (program: string) => [process.execPath, "-e", program];

  it("keeps both streams and the exit code", async () => {
    const result = await runCommand(node(`console.log("one\\ntwo"); console.error("three"); process.exitCode = 3`));
    expect(result).toMatchObject({ code: 3, stdout: "one\ntwo\n", stderr: "three\n" });
    expect(result.output.split("\n").sort()).toEqual(["", "one", "three", "two"]);
  });

  it("says which program is missing", async () => {
    const { code, stderr } = await runCommand(["/no/such/program"]);
    expect({ code, stderr }).toEqual({ code: 127, stderr: expect.stringContaining("/no/such/program") });
  });

  it("ends what runs for too long", async () => {
    const { code } = await runCommand(node("setInterval(() => {}, 1000)"), { timeoutSeconds: 0.3 });
    expect(code).toBe(124);
  });

  it("reports the signal that ended it as a shell would", async () => {
    const { code } = await runCommand(node("setInterval(() => {}, 1000)"), {
      onStart: (child) => child.kill("SIGKILL"),
    });
    expect(code).toBe(137);
  });
});

describe("quoted", () => {
  it.each([
    ["/usr/bin:/bin", "/usr/bin:/bin"],
    ["", "''"],
    ["it's $HOME", "'it'\\''s $HOME'"],
  ])("writes %j as the shell word %s", (word, expected) => {
    expect(quoted(word)).toBe(expected);
  });
});
