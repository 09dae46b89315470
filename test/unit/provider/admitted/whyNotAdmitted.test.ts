import { describe, expect, it } from "vitest";
import { whyNotAdmitted, whyOwnIsKept } from "../../../../provider/admitted/whyNotAdmitted";
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
      {
        ...other,
        isBridge: false,
        isVrf: false,
        isUp: true,
        hasCarrier: true,
        hasArp: true,
        hasXdp: false,
        addresses: [address],
      },
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

/** The client of the cases is one machine, and of it rules may be surer than of its network. */
describe("whyNotAdmitted, of one machine", () => {
  const of = (name: string, machine?: string) => {
    const why = whyNotAdmitted(factsOf(firewallCase(name).answers), { ...labPath, machine });
    return why === undefined ? "admitted" : why.sure ? "kept out" : "in doubt";
  };

  it.each(firewallCaseNames.filter((name) => firewallCase(name).truth !== undefined))("is right of %s", (name) => {
    const [ofAll, said] = [of(name), of(name, "192.168.1.14")];
    if (said === "admitted") expect(firewallCase(name).truth).toBe(true);
    if (said === "kept out") expect(firewallCase(name).truth).toBe(false);
    if (ofAll !== "in doubt") expect(said).toBe(ofAll);
  });
});

describe("whyOwnIsKept", () => {
  const own = (name: string) => whyOwnIsKept(factsOf(firewallCase(name).answers), labPath);

  it.each([
    ["bookworm-no-firewall-at-all", undefined],
    ["bookworm-both-on-this-interface", undefined],
    [
      "bookworm-all-let-out-on-this-interface",
      /^node 0's own question, which goes over lo, meets the policy of chain inet /,
    ],
    [
      "bookworm-machines-that-go-out-by-this-host-and-a-look-at-where-packets-come-from",
      /meets `ip saddr 192\.168\.1\.0\/24 masquerade` in chain ip gateway post, which a machine's need not: let what /,
    ],
  ])("says of %s what keeps node 0 from its own answer: %s", (name, told) => {
    if (told === undefined) expect(own(name)).toBeUndefined();
    else expect(own(name)).toMatch(told);
  });

  it("tells a limit that machines do not meet, for a rule of ours stands before it", () => {
    const facts = factsOf(firewallCase("bookworm-no-firewall-at-all").answers);
    const match = (left: object, right: unknown) => ({ match: { op: "==", left, right } });
    const limit = { limit: { rate: 2, burst: 5, per: "second", inv: true } };
    const rules = [
      {
        text: 'iifname "eno2" udp accept',
        statements: [match({ meta: { key: "iifname" } }, "eno2"), { accept: null }],
      },
      { text: "limit rate over 2/second drop", statements: [limit, { drop: null }] },
    ];
    const hook = { type: "filter", hook: "input", priority: -5, policy: "accept", devices: [] } as const;
    const chain = { family: "ip", table: "mine", name: "i", hook, rules };
    const nftables = { ...facts.nftables, chains: [chain] } as unknown as typeof facts.nftables;
    expect(whyNotAdmitted({ ...facts, nftables }, labPath)).toBeUndefined();
    expect(whyOwnIsKept({ ...facts, nftables }, labPath)).toContain(
      "`limit rate over 2/second drop` in chain ip mine i",
    );
  });

  it.each(["-m limit --limit 2/sec -j ACCEPT", "-m hashlimit --hashlimit-above 2/sec --hashlimit-name x -j DROP"])(
    "tells a limit of iptables: %s",
    (rule) => {
      const facts = factsOf(firewallCase("bookworm-no-firewall-at-all").answers);
      const limited = `-p udp ${rule}`;
      const chains = new Map([["INPUT", { policy: "DROP", rules: ["-i eno2 -p udp -j ACCEPT", limited] }]]);
      const iptables = { ...facts.iptables, tables: [{ kind: "iptables-legacy", table: "filter", chains }] };
      const read = { ...facts, iptables: iptables as unknown as typeof facts.iptables };
      expect(whyNotAdmitted(read, labPath)).toBeUndefined();
      expect(whyOwnIsKept(read, labPath)).toContain(`\`${limited}\` in chain INPUT of iptables-legacy`);
    },
  );
});
