import fc from "fast-check";

/** A ruleset as commands of nft(8), of which some may be refused; without those it is still one. */
export type Commands = readonly string[];

/** What people compare, and what they hardly do: what is understood here, half understood, and not at all. */
const conditions: readonly string[] = [
  ...[
    'iifname "eno2"',
    'iifname != "eno2"',
    'iifname "eno*"',
    'iifname { "lo", "eno2" }',
    'iif "lo"',
    'oifname "eno2"',
  ],
  ...["meta l4proto udp", "meta l4proto != udp", "meta l4proto { tcp, udp }", "ip protocol udp", "ip protocol != tcp"],
  ...["udp dport 69", "udp dport != 69", "udp dport 60-70", "udp dport { 53, 69 }", "th dport 69", "udp dport @ports"],
  ...["udp sport 1024-65535", "udp sport 69", "tcp dport 69", "icmp type echo-request", "@th,16,16 69"],
  ...["ip saddr 192.168.1.0/28", "ip saddr != 192.168.1.0/24", "ip saddr 192.168.1.14", "ip saddr @known"],
  ...["ip daddr 192.168.1.1", "ip daddr != 192.168.1.1", "ip daddr 192.168.1.0-192.168.1.15"],
  ...["ip saddr & 255.255.255.240 == 192.168.1.0", "ip6 saddr ::/0", "meta nfproto ipv4", "meta protocol ip"],
  ...[
    "ct state new",
    "ct state established,related",
    "ct state != new",
    "ct state invalid",
    "ct state { new, untracked }",
  ],
  ...["ct direction original", "ct direction reply", "ct status dnat", "ct mark 0", "ct original proto-dst 69"],
  ...["meta mark 0", "meta mark 1", "meta pkttype host", "meta pkttype broadcast", "fib daddr type local"],
  ...[
    "fib saddr . iif oif missing",
    "fib saddr . iif oif exists",
    "fib daddr type != local",
    "ip ttl 64",
    "ip dscp cs1",
  ],
  ...[
    "limit rate 1000/second",
    "limit rate over 1000/second",
    "quota over 100 mbytes",
    "ip length < 20",
    "meta length > 20",
  ],
  ...[
    'iifname . udp dport { "eno2" . 69 }',
    "ip frag-off & 0x1fff != 0",
    "udp length >= 8",
    "ether type ip",
    "meta iifgroup 0",
  ],
];

const verdicts: readonly string[] = [
  ...[
    "accept",
    "accept",
    "drop",
    "drop",
    "reject",
    "reject with icmpx admin-prohibited",
    "return",
    "jump more",
    "goto more",
  ],
  ...["counter", "meta mark set 1", "ct mark set 1", "notrack", "udp dport set 70", "ip ttl set 10", "continue"],
  ...[
    "dnat to 192.168.1.13",
    "redirect to :1069",
    "masquerade",
    "queue",
    "ct state vmap { new : accept, established : drop }",
  ],
  ...[
    "udp dport vmap { 69 : accept }",
    "udp dport vmap @verdicts",
    'iifname vmap { "eno2" : jump more, "lo" : accept }',
  ],
];

const hooks: readonly string[] = [
  ...["filter hook input priority 0", "filter hook input priority 0", "filter hook input priority -10"],
  ...[
    "filter hook prerouting priority -300",
    "filter hook prerouting priority -150",
    "filter hook prerouting priority 0",
  ],
  ...["filter hook output priority 0", "filter hook output priority -300", "filter hook postrouting priority 0"],
  ...["nat hook prerouting priority -100", "nat hook postrouting priority 100", "nat hook output priority -100"],
  ...['filter hook ingress device "eno2" priority 0', "route hook output priority -150"],
];

const rule = fc
  .tuple(fc.array(fc.constantFrom(...conditions), { maxLength: 3 }), fc.constantFrom(...verdicts))
  .map(([holds, verdict]) => [...holds, verdict].join(" "));

const chain = fc.record({
  hook: fc.constantFrom(...hooks),
  policy: fc.constantFrom("accept", "accept", "drop"),
  rules: fc.array(rule, { maxLength: 4 }),
});

const table = fc.record({
  family: fc.constantFrom("inet", "inet", "ip", "netdev"),
  chains: fc.array(chain, { minLength: 1, maxLength: 3 }),
  more: fc.array(rule, { maxLength: 3 }),
});

/** Rulesets that nobody would write, of all that people do. */
export const randomRulesets: fc.Arbitrary<Commands> = fc.array(table, { minLength: 1, maxLength: 2 }).map((tables) =>
  tables.flatMap(({ family, chains, more }, number) => {
    const name = `${family} t${number}`;
    return [
      `add table ${name}`,
      `add set ${name} known { type ipv4_addr; elements = { 192.168.1.14 }; }`,
      `add set ${name} ports { type inet_service; elements = { 69 }; }`,
      `add map ${name} verdicts { type inet_service : verdict; elements = { 69 : drop }; }`,
      `add chain ${name} more`,
      ...more.map((text) => `add rule ${name} more ${text}`),
      ...chains.flatMap(({ hook, policy, rules }, at) => [
        `add chain ${name} c${at} { type ${hook}; policy ${policy}; }`,
        ...rules.map((text) => `add rule ${name} c${at} ${text}`),
      ]),
    ];
  }),
);
