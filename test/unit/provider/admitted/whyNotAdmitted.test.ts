import { describe, expect, it } from "vitest";
import { whyNotAdmitted } from "../../../../provider/admitted/whyNotAdmitted";
import { factsOf, firewallCase, firewallCaseNames, labPath } from "../../../support/firewallCases";

const said = (name: string): string => {
  const why = whyNotAdmitted(factsOf(firewallCase(name).answers), labPath);
  return why === undefined ? "admitted" : `${why.sure ? "kept out" : "in doubt"}: ${why.text}`;
};

describe("whyNotAdmitted", () => {
  it.each([
    ["192.168.1.3/28", true],
    ["192.168.1.3/29", true],
    ["192.168.0.9/16", false],
    ["192.168.1.17/28", false],
  ])("doubts the way back where another interface has %s: %s", (address, isDoubted) => {
    const facts = factsOf(firewallCase("bookworm-no-firewall-at-all").answers);
    const other = { ...facts.links.links[0], name: "eno3", mac: "", master: undefined, lower: undefined };
    const links = [
      ...facts.links.links,
      { ...other, isBridge: false, isVrf: false, hasArp: true, hasXdp: false, addresses: [address] },
    ];
    const why = whyNotAdmitted({ ...facts, links: { ...facts.links, links } }, labPath);
    const text = `it can't be told whether files leave by eno2: eno3 has ${address}, which is in 192.168.1.0/28 too; take it off, or give eno3 another network`;
    expect(why).toEqual(isDoubted ? { sure: false, text } : undefined);
  });

  it.each(firewallCaseNames)("tells of %s what is right", (name) => {
    expect(said(name)).toBe(firewallCase(name).said);
  });

  it.each([
    ["bookworm-nftables", undefined, "declare a Firewall for it (a NetbootServer has one), or let it in yourself"],
    [
      "bookworm-nftables",
      "pulumi-netboot",
      "the rules of the Firewall that is declared for it are gone from there, because somebody loaded others: `pulumi up --refresh` puts them back",
    ],
    [
      "bookworm-ufw",
      "pulumi-netboot",
      "the rules of the Firewall that is declared for it are gone from there, because somebody loaded others: `pulumi up --refresh` puts them back",
    ],
    [
      "bookworm-nftables-with-one-rule-taken-out",
      "pulumi-netboot",
      "the rules of the Firewall that is declared for it are gone from there, because somebody loaded others: `pulumi up --refresh` puts them back",
    ],
    [
      "bookworm-a-drop-before-the-input-rules",
      "pulumi-netboot",
      "a Firewall opens nothing there: let udp in on eno2 there yourself, before that",
    ],
  ])("says of %s what helps, with rules marked %s declared", (name, firewall, help) => {
    const why = whyNotAdmitted(factsOf(firewallCase(name).answers), { ...labPath, firewall });
    expect(why?.text.split("; ").at(-1)).toBe(help);
  });

  it.each(firewallCaseNames.filter((name) => firewallCase(name).truth !== undefined))(
    "is never surer of %s than it is in truth",
    (name) => {
      const { truth } = firewallCase(name);
      if (said(name) === "admitted") expect(truth).toBe(true);
      if (said(name).startsWith("kept out")) expect(truth).toBe(false);
    },
  );
});
