import { describe, expect, it } from "vitest";
import {
  bootChain,
  bootChainFile,
  bootScriptName,
  firmwares,
  loadersFor,
  packagedNames,
} from "../../../../provider/values/bootChain";

describe("bootChain", () => {
  it("gives every firmware a loader of its own kind", () => {
    for (const [firmware, { loader }] of Object.entries(firmwares)) {
      expect(bootChain[loader]).toMatchObject({ role: "loader", firmware, format: "pe" });
    }
  });

  it("has one script, and asks as what the firmware says of itself", () => {
    const scripts = Object.entries(bootChain).filter(([, { role }]) => role === "script");
    expect(scripts.map(([name]) => name)).toEqual([bootScriptName]);
    for (const { architectures, askedAs } of Object.values(firmwares)) expect(architectures).toContain(askedAs);
  });
});

describe("bootChainFile", () => {
  it("knows the files of the chain, and nothing that every object has", () => {
    expect(bootChainFile("snponly.efi")).toMatchObject({ package: "ipxe", members: ["/usr/lib/ipxe/snponly.efi"] });
    expect(["memtest.efi", "constructor", "toString", "__proto__"].map(bootChainFile)).toEqual(
      Array(4).fill(undefined),
    );
  });
});

describe("loadersFor", () => {
  it("names the usual one first", () => {
    expect(loadersFor("x64")).toEqual(["ipxe.efi", "snponly.efi"]);
    expect(loadersFor("ia32")).toEqual(["ipxe32.efi"]);
  });
});

describe("packagedNames", () => {
  it("names what Debian has, with a path inside the package for each", () => {
    expect(packagedNames()).toEqual(["ipxe.efi", "snponly.efi", "refind_x64.efi"]);
    for (const name of packagedNames()) expect(bootChainFile(name)?.members?.[0]).toMatch(/^\/usr\//);
  });
});
