import { describe, expect, it } from "vitest";
import { firewall } from "../../../../provider/kinds/firewall";

describe("firewall", () => {
  it("draws the rules that somebody took out as gone", () => {
    const rules = ["allow in on eno2 udp 67", "allow in on eno2 udp 69"];
    const drift = [{ what: "allow in on eno2 udp 69", how: "missing", seen: "" }] as const;
    expect(firewall.live({ interface: "name:eno2", rules }, drift)).toEqual({ rules: ["allow in on eno2 udp 67"] });
  });
});
