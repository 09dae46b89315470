import { describe, expect, it } from "vitest";
import { bootFile } from "../../../../provider/kinds/bootFile";

const place = { directory: "/srv/tftp", name: "ipxe.efi" };
const local = { ...place, file: "./ipxe.efi", sha256: "ab" };

describe("bootFile", () => {
  it("takes a file out of a package, from wherever its layouts have it", () => {
    expect(bootFile.wants({ ...place, package: "ipxe" })[1]).toMatchObject({
      want: "take",
      package: "ipxe",
      members: ["/usr/lib/ipxe/ipxe.efi", "/boot/ipxe.efi", "/usr/lib/ipxe/ipxe-amd64.efi"],
    });
  });

  it("writes the bytes of a local file, and knows it in a look without them", () => {
    expect(bootFile.localFile?.(local)).toEqual({ name: "ipxe.efi", path: "./ipxe.efi", sha256: "ab" });
    const content = new Uint8Array([1]);
    expect(bootFile.wants(local, content)[1]).toEqual({
      want: "file",
      path: "/srv/tftp/ipxe.efi",
      mode: "0644",
      content,
    });
    expect(bootFile.wants(local)[1]).toMatchObject({ want: "take", package: "./ipxe.efi" });
  });

  it("keeps the hash of a local file among the inputs of a refresh, and of no other", () => {
    expect(bootFile.live(local, [])).toEqual({ sha256: "ab" });
    const text = { ...place, content: "a", sha256: "told by node 0" };
    const drift = [{ what: "/srv/tftp/ipxe.efi", how: "changed", seen: "b" }] as const;
    expect(bootFile.live(text, drift)).toEqual({ content: "b" });
  });
});
