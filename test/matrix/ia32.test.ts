import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { programOn } from "../support/node0";

/** Debian packages no iPXE for ia32, so a GRUB that says that it runs stands in for the user's own file. */
function makeLoader(folder: string): string {
  const config = join(folder, "grub.cfg");
  const file = join(folder, "ipxe32.efi");
  writeFileSync(config, 'echo\necho "the ia32 file runs"\nwhile true; do sleep 3600; done\n');
  const modules = "normal configfile echo sleep true";
  execFileSync("grub-mkstandalone", [
    "--format=i386-efi",
    `--output=${file}`,
    `--install-modules=${modules}`,
    `--modules=${modules}`,
    "--locales=",
    "--fonts=",
    "--themes=",
    `boot/grub/grub.cfg=${config}`,
  ]);
  return file;
}

describe("a machine with 32-bit firmware", () => {
  let lab: Lab;
  let project: ScratchProject;
  const folder = mkdtempSync(join(tmpdir(), "netboot-ia32-"));

  beforeAll(async () => {
    lab = await labUp();
    const file = makeLoader(folder);
    project = await scratchProject({
      files: {
        "index.ts": programOn(
          lab,
          `const node0 = new netboot.NetbootServer("node0", { connection, network, artifacts: { ipxe32: { file: ${JSON.stringify(file)} } } });
           const old = new netboot.OlaNode("old", { server: node0, macs: ["52:54:00:32:00:01"], address: "192.168.1.9", firmware: "ia32" });
           export const verified = old.verified;
           export const nextBoot = old.nextBoot;`,
        ),
      },
      name: "ia32",
    });
  });

  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await project?.remove();
    await lab?.down();
  });

  it("is offered the user's own file, and iPXE its script", async () => {
    await project.succeed(["up", "--yes", "--skip-preview"]);
    const { verified, nextBoot } = await project.outputs();
    expect(verified).toBe("DHCP offered 192.168.1.9, ipxe32.efi, then refind.pxe (1 MAC)");
    expect(nextBoot).toMatch(/^192\.168\.1\.9 old \(52:54:00:32:00:01\)\nUEFI ia32 → ipxe32\.efi sha256:/);
  });

  it("fetches that file and runs it", async () => {
    const machine = await lab.machine({ name: "old", macs: ["52:54:00:32:00:01"], firmware: "ia32" });
    const report = await machine.boot({ until: "disk", timeoutMs: 60_000 });
    await machine.off();
    expect(report.requests).toContainEqual(
      expect.objectContaining({ kind: "dhcp", message: "offer", filename: "ipxe32.efi" }),
    );
    expect(report.serial).toContain("the ia32 file runs");
  });
});
