import { expect, it } from "vitest";
import { journal } from "../../../../provider/facts/journal";
import { answersOf } from "../../../support/packageCases";

it("tells the paths of a transaction that is neither committed nor undone", () => {
  const text =
    "undo folder /srv/tftp\nstaged /etc/.hosts.netboot-new\nundo file /etc/a%20%C3%BC /x 0644 0 0 1 aa\nundo absent /b\nunit u 1\n";
  expect(journal.read(answersOf({}, { "journal.text": text }))).toEqual(["/etc/a ü", "/b"]);
  expect(journal.read(answersOf({}))).toEqual([]);
});
