import { describe, expect, it } from "vitest";
import { whyNotAdmitted } from "../../../../provider/admitted/whyNotAdmitted";
import { whyNoWay } from "../../../../provider/admitted/whyNoWay";
import { type Leg, type Routes, readRoutes } from "../../../../provider/facts/routes";
import { trafficControl } from "../../../../provider/facts/trafficControl";
import { answersOf, factsOf, firewallCase, labPath } from "../../../support/firewallCases";

const facts = factsOf(firewallCase("bookworm-no-firewall-at-all").answers);
const { links } = facts.links;

const leg = (first: string, last = first, more: Partial<Leg> = {}): Leg => ({
  first,
  last,
  out: `${first} from 192.168.1.1 dev eno2 uid 0 cache`,
  back: `local 192.168.1.1 from ${first} dev lo table local cache <local> iif eno2`,
  ...more,
});
const through = (legs: readonly Leg[], more: Partial<Routes> = {}): Routes => ({
  legs,
  fixed: [],
  ignored: new Map(),
  ...more,
});
const whole = leg("192.168.1.2", "192.168.1.14");
const said = (routes: Routes, all = links): string => {
  const why = whyNoWay(routes, all, labPath, [{ address: "192.168.1.3", macs: ["52:54:00:00:03:01"] }]);
  return why === undefined ? "there is a way" : `${why.sure ? "none" : "in doubt"}: ${why.text}`;
};

describe("whyNoWay", () => {
  it("finds the way as the kernel has it, on any Debian", () => {
    expect(said(through([whole]))).toBe("there is a way");
    expect(said(through([]))).toBe("there is a way");
  });

  it.each([
    [
      "a rule of policy routing that sends all answers out by the default route",
      [leg("192.168.1.2", "192.168.1.14", { out: "192.168.1.2 from 192.168.1.1 dev eno1 table 100 uid 0 cache" })],
      /^none: files for the machines of 192\.168\.1\.0\/28 do not leave by eno2 to them: `ip route get 192\.168\.1\.2 from 192\.168\.1\.1` there says: .* dev eno1 table 100/,
    ],
    [
      "a VPN that has half of the network",
      [leg("192.168.1.2", "192.168.1.7", { out: "192.168.1.2 from 192.168.1.1 dev wg0 table 52" }), leg("192.168.1.8")],
      /^in doubt: files for 192\.168\.1\.2-192\.168\.1\.7 do not leave by eno2/,
    ],
    [
      "a blackhole",
      [leg("192.168.1.3", "192.168.1.3", { out: "RTNETLINK answers: Invalid argument" }), whole],
      /^in doubt: files for 192\.168\.1\.3 do not leave by eno2 to them: .* RTNETLINK answers: Invalid argument; /,
    ],
    [
      "a gateway on the private network",
      [leg("192.168.1.2", "192.168.1.14", { out: "192.168.1.2 from 192.168.1.1 via 192.168.1.14 dev eno2 uid 0" })],
      /^in doubt: files for the machines/,
    ],
    [
      "a machine's address on node 0 itself",
      [leg("192.168.1.3", "192.168.1.3", { out: "local 192.168.1.3 from 192.168.1.1 dev lo table local" }), whole],
      /^in doubt: files for 192\.168\.1\.3 stay on node 0, which has that address itself: /,
    ],
    [
      "rp_filter",
      [leg("192.168.1.2", "192.168.1.14", { back: "RTNETLINK answers: Invalid cross-device link" })],
      /^in doubt: node 0 would not take in what comes from 192\.168\.1\.2-192\.168\.1\.14 by eno2: .*rp_filter/,
    ],
  ] as const)("sees %s", (_what, legs, told) => {
    expect(said(through(legs))).toMatch(told);
  });

  it("sees that node 0 does not answer who has its address", () => {
    expect(said(through([whole], { ignored: new Map([["all", 2]]) }))).toBe("there is a way");
    expect(said(through([whole], { ignored: new Map([["all", 8]]) }))).toMatch(
      /^none: .*net\.ipv4\.conf\.all\.arp_ignore is 8/,
    );
    const deaf = links.map((link) => ({ ...link, hasArp: false }));
    expect(said(through([whole]), deaf)).toMatch(/^none: .* eno2 has no ARP; `ip link set eno2 arp on`/);
  });

  it("sees an Ethernet address that was fixed for a machine that has another one", () => {
    const fixed = (address: string, mac: string) => [{ address, mac, interface: "eno2" }];
    expect(said(through([whole], { fixed: fixed("192.168.1.3", "52:54:00:00:03:01") }))).toBe("there is a way");
    expect(said(through([whole], { fixed: fixed("192.168.1.14", "02:00:00:00:00:99") }))).toBe("there is a way");
    expect(said(through([whole], { fixed: fixed("192.168.1.3", "02:00:00:00:00:99") }))).toMatch(
      /^in doubt: files for 192\.168\.1\.3 go to 02:00:00:00:00:99, .* may boot by 52:54:00:00:03:01: `ip neigh del/,
    );
  });

  it("sees that the interface became a member of another one, but leaves a VRF to who tells of it", () => {
    const [other] = links;
    const member = links.map((link) => (link.name === "eno2" ? { ...link, master: "br9" } : link));
    expect(said(through([whole]), member)).toMatch(
      /^in doubt: eno2 is a member of br9, which gets what comes in by it/,
    );
    const vrf = other && [...member, { ...other, name: "br9", isVrf: true }];
    expect(said(through([leg("192.168.1.2", "192.168.1.14", { out: "x dev eno1" })]), vrf)).toBe("there is a way");
  });
});

describe("what is read of it", () => {
  it("is nothing where nothing was asked", () => {
    expect(readRoutes(answersOf({}))).toBeUndefined();
  });

  it("is the kernel's answers, the fixed neighbours, and the settings of ARP", () => {
    const ran = (text: string) => ({ status: 0, said: text });
    const recorded = {
      "routes.legs": ran("192.168.1.2\t192.168.1.14\t192.168.1.2 dev eno2 \tlocal 192.168.1.1 \n"),
      "routes.neighbours": ran(
        '[{"dst":"192.168.1.3","dev":"eno2","lladdr":"02:00:00:00:00:99","state":["PERMANENT"]}]',
      ),
      "routes.arpIgnore": ran(
        "/proc/sys/net/ipv4/conf/all/arp_ignore:1\n/proc/sys/net/ipv4/conf/bond0.100/arp_ignore:8\n",
      ),
    };
    expect(readRoutes(answersOf(recorded))).toEqual({
      legs: [{ first: "192.168.1.2", last: "192.168.1.14", out: "192.168.1.2 dev eno2", back: "local 192.168.1.1" }],
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
