import type { Said } from "./rulesets";

/** What other programs do to node 0's routes, rules and IPsec: what comes through, what is said of it, and how it is taken away. */
export type WayMade = readonly [name: string, setUp: string, mend: string, truth: boolean, said: Said];

const rule = (words: string): readonly [string, string] => [`ip rule add ${words}`, `ip rule del ${words}`];
const route = (words: string): readonly [string, string] => [`ip route add ${words}`, `ip route del ${words}`];
const policy = (words: string): readonly [string, string] => [
  `ip xfrm policy add ${words}`,
  "ip xfrm policy flush; ip xfrm state flush",
];
const tunnel = "tmpl src 192.168.1.1 dst 203.0.113.9 proto esp reqid 1 mode tunnel";
const elsewhere = "ip link add wg0 type bridge; ip address add 10.99.0.1/24 dev wg0; ip link set wg0 up";
const together = (...all: readonly (readonly [string, string])[]): readonly [string, string] => [
  all.map(([setUp]) => setUp).join("; "),
  all
    .map(([, mend]) => mend)
    .toReversed()
    .join("; "),
];
const bridge: readonly [string, string] = [elsewhere, "ip link del wg0"];

/** The client of the test is 192.168.1.14, node 0 is 192.168.1.1/28 on eno2. */
export const ways: readonly WayMade[] = [
  ["nothing", "true", "true", true, "admitted"],
  ["a black hole for some machines", ...route("blackhole 192.168.1.8/29"), false, "kept out"],
  ["an unreachable host, as fail2ban has them", ...route("unreachable 192.168.1.14/32"), false, "kept out"],
  ["a route to the machines by a VPN", ...together(bridge, route("192.168.1.8/29 dev wg0")), false, "in doubt"],
  ["a wider route by a VPN", ...together(bridge, route("192.168.0.0/16 dev wg0")), true, "admitted"],
  [
    "a gateway on the private network, for some of its machines",
    ...route("192.168.1.8/29 via 192.168.1.5"),
    false,
    "in doubt",
  ],
  ["a rule against the machines", ...rule("to 192.168.1.0/28 prohibit pref 100"), false, "kept out"],
  ["a rule against node 0's own address", ...rule("from 192.168.1.1 blackhole pref 100"), false, "kept out"],
  ["a rule against another network", ...rule("to 192.168.2.0/24 prohibit pref 100"), true, "admitted"],
  ["a rule behind the main table", ...rule("to 192.168.1.0/28 prohibit pref 32800"), true, "admitted"],
  [
    "a table of a VPN that takes the network, as Tailscale's with accept-routes",
    ...together(bridge, route("192.168.1.0/28 dev wg0 table 52"), rule("lookup 52 pref 5270")),
    false,
    "in doubt",
  ],
  [
    "all by a VPN, as wg-quick has it",
    ...together(
      bridge,
      route("default dev wg0 table 51820"),
      rule("not fwmark 0xca6c lookup 51820 pref 32765"),
      rule("lookup main suppress_prefixlength 0 pref 32764"),
    ),
    true,
    "admitted",
  ],
  [
    "a table for the public address, as cloud-init has it",
    ...together(bridge, route("default dev wg0 table 100"), rule("from 198.51.100.7 lookup 100 pref 100")),
    true,
    "admitted",
  ],
  ["a rule that skips the main table", ...rule("from 192.168.1.1 goto 32767 pref 100"), false, "kept out"],
  ["a rule for a port", ...rule("to 192.168.1.0/28 ipproto tcp prohibit pref 100"), true, "in doubt"],
  [
    "no local table for what comes in",
    ...together(rule("lookup local pref 1000"), ["ip rule del pref 0", "ip rule add lookup local pref 0"]),
    true,
    "admitted",
  ],
  [
    "a rule against what comes in, before the local table",
    ...together(
      rule("lookup local pref 1000"),
      ["ip rule del pref 0", "ip rule add lookup local pref 0"],
      rule("iif eno2 prohibit pref 100"),
    ),
    false,
    "kept out",
  ],
  [
    "a rule for a protocol that comes in, before the local table",
    ...together(
      rule("lookup local pref 1000"),
      ["ip rule del pref 0", "ip rule add lookup local pref 0"],
      rule("iif eno2 ipproto tcp prohibit pref 100"),
    ),
    true,
    "in doubt",
  ],
  [
    "no local table for what comes in there",
    ...together(rule("iif lo lookup local pref 1000"), rule("iif eno1 lookup local pref 1001"), [
      "ip rule del pref 0",
      "ip rule add lookup local pref 0",
    ]),
    false,
    "kept out",
  ],
  [
    "IPsec for some of the machines",
    ...policy("dir out src 192.168.1.1/32 dst 192.168.1.8/29 proto udp action block"),
    false,
    "in doubt",
  ],
  [
    "IPsec that blocks what goes out",
    ...policy("dir out src 192.168.1.1/32 dst 192.168.1.0/28 proto udp action block"),
    false,
    "kept out",
  ],
  [
    "IPsec that blocks TCP",
    ...policy("dir out src 192.168.1.1/32 dst 192.168.1.0/28 proto tcp action block"),
    true,
    "admitted",
  ],
  [
    "IPsec of one site with another, for what goes out",
    ...policy(`dir out src 192.168.0.0/16 dst 192.168.0.0/16 ${tunnel}`),
    false,
    "kept out",
  ],
  [
    "IPsec of one site with another, for what comes in",
    ...policy(`dir in src 192.168.0.0/16 dst 192.168.0.0/16 ${tunnel}`),
    false,
    "kept out",
  ],
  [
    "IPsec that lets the own network pass, as strongSwan's bypass-lan",
    ...together(
      policy(`dir out src 192.168.0.0/16 dst 192.168.0.0/16 priority 3000 ${tunnel}`),
      policy("dir out src 192.168.1.0/28 dst 192.168.1.0/28 priority 100"),
    ),
    true,
    "admitted",
  ],
];
