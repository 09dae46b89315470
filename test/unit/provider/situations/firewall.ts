import { whyNotAdmitted } from "../../../../provider/admitted/whyNotAdmitted";
import { whyServerRefuses } from "../../../../provider/admitted/whyServerRefuses";
import { tftpPeers } from "../../../../provider/facts/tftpPeers";
import { planFirewall } from "../../../../provider/plan/firewall";
import { factsOf, firewallCase, firewallCaseNames, labPath } from "../../../support/firewallCases";
import { saidOfWays } from "../../../support/wayCases";
import { hostAnswers, seenFile } from "../plan/told";
import type { Situation } from "./situation";

export const allRules = ["67", "69", "established", "123", "53"].map((what) => `allow in on eno2 udp ${what}`);
const firewallOf = (name: string, more: object = {}) => {
  const plan = planFirewall(allRules, { ...factsOf(firewallCase(name).answers), ...more }, "Firewall/p/one/f");
  return "code" in plan ? plan : undefined;
};
const withFirewalld = (more: object) => {
  const { firewalld } = factsOf(firewallCase("bookworm-firewalld").answers);
  return firewallOf("bookworm-firewalld", { firewalld: { ...firewalld, ...more } });
};

const planned = planFirewall(allRules, factsOf(firewallCase("bookworm-firewalld").answers), "Firewall/p/one/f");
const firewalldCommands = "code" in planned ? [] : planned.commands.map(({ refused }) => refused);

export const firewalls: readonly Situation[] = [
  { what: "firewalld does not answer", said: withFirewalld({ unread: "Failed to connect to D-Bus" }) },
  {
    what: "the ruleset can't be read",
    said: firewallOf("bookworm-nftables", {
      nftables: { ...factsOf(firewallCase("bookworm-nftables").answers).nftables, unread: "nft: out of memory" },
    }),
  },
  {
    what: "ufw holds the opposite",
    said: firewallOf("bookworm-ufw", {
      ufw: {
        ...factsOf(firewallCase("bookworm-ufw").answers).ufw,
        tuples: [
          {
            ...{ action: "deny", protocol: "udp", ports: "53,67,69,123", interface: "eno2", comment: "" },
            anywhere: true,
          },
        ],
      },
    }),
  },
  {
    what: "the interface shares a zone of firewalld",
    said: withFirewalld({
      zoneFiles: new Map([["office", '<zone>\n  <interface name="eno1"/>\n  <interface name="eno2"/>\n</zone>\n']]),
    }),
  },
  {
    what: "a policy of firewalld holds for the zone",
    said: withFirewalld({ policyFiles: new Map([["theirs", '<policy><ingress-zone name="public"/></policy>']]) }),
  },
  ...firewalldCommands.map((message) => ({
    what: "firewalld refuses what is new",
    said: { code: "FIREWALL_REFUSED", message: `${message}; it said:\n  Error: INVALID_ZONE` } as const,
  })),
  { what: "rules of firewalld that are not permanent", said: withFirewalld({ allPermanent: false }) },
  { what: "a zone of firewalld that is nowhere", said: withFirewalld({ defaultZone: "lost" }) },
  // What a machine's packets meet: one of each sentence that the captured rulesets have.
  ...[...new Map(firewallCaseNames.map((name) => [firewallCase(name).said, name] as const))]
    .filter(([said]) => /^(?:kept out|in doubt): /.test(said))
    .map(([said, name]) => {
      const what = name.replaceAll("-", " ");
      if (said.startsWith("in doubt: ")) return { what, said: said.replace("in doubt", "not proved") };
      return { what, said: { code: "NOT_SERVING", message: said.replace("kept out: ", "") } as const };
    }),
  ...(
    [
      ["hosts.deny", { deny: "ALL: ALL\n" }],
      ["hosts.allow with a name", { allow: "in.tftpd: LOCAL\n", deny: "ALL: ALL\n" }],
      ["IPAddressDeny= of the unit", { units: "IPAddressDeny=192.168.0.0/16\n" }],
      ["a part of the network in IPAddressDeny=", { units: "IPAddressDeny=192.168.1.8/29\n" }],
      ["RestrictNetworkInterfaces= of the unit", { units: "RestrictNetworkInterfaces=eno1\n" }],
    ] as const
  ).map(([what, files]) => ({ what, said: deafServer(files) })),
  // One of each sentence about routes, rules and IPsec.
  ...saidOfWays("bookworm")
    .filter(([, said]) => said !== "admitted")
    .map(([what, said]) =>
      said.startsWith("in doubt: ")
        ? { what, said: said.replace("in doubt", "not proved") }
        : { what, said: { code: "NOT_SERVING", message: said.replace("kept out: ", "") } as const },
    ),
  ...[
    { what: "a member of a VRF", links: { master: "vrf-lan" } },
    { what: "a program of XDP", links: { hasXdp: true } },
    { what: "a filter of BPF", links: {} },
    { what: "two interfaces in one network", links: {} },
  ].map(({ what, links }) => ({ what, said: doubtAbout(what, links) })),
];

function deafServer({ allow = "", deny = "", units = "" }: { allow?: string; deny?: string; units?: string }) {
  const told = {
    "peers.allow": seenFile("/etc/hosts.allow", { content: allow }),
    "peers.deny": seenFile("/etc/hosts.deny", { content: deny }),
    "peers.units": { status: 0, said: units },
  };
  const why = whyServerRefuses(tftpPeers.read(hostAnswers(told)), labPath);
  return why?.sure === true ? ({ code: "NOT_SERVING", message: why.text } as const) : why && `not proved: ${why.text}`;
}

function doubtAbout(what: string, more: object): string | undefined {
  const facts = factsOf(firewallCase("bookworm-no-firewall-at-all").answers);
  const on = (name: string, addresses: readonly string[], values: object) => ({
    ...{ name, mac: "", addresses, master: undefined, isVrf: false, hasXdp: false, below: [], ...values },
  });
  const links = [
    on("eno2", ["192.168.1.1/28"], more),
    on("vrf-lan", [], { isVrf: true }),
    ...(what.startsWith("two") ? [on("eno4", ["192.168.1.5/28"], {})] : []),
  ];
  const trafficControl = { ...facts.trafficControl, attached: what === "a filter of BPF" ? ["eno2"] : [] };
  const why = whyNotAdmitted({ ...facts, trafficControl, links: { ...facts.links, links } } as never, labPath);
  return why && `not proved: ${why.text}`;
}
