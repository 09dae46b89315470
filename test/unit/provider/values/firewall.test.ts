import { describe, expect, it } from "vitest";
import { parseFirewallSettings, renderFirewallRules } from "../../../../provider/values/firewall";
import { right, sentences } from "./sentences";

const rulesOf = (args: object) => renderFirewallRules(right(parseFirewallSettings({ interface: "eno2", ...args })));

describe("renderFirewallRules", () => {
  it("opens what node 0 serves, DNS by TCP too, and the answers to TFTP's data", () => {
    expect(rulesOf({})).toEqual([
      "allow in on eno2 udp 67",
      "allow in on eno2 udp 69",
      "allow in on eno2 udp established",
      "allow in on eno2 udp 123",
      "allow in on eno2 udp 53",
      "allow in on eno2 tcp 53",
    ]);
  });

  it("has one order, whatever the program's", () => {
    expect(rulesOf({ services: ["ntp", "dhcp", "ntp"] })).toEqual([
      "allow in on eno2 udp 67",
      "allow in on eno2 udp 123",
    ]);
  });

  it("drops DHCP and TFTP elsewhere, and more on request", () => {
    expect(rulesOf({ services: [], confine: true })).toEqual([
      "drop in on all but eno2 udp 67",
      "drop in on all but eno2 udp 69",
    ]);
    expect(rulesOf({ services: [], confine: ["dns"] })).toEqual([
      "drop in on all but eno2 udp 53",
      "drop in on all but eno2 tcp 53",
    ]);
  });

  it("leaves the name of an interface that is known by its hardware address to node 0", () => {
    expect(rulesOf({ interface: { mac: "52-54-00-12-34-56" }, services: ["dhcp"] })).toEqual([
      "allow in on @interface@ udp 67",
    ]);
  });
});

describe("parseFirewallSettings", () => {
  it.each<[string, object, string[]]>([
    [
      "no interface",
      { interface: undefined },
      ['interface: is required; write the private NIC\'s name, as in "eno2", or { mac: "52:54:00:12:34:56" }'],
    ],
    [
      "a service that does not exist",
      { services: ["dhcp", "tftpd"] },
      ['services[1]: "tftpd" is no service of node 0; did you mean tftp?'],
    ],
    [
      "a port, and a word for a list",
      { services: "dhcp", confine: [67] },
      [
        'services: "dhcp" is no list; write those that node 0 serves, as in ["dhcp", "tftp"]',
        "confine[0]: 67 is no service of node 0; there are dhcp, tftp, ntp, dns, kea-ha",
      ],
    ],
  ])("refuses %s", (_name, args, expected) => {
    expect(sentences(parseFirewallSettings({ interface: "eno2", ...args }))).toEqual(expected);
  });
});
