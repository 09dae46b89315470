import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inHands } from "./perl";

const remote =
  '"remote": { "age": AGE, "communication-interrupted": false, "last-scopes": [ "192.168.1.1" ], "role": "primary" }';

/** What Kea 2.2 says of itself and its partner. */
function status(state: string, scopes = "", age = 0): string {
  const local = `"local": { "role": "standby", "scopes": [ ${scopes || "SCOPES"} ], "state": "${state}" }`;
  return `{ "arguments": { "high-availability": [ { "ha-mode": "hot-standby", "ha-servers": { ${local}, ${remote.replace("AGE", String(age))} } } ], "pid": 764 }, "result": 0 }`;
}

/** The same of Kea 2.6, which says its name as well. */
const newer: string = status("hot-standby").replace('"state"', '"server-name": "192.168.1.14", "state"');

describe("while_it_answers", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "partner-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Its state, what was told Kea meanwhile, and the work that was done between; `said` are the answers, of which the last one stays. */
  function during(
    said: readonly string[],
    work = "told('work')",
  ): { readonly state: string | undefined; readonly told: readonly string[] } {
    const [answer] = inHands(
      `my @said = map { pack 'H*', $_ } qw(${said.map((text) => Buffer.from(text).toString("hex") || "00").join(" ")});
       my ($scopes, $done) = ('', 0);
       sub told ($what) { open my $out, '>>', '${folder}/told'; print $out "$what\\n"; close $out }
       no warnings 'redefine';
       *Netboot::Partner::said_by = sub ($control, $command, $more = '') {
           ($scopes) = $more =~ /\\[([^\\[]*)\\]\\}/ if $command eq 'ha-scopes';
           return told("$control $more") if $command eq 'ha-scopes';
           my $now = @said > 1 ? shift @said : $said[0];
           return $now eq "\\0" ? '' : $now =~ s/SCOPES/$scopes/r;
       };
       my $state = while_it_answers('/kea', '192.168.1.1', sub { ${work} });
       tell_client('seen', state => $state);`,
    );
    return {
      state: answer?.values["state"],
      told: readFileSync(join(folder, "told"), "utf8").trim().split("\n"),
    };
  }

  const scopes = (list: string): string => `/kea , "service": ["dhcp4"], "arguments": {"scopes": [${list}]}`;

  it.each([
    ["2.2", status("hot-standby")],
    ["2.6", newer],
  ])("has one that stands by answer meanwhile, and stand by again: Kea %s", (_version, said) => {
    expect(during([said])).toEqual({
      state: "hot-standby",
      told: [scopes('"192.168.1.1"'), "work", scopes("")],
    });
  });

  it("has it stand by again if this process is killed, and all that it has started is ended", async () => {
    const kills = "told('work'); kill 'TERM', grep { $_ != $$ } map { split ' ' } qx(pgrep -P $$); kill 'KILL', $$";
    expect(() => during([status("hot-standby")], kills)).toThrow("perl ended with");
    await expect
      .poll(() => readFileSync(join(folder, "told"), "utf8").trim().split("\n"))
      .toEqual([scopes('"192.168.1.1"'), "work", scopes("")]);
  });

  it.each([
    ["answers already", [status("hot-standby", '"192.168.1.14"')], "hot-standby"],
    ["has taken the other's place", [status("partner-down", '"192.168.1.1"')], "partner-down"],
    ["watches the other no more", [status("terminated")], "terminated"],
    ["has no partner", ['{ "arguments": { "pid": 1 }, "result": 0 }'], undefined],
  ])("leaves one alone that %s", (_what, said, state) => {
    expect(during(said)).toEqual({ state, told: ["work"] });
  });

  it.each([
    ["does it anew where it was made to stand by meanwhile", "$scopes = '' unless $done++", 2],
    ["gives up after three times", "$scopes = ''", 3],
  ])("%s", (_what, closes, times) => {
    const once = [scopes('"192.168.1.1"'), "work", scopes("")];
    expect(during([status("hot-standby")], `${closes}; told('work')`)).toEqual({
      state: "hot-standby",
      told: Array.from({ length: times }, () => once).flat(),
    });
  });

  it("waits until it has come to one or the other, and until it knows of its partner's death", () => {
    const said = ["", status("waiting"), status("hot-standby", "", 1), status("partner-down", '"192.168.1.1"')];
    expect(during(said)).toEqual({ state: "partner-down", told: ["work"] });
  });
});
