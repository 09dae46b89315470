import { describe, expect, it } from "vitest";
import { type FirewallPlan, planFirewall } from "../../../../provider/plan/firewall";
import { driftOfFirewall } from "../../../../provider/plan/firewallDrift";
import { firewallPaths } from "../../../../provider/plan/firewallFiles";
import { type FirewallFacts, renderHeads } from "../../../../provider/plan/firewallHeads";
import { parseFirewallRules, renderIptablesRules } from "../../../../provider/plan/firewallRules";
import { factsOf, firewallCase, firewallCaseNames } from "../../../support/firewallCases";

const words = [
  "allow in on eno2 udp 67",
  "allow in on eno2 udp 69",
  "allow in on eno2 udp established",
  "allow in on eno2 udp 123",
  "allow in on eno2 udp 53",
  "allow in on eno2 tcp 53",
];
const confined = [...words, "drop in on all but eno2 udp 67", "drop in on all but eno2 udp 69"];

/** As a host answered before it had the unit that watches; where our rules are, it runs. */
function ofCase(name: string): FirewallFacts {
  const facts = factsOf(firewallCase(name).answers);
  return /-opened|-taken-out/.test(name) ? { ...facts, unit: { runs: true, text: unitText() } } : facts;
}

function unitText(): string | undefined {
  const { files } = planned(factsOf(firewallCase("bookworm-nftables").answers));
  const to = files.find(({ path }) => path === firewallPaths[0])?.to;
  return to?.is === "file" ? to.content : undefined;
}

function planned(facts: FirewallFacts, rules: readonly string[] = words): FirewallPlan {
  const plan = planFirewall(rules, facts, "id");
  if ("code" in plan) throw new Error(plan.message);
  return plan;
}

const refusal = (facts: FirewallFacts): string => {
  const plan = planFirewall(words, facts, "id");
  return "code" in plan ? plan.message : "no refusal";
};

const written = ({ files }: FirewallPlan) => files.filter(({ to }) => to.is !== "absent").map(({ path }) => path);
const seenAsPlanned = (plan: FirewallPlan) => (path: string) => {
  const to = plan.files.find((file) => file.path === path)?.to ?? { is: "absent" as const };
  const plain = { path, mode: "0644", uid: 0, gid: 0, bytes: 0, mtime: 0, ctime: 0, type: to.is };
  return { ...plain, ...(to.is === "file" && { content: to.content }), ...(to.is === "link" && { target: to.target }) };
};

const managers = [
  ["bookworm", "nftables", "nftables"],
  ["bookworm", "ufw", "ufw"],
  ["bookworm", "firewalld", "firewalld"],
  ["bookworm", "iptables-nft", "iptables"],
  ["bookworm", "iptables-legacy", "iptables"],
  ["bullseye", "firewalld", "firewalld"],
  ["bullseye", "iptables-nft", "iptables"],
  ["trixie", "firewalld", "firewalld"],
  ["trixie", "ufw", "ufw"],
  ["trixie", "nftables", "nftables"],
] as const;

describe("planFirewall", () => {
  it.each(managers)("changes a closed %s of %s", (release, name, manager) => {
    expect(planned(ofCase(`${release}-${name}`))).toMatchObject({ manager, differs: true });
  });

  it.each(managers)("changes nothing on a %s of %s that has the rules", (release, name, manager) => {
    expect(planned(ofCase(`${release}-${name}-opened`))).toMatchObject({ manager, differs: false, commands: [] });
    const all = planned(ofCase(`${release}-${name}-opened-and-confined`), confined);
    expect(all).toMatchObject({ manager, differs: false, commands: [] });
  });

  it.each(managers)("takes all of it away again from %s, %s", (release, name) => {
    const plan = planned(ofCase(`${release}-${name}-opened`), []);
    expect(plan).toMatchObject({ differs: true, heads: { nft: [], iptables: [] } });
    expect(written(plan)).toEqual([]);
    expect(planned(ofCase(`${release}-${name}`), []).differs).toBe(false);
  });

  it("finds no firewall on a host without a chain, and only watches for one", () => {
    const plan = planned(ofCase("bookworm-no-firewall-at-all"));
    expect(plan).toMatchObject({ manager: "none", watches: true, answers: [] });
    expect(plan.commands.map(({ argv }) => argv.join(" "))).toEqual([
      "systemctl restart pulumi-netboot-firewall.service",
    ]);
    expect(written(plan)).toContain("/etc/systemd/system/pulumi-netboot-firewall.service");
  });

  it.each([
    ["does not run", { runs: false, text: unitText() }, words, ["restart"], "stop"],
    ["runs from another text", { runs: true, text: "older" }, words, ["restart"], "restart"],
    ["is wanted no more, and ends by itself", { runs: true, text: unitText() }, [], [], "restart"],
  ] as const)("brings the unit that watches to what it should do where it %s", (_name, unit, rules, does, undoes) => {
    const plan = planned({ ...ofCase("bookworm-nftables-opened"), unit }, rules);
    expect(plan.differs).toBe(true);
    expect(plan.commands.map(({ argv }) => argv[1])).toEqual(does);
    expect(plan.undoing).toEqual([["systemctl", undoes, "pulumi-netboot-firewall.service"]]);
  });

  it.each([
    ["bookworm-all-refused-at-the-end-by-icmpx", "nftables"],
    ["bookworm-all-refused-at-the-end-by-icmp", "nftables"],
    ["bookworm-all-but-icmp-dropped-at-the-end", "nftables"],
    ["bookworm-iptables-all-refused-at-the-end", "iptables"],
    ["bookworm-a-host-of-docker-s", "iptables"],
    ["bookworm-fail2ban-s-chain", "nftables"],
  ])("puts rules at the head of every chain at the hook: %s", (name, manager) => {
    expect(planned(ofCase(name))).toMatchObject({ manager, differs: true });
  });

  it.each([
    "bookworm-all-refused-at-the-end-by-icmpx",
    "bookworm-all-refused-at-the-end-by-icmp",
    "bookworm-fail2ban-s-chain",
  ])("leaves its rules at the head of a chain once they are there: %s", (name) => {
    const facts = { ...ofCase(name), unit: { runs: true, text: unitText() } };
    const { heads, differs } = planned(facts);
    expect(differs).toBe(true);
    const ours = heads.nft.map((text) => ({ text, handle: 0, comment: "pulumi-netboot", statements: [] }));
    const chains = facts.nftables.chains.map((chain) =>
      chain.hook === undefined ? chain : { ...chain, rules: [...ours, ...chain.rules] },
    );
    const opened = { ...facts, nftables: { ...facts.nftables, chains } };
    expect(planned(opened)).toMatchObject({ manager: "nftables", differs: false, commands: [] });
    expect(planned(opened).heads.nft).toEqual(heads.nft);
    expect(heads.nft).toHaveLength(words.length);
  });

  it.each(firewallCaseNames)("can be told as JSON: %s", (name) => {
    const plan = planFirewall(words, ofCase(name), "id");
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  it("leaves the heads on node 0 in lines", () => {
    const { heads, files } = planned(ofCase("bookworm-nftables"), [words[0] ?? "", words[2] ?? "", confined[6] ?? ""]);
    const file = files.find(({ path }) => path === "/var/lib/pulumi-netboot/firewall");
    expect(file?.to).toEqual({ is: "file", mode: "0600", content: renderHeads(heads) });
    expect(renderHeads(heads)).toBe(`nft iifname "eno2" udp dport 67 accept comment "pulumi-netboot"
nft iifname "eno2" meta l4proto udp ct state established accept comment "pulumi-netboot"
nft iifname != "lo" udp dport 67 drop comment "pulumi-netboot"
iptables -i eno2 -p udp -m udp --dport 67 -m comment --comment pulumi-netboot -j ACCEPT
iptables -i eno2 -p udp -m conntrack --ctstate ESTABLISHED -m comment --comment pulumi-netboot -j ACCEPT
iptables ! -i lo -p udp -m udp --dport 67 -m comment --comment pulumi-netboot -j DROP
`);
  });

  it("leaves to ufw and firewalld the chains that they keep", () => {
    expect(planned(ofCase("bookworm-ufw")).heads.notBeforeJumpsTo).toEqual(["ufw-before-input"]);
    expect(planned(ofCase("bookworm-firewalld")).heads.notInTables).toEqual(["firewalld"]);
  });

  it("puts rules into ufw before all others, and sees them there", () => {
    const { commands, written, answers } = planned(ofCase("bookworm-ufw"), confined);
    expect(commands.map(({ argv }) => argv.join(" "))).toEqual([
      "ufw prepend deny proto udp to any port 67,69 comment pulumi-netboot",
      "ufw prepend allow in on eno2 proto tcp to any port 53 comment pulumi-netboot",
      "ufw prepend allow in on eno2 proto udp to any port 53,67,69,123 comment pulumi-netboot",
      "systemctl restart pulumi-netboot-firewall.service",
    ]);
    expect(written).toEqual(["/etc/ufw/user.rules", "/etc/ufw/user6.rules"]);
    const [inFile] = answers;
    const { answers: recorded } = firewallCase("bookworm-ufw-opened-and-confined");
    const { content } = recorded["ufw.rules"] as { content: string };
    expect(content).toMatch(new RegExp(inFile?.matches[0] ?? ""));
    expect(content.replace("### tuple ### deny", "### tuple ### allow")).not.toMatch(
      new RegExp(inFile?.matches[0] ?? ""),
    );
  });

  it("refuses to turn a rule of ufw's user", () => {
    const facts = ofCase("bookworm-ufw");
    const tuple = {
      action: "deny",
      protocol: "udp",
      ports: "53,67,69,123",
      interface: "eno2",
      comment: "",
      anywhere: true,
    };
    const opposite = "deny in on eno2 proto udp to any port 53,67,69,123";
    expect(refusal({ ...facts, ufw: { ...facts.ufw, tuples: [tuple] } })).toBe(
      `ufw on node 0 holds the opposite of what is declared: \`${opposite}\`; take it out with \`ufw delete ${opposite}\`, or leave that service out`,
    );
  });

  it("refuses what firewalld can't do without a guess", () => {
    const facts = ofCase("bookworm-firewalld");
    const told = (firewalld: Partial<FirewallFacts["firewalld"]>) =>
      refusal({ ...facts, firewalld: { ...facts.firewalld, ...firewalld } });
    const shared = '<zone>\n  <interface name="eno1"/>\n  <interface name="eno2"/>\n</zone>\n';
    expect(told({ zoneFiles: new Map([["office", shared]]) })).toMatch(
      /^in firewalld on node 0, eno2 shares the zone office with eno1, so what is opened for one is opened for all; give eno2 a zone of its own /,
    );
    expect(told({ policyFiles: new Map([["theirs", '<policy><ingress-zone name="public"/></policy>']]) })).toMatch(
      /^in firewalld on node 0, eno2 is in the default zone public, for which the policies theirs hold; /,
    );
    expect(told({ allPermanent: false })).toMatch(/^firewalld on node 0 has rules that are not permanent, /);
    expect(told({ shippedZoneFiles: new Map() })).toBe("firewalld on node 0 has no zone public, in which eno2 is");
    expect(told({ unread: "firewall-cmd said: no" })).toBe(
      "firewalld on node 0 does not say what it holds: firewall-cmd said: no; `firewall-cmd --list-all-zones` must answer there, or firewalld be stopped and disabled",
    );
  });

  it("refuses to plan for rules that it could not read", () => {
    const facts = ofCase("bookworm-nftables");
    const unread = "nft list ruleset said: Operation not permitted";
    expect(refusal({ ...facts, nftables: { ...facts.nftables, chains: [], unread } })).toBe(
      `the firewall of node 0 can't be read: ${unread}; \`nft list ruleset\` must answer there`,
    );
  });

  it("checks a configuration of firewalld before it is loaded, but where firewalld can't", () => {
    const commands = (release: string) =>
      planned(ofCase(`${release}-firewalld`)).commands.flatMap(({ argv }) =>
        argv[0] === "firewall-cmd" ? argv.slice(1) : [],
      );
    expect(commands("bookworm")).toEqual(["--check-config", "--reload"]);
    expect(commands("bullseye")).toEqual(["--reload"]);
  });

  it("uses the zone that an interface has to itself", () => {
    const facts = ofCase("bookworm-firewalld");
    const zoneFiles = new Map([["private", '<zone>\n  <interface name="eno2"/>\n</zone>\n']]);
    const { files } = planned({ ...facts, firewalld: { ...facts.firewalld, zoneFiles } });
    const paths = files.filter(({ path }) => path.startsWith("/etc/firewalld/"));
    expect(paths.map(({ path }) => path)).toEqual(["/etc/firewalld/policies/pulumi-admit.xml"]);
    expect(JSON.stringify(paths)).toContain('<ingress-zone name=\\"private\\"/>');
  });

  it("warns of a way between interfaces that a new zone ends, and of rules of ours that somebody saved", () => {
    const facts = ofCase("bookworm-firewalld");
    expect(planned({ ...facts, firewalld: { ...facts.firewalld, forwards: true } }).warnings).toEqual([
      expect.stringContaining("eno2 leaves firewalld's zone public for one of its own"),
    ]);
    const saved = "-A INPUT -i eno2 -m comment --comment pulumi-netboot -j ACCEPT\n";
    const { iptables } = facts;
    expect(planned({ ...facts, iptables: { ...iptables, saved } }, []).warnings).toEqual([
      expect.stringContaining("somebody saved our rules into /etc/iptables/rules.v4"),
    ]);
  });
});

describe("driftOfFirewall", () => {
  const drift = (name: string, manager: string, seen = seenAsPlanned(planned(ofCase(name)))) =>
    driftOfFirewall({ id: "id", rules: words, declared: words, manager }, words, ofCase(name), seen);

  it.each(managers)("finds nothing on a %s of %s that has the rules", (release, name, manager) => {
    expect(drift(`${release}-${name}-opened`, manager)).toEqual([]);
  });

  it.each(managers)("misses a rule that somebody took out of %s, %s", (release, name, manager) => {
    expect(drift(`${release}-${name}-with-one-rule-taken-out`, manager)).toContainEqual({
      what: "allow in on eno2 udp 69",
      how: "missing",
      seen: "",
    });
  });

  it("tells rules in the words in which they were declared", () => {
    const declared = words.map((word) => word.replace("eno2", "@interface@"));
    const own = { id: "id", rules: words, declared, manager: "nftables" };
    const name = "bookworm-nftables-with-one-rule-taken-out";
    expect(driftOfFirewall(own, words, ofCase(name), seenAsPlanned(planned(ofCase(name))))).toEqual([
      { what: "allow in on @interface@ udp 69", how: "missing", seen: "" },
    ]);
  });

  it("tells another order", () => {
    const own = { id: "id", rules: words, declared: words, manager: "nftables" };
    const name = "bookworm-nftables-opened";
    const all = words.toReversed();
    expect(driftOfFirewall(own, all, ofCase(name), seenAsPlanned(planned(ofCase(name), all)))).toEqual([
      { what: "the order of the rules", how: "changed", seen: "" },
    ]);
  });

  it("tells that nothing watches over the rules", () => {
    const name = "bookworm-nftables-opened";
    const seen = seenAsPlanned(planned(ofCase(name)));
    const facts = { ...ofCase(name), unit: { runs: false, text: unitText() } };
    const own = { id: "id", rules: words, declared: words, manager: "nftables" };
    expect(driftOfFirewall(own, words, facts, seen)).toMatchObject([
      { what: "pulumi-netboot-firewall.service", how: "stopped" },
    ]);
  });

  it("tells who manages the firewall now, and then nothing of files", () => {
    expect(drift("bookworm-nftables-opened", "none", () => undefined as never)).toEqual([
      { what: "the firewall", how: "became", seen: "managed by nftables" },
    ]);
  });

  it("says of a manager that came since who holds the rules until it has them itself", () => {
    const opened = ofCase("bookworm-ufw-opened");
    const ours = renderIptablesRules(parseFirewallRules(words));
    const tables = opened.iptables.tables.map((table) => {
      const chain = table.chains.get("INPUT");
      if (table.table !== "filter" || chain === undefined) return table;
      return { ...table, chains: new Map(table.chains).set("INPUT", { ...chain, rules: [...ours, ...chain.rules] }) };
    });
    const ufw = { ...opened.ufw, tuples: [], tuples6: [] };
    const facts = { ...opened, iptables: { ...opened.iptables, tables }, ufw };
    const found = (manager: string, runs: boolean) => {
      const own = { id: "id", rules: words, declared: words, manager };
      const now = { ...facts, unit: { ...facts.unit, runs } };
      return driftOfFirewall(own, words, now, seenAsPlanned(planned(opened)));
    };
    expect(found("none", true)).toEqual([
      {
        what: "the firewall",
        how: "became",
        seen: "managed by ufw; until it has these rules itself, pulumi-netboot-firewall.service holds them",
      },
    ]);
    // What is established ufw lets in by itself.
    const asked = words.filter((word) => !word.endsWith("established"));
    const missing = asked.map((what) => ({ what, how: "missing", seen: "" }));
    expect(found("none", false)).toEqual(expect.arrayContaining(missing));
    expect(found("ufw", true)).toEqual(expect.arrayContaining(missing));
  });

  it("tells files that are missing or changed", () => {
    const name = "bookworm-nftables-opened";
    const seen = seenAsPlanned(planned(ofCase(name)));
    const [unit, link] = firewallPaths;
    const spoilt = (path: string) =>
      path === unit
        ? { ...seen(path), content: "mine" }
        : path === link
          ? { ...seen(path), type: "absent" as const }
          : seen(path);
    expect(drift(name, "nftables", spoilt)).toEqual([
      { what: link, how: "missing", seen: "" },
      { what: unit, how: "changed", seen: "" },
    ]);
  });
});
