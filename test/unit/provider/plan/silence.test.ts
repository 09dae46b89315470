import { describe, expect, it } from "vitest";
import { hasRunOut } from "../../../../provider/plan/silence";

describe("hasRunOut", () => {
  it.each([
    ["Failed to stop pulumi-netboot-drill.timer: Unit pulumi-netboot-drill.timer not loaded.\n", true],
    ["Failed to stop pulumi-netboot-drill.timer: Access denied\n", false],
    ["Failed to stop tftpd-hpa.service: Unit tftpd-hpa.service not loaded.\n", false],
    ["", false],
  ])("tells a timer that is gone from one that can't be ended: %s", (said, has) => {
    expect(hasRunOut(said)).toBe(has);
  });
});
