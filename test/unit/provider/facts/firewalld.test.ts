import { describe, expect, it } from "vitest";
import { firewalld } from "../../../../provider/facts/firewalld";
import { answersOf, firewallCase } from "../../../support/firewallCases";

const ofCase = (name: string) => firewalld.read(answersOf(firewallCase(name).answers));

describe("firewalld", () => {
  it.each(["bookworm", "bullseye", "trixie"])("reads what runs and what is on the disk of %s", (release) => {
    const { active, zoneOfInterface, policies, policyFiles, allPermanent, defaultZone, unread } = ofCase(
      `${release}-firewalld-opened-and-confined`,
    );
    expect({ active, allPermanent, defaultZone, unread }).toEqual({
      active: true,
      allPermanent: true,
      defaultZone: "public",
      unread: undefined,
    });
    expect(zoneOfInterface.get("eno2")).toBe("pulumi-netboot");
    expect(policies.get("pulumi-admit")?.ports.toSorted()).toEqual(["123/udp", "53/tcp", "53/udp", "67/udp", "69/udp"]);
    expect(policies.get("pulumi-confine")?.richRules.toSorted()).toEqual([
      'rule port port="67" protocol="udp" drop',
      'rule port port="69" protocol="udp" drop',
    ]);
    expect([...policyFiles.keys()]).toEqual(expect.arrayContaining(["pulumi-admit", "pulumi-confine"]));
  });

  it("sees that a rule was taken out of what runs only", () => {
    expect(ofCase("bookworm-firewalld-with-one-rule-taken-out").policies.get("pulumi-admit")?.ports).not.toContain(
      "69/udp",
    );
  });

  it("says that it could not be asked", () => {
    const { answers } = firewallCase("bookworm-firewalld");
    const failing = { ...answers, "firewalld.zones": { status: 252, said: "FirewallD is not running\n" } };
    expect(firewalld.read(answersOf(failing)).unread).toBe("firewall-cmd said: FirewallD is not running");
  });

  it("is not asked where it does not run", () => {
    expect(ofCase("bookworm-nftables")).toMatchObject({ active: false, unread: undefined });
  });
});
