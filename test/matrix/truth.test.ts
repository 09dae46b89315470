import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { withAnotherDhcpServer } from "../support/anotherDhcpServer";
import { type UnpackedPackages, unpackPackages } from "../support/debianPackages";
import { netbootCommand, programOn } from "../support/node0";

/** What keeps our rules in the firewall is gone: it would put them into this one, too. */
const unwatched = "systemctl stop pulumi-netboot-firewall";
const watchAgain = "nft flush ruleset; systemctl start pulumi-netboot-firewall";

const dropUdp = (rules: string): string =>
  `nft 'add table inet mine { chain input { type filter hook input priority filter; policy drop; iifname "lo" accept; tcp dport 22 accept; ${rules} }; }'`;

const masquerade = (what: string): string =>
  `nft 'add table ip mine { chain post { type nat hook postrouting priority srcnat; policy accept; ${what} masquerade; }; }'`;

/** What somebody does to node 0 by hand, how it is undone, and whether a machine boots then. */
interface Chain {
  readonly name: string;
  readonly harm: string;
  readonly mend: string;
  readonly boots: boolean;
  /** The proof says no although the machine boots; docs/verification.md says why. */
  readonly saysNoAllTheSame?: true;
}

const edit = (path: string, sed: string): Pick<Chain, "harm" | "mend"> => ({
  harm: `cp -a ${path} /root/kept; sed -i '${sed}' ${path}`,
  mend: `cp -a /root/kept ${path}`,
});
const gone = (path: string): Pick<Chain, "harm" | "mend"> => ({
  harm: `mv ${path} /root/kept`,
  mend: `mv /root/kept ${path}`,
});
const dhcpd = ({ harm, mend }: Pick<Chain, "harm" | "mend">): Pick<Chain, "harm" | "mend"> => ({
  harm: `${harm}; systemctl restart isc-dhcp-server`,
  mend: `${mend}; systemctl restart isc-dhcp-server`,
});
// The machine type stands four bytes into the PE header, whose place is at 60.
const forArm64 = (path: string): Pick<Chain, "harm" | "mend"> => ({
  harm: `cp -a ${path} /root/kept; printf '\\144\\252' | dd of=${path} bs=1 conv=notrunc status=none seek=$(( $(od -An -tu4 -j60 -N4 ${path}) + 4 ))`,
  mend: `cp -a /root/kept ${path}`,
});

/** A unit that starts its daemon otherwise than Debian does. */
const startedBy = (unit: string, command: string, before = "true"): Pick<Chain, "harm" | "mend"> => ({
  harm: `${before}; mkdir -p /run/systemd/system/${unit}.d; printf '[Service]\\nExecStart=\\nExecStart=%s\\n' '${command}' > /run/systemd/system/${unit}.d/90-mine.conf; systemctl daemon-reload; systemctl restart ${unit}`,
  mend: `rm -r /run/systemd/system/${unit}.d; systemctl daemon-reload; systemctl restart ${unit}`,
});

const chains: readonly Chain[] = [
  { name: "the chain as it was declared", harm: "true", mend: "true", boots: true },
  { name: "a loader for another machine type", ...forArm64("/srv/tftp/ipxe.efi"), boots: false },
  { name: "a rEFInd for another machine type", ...forArm64("/srv/tftp/refind_x64.efi"), boots: false },
  { name: "no loader", ...gone("/srv/tftp/ipxe.efi"), boots: false },
  { name: "no script", ...gone("/srv/tftp/refind.pxe"), boots: false },
  { name: "no refind.conf", ...gone("/srv/tftp/refind.conf"), boots: false },
  { name: "no rEFInd", ...gone("/srv/tftp/refind_x64.efi"), boots: false },
  {
    name: "half a rEFInd",
    harm: "cp -a /srv/tftp/refind_x64.efi /root/kept; truncate -s 100000 /srv/tftp/refind_x64.efi",
    mend: "cp -a /root/kept /srv/tftp/refind_x64.efi",
    boots: false,
  },
  { name: "a script that is none", ...edit("/srv/tftp/refind.pxe", "1s/.*/# nothing/"), boots: false },
  {
    name: "a refind.conf that waits for ever",
    ...edit("/srv/tftp/refind.conf", "s/^timeout .*/timeout 0/"),
    boots: false,
  },
  {
    name: "a refind.conf that waits for ever, by a word that is no number",
    ...edit("/srv/tftp/refind.conf", "s/^timeout .*/timeout soon/"),
    boots: false,
  },
  {
    name: "a refind.conf that switches off",
    ...edit("/srv/tftp/refind.conf", "s/^timeout .*/&\\nshutdown_after_timeout/"),
    boots: false,
  },
  {
    name: "a refind.conf that nobody but root may read",
    harm: "chmod 600 /srv/tftp/refind.conf",
    mend: "chmod 644 /srv/tftp/refind.conf",
    boots: false,
  },
  {
    name: "another file name in dhcpd.conf",
    ...dhcpd(edit("/etc/dhcp/dhcpd.conf", 's/filename "ipxe.efi"/filename "ixpe.efi"/')),
    boots: false,
  },
  {
    name: "another boot server in dhcpd.conf",
    ...dhcpd(edit("/etc/dhcp/dhcpd.conf", "s/next-server .*/next-server 192.168.1.2;/")),
    boots: false,
  },
  {
    name: "no host block of the machine",
    ...dhcpd(edit("/etc/dhcp/netboot/hosts.conf", "/52:54:00:00:0c:01/d")),
    boots: false,
  },
  {
    name: "no DHCP server",
    harm: "systemctl stop isc-dhcp-server",
    mend: "systemctl start isc-dhcp-server",
    boots: false,
  },
  { name: "no TFTP server", harm: "systemctl stop tftpd-hpa", mend: "systemctl start tftpd-hpa", boots: false },
  { name: "a firewall that drops requests", harm: `${unwatched}; ${dropUdp("")}`, mend: watchAgain, boots: false },
  {
    name: "a firewall that drops requests, into which our rules come by themselves",
    harm: `${dropUdp("")}; for i in $(seq 30); do nft list table inet mine | grep -q 'dport 69' && break; sleep 1; done`,
    mend: "nft flush ruleset",
    boots: true,
  },
  {
    name: "a firewall that drops acknowledgements",
    harm: `${unwatched}; ${dropUdp("udp dport { 67, 69 } accept;")}`,
    mend: watchAgain,
    boots: false,
  },
  {
    name: "a firewall that lets both in",
    harm: `${unwatched}; ${dropUdp("ct state established accept; udp dport 69 accept;")}`,
    mend: watchAgain,
    boots: true,
  },
  {
    name: "a firewall that lets only answers out",
    harm: `${dropUdp("meta l4proto udp accept;")}; nft 'add chain inet mine output { type filter hook output priority filter; policy drop; }; add rule inet mine output oifname "lo" accept; add rule inet mine output ct state established,related accept'`,
    mend: "nft flush ruleset",
    boots: false,
  },
  {
    name: "a firewall that drops requests before its input rules",
    harm: "nft 'add table inet mine { chain early { type filter hook prerouting priority raw; policy accept; udp dport 69 drop; }; }'",
    mend: "nft flush ruleset",
    boots: false,
  },
  {
    name: "a gateway that hides all machines behind its own address",
    harm: masquerade('ip saddr 192.168.1.0/24 oifname "eno1"'),
    mend: "nft flush ruleset",
    boots: true,
  },
  {
    name: "a gateway that translates what stays on node 0, too",
    harm: masquerade("ip saddr 192.168.1.0/24"),
    mend: "nft flush ruleset",
    boots: true,
    saysNoAllTheSame: true,
  },
  {
    name: "a hosts.allow that lets in node 0 itself, and no machine",
    harm: "cp -a /etc/hosts /root/hosts; echo 192.168.1.1 node0 >> /etc/hosts; echo 'ALL: ALL' >> /etc/hosts.deny; printf 'sshd: ALL\\nin.tftpd: LOCAL\\n' >> /etc/hosts.allow",
    mend: "cp -a /root/hosts /etc/hosts; rm -f /etc/hosts.deny /etc/hosts.allow",
    boots: false,
  },
  {
    name: "a TFTP server that was started while another folder lay over its own",
    harm: "mount -t tmpfs none /srv/tftp; systemctl restart tftpd-hpa; umount -l /srv/tftp",
    mend: "systemctl restart tftpd-hpa",
    boots: false,
  },
  {
    name: "a TFTP server with another folder by its unit",
    ...startedBy(
      "tftpd-hpa.service",
      "/usr/sbin/in.tftpd --foreground --user tftp --address 192.168.1.1:69 --secure /srv/other",
      "mkdir -p /srv/other",
    ),
    boots: false,
  },
  {
    name: "a DHCP server with another configuration by its unit",
    ...startedBy(
      "isc-dhcp-server.service",
      "/usr/sbin/dhcpd -f -4 -q -cf /etc/dhcp/mine.conf -lf /var/lib/dhcp/dhcpd.leases --no-pid eno2",
      "sed s/ipxe.efi/ixpe.efi/ /etc/dhcp/dhcpd.conf > /etc/dhcp/mine.conf",
    ),
    boots: false,
  },
  {
    name: "a firewall with a limit",
    harm: `${unwatched}; ${dropUdp("ct state established accept; udp dport 69 limit rate 50/second accept;")}`,
    mend: watchAgain,
    boots: true,
    saysNoAllTheSame: true,
  },
  {
    name: "a rule of policy routing that sends answers out on the public side",
    harm: "ip rule add from 192.168.1.1 lookup 100; ip route add default dev eno1 table 100",
    mend: "ip rule del from 192.168.1.1 lookup 100; ip route flush table 100",
    boots: false,
  },
  {
    name: "an Ethernet address that was fixed for the NIC that a machine had before",
    harm: "ip neigh replace 192.168.1.3 lladdr 52:54:00:00:0c:99 dev eno2 nud permanent",
    mend: "ip neigh del 192.168.1.3 dev eno2",
    boots: false,
  },
  {
    name: "an interface without ARP",
    harm: "ip link set eno2 arp off",
    mend: "ip link set eno2 arp on",
    boots: false,
  },
  {
    name: "a queue that limits the interface, and leaves enough",
    harm: "tc qdisc add dev eno2 root tbf rate 500mbit burst 1mb latency 50ms",
    mend: "tc qdisc del dev eno2 root",
    boots: true,
    saysNoAllTheSame: true,
  },
  {
    name: "a loader with other bytes at its end",
    harm: "cp -a /srv/tftp/ipxe.efi /root/kept; printf 'more' >> /srv/tftp/ipxe.efi",
    mend: "cp -a /root/kept /srv/tftp/ipxe.efi",
    boots: true,
    saysNoAllTheSame: true,
  },
  {
    name: "a refind.conf with another timeout",
    ...edit("/srv/tftp/refind.conf", "s/^timeout .*/timeout 2/"),
    boots: true,
    saysNoAllTheSame: true,
  },
  {
    name: "a stray autoexec.ipxe, where iPXE is too old to ask for it",
    harm: "printf '#!ipxe\\nshell\\n' > /srv/tftp/autoexec.ipxe",
    mend: "rm /srv/tftp/autoexec.ipxe",
    boots: true,
    saysNoAllTheSame: true,
  },
];

/** Whether what the proof says is what a machine then does. It must never say yes where the machine does not boot. */
describe("the proof and a machine in QEMU", () => {
  let lab: Lab;
  let project: ScratchProject;
  let packages: UnpackedPackages | undefined;
  const mac = "52:54:00:00:0c:01";

  beforeAll(async () => {
    lab = await labUp();
    packages = await unpackPackages("isc-dhcp-server");
    const program = programOn(
      lab,
      `const node0 = new netboot.NetbootServer("node0", { connection, network, time: false, names: false });
       new netboot.OlaNode("a", { server: node0, macs: ["${mac}"], address: "192.168.1.3" });`,
    );
    project = await scratchProject({ files: { "index.ts": program }, name: "truth" });
    await project.succeed(["up", "--yes", "--skip-preview"]);
    await project.succeed(["stack", "select"]);
  });

  afterAll(async () => {
    await project?.remove();
    await packages?.remove();
    await lab?.down();
  });

  async function proved(): Promise<{ readonly served: boolean; readonly seen: string }> {
    const { stdout } = await netbootCommand(project, "verify", "--json");
    const [machine] = JSON.parse(stdout) as readonly { served: boolean; seen: string }[];
    if (machine === undefined) throw new Error(`verify told of no machine: ${stdout}`);
    return machine;
  }

  async function boots(): Promise<boolean> {
    const machine = await lab.machine({ name: "a", macs: [mac] });
    const report = await machine.boot({ timeoutMs: 150_000 });
    await machine.off();
    return report.reachedDisk;
  }

  it.each(chains)("agree on $name", async ({ harm, mend, boots: expected, saysNoAllTheSame }) => {
    await lab.node0.run(harm);
    try {
      const { served, seen } = await proved();
      expect(served, seen).toBe(expected && saysNoAllTheSame !== true);
      expect(await boots()).toBe(expected);
    } finally {
      await lab.node0.run(mend);
    }
  });

  it("says no while another DHCP server answers, for which of the two a machine takes is chance", async () => {
    const { served, seen } = await withAnotherDhcpServer(lab, packages?.folder ?? "", proved);
    expect(served).toBe(false);
    expect(seen).toContain("another DHCP server answers on the private network: 192.168.1.13");
  });

  it("says no while another DHCP server serves the same wire on node 0 itself", async () => {
    await lab.node0.run(
      "apt-get install -y -q dnsmasq-base && systemd-run --unit mine dnsmasq -k --conf-file=/dev/null --port=0 --interface=eno2 --bind-interfaces --dhcp-range=192.168.1.10,192.168.1.14,1h --dhcp-boot=other.efi",
    );
    try {
      const { served, seen } = await proved();
      expect(served, seen).toBe(false);
    } finally {
      await lab.node0.run("systemctl stop mine; apt-get purge -y -q dnsmasq-base");
    }
  });

  it("is explained wherever it says no and the machine boots", () => {
    const told = readFileSync("docs/verification.md", "utf8");
    for (const { name } of chains.filter(({ saysNoAllTheSame }) => saysNoAllTheSame))
      expect(told).toContain(`| ${name} |`);
  });
});
