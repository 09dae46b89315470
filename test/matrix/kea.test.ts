import { describe, expect, it } from "vitest";
import { labUp } from "../../lab/index.mts";
import { scratchProject } from "../../tools/scratch.mts";
import { describeKea } from "../support/describeKea";
import { programOn } from "../support/node0";

describeKea("trixie");

describe("a node 0 without Kea, bullseye", () => {
  it("is refused in apt's words, and left as it is", async () => {
    const lab = await labUp({ release: "bullseye" });
    const server = 'new netboot.NetbootServer("node0", { connection, network, dhcp: { daemon: "kea" } });';
    const project = await scratchProject({ files: { "index.ts": programOn(lab, server) }, name: "kea" });
    try {
      const { code, output } = await project.pulumi(["up", "--yes", "--skip-preview"]);
      expect(code).not.toBe(0);
      expect(output).toMatch(/Unable to locate package kea-dhcp4-server[\s\S]*\[PACKAGES_FAILED\]/);
    } finally {
      await project.remove();
      await lab.down();
    }
  });
});
