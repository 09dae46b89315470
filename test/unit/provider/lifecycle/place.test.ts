import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { placeOfRun } from "../../../../provider/lifecycle/place";

describe("placeOfRun", () => {
  afterEach(() => vi.unstubAllEnvs());

  it("is the same for the same host, folder and backend, and another one for another backend", () => {
    vi.stubEnv("PULUMI_BACKEND_URL", "file:///a");
    const first = placeOfRun();
    expect(first).toMatch(/^[0-9a-f]{16}$/);
    expect(placeOfRun()).toBe(first);
    vi.stubEnv("PULUMI_BACKEND_URL", "file:///b");
    expect(placeOfRun()).not.toBe(first);
  });

  it("knows the backend of a login, and minds none", () => {
    const home = mkdtempSync(join(tmpdir(), "netboot-place-"));
    vi.stubEnv("PULUMI_BACKEND_URL", undefined);
    vi.stubEnv("PULUMI_HOME", home);
    const none = placeOfRun();
    writeFileSync(join(home, "credentials.json"), JSON.stringify({ current: "https://api.pulumi.com" }));
    expect(placeOfRun()).not.toBe(none);
    writeFileSync(join(home, "credentials.json"), "no JSON");
    expect(placeOfRun()).toBe(none);
    rmSync(home, { recursive: true });
  });
});
