import { describe, expect, it } from "vitest";
import { check, diff, type Properties } from "../../../../provider/lifecycle/comparison";

const later = "UEFI x64 → ipxe.efi (its hash after this up)\niPXE → refind.pxe sha256:9a12c0ffee…";

/** What a preview says of the next boots of machines, after it has compared a boot file. */
async function toldAfter(
  host: string,
  change: Properties,
  more: Properties = {},
): Promise<{ readonly nextBoot: unknown; readonly chains: unknown }> {
  const file = { connection: { host, hostKey: "a" }, directory: "/srv/tftp", name: "ipxe.efi", package: "ipxe" };
  const olds = { ...file, sha256: "67c7f1f8a1".padEnd(64, "0"), bytes: 1, ...more };
  await diff("BootFile", "BootFile/shop/prod/ipxe.efi", olds, { ...file, ...change });
  const connection = { host };
  const { inputs: node } = check("OlaNode", {}, { connection, nextBoot: later });
  const { inputs: fleet } = check("OlaFleet", {}, { connection, chains: { "x64 ipxe.efi": later } });
  return { nextBoot: node["nextBoot"], chains: fleet["chains"] };
}

describe("the hash of a boot file that an update leaves as it is", () => {
  const known = later.replace("(its hash after this up)", "sha256:67c7f1f8a1…");

  it("is told of a next boot where only the way to node 0 changes, be it a wrong one", async () => {
    const change = { connection: { host: "kept", hostKey: "wrong" } };
    expect(await toldAfter("kept", change)).toEqual({ nextBoot: known, chains: { "x64 ipxe.efi": known } });
  });

  it.each<[what: string, change: Properties, more?: Properties]>([
    ["the file itself changes", { version: "2" }],
    ["somebody changed the file", { connection: { host: "x", hostKey: "wrong" } }, { drift: ["it was changed"] }],
  ])("comes later where %s", async (what, change, more) => {
    expect(await toldAfter(what, change, more)).toEqual({ nextBoot: later, chains: { "x64 ipxe.efi": later } });
  });
});
