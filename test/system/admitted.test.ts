import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { fetchFromOutside } from "../support/firewalls";
import { inAgent } from "../support/inAgent";
import { netbootCommand, programOn } from "../support/node0";

const up = ["up", "--yes", "--skip-preview"];

/** What the proof may say of a ruleset: that files come through, that they do not, or that it can't tell. */
type Said = "admitted" | "kept out" | "in doubt";

const nft = (rules: string, more = ""): string =>
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

/** Rulesets as people have them: what really comes through, and what is said of it, which is never more than that. */
const rulesets: readonly (readonly [name: string, setUp: string, truth: boolean, said: Said])[] = [
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
  ["only answers let out, and no helper for TFTP", nftOut("ct state established,related accept;"), false, "in doubt"],
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

/** The proof's other half: node 0's own questions do not meet its firewall, so the rules are read. */
describe("what the firewall of node 0 admits", () => {
  let lab: Lab;
  let project: ScratchProject;
  const open = `test ! -e /usr/sbin/nft.away || mv /usr/sbin/nft.away /usr/sbin/nft
    iptables -P OUTPUT ACCEPT; iptables -P INPUT ACCEPT
    for table in filter raw mangle nat; do iptables -t $table -F; iptables -t $table -X; done; nft flush ruleset; tc qdisc del dev eno2 clsact 2>/dev/null || true`;

  const program = (more: string): string =>
    programOn(
      lab,
      `const dhcp = new netboot.DhcpServer("dhcp", { connection, network });
       const tftp = new netboot.TftpServer("tftp", { connection, address: network.address });
       const files = new netboot.BootArtifacts("files", { connection });
       const a = (verify: netboot.Verify) => new netboot.OlaNode("a",
         { server: dhcp, macs: ["52:54:00:00:0b:01"], address: "192.168.1.3", verify }, { dependsOn: [tftp, files] });
       ${more}`,
    );

  beforeAll(async () => {
    lab = await labUp();
    await lab.node0.run(
      "DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends iptables nftables >/dev/null",
    );
    project = await scratchProject({ files: { "index.ts": program("") }, name: "admitted" });
    await project.succeed(up);
    await project.succeed(["stack", "select"]);
    await lab.node0.run("head -c 4000 /dev/zero | tr '\\0' x > /srv/tftp/greeting");
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  const said = (): Promise<string> =>
    inAgent(
      lab,
      `my $why = why_not_admitted("eno2", "192.168.1.1", "192.168.1.0/28");
       print $why ? ($why->{sure} ? "kept out" : "in doubt") . ": $why->{text}" : "admitted";`,
    );

  it.each(rulesets)("is told of %s", async (_name, setUp, truth, expected) => {
    await lab.node0.run(setUp);
    try {
      expect((await fetchFromOutside(lab)).length === 4000).toBe(truth);
      expect((await said()).split(":")[0]).toBe(expected);
    } finally {
      await lab.node0.run(open);
    }
  });

  it("lets no machine be declared that it keeps out, and tells verify", async () => {
    await lab.node0.run(nft("udp dport 69 accept;"));
    const reason =
      /node 0's firewall drops acknowledgements of files \(established udp\) of machines on eno2, by the policy of chain inet mine input; declare a Firewall/;
    project.write({ "index.ts": program("a(true);") });
    const refused = await project.pulumi(up);
    expect(refused.code).not.toBe(0);
    expect(refused.output).toMatch(reason);
    await lab.node0.run(open);
    await project.succeed(up);
    await lab.node0.run(nft("udp dport 69 accept;"));
    const { code, stdout } = await netbootCommand(project, "verify");
    expect(code).toBe(1);
    expect(stdout).toMatch(new RegExp(`^FAILED {2}a {2}${reason.source}`, "m"));
    await lab.node0.run(open);
  });

  it("warns where it can't tell, and fails whoever wants to reboot on it", async () => {
    await lab.node0.run(nft("ct state established accept; udp dport 69 limit rate 10/second accept;"));
    const reason =
      /it can't be told whether node 0's firewall lets through requests for files \(udp 69\) of machines on eno2, because of `udp dport 69 limit rate 10\/second.* accept` in chain inet mine input/;
    project.write({ "index.ts": program("export const { verified } = a(true); dhcp;") });
    await project.succeed([...up, "--refresh"]);
    project.write({ "index.ts": program('const node = a({ again: "1" }); export const { verified } = node;') });
    const { code, output } = await project.pulumi(up);
    expect(code).not.toBe(0);
    expect(output).toMatch(reason);
    const table = await netbootCommand(project, "verify");
    expect(table.code).toBe(1);
    expect(table.stdout).toMatch(/^FAILED {2}a {2}not proved: it can't be told/m);
    project.write({ "index.ts": program("const node = a({ again: undefined }); export const { verified } = node;") });
    await project.succeed([...up]);
    expect((await project.outputs())["verified"]).toMatch(
      /^DHCP offered 192\.168\.1\.3, ipxe\.efi, then refind\.pxe \(1 MAC\)/,
    );
    await lab.node0.run(open);
  });
});
