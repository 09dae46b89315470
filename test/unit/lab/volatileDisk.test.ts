import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VolatileDisk } from "../../../lab/volatileDisk.mts";

const sectors = 64;
const bytes = sectors * 512;

describe("VolatileDisk", () => {
  const folder = mkdtempSync(join(tmpdir(), "netboot-disk-"));
  const path = join(folder, "image");

  beforeEach(() => writeFileSync(path, Buffer.alloc(bytes, "o")));
  afterEach(() => rmSync(path));

  /** What each sector of the image holds, a letter for each. */
  function image(): string {
    const data = readFileSync(path);
    return Array.from({ length: sectors }, (_, sector) => {
      const letters = new Set(data.toString("latin1", sector * 512, (sector + 1) * 512));
      return letters.size === 1 ? [...letters].join() : "torn";
    }).join("");
  }

  it("reads what was written, flushed or not", () => {
    const disk = new VolatileDisk(path);
    disk.write(512, Buffer.alloc(1024, "f"));
    disk.flush();
    disk.write(1024, Buffer.alloc(1024, "n"));
    expect(disk.read(0, 5 * 512).toString()).toBe(
      ["o", "f", "n", "n", "o"].map((letter) => letter.repeat(512)).join(""),
    );
  });

  it("keeps at a power cut what was flushed", () => {
    const disk = new VolatileDisk(path);
    disk.write(0, Buffer.alloc(bytes, "n"));
    disk.flush();
    disk.cut();
    expect(image()).toBe("n".repeat(sectors));
  });

  it("loses at a power cut some sectors of what was not flushed, and each of them as a whole", () => {
    const seen = Array.from({ length: 50 }, () => {
      const disk = new VolatileDisk(path);
      disk.write(0, Buffer.alloc(bytes, "o"));
      disk.flush();
      disk.write(0, Buffer.alloc(bytes, "n"));
      disk.cut();
      return image();
    });
    for (const letters of seen) expect(letters).toMatch(/^[on]+$/);
    expect(seen.filter((letters) => letters.includes("on") && letters.includes("no"))).not.toEqual([]);
  });
});
