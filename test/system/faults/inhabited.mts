import type { Lab } from "../../../lab/index.mts";
import { type Listing, listingOf } from "./host.mts";

/**
 * Makes a node 0 on which somebody lives already: a dhcpd and an in.tftpd made by hand, a dnsmasq for a network of its own,
 * a firewall that drops, a mount below what TFTP serves, hosts.allow and hosts.deny, a hook of apt.
 */
export async function moveIn(lab: Lab): Promise<void> {
  const { privateAddress, privateInterface } = lab.node0;
  await lab.node0.run(`set -e
    DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends isc-dhcp-server tftpd-hpa dnsmasq-base >/dev/null || true

    cat > /etc/systemd/system/own-network.service <<'UNIT'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c '(ip link show own0 || ip link add own0 type bridge) && ip address replace 172.30.0.1/24 dev own0 && ip link set own0 up'
[Install]
WantedBy=multi-user.target
UNIT
    cat > /etc/systemd/system/own-dnsmasq.service <<'UNIT'
[Unit]
Requires=own-network.service
After=own-network.service
[Service]
ExecStart=/usr/sbin/dnsmasq --keep-in-foreground --conf-file=/etc/own-dnsmasq.conf
[Install]
WantedBy=multi-user.target
UNIT
    cat > /etc/own-dnsmasq.conf <<'CONF'
interface=own0
bind-interfaces
except-interface=lo
dhcp-range=172.30.0.10,172.30.0.99,1h
CONF

    cat > /etc/dhcp/dhcpd.conf <<'CONF'
# made by hand, years ago
default-lease-time 300;
subnet 10.20.0.0 netmask 255.255.252.0 {
  option routers ${privateAddress};
  host printer { hardware ethernet 52:54:00:00:09:01; fixed-address 10.20.2.9; }
}
CONF
    echo 'INTERFACESv4="${privateInterface}"' > /etc/default/isc-dhcp-server
    mkdir -p /srv/tftp/images /var/images
    echo mine > /var/images/disk.img
    echo '/var/images /srv/tftp/images none bind 0 0' >> /etc/fstab
    mount /srv/tftp/images
    printf '%s\\n' 'TFTP_USERNAME="tftp"' 'TFTP_DIRECTORY="/srv/tftp"' 'TFTP_ADDRESS=":69"' 'TFTP_OPTIONS="--secure --blocksize 1024"' > /etc/default/tftpd-hpa

    printf '%s\\n' 'sshd: ALL' 'in.tftpd: 10.20.0.0/255.255.252.0 127.0.0.1' > /etc/hosts.allow
    echo 'ALL: ALL' > /etc/hosts.deny
    echo 'DPkg::Post-Invoke { "logger own hook"; };' > /etc/apt/apt.conf.d/99own

    cat > /etc/nftables.conf <<'RULES'
#!/usr/sbin/nft -f
flush ruleset
table inet own {
  chain input {
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
    tcp dport 22 accept
    ct state established,related accept
    iifname "own0" udp dport { 53, 67 } accept
    meta l4proto icmp accept
  }
  chain forward { type filter hook forward priority filter; policy drop; iifname "own0" accept; }
}
table ip own-nat {
  chain postrouting { type nat hook postrouting priority srcnat; ip saddr 172.30.0.0/24 masquerade; }
}
RULES
    systemctl daemon-reload
    systemctl enable --quiet own-network own-dnsmasq nftables isc-dhcp-server tftpd-hpa
    systemctl restart own-network own-dnsmasq nftables isc-dhcp-server tftpd-hpa`);
  // As it is after a boot: what does not survive one is not a home.
  await lab.node0.reboot();
  const wrong = await notLivedOn(lab);
  if (wrong.length > 0) throw new Error(`the node 0 that was to be inhabited is not: ${wrong.join("; ")}`);
}

/** What of somebody's own does not run, or lies no longer where it lay. */
export async function notLivedOn(lab: Lab): Promise<readonly string[]> {
  const { stdout } = await lab.node0.run(
    `systemctl is-active --quiet own-dnsmasq || echo 'their dnsmasq does not run'
     ss -Hlun sport = 67 | grep -q own0 || echo 'their dnsmasq does not serve own0'
     cmp -s /var/images/disk.img /srv/tftp/images/disk.img || echo 'their mount is gone'
     nft list chain inet own input | grep -q 'iifname "own0" udp dport { 53, 67 } accept' || echo 'their rule is gone'
     nft list table ip own-nat | grep -q masquerade || echo 'their masquerade is gone'`,
    { check: false },
  );
  return stdout.split("\n").filter((line) => line !== "");
}

/** All of theirs that must be there again when the program goes. */
export interface Home {
  readonly files: Listing;
  readonly rules: string;
}

export async function homeOf(lab: Lab): Promise<Home> {
  const { stdout: rules } = await lab.node0.run("nft -s list ruleset");
  return { files: await listingOf(lab), rules };
}

/** What is not as it was, without what apt writes of its own packages. */
export async function notGivenBack(
  lab: Lab,
  before: Home,
  mayTouch: (path: string) => boolean,
): Promise<readonly string[]> {
  const now = await homeOf(lab);
  const states = await lab.node0.run("systemctl is-active isc-dhcp-server tftpd-hpa", { check: false });
  return [
    ...[...new Set([...before.files.keys(), ...now.files.keys()])]
      .filter((path) => before.files.get(path) !== now.files.get(path) && !mayTouch(path))
      .map((path) => `${path} was ${before.files.get(path)}, is ${now.files.get(path)}`),
    ...(before.rules === now.rules ? [] : [`the rules are not as they were: ${now.rules}`]),
    ...(states.stdout === "active\nactive\n"
      ? []
      : [`their dhcpd and in.tftpd: ${states.stdout.replaceAll("\n", " ")}`]),
    ...(await notLivedOn(lab)),
  ];
}
