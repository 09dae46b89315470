import { describe, expect, it } from "vitest";
import { ufw } from "../../../../provider/facts/ufw";
import { answersOf, firewallCase } from "../../../support/firewallCases";

describe("ufw", () => {
  it("reads rules in their order, each with its comment", () => {
    const { program, enabled, tuples, tuples6, files } = ufw.read(
      answersOf(firewallCase("bookworm-ufw-opened").answers),
    );
    const comment = "70756c756d692d6e6574626f6f74";
    const rule = (protocol: string, ports: string, nic: string) => ({
      action: "allow",
      protocol,
      ports,
      interface: nic,
      comment: nic === "" ? "" : comment,
    });
    expect(tuples).toEqual([
      { ...rule("udp", "53,67,69,123", "eno2"), anywhere: true },
      { ...rule("tcp", "53", "eno2"), anywhere: true },
      { ...rule("tcp", "22", ""), anywhere: true },
    ]);
    expect(tuples6.map(({ ports }) => ports)).toEqual(["53,67,69,123", "53", "22"]);
    expect({ program, enabled, files }).toEqual({
      program: true,
      enabled: true,
      files: ["/etc/ufw/user.rules", "/etc/ufw/user6.rules"],
    });
  });

  it("is nothing on a host without it", () => {
    expect(ufw.read(answersOf(firewallCase("bookworm-nftables").answers))).toMatchObject({
      program: false,
      enabled: false,
      tuples: [],
    });
  });
});
