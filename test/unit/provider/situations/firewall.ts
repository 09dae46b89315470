import { whyNotAdmitted, whyOwnIsKept } from "../../../../provider/admitted/whyNotAdmitted";
import { whyNoLink, whyNotFound } from "../../../../provider/admitted/whyNotFound";
import { whyNotRouted } from "../../../../provider/admitted/whyNotRouted";
import { whyServerRefuses } from "../../../../provider/admitted/whyServerRefuses";
import type { Neighbours } from "../../../../provider/facts/neighbours";
import { routing } from "../../../../provider/facts/routing";
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
      ["IPAddressDeny= in a container", { units: "IPAddressDeny=192.168.0.0/16\n", isContained: true }],
      ["a part of the network in IPAddressDeny=", { units: "IPAddressDeny=192.168.1.8/29\n" }],
      ["RestrictNetworkInterfaces= of the unit", { units: "RestrictNetworkInterfaces=eno1\n" }],
      ["a hosts.deny that has one machine", { deny: "ALL: 192.168.1.3\n", machine: "192.168.1.3" }],
      ["a hosts.deny that has a name, of one machine", { deny: "ALL: PARANOID\n", machine: "192.168.1.3" }],
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
    { what: "a queue that limits the interface", links: {} },
    { what: "rules for ARP", links: {} },
  ].map(({ what, links }) => ({ what, said: doubtAbout(what, links) })),
  { what: "a machine's address on node 0 itself", said: ownAddress() },
  ...(
    [
      ["an interface that is down", { isUp: false }],
      ["an interface that has another name now", { name: "priv0" }],
      ["an interface without a carrier", { hasCarrier: false }],
      ["an interface without ARP", { hasArp: false }],
      ["node 0 does not answer who has its address", {}, { ignored: new Map([["all", 8]]) }],
      [
        "an Ethernet address that was fixed",
        {},
        { fixed: [{ address: "192.168.1.3", mac: "02:00:00:00:00:99", interface: "eno2" }] },
      ],
      ["the interface became a port of a bridge", { master: "br0" }],
    ] as const
  ).map(([what, link, more]) => ({ what, said: lost(link, more) })),
  {
    what: "node 0's own question is kept out, and no machine's",
    said: whyOwnIsKept(factsOf(firewallCase("bookworm-all-let-out-on-this-interface").answers), labPath),
  },
];

function ownAddress(): string | undefined {
  const route = (dst: string, more: object) => ({ dst, dev: "eno2", flags: [], ...more });
  const local = { type: "local", table: "local" };
  const routes = [route("192.168.1.1", local), route("192.168.1.0/28", {}), route("192.168.1.9", local)];
  const rules = [
    { priority: 0, src: "all", table: "local" },
    { priority: 32766, src: "all", table: "main" },
  ];
  const found = routing.read(
    hostAnswers({
      "routing.rules": { status: 0, said: JSON.stringify(rules) },
      "routing.inside": { status: 0, said: JSON.stringify(routes) },
      "routing.around": { status: 0, said: "[]" },
    }),
  );
  const why = found && whyNotRouted(found, labPath)([{ first: 0xc0a80109, last: 0xc0a80109 }]);
  return why && `not proved: ${why.text}`;
}

function lost(link: object, more: Partial<Neighbours> = {}) {
  const { links } = factsOf(firewallCase("bookworm-no-firewall-at-all").answers).links;
  const changed = links.map((each) => (each.name === "eno2" ? { ...each, ...link } : each));
  const machines = [{ address: "192.168.1.3", macs: ["52:54:00:00:03:01"] }];
  const seen = { fixed: [], ignored: new Map(), ...more };
  const why = whyNoLink(changed, "eno2") ?? whyNotFound(seen, changed, labPath, machines);
  return why?.sure === true ? ({ code: "NOT_SERVING", message: why.text } as const) : why && `not proved: ${why.text}`;
}

function deafServer({
  allow = "",
  deny = "",
  units = "",
  machine,
  isContained = false,
}: {
  allow?: string;
  deny?: string;
  units?: string;
  machine?: string;
  isContained?: boolean;
}) {
  const told = {
    "peers.allow": seenFile("/etc/hosts.allow", { content: allow }),
    "peers.deny": seenFile("/etc/hosts.deny", { content: deny }),
    "peers.units": { status: 0, said: units },
    "peers.container": { status: isContained ? 0 : 1, said: "" },
  };
  const why = whyServerRefuses(tftpPeers.read(hostAnswers(told)), { ...labPath, machine });
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
  const trafficControl = {
    ...facts.trafficControl,
    attached: what === "a filter of BPF" ? ["eno2"] : [],
    shaped: new Map(what.startsWith("a queue") ? [["eno2", "tbf"]] : []),
  };
  const rules = [{ text: "arp saddr ip 192.168.1.0/28 drop", comment: undefined, statements: [] }];
  const arp = {
    ...{ family: "arp", table: "filter", name: "INPUT", rules },
    hook: { type: "filter", hook: "input", priority: 0, policy: "accept", devices: [] },
  };
  const nftables = { ...facts.nftables, chains: what === "rules for ARP" ? [arp] : [] };
  const why = whyNotAdmitted(
    { ...facts, nftables, trafficControl, links: { ...facts.links, links } } as never,
    labPath,
  );
  return why && `not proved: ${why.text}`;
}
