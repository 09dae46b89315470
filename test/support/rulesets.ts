/** What the proof may say of a ruleset: that files come through, that they do not, or that it can't tell. */
export type Said = "admitted" | "kept out" | "in doubt";

export const nft = (rules: string, more = ""): string =>
  `nft -f - <<'RULES'
table inet mine {
${more}
  chain input { type filter hook input priority filter; policy drop; iifname "lo" accept; tcp dport 22 accept; ${rules} }
}
RULES`;
/** Both let in, and a chain for what goes out. */
const nftOut = (rules: string): string =>
  nft(
    "meta l4proto udp accept;",
    `chain output { type filter hook output priority filter; policy drop; tcp sport 22 accept; ${rules} }`,
  );
const iptables = (...rules: readonly string[]): string =>
  ["-A INPUT -i lo -j ACCEPT", "-A INPUT -p tcp --dport 22 -j ACCEPT", ...rules, "-P INPUT DROP"]
    .map((rule) => `iptables ${rule}`)
    .join("\n");
const withoutNft = "mv /usr/sbin/nft /usr/sbin/nft.away";
const inDocker = "iptables -N DOCKER-USER; iptables -A DOCKER-USER -j RETURN";

export type Ruleset = readonly [name: string, setUp: string, truth: boolean, said: Said];

/** Rulesets as people have them: what really comes through, and what is said of it, which is never more than that. */
export const rulesets: readonly Ruleset[] = [
  ["no firewall at all", "true", true, "admitted"],
  ["a policy that drops, and nothing let in", nft(""), false, "kept out"],
  ["TFTP let in, and its acknowledgements not", nft("udp dport 69 accept;"), false, "kept out"],
  ["both", nft("ct state established,related accept; udp dport { 67, 69 } accept;"), true, "admitted"],
  ["both on this interface", nft('iifname "eno2" meta l4proto udp accept;'), true, "admitted"],
  ["both on another interface", nft('iifname "eno1" meta l4proto udp accept;'), false, "kept out"],
  ["all but another interface", nft('iifname != "eno1" ip daddr 192.168.1.0/24 accept;'), true, "admitted"],
  [
    "a map of states",
    nft("ct state vmap { established : accept, related : accept, invalid : drop }; udp dport 60-70 accept;"),
    true,
    "admitted",
  ],
  [
    "a chain of its own",
    nft(
      "ct state established accept; jump lan;",
      'chain lan { iifname != "eno2" return; udp dport 69 counter accept; }',
    ),
    true,
    "admitted",
  ],
  [
    "a chain that one does not come back from",
    nft("ct state established accept; goto lan; udp dport 69 accept;", "chain lan { udp dport 53 accept; }"),
    false,
    "kept out",
  ],
  [
    "machines of the subnet",
    nft("ct state established accept; ip saddr 192.168.1.0/28 udp dport 69 accept;"),
    true,
    "admitted",
  ],
  [
    "only one machine of the subnet",
    nft("ct state established accept; ip saddr 192.168.1.14 udp dport 69 accept;"),
    true,
    "in doubt",
  ],
  ["a limit", nft("ct state established accept; udp dport 69 limit rate 10/second accept;"), true, "in doubt"],
  [
    "a set of addresses",
    nft(
      "ct state established accept; ip saddr @known udp dport 69 accept;",
      "set known { type ipv4_addr; elements = { 192.168.1.14 }; }",
    ),
    true,
    "in doubt",
  ],
  [
    "a second table that drops",
    `${nft("meta l4proto udp accept;")}
     nft 'add table ip other { chain in { type filter hook input priority 10; policy accept; }; }; add rule ip other in udp dport 69 drop'`,
    false,
    "kept out",
  ],
  ["nothing let out", nftOut('oifname "lo" accept;'), false, "kept out"],
  ["only answers let out, and no helper for TFTP", nftOut("ct state established,related accept;"), false, "kept out"],
  ["all let out on this interface", nftOut('oifname "eno2" udp sport 1024-65535 accept;'), true, "admitted"],
  [
    "iptables, UDP let out on another interface",
    `${iptables("-A INPUT -p udp -j ACCEPT", "-A OUTPUT -p tcp --sport 22 -j ACCEPT", "-A OUTPUT -o eno1 -p udp -j ACCEPT")}
     iptables -P OUTPUT DROP`,
    false,
    "kept out",
  ],
  ["iptables, and nothing let in", iptables(), false, "kept out"],
  [
    "iptables, both",
    iptables(
      "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
      "-A INPUT -i eno2 -p udp -m multiport --dports 53,67:69 -j ACCEPT",
    ),
    true,
    "admitted",
  ],
  [
    "iptables, a jump that comes back",
    `${inDocker}\n${iptables("-A INPUT -j DOCKER-USER", "-A INPUT -s 192.168.0.0/16 -p udp -j ACCEPT")}`,
    true,
    "admitted",
  ],
  [
    "iptables, refused for all but TCP",
    iptables("-A INPUT ! -p tcp -j REJECT", "-A INPUT -j ACCEPT"),
    false,
    "kept out",
  ],
  [
    "a drop before the input rules",
    `${nft("meta l4proto udp accept;")}
     nft 'add table inet early { chain pre { type filter hook prerouting priority raw; policy accept; iifname "eno2" udp dport 69 drop; }; }'`,
    false,
    "kept out",
  ],
  [
    "a drop at the interface itself",
    `nft 'add table netdev early { chain in { type filter hook ingress device "eno2" priority 0; policy accept; udp dport 60-80 drop; }; }'`,
    false,
    "kept out",
  ],
  [
    "a drop at another interface",
    `nft 'add table netdev early { chain in { type filter hook ingress device "eno1" priority 0; policy accept; udp dport 69 drop; }; }'`,
    true,
    "admitted",
  ],
  [
    "a drop of what is sent, at the end",
    `nft 'add table ip late { chain post { type filter hook postrouting priority 0; policy accept; oifname "eno2" udp sport != 67-69 drop; }; }'`,
    false,
    "kept out",
  ],
  [
    "filters of tc",
    `tc qdisc add dev eno2 clsact; tc filter add dev eno2 ingress protocol ip u32 match ip dport 69 0xffff action mirred egress redirect dev eno1`,
    false,
    "in doubt",
  ],
  ["tc without a filter", "tc qdisc add dev eno2 clsact", true, "admitted"],
  [
    "things compared at once, dropped",
    `nft 'add table inet mine { chain in { type filter hook input priority 0; policy accept; iifname . udp dport { "eno2" . 69 } drop; }; }'`,
    false,
    "in doubt",
  ],
  [
    "things compared at once, let in",
    nft("ct state established,related accept; meta l4proto . th dport { tcp . 22, udp . 69 } accept;"),
    true,
    "in doubt",
  ],
  [
    "a drop that is logged with its flags",
    `nft 'add table inet mine { chain in { type filter hook input priority 0; policy accept; udp dport 69 log prefix "x: " flags skuid drop; }; }'`,
    false,
    "kept out",
  ],
  [
    "requests that are let in and not tracked",
    `${nft("ct state established accept; ct state new udp dport 69 accept;")}
     nft 'add table ip blind { chain pre { type filter hook prerouting priority raw; policy accept; udp dport 69 notrack accept; }; }'`,
    false,
    "in doubt",
  ],
  [
    "packets of no flow dropped before the kernel knows of flows",
    `nft 'add table ip early { chain pre { type filter hook prerouting priority raw; policy accept; iifname "eno2" ct state invalid drop; }; }'`,
    false,
    "kept out",
  ],
  [
    "packets of no flow dropped where the kernel knows of flows",
    `nft 'add table ip mine { chain pre { type filter hook prerouting priority filter; policy accept; iifname "eno2" ct state invalid drop; }; }'`,
    true,
    "admitted",
  ],
  [
    "a table that sleeps",
    `nft 'add table ip mine { flags dormant; chain in { type filter hook input priority 0; policy drop; }; }'`,
    true,
    "admitted",
  ],
  [
    "requests that are sent elsewhere",
    `nft 'add table ip away { chain pre { type nat hook prerouting priority dstnat; policy accept; udp dport 69 dnat to 192.168.1.13; }; }'`,
    false,
    "in doubt",
  ],
  [
    "flows that are not tracked",
    `${nft("ct state established accept; udp dport 69 accept;")}
     nft 'add table ip blind { chain out { type filter hook output priority raw; policy accept; udp sport 1024-65535 notrack; }; }'`,
    false,
    "in doubt",
  ],
  [
    "machines that go out by this host, and a look at where packets come from",
    `nft 'add table ip gateway { chain post { type nat hook postrouting priority srcnat; policy accept; ip saddr 192.168.1.0/24 masquerade; };
      chain pre { type filter hook prerouting priority raw; policy accept; fib saddr . iif oif missing drop; }; }'`,
    true,
    "admitted",
  ],
  [
    "iptables, dropped in another table",
    `${iptables("-A INPUT -p udp -j ACCEPT")}\niptables -t raw -A PREROUTING -p udp --dport 69 -j DROP`,
    false,
    "kept out",
  ],
  [
    "iptables, a gateway that marks and looks where packets come from",
    `${iptables("-A INPUT -p udp -j ACCEPT")}
     iptables -t raw -A PREROUTING -m rpfilter --invert -j DROP
     iptables -t mangle -A PREROUTING -i eno2 -j MARK --set-mark 1
     iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -p tcp -j REDIRECT
     iptables -t nat -A POSTROUTING -s 192.168.1.0/24 -j MASQUERADE`,
    true,
    "admitted",
  ],
  [
    "iptables, requests that are sent elsewhere",
    "iptables -t nat -A PREROUTING -p udp --dport 69 -j DNAT --to-destination 192.168.1.13",
    false,
    "in doubt",
  ],
  ["iptables without nft(8), and nothing let in", `${iptables()}\n${withoutNft}`, false, "kept out"],
  ["iptables without nft(8), all let in", `${iptables("-A INPUT -p udp -j ACCEPT")}\n${withoutNft}`, true, "admitted"],
  ["nftables without nft(8)", `${nft("meta l4proto udp accept;")}\n${withoutNft}`, true, "in doubt"],
  ["neither rules nor nft(8)", withoutNft, true, "admitted"],
  [
    "iptables, logged and limited",
    iptables(
      "-A INPUT -m limit --limit 5/sec -j LOG",
      "-A INPUT -p udp -m hashlimit --hashlimit-upto 50/sec --hashlimit-name x -j ACCEPT",
    ),
    true,
    "in doubt",
  ],
];

/** Takes all of them away again. */
export const open = `test ! -e /usr/sbin/nft.away || mv /usr/sbin/nft.away /usr/sbin/nft
iptables -P OUTPUT ACCEPT; iptables -P INPUT ACCEPT
for table in filter raw mangle nat; do iptables -t $table -F; iptables -t $table -X; done
iptables-legacy -P INPUT ACCEPT; iptables-legacy -F; iptables-legacy -X
nft flush ruleset; tc qdisc del dev eno2 clsact 2>/dev/null || true`;

const accepting = (rules: string): string =>
  `nft -f - <<'RULES'
table inet mine {
  chain input { type filter hook input priority filter; policy accept; iifname "lo" accept; tcp dport 22 accept; ${rules} }
}
RULES`;

/** A host hardened by the CIS benchmark for Debian: all that goes out is let out by its protocol, and only answers come in. */
const cis = (more: string): string =>
  `iptables -A INPUT -i lo -j ACCEPT; iptables -A OUTPUT -o lo -j ACCEPT; iptables -A INPUT -s 127.0.0.0/8 -j DROP
for protocol in tcp udp icmp; do
  iptables -A OUTPUT -p $protocol -m state --state NEW,ESTABLISHED -j ACCEPT
  iptables -A INPUT -p $protocol -m state --state ESTABLISHED -j ACCEPT
done
iptables -A INPUT -p tcp --dport 22 -m state --state NEW -j ACCEPT
${more}
for chain in INPUT FORWARD OUTPUT; do iptables -P $chain DROP; done`;

/** Further ones: chains that end in what has "icmp" in its text, a host of Docker's, and tables under names of iptables. */
export const moreRulesets: readonly Ruleset[] = [
  ["iptables, a host hardened by CIS", cis(""), false, "kept out"],
  [
    "iptables, a host hardened by CIS that lets TFTP in",
    cis("iptables -A INPUT -p udp --dport 69 -m state --state NEW -j ACCEPT"),
    true,
    "admitted",
  ],
  [
    "iptables, fail2ban",
    `iptables -N f2b-sshd; iptables -A f2b-sshd -s 203.0.113.9/32 -j REJECT; iptables -A f2b-sshd -j RETURN
     iptables -I INPUT -p tcp -m multiport --dports 22 -j f2b-sshd`,
    true,
    "admitted",
  ],
  [
    "iptables, a node of Kubernetes",
    `iptables -N KUBE-FIREWALL; iptables -N KUBE-EXTERNAL-SERVICES; iptables -A INPUT -j KUBE-FIREWALL; iptables -A OUTPUT -j KUBE-FIREWALL
     iptables -A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
     iptables -A KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP
     iptables -A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
     iptables -t nat -N KUBE-SERVICES; iptables -t nat -N KUBE-POSTROUTING
     iptables -t nat -A PREROUTING -j KUBE-SERVICES; iptables -t nat -A POSTROUTING -j KUBE-POSTROUTING
     iptables -t nat -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
     iptables -t nat -A KUBE-POSTROUTING -j MARK --xor-mark 0x4000; iptables -t nat -A KUBE-POSTROUTING -j MASQUERADE --random-fully`,
    true,
    "in doubt",
  ],
  [
    "iptables-legacy and nftables side by side",
    `${nft("meta l4proto udp accept;")}
     iptables-legacy -A INPUT -i lo -j ACCEPT; iptables-legacy -A INPUT -p tcp -j ACCEPT; iptables-legacy -P INPUT DROP`,
    false,
    "kept out",
  ],
  [
    "a map of verdicts with a name",
    nft(
      "ct state established accept; udp dport vmap @verdicts;",
      "map verdicts { type inet_service : verdict; elements = { 69 : accept }; }",
    ),
    true,
    "in doubt",
  ],
  [
    "only answers let out, and the helper for TFTP",
    `${nftOut("ct state established,related accept;")}
     nft -f - <<'RULES'
table ip helping {
  ct helper tftp-standard { type "tftp" protocol udp; }
  chain pre { type filter hook prerouting priority filter; policy accept; udp dport 69 ct helper set "tftp-standard"; }
}
RULES`,
    true,
    "in doubt",
  ],
  ["all refused at the end, by icmpx", accepting("reject with icmpx type admin-prohibited;"), false, "kept out"],
  ["all refused at the end, by icmp", accepting("reject with icmp type admin-prohibited;"), false, "kept out"],
  ["all but ICMP dropped at the end", accepting("meta l4proto != icmp drop;"), false, "kept out"],
  [
    "UDP let in, and all else refused by icmpx",
    accepting("meta l4proto icmp accept; meta l4proto udp accept; reject with icmpx type admin-prohibited;"),
    true,
    "admitted",
  ],
  [
    "iptables, all refused at the end",
    `iptables -A INPUT -i lo -j ACCEPT
     iptables -A INPUT -p icmp -j ACCEPT
     iptables -A INPUT -p tcp --dport 22 -j ACCEPT
     iptables -A INPUT -j REJECT --reject-with icmp-host-prohibited`,
    false,
    "kept out",
  ],
  [
    "a host of Docker's",
    `iptables -P FORWARD DROP
     iptables -N DOCKER; iptables -N DOCKER-USER; iptables -N DOCKER-ISOLATION-STAGE-1
     iptables -A FORWARD -j DOCKER-USER; iptables -A FORWARD -j DOCKER-ISOLATION-STAGE-1
     iptables -A DOCKER-USER -j RETURN; iptables -A DOCKER-ISOLATION-STAGE-1 -j RETURN
     iptables -t nat -N DOCKER
     iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
     iptables -t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
     iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
     iptables -t nat -A DOCKER -i docker0 -j RETURN
     iptables -t nat -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80`,
    true,
    "admitted",
  ],
  [
    "a table under a name of iptables, by hand",
    `nft -f - <<'RULES'
table ip filter {
  chain INPUT { type filter hook input priority filter; policy drop; iifname "lo" accept; tcp dport 22 accept; udp dport { 53, 123 } accept; }
}
RULES`,
    false,
    "kept out",
  ],
  [
    "fail2ban's chain",
    `nft 'add table inet f2b-table { set addr-set-sshd { type ipv4_addr; }; chain f2b-chain { type filter hook input priority filter - 1; policy accept; }; }'
     nft 'add rule inet f2b-table f2b-chain tcp dport 22 ip saddr @addr-set-sshd reject with icmp type port-unreachable'`,
    true,
    "admitted",
  ],
];
