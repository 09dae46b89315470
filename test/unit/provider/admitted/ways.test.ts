import { describe, expect, it } from "vitest";
import { whyNotAdmitted } from "../../../../provider/admitted/whyNotAdmitted";
import { factsOf } from "../../../support/firewallCases";

const ran = (said: unknown) => ({ status: 0, said: typeof said === "string" ? said : JSON.stringify(said) });

/** A host with a VLAN on a bond and a bridge, and one chain that drops requests for files. */
function host(family: string, chain: string, dropsAt: string, more: Record<string, unknown> = {}) {
  const at = { family, table: "t" };
  return factsOf({
    "links.links": ran([
      { ifname: "d1", master: "bond0" },
      { ifname: "d2", master: "br0" },
      { ifname: "bond0", linkinfo: { info_kind: "bond" } },
      { ifname: "bond0.100", link: "bond0" },
      { ifname: "br0", linkinfo: { info_kind: "bridge" } },
    ]),
    "links.addresses": ran([]),
    "links.defaultRoutes": ran([]),
    "trafficControl.qdiscs": ran([]),
    "nftables.text": ran(
      `table ${family} t { # handle 1\n\tchain c { # handle 1\n\t\ttype filter hook ${dropsAt} priority filter; policy accept;\n\t\tudp dport 69 drop # handle 2\n\t}\n}\n`,
    ),
    "nftables.json": ran({
      nftables: [
        { chain: { ...at, name: "c", type: "filter", hook: chain, prio: 0, policy: "accept" } },
        {
          rule: {
            ...at,
            chain: "c",
            handle: 2,
            expr: [
              { match: { op: "==", left: { payload: { protocol: "udp", field: "dport" } }, right: 69 } },
              { drop: null },
            ],
          },
        },
      ],
    }),
    ...more,
  });
}

const dataPorts = { first: 32768, last: 60999 };
const common = { dataPorts, givesHelpers: false };
const onBond = { interface: "bond0.100", address: "10.9.9.1", cidr: "10.9.9.0/24", ...common };
const onBridge = { interface: "br0", address: "10.8.8.1", cidr: "10.8.8.0/24", ...common };

describe("waysThrough", () => {
  it("goes by what a NIC below the bond of a VLAN drops", () => {
    const facts = host("netdev", "ingress", 'ingress device "d1"');
    expect(whyNotAdmitted(facts, onBond)?.text).toMatch(
      /drops requests for files .* by `udp dport 69 drop` in chain netdev t c/,
    );
    expect(whyNotAdmitted(facts, onBridge)).toBeUndefined();
  });

  it("goes by what a bridge drops", () => {
    const facts = host("bridge", "prerouting", "prerouting");
    expect(whyNotAdmitted(facts, onBridge)?.text).toMatch(/ by `udp dport 69 drop` in chain bridge t c/);
    expect(whyNotAdmitted(facts, onBond)).toBeUndefined();
  });

  it("can't tell on which of several interfaces a packet comes", () => {
    const facts = host("netdev", "ingress", "ingress devices = { bond0, d1 }");
    expect(whyNotAdmitted(facts, onBond)?.sure).toBe(true);
  });

  it("says nothing is proved where a filter of tc(8) or a program of XDP lies below", () => {
    const filtered = host("ip6", "input", "input", {
      "trafficControl.qdiscs": ran([{ kind: "clsact", dev: "d1" }]),
      "trafficControl.ingress": { d1: ran('[{"kind":"bpf"}]') },
    });
    expect(whyNotAdmitted(filtered, onBond)).toEqual({
      sure: false,
      text: "it can't be told what filters of tc(8) on d1 let through; take them off, or reboot one machine first",
    });
    const { links } = filtered;
    const withXdp = { ...filtered, links: { ...links, links: links.links.map((link) => ({ ...link, hasXdp: true })) } };
    expect(whyNotAdmitted(withXdp, onBridge)?.text).toContain("XDP programs on br0");
  });

  it("says nothing is proved of a member of a VRF, which rules see in its place", () => {
    const facts = host("ip6", "input", "input");
    const links = facts.links.links.map((link) => (link.name === "bond0" ? { ...link, isVrf: true } : link));
    const inVrf = { ...facts, links: { ...facts.links, links } };
    expect(whyNotAdmitted(inVrf, { ...onBond, interface: "d1" })?.text).toContain("d1, a member of the VRF bond0:");
    expect(whyNotAdmitted(facts, { ...onBond, interface: "d1" })).toBeUndefined();
  });
});
