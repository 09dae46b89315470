import { describe, expect, it } from "vitest";
import { describeNextBoots } from "../../../../provider/preview/nextBootChanges";

const boot = (address: string, loader: string, hash: string): string =>
  `${address} db-1 (04:3f:72:aa:00:01)\nUEFI x64 → ${loader} sha256:${hash}…\niPXE → refind.pxe sha256:9a12c0ffee… → refind_x64.efi sha256:862e782512…, refind.conf sha256:51c0de5eed…\n→ first loader on a local disk`;
const usual = boot("10.20.0.11", "ipxe.efi", "67c7f1f8a1");

describe("describeNextBoots", () => {
  it("names the machines whose next boot changes, and why", () => {
    const after = boot("10.20.0.11", "ipxe.efi", "18fc84b6aa");
    const changes = ["db-2", "db-1"].map((name) => ({ name, before: usual, after }));
    expect(describeNextBoots(changes, 300)).toBe(
      "next boot changes for 2 of 300 nodes: db-1, db-2 (ipxe.efi 67c7f1f8 → 18fc84b6)",
    );
  });

  it("says that no machine is affected", () => {
    expect(describeNextBoots([], 300)).toBe("next boot changes for none of 300 nodes");
    expect(describeNextBoots([{ name: "db-1", before: usual, after: usual }], 1)).toBe(
      "next boot changes for none of 1 node",
    );
  });

  it.each([
    [{ before: usual, after: boot("10.20.0.12", "ipxe.efi", "67c7f1f8a1") }, "address 10.20.0.11 → 10.20.0.12"],
    [{ before: usual, after: boot("10.20.0.11", "snponly.efi", "67c7f1f8a1") }, "ipxe.efi → snponly.efi"],
    [{ after: usual }, "new"],
    [{ before: usual }, "goes"],
    [{ before: usual, after: "unknown" }, "known only after this up"],
  ])("tells what changes: %j", (change, why) => {
    expect(describeNextBoots([{ name: "db-1", ...change }], 2)).toBe(
      `next boot changes for 1 of 2 nodes: db-1 (${why})`,
    );
  });

  it("does not list hundreds of names", () => {
    const changes = Array.from({ length: 300 }, (_, index) => ({ name: `n${100 + index}`, after: usual }));
    expect(describeNextBoots(changes, 300)).toBe(
      "next boot changes for 300 of 300 nodes: n100, n101, n102, n103, n104, n105, n106 and 293 more (new)",
    );
  });
});
