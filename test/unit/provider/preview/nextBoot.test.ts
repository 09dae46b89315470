import { describe, expect, it } from "vitest";
import { type NextBoot, renderNextBoot } from "../../../../provider/preview/nextBoot";
import { unknownText } from "../../../../provider/values/unknown";

const chain = {
  loader: { name: "ipxe.efi", sha256: "67c7f1f8a1".padEnd(64, "0") },
  script: { name: "refind.pxe", sha256: "9a12c0ffee".padEnd(64, "0") },
  refind: { name: "refind_x64.efi", sha256: "862e782512".padEnd(64, "0") },
  refindConf: { name: "refind.conf", sha256: "51c0de5eed".padEnd(64, "0") },
};
const db1: NextBoot = {
  ...chain,
  row: {
    name: "db-1",
    hostname: "db-1",
    macs: ["04:3f:72:aa:00:01", "04:3f:72:aa:00:02"],
    address: "10.20.0.11",
    firmware: "x64",
  },
};

describe("renderNextBoot", () => {
  it.each<[string, NextBoot]>([
    ["x64", db1],
    ["pool", { ...chain, row: { name: "web", hostname: "web", macs: ["52:54:00:12:34:56"], firmware: "x64" } }],
    ["ia32", { ...db1, row: { ...db1.row, firmware: "ia32" }, loader: { ...chain.loader, name: "ipxe32.efi" } }],
  ])("says what the next reboot does: %s", async (file, boot) => {
    await expect(renderNextBoot(boot)).toMatchFileSnapshot(`../../../golden/nextBoot/${file}.txt`);
  });

  it("says of what only the up will know that it comes later", () => {
    const row = { ...db1.row, address: unknownText, macs: ["04:3f:72:aa:00:01", unknownText] };
    expect(renderNextBoot({ ...db1, row, loader: { name: "ipxe.efi", sha256: unknownText } })).toBe(
      [
        "[address after this up] db-1 (04:3f:72:aa:00:01, [MAC after this up])",
        "UEFI x64 → ipxe.efi (its hash after this up)",
        "iPXE → refind.pxe sha256:9a12c0ffee… → refind_x64.efi sha256:862e782512…, refind.conf sha256:51c0de5eed…",
        "→ first loader on a local disk",
      ].join("\n"),
    );
  });
});
