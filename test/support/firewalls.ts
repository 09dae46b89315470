import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { saidOfRules } from "./askNode0";
import { programOn } from "./node0";

/** A firewall as an administrator of node 0 has it: SSH is let in, all else is not. */
interface Firewall {
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

/** Longer than one block, so that a client's acknowledgement has to come through. */
const greeting = "Hello from node 0.\n".repeat(200);

const up = ["up", "--yes", "--skip-preview"];

const tftp = `const tftp = new netboot.TftpServer("tftp", { connection, address: network.address });\n`;
const opened = (settings = "{}") => `${tftp}
const firewall = new netboot.Firewall("firewall", {
  connection, interface: network.interface, services: ["dhcp", "tftp"], ...${settings},
}, { dependsOn: tftp });
export const manager = firewall.manager;
`;

/** The whole life of a Firewall on a host with this manager, seen from a machine on the private network. */
export function describeFirewall(name: keyof typeof firewalls): void {
  describe(`a firewall of ${name}`, () => {
    const { manager, setUp, reloads, effective, takeOut, putsIn }: Firewall = firewalls[name];
    let lab: Lab;
    let project: ScratchProject;
    let before: string;
    const rules = async () => (await lab.node0.run(effective)).stdout;
    const write = (rest: string) => project.write({ "index.ts": programOn(lab, rest) });

    beforeAll(async () => {
      lab = await labUp();
      await lab.node0.run(`set -e\n${setUp}`);
      // As it is after a boot: managers print what they have loaded in another order than what was added one by one.
      await lab.node0.reboot();
      before = await rules();
      project = await scratchProject({ files: { "index.ts": programOn(lab, tftp) }, name: "firewall" });
      await project.succeed(up);
      await lab.node0.run("cat > /srv/tftp/greeting", { input: greeting });
    });

    afterAll(async () => {
      await project?.remove();
      await lab?.down();
    });

    /** What the proof says of these rules. */
    const said = () => saidOfRules(lab, "eno2", "192.168.1.1", "192.168.1.0/28");

    it("keeps machines out before, and the proof says so", async () => {
      expect(await fetchFromOutside(lab)).toBe("no answer");
      expect(await said()).toMatch(
        /^kept out: node 0's firewall drops requests for files \(udp 69\) of machines on eno2, by /,
      );
    });

    it("lets them in after an up, and a second one changes nothing", async () => {
      write(opened());
      await project.succeed(up);
      expect(await project.outputs()).toEqual({ manager });
      expect(await fetchFromOutside(lab)).toBe(greeting);
      expect(await said()).toBe("admitted");
      const opener = await rules();
      const { stdout } = await project.succeed(up);
      expect(stdout).toMatch(/\d+ unchanged/);
      expect(stdout).not.toMatch(/\d+ (updated|created)/);
      await project.succeed(["refresh", "--yes"]);
      expect(await rules()).toBe(opener);
    });

    it.each(reloads)("stays so after %s", async (command) => {
      const opener = await rules();
      await lab.node0.run(command);
      expect(await fetchFromOutside(lab)).toBe(greeting);
      expect(await rules()).toBe(opener);
    });

    it("stays so after a reboot of node 0", async () => {
      await lab.node0.reboot();
      expect(await fetchFromOutside(lab)).toBe(greeting);
    });

    it("misses a rule that somebody took out while nothing watches, and puts it back", async () => {
      const opener = await rules();
      await lab.node0.run(`systemctl stop pulumi-netboot-firewall; ${takeOut}`);
      expect(await fetchFromOutside(lab)).not.toBe(greeting);
      const { stdout } = await project.succeed(["preview", "--refresh", "--diff"]);
      expect(stdout).toContain(`"allow in on ${lab.node0.privateInterface} udp 69"`);
      await project.succeed([...up, "--refresh"]);
      expect(await fetchFromOutside(lab)).toBe(greeting);
      expect(await rules()).toBe(opener);
    });

    it("drops on all other interfaces, and node 0 has what it needs of them", async () => {
      write(opened("{ confine: true }"));
      await project.succeed(up);
      expect(await fetchFromOutside(lab)).toBe(greeting);
      await lab.node0.run("apt-get -q -o APT::Update::Error-Mode=any update");
    });

    it("has the rules that it had when a power cut ends the change", async () => {
      write(tftp);
      await project.succeed(up);
      expect(await rules()).toBe(before);
      // The program does its work, but does not end before the power does.
      const [program, word] = putsIn;
      await lab.node0.run(`
        mv ${program} ${program}.real
        printf '#!/bin/bash\n(exec -a %s %s "$@") || exit\ncase "$*" in *%s*) sleep 60;; esac\n' ${program} ${program}.real ${word} > ${program}
        chmod 755 ${program}`);
      write(opened());
      const cut = project.pulumi(up);
      await expect.poll(() => rules(), { timeout: 90_000 }).not.toBe(before);
      await lab.node0.powerCut();
      expect((await cut).code).not.toBe(0);
      await lab.node0.powerOn();
      expect(await rules()).toBe(before);
      await lab.node0.run(`mv ${program}.real ${program}`);
      await project.succeed(up);
      expect(await fetchFromOutside(lab)).toBe(greeting);
    });

    it("is as it was after a destroy, also when node 0 was rebooted", async () => {
      write(tftp);
      await project.succeed(up);
      expect(await rules()).toBe(before);
      expect(await fetchFromOutside(lab)).toBe("no answer");
      await project.succeed(["destroy", "--yes", "--skip-preview"]);
      await lab.node0.reboot();
      expect(await rules()).toBe(before);
      const { stdout } = await lab.node0.run(
        "grep -rl pulumi-netboot /etc /usr/share/netfilter-persistent; ls -d /etc/systemd/system/nftables.service.d",
        {
          check: false,
        },
      );
      expect(stdout).toBe("");
    });
  });
}
