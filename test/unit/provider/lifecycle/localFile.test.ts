import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { sha256Of } from "../../../../provider/digest";
import { readLocalFile } from "../../../../provider/lifecycle/localFile";

const path = "package.json";
const content = readFileSync(path);

describe("readLocalFile", () => {
  it("reads the file that the program saw", async () => {
    const bytes = await readLocalFile({ name: "a", path, sha256: sha256Of(content) });
    expect(Buffer.from(bytes).equals(content)).toBe(true);
  });

  it.each([
    ["one that changed since", path, /^a: package\.json changed while pulumi ran \(sha256 [0-9a-f]{64}, not 00\)/],
    ["one that is gone", "nowhere", /^a: nowhere can't be read: ENOENT/],
  ])("refuses %s", async (_what, where, expected) => {
    await expect(readLocalFile({ name: "a", path: where, sha256: "00" })).rejects.toThrow(expected);
  });
});
