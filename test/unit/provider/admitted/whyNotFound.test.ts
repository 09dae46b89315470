import { describe, expect, it } from "vitest";
import { whyNotAdmitted } from "../../../../provider/admitted/whyNotAdmitted";
import { whyNoLink, whyNotFound } from "../../../../provider/admitted/whyNotFound";
import { links as linksFact } from "../../../../provider/facts/links";
import { type Neighbours, neighbours } from "../../../../provider/facts/neighbours";
import { trafficControl } from "../../../../provider/facts/trafficControl";
import { answersOf, factsOf, firewallCase, labPath } from "../../../support/firewallCases";

const facts = factsOf(firewallCase("bookworm-no-firewall-at-all").answers);
const { links } = facts.links;

const found = (more: Partial<Neighbours> = {}): Neighbours => ({ fixed: [], ignored: new Map(), ...more });
const said = (seen: Neighbours, all = links): string => {
  const why = whyNotFound(seen, all, labPath, [{ address: "192.168.1.3", macs: ["52:54:00:00:03:01"] }]);
  return why === undefined ? "found" : `${why.sure ? "not found" : "in doubt"}: ${why.text}`;
};

describe("whyNotFound", () => {
  it("finds nothing where nobody changed ARP", () => {
    expect(said(found())).toBe("found");
  });

  it("sees that node 0 does not answer who has its address", () => {
    expect(said(found({ ignored: new Map([["all", 2]]) }))).toBe("found");
    expect(said(found({ ignored: new Map([["all", 8]]) }))).toMatch(
      /^not found: .*net\.ipv4\.conf\.all\.arp_ignore is 8/,
    );
    const deaf = links.map((link) => ({ ...link, hasArp: false }));
    expect(said(found(), deaf)).toMatch(/^not found: .* eno2 has no ARP; `ip link set eno2 arp on`/);
  });

  it("sees an Ethernet address that was fixed for a machine that has another one", () => {
    const fixed = (address: string, mac: string) => [{ address, mac, interface: "eno2" }];
    expect(said(found({ fixed: fixed("192.168.1.3", "52:54:00:00:03:01") }))).toBe("found");
    expect(said(found({ fixed: fixed("192.168.1.14", "02:00:00:00:00:99") }))).toBe("found");
    expect(said(found({ fixed: fixed("192.168.1.3", "02:00:00:00:00:99") }))).toMatch(
      /^in doubt: files for 192\.168\.1\.3 go to 02:00:00:00:00:99, .* may boot by 52:54:00:00:03:01: `ip neigh del/,
    );
  });

  it("sees that the interface became a member of another one, but leaves a VRF to who tells of it", () => {
    const [other] = links;
    const member = links.map((link) => (link.name === "eno2" ? { ...link, master: "br9" } : link));
    expect(said(found(), member)).toMatch(/^in doubt: eno2 is a member of br9, which gets what comes in by it/);
    const vrf = other && [...member, { ...other, name: "br9", isVrf: true }];
    expect(said(found(), vrf)).toBe("found");
  });
});

describe("whyNoLink", () => {
  it("sees an interface that is down, and one with nothing at its other end", () => {
    const seen = (more: object, nic = "eno2") =>
      whyNoLink(
        links.map((link) => (link.name === "eno2" ? { ...link, ...more } : link)),
        nic,
      );
    expect(seen({})).toBeUndefined();
    expect(seen({ isUp: false }, "eno1")).toBeUndefined();
    expect(seen({ isUp: false })).toMatchObject({
      sure: true,
      text: expect.stringMatching(/^eno2 is down, .*set eno2 up/),
    });
    expect(seen({ name: "gone0" })?.text).toMatch(/^node 0 has no interface eno2 any more \(it has .*gone0/);
    expect(whyNoLink([], "eno2")).toBeUndefined();
    expect(seen({ hasCarrier: false })).toMatchObject({
      sure: true,
      text: expect.stringMatching(/^eno2 has no carrier/),
    });
  });

  it("is read of the flags that ip(8) tells", () => {
    const flagsOf = (...flags: string[]) => {
      const said = JSON.stringify([{ ifname: "eno2", address: "52:54:00:00:00:01", flags }]);
      const [link] = linksFact.read(answersOf({ "links.links": { status: 0, said } })).links;
      return [link?.isUp, link?.hasCarrier];
    };
    expect(flagsOf("BROADCAST", "MULTICAST", "UP", "LOWER_UP")).toEqual([true, true]);
    expect(flagsOf("NO-CARRIER", "BROADCAST", "MULTICAST", "UP")).toEqual([true, false]);
    expect(flagsOf("BROADCAST", "MULTICAST")).toEqual([false, true]);
  });
});

describe("what is read of it", () => {
  it("is the fixed neighbours, and the settings of ARP", () => {
    const ran = (text: string) => ({ status: 0, said: text });
    const recorded = {
      "neighbours.fixed": ran(
        '[{"dst":"192.168.1.3","dev":"eno2","lladdr":"02:00:00:00:00:99","state":["PERMANENT"]}]',
      ),
      "neighbours.ignored": ran(
        "/proc/sys/net/ipv4/conf/all/arp_ignore:1\n/proc/sys/net/ipv4/conf/bond0.100/arp_ignore:8\n",
      ),
    };
    expect(neighbours.read(answersOf(recorded))).toEqual({
      fixed: [{ address: "192.168.1.3", interface: "eno2", mac: "02:00:00:00:00:99" }],
      ignored: new Map([
        ["all", 1],
        ["bond0.100", 8],
      ]),
    });
  });
});

describe("a queue that limits an interface", () => {
  it.each([
    ['[{"kind":"tbf","handle":"8001:","dev":"eno2","root":true,"options":{"rate":1000}}]', true],
    ['[{"kind":"netem","dev":"eno2","root":true}]', true],
    ['[{"kind":"tbf","dev":"eno1","root":true}]', false],
    ['[{"kind":"cake","dev":"eno2","root":true,"options":{"bandwidth":"unlimited"}}]', false],
    ['[{"kind":"mq","dev":"eno2","root":true},{"kind":"fq_codel","dev":"eno2","parent":":1"}]', false],
  ])("is in doubt by %s: %s", (qdiscs, isDoubted) => {
    const read = trafficControl.read(answersOf({ "trafficControl.qdiscs": { status: 0, said: qdiscs } }));
    const why = whyNotAdmitted({ ...facts, trafficControl: read }, labPath);
    expect(why?.sure).toBe(isDoubted ? false : undefined);
    if (isDoubted) expect(why?.text).toMatch(/whether files go out by eno2 whole and in time/);
  });
});
