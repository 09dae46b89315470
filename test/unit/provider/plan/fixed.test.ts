import { expect, it } from "vitest";
import { refuseFixed } from "../../../../provider/plan/fixed";
import { hostAnswers } from "./told";

const path = "/srv/tftp/ipxe.efi";
const answers = hostAnswers({ "fixedPaths.flags": { status: 0, said: `----i---------e------- ${path}\n` } });
const file = { path, id: "BootFile/p/s/ipxe", how: "changes", notes: [] } as const;

it("refuses what can't be replaced, by the resource whose file it is", () => {
  expect(
    refuseFixed(
      [
        { ...file, path: "/etc/a", diff: "+a" },
        { ...file, diff: "+a" },
      ],
      answers,
    ),
  ).toEqual({
    code: "TRANSACTION_FAILED",
    id: "BootFile/p/s/ipxe",
    message: "/srv/tftp/ipxe.efi cannot be replaced: it is immutable (lsattr)",
  });
  expect(refuseFixed([{ ...file, sha256: { before: "00", after: "11" } }], answers)).toBeDefined();
});

it("waits for a package of which it is not known whether its file is another", () => {
  expect(refuseFixed([{ ...file, sha256: { before: "00" } }], answers)).toBeUndefined();
});
