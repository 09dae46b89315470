import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inHands } from "./perl";

describe("take_lock", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "lock-"));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  /** What is said while another has the lock for so many pauses, and how it ends. */
  function saidFor(pauses: number): readonly string[] {
    const lock = join(folder, "lock");
    const perl = `
      $Netboot::Ours::LOCK = '${lock}';
      open my $other, '>', '${lock}' or die; syswrite $other, '42'; flock $other, 2 or die;
      my $pauses = 0;
      no warnings 'redefine';
      *Netboot::Ours::pause = sub { close $other if ++$pauses == ${pauses} };
      my $mine = eval { take_lock('A', 'B') };
      say_to($mine ? (slurp('${lock}') == $$ ? 'ours' : 'of another') . ", after $pauses" : "$@->[0] $@->[2]", 'end');`;
    return inHands(perl).map(({ values }) => `${values["id"]}: ${values["text"]}`);
  }

  const waiting = ["A", "B"].map((id) => `${id}: waiting for another run on node 0 (process 42)`);

  it("says whom it waits for, once, to all who wait", () => {
    expect(saidFor(40)).toEqual([...waiting, "end: ours, after 40"]);
  });

  it("says nothing of the moment in which the same run ends its last change", () => {
    expect(saidFor(5)).toEqual(["end: ours, after 5"]);
  });

  it("is refused after 300 s, with whom it waited for", () => {
    const refusal = `end: LOCKED another run (process 42 on node 0) has held the lock ${join(folder, "lock")} for more than 300 s; look what it does there, and run again when it is done`;
    expect(saidFor(9999)).toEqual([...waiting, refusal]);
  });
});
