import { resolve } from "node:path";
import type { Lab } from "../../lab/index.mts";

/** A firewall as an administrator of node 0 has it: SSH is let in, all else is not. */
export interface Firewall {
  readonly manager: "nftables" | "ufw" | "firewalld" | "iptables";
  /** Installs it and closes node 0, now and at each boot. */
  readonly setUp: string;
  /** Makes it load its rules again, each line a way to do so. */
  readonly reloads: readonly string[];
  /** Prints the rules that hold, without counters. */
  readonly effective: string;
  /** Takes out one rule of ours, as somebody might by hand. */
  readonly takeOut: string;
  /** The program that puts rules in, and a word on its command line when it does. */
  readonly putsIn: readonly [program: string, word: string];
}

const install = (packages: string) =>
  `DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends ${packages} >/dev/null`;

// No state of UDP is let in: the answers to TFTP's data need a rule of ours.
const nftables = `flush ruleset
table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
    tcp dport 22 accept
    meta l4proto tcp ct state established accept
    udp sport 53 accept
    meta l4proto icmp accept
  }
  chain forward { type filter hook forward priority filter; policy drop; }
}
`;

const ofIptables = (variant: "nft" | "legacy"): Firewall => {
  const filter = `iptables-${variant}`;
  return {
    manager: "iptables",
    setUp: `
      ${install("iptables iptables-persistent netfilter-persistent")}
      update-alternatives --set iptables /usr/sbin/${filter}
      ${filter} -A INPUT -i lo -j ACCEPT
      ${filter} -A INPUT -p tcp --dport 22 -j ACCEPT
      ${filter} -A INPUT -p tcp -m conntrack --ctstate ESTABLISHED -j ACCEPT
      ${filter} -A INPUT -p udp --sport 53 -j ACCEPT
      ${filter} -P INPUT DROP
      netfilter-persistent save`,
    reloads: ["netfilter-persistent reload", "systemctl restart netfilter-persistent"],
    effective: `${filter}-save -t filter | sed '/^#/d; s/\\[[0-9:]*\\]//'`,
    takeOut: `${filter} -D INPUT 2`,
    putsIn: [`/usr/sbin/${filter}-restore`, "rules"],
  };
};

/** Every manager that we know, by a name for a test. */
export const firewalls = {
  nftables: {
    manager: "nftables",
    setUp: `
      cat > /etc/nftables.conf <<'RULES'
#!/usr/sbin/nft -f
${nftables}RULES
      systemctl enable --quiet nftables
      systemctl restart nftables`,
    reloads: ["systemctl reload nftables", "systemctl restart nftables"],
    effective: "nft -s list ruleset",
    takeOut:
      "nft delete rule inet filter input handle $(nft -a list ruleset | sed -n 's/.*dport 69 accept.*# handle //p')",
    putsIn: ["/usr/sbin/nft", "insert"],
  },
  ufw: {
    manager: "ufw",
    setUp: `${install("ufw")}; ufw allow 22/tcp; ufw --force enable`,
    reloads: ["ufw reload", "systemctl restart ufw"],
    effective: "iptables -S; ip6tables -S; ufw status verbose",
    takeOut: "ufw --force delete 1",
    putsIn: ["/usr/sbin/ufw", "prepend"],
  },
  firewalld: {
    manager: "firewalld",
    setUp: `${install("firewalld")}; firewall-cmd --state`,
    reloads: ["firewall-cmd --reload", "systemctl restart firewalld"],
    effective: "nft -s list ruleset; firewall-cmd --list-all-zones; firewall-cmd --list-all-policies",
    takeOut: "firewall-cmd --policy=pulumi-admit --remove-port=69/udp",
    putsIn: ["/usr/bin/firewall-cmd", "--reload"],
  },
  "iptables-nft": ofIptables("nft"),
  "iptables-legacy": ofIptables("legacy"),
} as const satisfies Record<string, Firewall>;

const client = "192.168.1.14";

/** What node 0 sends to a machine on its private network that asks by TFTP; a word about why not. */
export async function fetchFromOutside(lab: Lab, name = "greeting"): Promise<string> {
  const { segment, node0 } = lab;
  const addresses = ["ip", "address", "replace", `${client}/28`, "dev", segment.clientInterface];
  await segment.run(addresses);
  const program = resolve("test/support/tftpClient.mts");
  const { code, stdout, stderr } = await segment.run([process.execPath, program, node0.privateAddress, name], {
    check: false,
  });
  return code === 0 ? stdout : stderr.trim();
}
