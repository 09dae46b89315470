import type { Random } from "../system/faults/random.mts";

/** What a hand does to node 0, and how it takes that away again. */
export interface Harm {
  readonly name: string;
  readonly harm: string;
  readonly mend: string;
  /** Why the proof may say no although a patient client gets its files. */
  readonly saysNo?: string;
}

/** What a harm is about: two of one subject may undo each other. */
export type Subject = "way" | "firewall" | "files" | "dhcpd" | "tftpd" | "drop-ins";

const nic = "eno2";
const dhcp = "isc-dhcp-server";
const tftp = "tftpd-hpa";
const restart = (...units: readonly string[]): string =>
  `systemctl reset-failed ${units.join(" ")}; systemctl restart ${units.join(" ")}`;

/** It is undone by the same words, with another verb. */
const added = (object: string, words: string, why?: string): Omit<Harm, "name"> => ({
  harm: `${object} add ${words}`,
  mend: `${object} del ${words}`,
  ...because(why),
});
const because = (saysNo: string | undefined): Pick<Harm, "saysNo"> => (saysNo === undefined ? {} : { saysNo });
const sysctl = (key: string, bad: string | number, good: string | number): Omit<Harm, "name"> => ({
  harm: `sysctl -qw ${key}='${bad}'`,
  mend: `sysctl -qw ${key}='${good}'`,
});
const edited = (path: string, edit: string, unit?: string): Omit<Harm, "name"> => {
  const again = unit === undefined ? "true" : `${restart(unit)}; sleep 1`;
  return {
    harm: `cp -a ${path} /root/kept-${unit ?? "file"}; ${edit}; ${again}`,
    mend: `cp -a /root/kept-${unit ?? "file"} ${path}; ${again}`,
  };
};
const appended = (line: string): Omit<Harm, "name"> =>
  edited("/etc/dhcp/dhcpd.conf", `echo '${line}' >> /etc/dhcp/dhcpd.conf`, dhcp);

const overLo = "node 0's own question goes over lo, and meets what our rules let machines pass before";
const raced = "our rules may not be at the head of a new chain yet";
const translated = "what is translated is not followed";
const another = "what answers is not the server that is declared";

const way: readonly Harm[] = [
  { name: "ping is not answered", ...sysctl("net.ipv4.icmp_echo_ignore_all", 1, 0) },
  { name: "a black hole for both machines", ...added("ip route", "blackhole 192.168.1.0/29") },
  { name: "a black hole for machine b", ...added("ip route", "blackhole 192.168.1.3/32") },
  { name: "a black hole for nobody", ...added("ip route", "blackhole 192.168.1.14/32") },
  { name: "an address of nobody on lo", ...added("ip address", "192.168.1.14/32 dev lo") },
  { name: "the address of machine b on lo", ...added("ip address", "192.168.1.3/32 dev lo") },
  {
    name: "rp_filter, and a route of machine b elsewhere",
    harm: "sysctl -qw net.ipv4.conf.all.rp_filter=1; ip route add 192.168.1.3/32 dev lo",
    mend: "ip route del 192.168.1.3/32 dev lo; sysctl -qw net.ipv4.conf.all.rp_filter=0",
  },
  { name: "a rule against both machines", ...added("ip rule", "to 192.168.1.0/28 prohibit") },
  { name: "a rule against machine b", ...added("ip rule", "to 192.168.1.3 prohibit") },
  { name: "a rule against node 0's address", ...added("ip rule", "from 192.168.1.1 prohibit") },
  { name: "a rule against what comes in", ...added("ip rule", `iif ${nic} prohibit pref 0`) },
  { name: "no ARP", harm: `ip link set ${nic} arp off`, mend: `ip link set ${nic} arp on` },
  { name: "ARP is not answered", ...sysctl("net.ipv4.conf.all.arp_ignore", 8, 0) },
  { name: "ARP for another network only", ...sysctl("net.ipv4.conf.all.arp_ignore", 2, 0) },
  {
    name: "machine b is fixed to another Ethernet address",
    harm: `ip neigh replace 192.168.1.3 lladdr 02:00:00:00:00:99 dev ${nic} nud permanent`,
    mend: `ip neigh del 192.168.1.3 dev ${nic}`,
  },
  {
    name: "nobody is fixed to an Ethernet address",
    harm: `ip neigh replace 192.168.1.14 lladdr 02:00:00:00:00:99 dev ${nic} nud permanent`,
    mend: `ip neigh del 192.168.1.14 dev ${nic}`,
  },
  { name: "an MTU of 576", harm: `ip link set ${nic} mtu 576`, mend: `ip link set ${nic} mtu 1500` },
  {
    name: "the link is down",
    harm: `ip link set ${nic} down`,
    mend: `ip link set ${nic} up; sleep 1; ${restart(dhcp)}`,
  },
  {
    name: "another address before node 0's own",
    harm: `ip addr del 192.168.1.1/28 dev ${nic}; ip addr add 192.168.1.9/28 dev ${nic}; ip addr add 192.168.1.1/28 dev ${nic}`,
    mend: `ip addr del 192.168.1.9/28 dev ${nic}; ip addr replace 192.168.1.1/28 dev ${nic}; ${restart(tftp)}`,
  },
  {
    name: "node 0's address without its network",
    harm: `ip addr del 192.168.1.1/28 dev ${nic}; ip addr add 192.168.1.1/32 dev ${nic}`,
    mend: `ip addr del 192.168.1.1/32 dev ${nic}; ip addr add 192.168.1.1/28 dev ${nic}; ${restart(tftp)}`,
  },
  {
    name: "node 0's address taken off",
    harm: `ip addr del 192.168.1.1/28 dev ${nic}`,
    mend: `ip addr add 192.168.1.1/28 dev ${nic}; ${restart(dhcp, tftp)}`,
  },
  {
    name: "node 0's address is deprecated",
    harm: `ip addr change 192.168.1.1/28 dev ${nic} preferred_lft 0`,
    mend: `ip addr change 192.168.1.1/28 dev ${nic} preferred_lft forever valid_lft forever`,
  },
  {
    name: "a queue that is too slow",
    harm: `tc qdisc add dev ${nic} root tbf rate 8kbit burst 1600 latency 50ms`,
    mend: `tc qdisc del dev ${nic} root`,
  },
  {
    name: "a queue that leaves enough",
    harm: `tc qdisc add dev ${nic} root tbf rate 500mbit burst 1mb latency 50ms`,
    mend: `tc qdisc del dev ${nic} root`,
    saysNo: "how much a machine needs, and how many come at once, nothing here knows",
  },
  {
    name: "a member of a VRF",
    harm: `ip link add v type vrf table 10 && ip link set v up && ip link set ${nic} master v; sleep 0.5`,
    mend: `ip link set ${nic} nomaster; ip link del v; ip addr replace 192.168.1.1/28 dev ${nic}; ${restart(dhcp, tftp)}`,
    saysNo: "rules see the VRF in the place of its member",
  },
  {
    name: "a port of a bridge",
    harm: `ip link add br9 type bridge && ip link set br9 up && ip link set ${nic} master br9; sleep 0.5`,
    mend: `ip link set ${nic} nomaster; ip link del br9; ip addr replace 192.168.1.1/28 dev ${nic}; ${restart(dhcp, tftp)}`,
    saysNo: "what comes in by a port is the bridge's, and only by chance node 0 answers there",
  },
  {
    name: "a macvlan over it",
    harm: `ip link add mv9 link ${nic} type macvlan mode passthru && ip link set mv9 up`,
    mend: "ip link del mv9",
  },
  {
    name: "IPsec blocks what comes in",
    harm: "ip xfrm policy add dir in src 192.168.1.0/28 dst 192.168.1.1/32 proto udp action block",
    mend: "ip xfrm policy flush",
  },
  {
    name: "IPsec blocks what goes out",
    harm: "ip xfrm policy add dir out src 192.168.1.1/32 dst 192.168.1.0/28 proto udp action block",
    mend: "ip xfrm policy flush",
  },
  { name: "two ports for all", ...sysctl("net.ipv4.ip_local_port_range", "40000 40001", "32768 60999") },
];

/** A chain of somebody's own with one rule. */
const chain = (hook: string, rule: string, more: { readonly type?: string; readonly why?: string } = {}) => ({
  harm: `nft 'add table ip other { chain o { type ${more.type ?? "filter"} hook ${hook}; ${rule}; }; }'`,
  mend: "nft delete table ip other",
  ...because(more.why),
});

const firewall: readonly Harm[] = [
  { name: "raw output drops what comes from port 69", ...chain("output priority raw", "udp sport 69 drop") },
  {
    name: "output drops all UDP but DHCP's",
    ...chain("output priority filter", `oifname "${nic}" udp sport != 67 drop`),
  },
  { name: "output drops ICMP", ...chain("output priority filter", "icmp type destination-unreachable drop") },
  { name: "input drops acknowledgements", ...chain("input priority -5", `iifname "${nic}" udp dport != 69 drop`) },
  { name: "prerouting drops machine b", ...chain("prerouting priority -5", "ip saddr 192.168.1.3 udp dport 69 drop") },
  { name: "input drops a machine that is none", ...chain("input priority -5", "ip saddr 192.168.1.14 drop") },
  {
    name: "the source port is translated",
    ...chain("postrouting priority srcnat", `oifname "${nic}" udp sport 1024-65535 snat to 192.168.1.1:5000-6000`, {
      type: "nat",
      why: translated,
    }),
  },
  {
    name: "port 69 is redirected",
    ...chain("prerouting priority dstnat", "udp dport 69 redirect to :6969", { type: "nat" }),
  },
  {
    name: "a limit in the way of acknowledgements",
    ...chain("input priority -5", "udp dport 1024-65535 limit rate over 2/second drop", { why: overLo }),
  },
  {
    name: "a limit that is never reached",
    ...chain("input priority -5", `iifname "${nic}" limit rate over 100000/second drop`, { why: raced }),
  },
  {
    name: "a quota",
    ...chain("input priority -5", `iifname "${nic}" quota over 2 kbytes drop`, { why: raced }),
  },
  {
    name: "each second request is dropped",
    ...chain("input priority -5", `iifname "${nic}" udp dport 69 numgen random mod 2 0 drop`, { why: raced }),
  },
  {
    name: "egress drops all but DHCP's",
    harm: `nft 'add table netdev other { chain e { type filter hook egress device "${nic}" priority 0; udp sport != 67 drop; }; }'`,
    mend: "nft delete table netdev other",
  },
  {
    name: "ARP is dropped",
    harm: "nft 'add table arp other { chain i { type filter hook input priority 0; drop; }; }'",
    mend: "nft delete table arp other",
  },
];

const files: readonly Harm[] = [
  {
    name: "refind.conf is root's own",
    harm: "chmod 0600 /srv/tftp/refind.conf",
    mend: "chmod 0644 /srv/tftp/refind.conf",
  },
  { name: "the folder is root's own", harm: "chmod 0700 /srv/tftp", mend: "chmod 0755 /srv/tftp" },
  { name: "the folder above is root's own", harm: "chmod 0700 /srv", mend: "chmod 0755 /srv" },
  {
    name: "ipxe.efi is tftp's own",
    harm: "chown tftp:tftp /srv/tftp/ipxe.efi; chmod 0400 /srv/tftp/ipxe.efi",
    mend: "chown root:root /srv/tftp/ipxe.efi; chmod 0644 /srv/tftp/ipxe.efi",
  },
  {
    name: "a link out of the folder",
    harm: "mv /srv/tftp/ipxe.efi /root/ipxe.efi; ln -s /root/ipxe.efi /srv/tftp/ipxe.efi",
    mend: "rm /srv/tftp/ipxe.efi; mv /root/ipxe.efi /srv/tftp/ipxe.efi",
  },
  {
    name: "a link within the folder",
    harm: "mv /srv/tftp/ipxe.efi /srv/tftp/x.efi; ln -s x.efi /srv/tftp/ipxe.efi",
    mend: "rm /srv/tftp/ipxe.efi; mv /srv/tftp/x.efi /srv/tftp/ipxe.efi",
  },
  {
    name: "a pipe in the place of refind.conf",
    harm: "mv /srv/tftp/refind.conf /root/refind.conf; mkfifo -m 644 /srv/tftp/refind.conf",
    mend: "rm /srv/tftp/refind.conf; mv /root/refind.conf /srv/tftp/refind.conf",
  },
  { name: "half of ipxe.efi", ...edited("/srv/tftp/ipxe.efi", "truncate -s 1000 /srv/tftp/ipxe.efi") },
  {
    name: "another file system over the folder",
    harm: "mount -t tmpfs none /srv/tftp",
    mend: "umount /srv/tftp",
    saysNo: "in.tftpd serves the folder below it until it is started anew, and no longer",
  },
  {
    name: "the folder again, in upper case",
    harm: "cp -a /srv/tftp /root/upper; mv /root/upper /srv/tftp/EFI",
    mend: "rm -r /srv/tftp/EFI",
  },
  {
    name: "a stray autoexec.ipxe",
    harm: "echo '#!ipxe' > /srv/tftp/autoexec.ipxe; chmod 644 /srv/tftp/autoexec.ipxe",
    mend: "rm /srv/tftp/autoexec.ipxe",
    saysNo: "a newer iPXE asks for it first, and the client of this test does not",
  },
];

/** A daemon that somebody starts in the place of ours. */
const byHand = (unit: string, command: string): Omit<Harm, "name"> => ({
  harm: `systemctl stop ${unit}; mkdir -p /root/other; systemd-run -q --unit=by-hand ${command}; sleep 1`,
  mend: `systemctl stop by-hand; ${restart(unit)}`,
});

const dhcpd: readonly Harm[] = [
  {
    name: "leases that can't be written",
    harm: `mount -t tmpfs -o ro none /var/lib/dhcp; ${restart(dhcp)}; sleep 1`,
    mend: `umount -l /var/lib/dhcp; ${restart(dhcp)}`,
  },
  {
    name: "a folder in the place of the leases",
    harm: `mv /var/lib/dhcp/dhcpd.leases /root/leases; mkdir /var/lib/dhcp/dhcpd.leases; ${restart(dhcp)}; sleep 1`,
    mend: `rmdir /var/lib/dhcp/dhcpd.leases; mv /root/leases /var/lib/dhcp/dhcpd.leases; ${restart(dhcp)}`,
  },
  {
    name: "another address for machine a",
    ...edited(
      "/etc/dhcp/netboot/hosts.conf",
      "sed -i 's/192.168.1.2;/192.168.1.7;/' /etc/dhcp/netboot/hosts.conf",
      dhcp,
    ),
  },
  {
    name: "another address for machine a from the next start on",
    ...edited("/etc/dhcp/netboot/hosts.conf", "sed -i 's/192.168.1.2;/192.168.1.7;/' /etc/dhcp/netboot/hosts.conf"),
  },
  { name: "no unknown clients, and short leases", ...appended("deny unknown-clients; max-lease-time 10;") },
  { name: "no booting", ...appended("deny booting;") },
  { name: "an answer after 30 seconds only", ...appended("min-secs 30;") },
  {
    name: "dhcpd is halted",
    harm: `systemctl kill --signal=STOP ${dhcp}`,
    mend: `systemctl kill --signal=CONT ${dhcp}`,
  },
  { name: "dhcpd is frozen", harm: `systemctl freeze ${dhcp}`, mend: `systemctl thaw ${dhcp}` },
  { name: "dhcpd is stopped", harm: `systemctl stop ${dhcp}`, mend: restart(dhcp) },
  {
    name: "dhcpd by hand, with another script",
    ...byHand(
      dhcp,
      `sh -c 'sed s/refind.pxe/other.pxe/ /etc/dhcp/dhcpd.conf > /root/other.conf; exec dhcpd -f -q -4 -cf /root/other.conf -lf /var/lib/dhcp/dhcpd.leases --no-pid ${nic}'`,
    ),
  },
];

const tftpd: readonly Harm[] = [
  {
    name: "in.tftpd is halted",
    harm: `systemctl kill --signal=STOP ${tftp}`,
    mend: `systemctl kill --signal=CONT ${tftp}`,
  },
  { name: "in.tftpd is frozen", harm: `systemctl freeze ${tftp}`, mend: `systemctl thaw ${tftp}` },
  { name: "in.tftpd is stopped", harm: `systemctl stop ${tftp}`, mend: restart(tftp) },
  {
    name: "in.tftpd by hand, of another folder",
    ...byHand(tftp, "in.tftpd --foreground --address 192.168.1.1:69 --secure /root/other"),
  },
  {
    name: "in.tftpd by hand, of the same folder",
    ...byHand(tftp, "in.tftpd --foreground --user tftp --address 192.168.1.1:69 --secure /srv/tftp"),
    saysNo: another,
  },
  { name: "nobody is answered", harm: "echo 'in.tftpd: ALL' > /etc/hosts.deny", mend: "rm -f /etc/hosts.deny" },
  {
    name: "machine b is not answered",
    harm: "echo 'ALL: 192.168.1.3' > /etc/hosts.deny",
    mend: "rm -f /etc/hosts.deny",
  },
  {
    name: "an address of nobody is not answered",
    harm: "echo 'ALL: 192.168.1.14' > /etc/hosts.deny",
    mend: "rm -f /etc/hosts.deny",
  },
  {
    name: "node 0 alone is answered",
    harm: "printf 'in.tftpd: 192.168.1.1: ALLOW\\nin.tftpd: ALL: DENY\\n' > /etc/hosts.allow",
    mend: "rm -f /etc/hosts.allow",
  },
];

const settings: readonly string[] = [
  ...["ReadOnlyPaths=/var/lib/dhcp", "InaccessiblePaths=/srv/tftp", "InaccessiblePaths=/etc/dhcp"],
  ...["TemporaryFileSystem=/srv", "TemporaryFileSystem=/etc/dhcp", "PrivateNetwork=yes", "IPAddressDeny=any"],
  ...["IPAddressDeny=192.168.1.0/28", "IPAddressAllow=127.0.0.1", "User=nobody", "DynamicUser=yes", "MemoryMax=1M"],
  ...["LimitFSIZE=100", "LimitNOFILE=4", "LimitNPROC=1", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE", "Nice=19"],
  ...["ExecStartPre=/bin/false", "ExecStartPre=/bin/sleep 2", "WorkingDirectory=/", "RootDirectory=/root/jail"],
  ...["Environment=TFTP_DIRECTORY=/tmp", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "UMask=0777"],
  ...["RestrictAddressFamilies=AF_UNIX", "SystemCallFilter=~@network-io", "NoNewPrivileges=yes", "CPUQuota=1%"],
  ...["BindReadOnlyPaths=/root/other:/srv/tftp", "BindPaths=/root/other:/etc/dhcp", "PrivateUsers=yes"],
  ...["RestrictNetworkInterfaces=lo", "RestrictNetworkInterfaces=~eno2", "Type=oneshot"],
  ...["Type=forking", "ProtectProc=invisible", "TasksMax=1", "SocketBindDeny=any", "StandardOutput=null"],
  ...["MountFlags=slave", "ProtectClock=yes", "Restart=no", "NetworkNamespacePath=/run/netns/other"],
  ...["ReadWritePaths=/srv", "ExecStart=/bin/true", "PrivateDevices=yes", "MemoryDenyWriteExecute=yes"],
  ...["SecureBits=noroot", "AmbientCapabilities=", "IPIngressFilterPath=/nowhere", "LimitCORE=0"],
  ...["OOMScoreAdjust=1000", "SupplementaryGroups=nogroup", "KeyringMode=private", "StandardError=file:/dev/full"],
];

/** systemd needs BPF for these, which a node 0 that is a container may not load: it passes them over, as if they were not there. */
const passedOver = "a systemd that loads no programs of BPF, as in a container, passes this setting over";

const doubted: Readonly<Record<string, string>> = {
  "IPAddressDeny=any": passedOver,
  "IPAddressDeny=192.168.1.0/28": passedOver,
  "RestrictNetworkInterfaces=lo": passedOver,
  "RestrictNetworkInterfaces=~eno2": passedOver,
  "CPUQuota=1%": "a server that slow gives its files to one machine, and hardly to ten",
  "IPIngressFilterPath=/nowhere": "what a program of BPF lets through is not read",
};

/** A drop-in of somebody's, for one of our daemons. */
function dropIn(unit: string, setting: string): Harm {
  const folder = `/etc/systemd/system/${unit}.service.d`;
  return {
    name: `${unit} with ${setting}`,
    harm: `mkdir -p /root/jail /root/other ${folder}; ip netns add other 2>/dev/null; printf '[Service]\\n%s\\n' '${setting}' > ${folder}/mine.conf; systemctl daemon-reload; timeout 20 systemctl restart ${unit}; sleep 1.5`,
    mend: `rm -r ${folder}; systemctl daemon-reload; ${restart(unit)}`,
    ...because(doubted[setting]),
  };
}

/** All of them. Machine a is 192.168.1.2, machine b is 192.168.1.3, and node 0 is 192.168.1.1/28 on eno2. */
export const harms: Readonly<Record<Subject, readonly Harm[]>> = {
  way,
  firewall,
  files,
  dhcpd,
  tftpd,
  "drop-ins": settings.flatMap((setting) => [dropIn(dhcp, setting), dropIn(tftp, setting)]),
};

const subjects = Object.keys(harms) as readonly Subject[];

/** What is done in each round: one harm mostly, a drop-in in every fifth, and two of different subjects in every seventh. */
export function harmsOfRounds(random: Random, rounds: number): readonly (readonly Harm[])[] {
  const decks = Object.fromEntries(subjects.map((subject) => [subject, shuffled(random, harms[subject])])) as Record<
    Subject,
    Harm[]
  >;
  const draw = (subject: Subject): readonly Harm[] => {
    if (decks[subject].length === 0) decks[subject] = shuffled(random, harms[subject]);
    return decks[subject].splice(0, 1);
  };
  const others = subjects.filter((subject) => subject !== "drop-ins");
  // As many of a subject as there are of it.
  const tickets = others.flatMap((subject) => harms[subject].map(() => subject));
  return Array.from({ length: rounds }, (_, round) => {
    const subject = round % 5 === 4 ? "drop-ins" : random.one(tickets);
    if (round % 7 !== 6) return draw(subject);
    return [...draw(subject), ...draw(random.one(others.filter((other) => other !== subject)))];
  });
}

function shuffled<T>({ one }: Random, all: readonly T[]): T[] {
  const left = [...all];
  return all.map(() => {
    const next = one(left);
    left.splice(left.indexOf(next), 1);
    return next;
  });
}
