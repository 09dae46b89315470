import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type LockedPackages, missingFromLock } from "../../../tools/completeLock.mts";

describe("missingFromLock", () => {
  it("finds nothing in our lock file: else `node tools/completeLock.mts`", () => {
    const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8")) as { packages: LockedPackages };
    expect(missingFromLock(packages)).toEqual({});
  });

  it("adds an optional package with the platform that its name says", () => {
    const names = { "@x/linux-x64-musl": "1.0.0", "x-linux-arm-gnueabihf": "1.0.0", "x-darwin-arm64": "1.0.0" };
    expect(missingFromLock({ "node_modules/x": { dev: true, optionalDependencies: names } })).toEqual({
      "node_modules/@x/linux-x64-musl": {
        version: "1.0.0",
        os: ["linux"],
        cpu: ["x64"],
        libc: ["musl"],
        dev: true,
        optional: true,
      },
      "node_modules/x-linux-arm-gnueabihf": {
        version: "1.0.0",
        os: ["linux"],
        cpu: ["arm"],
        dev: true,
        optional: true,
      },
      "node_modules/x-darwin-arm64": { version: "1.0.0", os: ["darwin"], cpu: ["arm64"], dev: true, optional: true },
    });
  });

  it("leaves alone what is found beside the package or above it", () => {
    const packages = {
      "node_modules/x": { optionalDependencies: { "y-linux-x64": "1.0.0", "z-linux-x64": "1.0.0" } },
      "node_modules/x/node_modules/y-linux-x64": {},
      "node_modules/z-linux-x64": {},
    };
    expect(missingFromLock(packages)).toEqual({});
  });
});
