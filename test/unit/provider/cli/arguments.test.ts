import { describe, expect, it } from "vitest";
import { readArguments } from "../../../../provider/cli/arguments";

describe("readArguments", () => {
  it("reads a command with its options", () => {
    expect(readArguments(["view", "--stack", "dev", "--output", "fleet.html"])).toMatchObject({
      command: "view",
      machines: [],
      values: { stack: "dev", output: "fleet.html", json: false },
    });
  });

  it("takes -h for --help, as everybody does", () => {
    expect(readArguments(["-h"])).toMatchObject({ command: undefined, values: { help: true } });
    expect(readArguments(["verify", "-h"])).toMatchObject({ command: "verify", values: { help: true } });
  });

  it.each(["verify", "history"])("takes names of machines for %s", (command) => {
    expect(readArguments([command, "db-1", "web-2", "--json"])).toMatchObject({ machines: ["db-1", "web-2"] });
  });

  it.each([
    [["verfiy"], 'there is no command "verfiy"; did you mean verify?'],
    [["verify", "--jsn"], "--jsn is no option of verify; did you mean --json?"],
    [["verify", "-v"], /^-v is no option of verify; there are --stack, --json, --help, --version$/],
    [["verify", "--output", "q"], /^--output is no option of verify; there are --stack, --json/],
    [["--versoin"], "--versoin is no option; did you mean --version?"],
    [["plan", "--stack"], "--stack needs a value, as in --stack NAME"],
    [["history", "--machine", "db-1"], /^--machine is no option of history; there are [^\n]*$/],
    [["plan", "--machine=db-1", "db-2"], /\n"db-2" is one word too many after plan/],
    [["plan", "--json=yes"], "--json takes no value"],
    [["doctor", "db-1"], '"db-1" is one word too many after doctor; --help tells what it takes'],
    [["view", "--output", "/nope/x.html"], "--output /nope/x.html: there is no folder /nope"],
  ])("refuses %j in a sentence", (argv, message) => {
    expect(() => readArguments(argv)).toThrow(message);
  });

  it("tells of all mistakes at once", () => {
    expect(() => readArguments(["plan", "--jsn", "--stack", "--json", "extra"])).toThrow(
      /^--jsn .*\n(--stack .*\n)?"extra" /,
    );
  });
});
