import { describe, expect, it } from "vitest";
import { links, linksBelow, vrfOf } from "../../../../provider/facts/links";
import { trafficControl } from "../../../../provider/facts/trafficControl";
import { answersOf, firewallCase } from "../../../support/firewallCases";

const { answers } = firewallCase("bookworm-no-firewall-at-all");
const ran = (said: string, status = 0) => ({ status, said });

describe("links", () => {
  it("reads names, hardware addresses, addresses and the way out", () => {
    const { links: all, defaultRoutes, unread } = links.read(answersOf(answers));
    expect(all.find(({ name }) => name === "eno2")).toMatchObject({ addresses: ["192.168.1.1/28"], isBridge: false });
    expect({ names: all.map(({ name }) => name), defaultRoutes, unread }).toEqual({
      names: ["lo", "eno1", "eno2"],
      defaultRoutes: ["eno1"],
      unread: [],
    });
  });

  it("says what ip(8) says when it can't tell", () => {
    const failing = { ...answers, "links.links": ran("ip: no such thing\n", 1), "links.addresses": ran("no JSON") };
    expect(links.read(answersOf(failing)).unread).toEqual([
      "ip link show said: ip: no such thing",
      "ip address show said: no JSON",
    ]);
  });
});

describe("linksBelow", () => {
  it("goes from a VLAN on a bond down to the hardware", () => {
    const said = JSON.stringify([
      { ifname: "d0", master: "bond0", address: "52:54:00:00:00:01" },
      { ifname: "d1", master: "bond0", address: "52:54:00:00:00:01" },
      { ifname: "bond0", linkinfo: { info_kind: "bond" } },
      { ifname: "bond0.100", link: "bond0", linkinfo: { info_kind: "vlan" } },
      { ifname: "br0", linkinfo: { info_kind: "bridge" }, xdp: { mode: 1 } },
    ]);
    const { links: all } = links.read(answersOf({ ...answers, "links.links": ran(said) }));
    expect(linksBelow(all, "bond0.100")).toEqual(["bond0", "d0", "d1"]);
    expect(all.filter(({ isBridge, hasXdp }) => isBridge && hasXdp).map(({ name }) => name)).toEqual(["br0"]);
  });
});

describe("trafficControl", () => {
  const qdiscs = ran('[{"kind":"clsact","dev":"eno2"},{"kind":"ingress","dev":"eno1"},{"kind":"noqueue","dev":"lo"}]');

  it("tells filters from qdiscs that have none, also where tc(8) prints no right JSON", () => {
    const recorded = {
      "trafficControl.qdiscs": qdiscs,
      "trafficControl.ingress": { eno1: ran("[]\n"), eno2: ran('[{"kind":"u32"},{fh 800: }]') },
      "trafficControl.egress": { eno1: ran("[]\n"), eno2: ran("") },
    };
    expect(trafficControl.read(answersOf(recorded))).toEqual({
      filtered: ["eno2"],
      attached: [],
      shaped: new Map(),
      unread: [],
    });
  });

  it("says that it could not be asked", () => {
    expect(trafficControl.read(answersOf({ "trafficControl.qdiscs": ran("", 127) })).unread).toEqual(["tc qdisc show"]);
  });
});

describe("vrfOf", () => {
  it("knows a member of a VRF from one of a bridge, and from what is no member", () => {
    const all = [
      { name: "vrf-lan", master: undefined, isVrf: true },
      { name: "br0", master: undefined, isVrf: false },
      { name: "eno2", master: "vrf-lan", isVrf: false },
      { name: "eno3", master: "br0", isVrf: false },
    ];
    expect(all.map(({ name }) => vrfOf(all, name))).toEqual([undefined, undefined, "vrf-lan", undefined]);
  });
});
