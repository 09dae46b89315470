import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { runCommand } from "../../tools/command.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { netbootCommand, programOn } from "../support/node0";

const up = ["up", "--yes", "--skip-preview"];
const stillAsking =
  "asks its DHCP and TFTP servers as the machines do; what does not answer is asked again, for up to half a minute";
const ownAddress = "192.168.1.1/28";

/** What somebody does to node 0 by hand, and what is said of it. */
interface ByHand {
  readonly what: string;
  readonly harm: string;
  readonly mend: string;
  /** What `doctor` says; without it, that all is as the stack has it. */
  readonly doctor?: RegExp;
  /** What `verify` says of machine a and machine b; without it, that they are served. */
  readonly a?: RegExp;
  readonly b?: RegExp;
  /** Whether the question takes so long that a word is due meanwhile. */
  readonly takesLong?: true;
  /** What an `up` that touches the TFTP server says: it is refused, and nothing is touched. */
  readonly up?: RegExp;
}

/** The same is said of both machines. */
const both = (said: RegExp): Pick<ByHand, "a" | "b" | "doctor"> => ({ a: said, b: said, doctor: said });

const userIsGone = (user: string, unit: string): RegExp =>
  new RegExp(`somebody has deleted the user ${user}, as whom ${unit}\\.service runs, so that it would not start again`);

/** Debian's own way to make the user again, which is what the sentence says. */
const deleted = (user: string, unit: string, name: string): Omit<ByHand, "what"> => ({
  harm: `userdel --force ${user}`,
  mend: `dpkg-reconfigure -f noninteractive ${name}; getent passwd ${user}; systemctl restart ${unit}`,
  doctor: userIsGone(user, unit),
});

const nft = (table: string): Pick<ByHand, "harm" | "mend"> => ({
  harm: `nft 'add table ${table}'`,
  mend: `nft delete table ${table.split(" ").slice(0, 2).join(" ")}`,
});

const cases: readonly ByHand[] = [
  {
    what: "the boot files are the user tftp's",
    harm: "chown tftp /srv/tftp",
    mend: "chown root /srv/tftp",
    doctor:
      /\/srv\/tftp is a folder in which others than root .*: it belongs to the user tftp\. Run `chown root \/srv\/tftp`/,
  },
  {
    what: "everybody may exchange the boot files",
    harm: "chmod 777 /srv/tftp",
    mend: "chmod 755 /srv/tftp",
    doctor: /everybody may write to it \(mode 777\)\. Run `chmod o-w \/srv\/tftp`/,
    up: /everybody may write to it \(mode 0777\)/,
  },
  {
    what: "the user of in.tftpd is deleted",
    ...deleted("tftp", "tftpd-hpa", "tftpd-hpa"),
    up: userIsGone("tftp", "tftpd-hpa"),
  },
  { what: "the user of dnsmasq is deleted", ...deleted("dnsmasq", "netboot-names", "dnsmasq-base") },
  { what: "the user of chrony is deleted", ...deleted("_chrony", "chrony", "chrony") },
  {
    what: "the user of in.tftpd is locked, which starts all the same",
    harm: "usermod --lock --expiredate 1 tftp; systemctl restart tftpd-hpa",
    mend: "usermod --unlock --expiredate '' tftp || usermod --expiredate '' tftp",
  },
  {
    what: "node 0's address is there for a time only",
    harm: `ip address change ${ownAddress} dev eno2 valid_lft 3000 preferred_lft 3000`,
    mend: `ip address change ${ownAddress} dev eno2 valid_lft forever preferred_lft forever`,
    doctor: /eno2: 192\.168\.1\.1 goes in (2\d{3}|3000) seconds unless it is renewed: give eno2 that address for good/,
  },
  {
    what: "a client of DHCP gives node 0 its address",
    harm: `printf '#!/bin/sh\nsleep 600\n' > /usr/local/sbin/dhclient; chmod 755 /usr/local/sbin/dhclient
      systemd-run -q --unit=by-hand /usr/local/sbin/dhclient -4 eno2
      ip address change ${ownAddress} dev eno2 valid_lft 3000 preferred_lft 3000`,
    mend: `ip address change ${ownAddress} dev eno2 valid_lft forever preferred_lft forever; systemctl stop by-hand; rm /usr/local/sbin/dhclient`,
    doctor: /seconds unless it is renewed; dhclient gives it there: /,
  },
  {
    what: "node 0's address is taken off",
    harm: `ip address del ${ownAddress} dev eno2`,
    mend: `ip address add ${ownAddress} dev eno2; systemctl restart isc-dhcp-server tftpd-hpa netboot-names chrony`,
    ...both(/node 0 does not have 192\.168\.1\.1 any more, .*: give eno2 that address back/),
    up: /no interface of node 0 has the address 192\.168\.1\.1, on which tftpd-hpa\.service is to listen/,
  },
  {
    what: "the interface is switched off",
    harm: "ip link set eno2 down",
    mend: "ip link set eno2 up; sleep 1; systemctl restart isc-dhcp-server tftpd-hpa netboot-names chrony",
    ...both(/eno2 is down, so that nothing comes or goes by it: `ip link set eno2 up` switches it on/),
  },
  {
    what: "the interface has another name",
    harm: "ip link set eno2 down; ip link set eno2 name gone0; ip link set gone0 up",
    mend: "ip link set gone0 down; ip link set gone0 name eno2; ip link set eno2 up; sleep 1; systemctl restart isc-dhcp-server tftpd-hpa netboot-names chrony",
    ...both(
      /node 0 has no interface eno2 any more \(it has .*gone0.*\), so that no DHCP server would start again on it/,
    ),
  },
  {
    what: "in.tftpd is frozen",
    harm: "systemctl freeze tftpd-hpa",
    mend: "systemctl thaw tftpd-hpa",
    a: /no answer, for tftpd-hpa\.service is frozen, and answers nobody until `systemctl thaw tftpd-hpa\.service`/,
    b: /for tftpd-hpa\.service is frozen/,
    doctor: /it is frozen, and answers nobody until/,
  },
  {
    what: "dhcpd was halted by a signal",
    harm: "systemctl kill --signal=STOP isc-dhcp-server",
    mend: "systemctl kill --signal=CONT isc-dhcp-server",
    a: /asked by DHCP and got no answer, for isc-dhcp-server\.service was halted by a signal, .* `kill -CONT \d+`/,
    b: /for isc-dhcp-server\.service was halted by a signal/,
    doctor: /it was halted by a signal/,
  },
  {
    what: "a limit of nftables, before which our Firewall lets machines pass",
    ...nft(
      "ip mine { chain i { type filter hook input priority -5; udp dport 1024-65535 limit rate over 2/second drop; }; }",
    ),
    ...both(
      /it did not come whole in 30 s, though a client that waits longer may get it; node 0's own question, which goes over lo, meets `udp dport 1024-65535 limit rate over 2\/second .*drop` in chain ip mine i/,
    ),
    takesLong: true,
  },
  {
    what: "rules of nftables that drop ARP",
    ...nft("arp mine { chain i { type filter hook input priority 0; policy accept; drop; }; }"),
    ...both(/not proved: it can't be told whether ARP comes through on eno2, .*: chain arp mine i has rules for it/),
  },
  {
    what: "a route that is wrong for one machine",
    harm: "ip route add blackhole 192.168.1.3/32",
    mend: "ip route del blackhole 192.168.1.3/32",
    b: /node 0 sends nothing to a machine at 192\.168\.1\.3: by the route `blackhole 192\.168\.1\.3\/32` of table main/,
    doctor: /: b: node 0 sends nothing to a machine at 192\.168\.1\.3/,
  },
  {
    what: "a route that is wrong for nobody",
    harm: "ip route add blackhole 192.168.1.9/32",
    mend: "ip route del blackhole 192.168.1.9/32",
  },
  {
    what: "a hosts.deny that has one machine",
    harm: "echo 'in.tftpd: 192.168.1.3' > /etc/hosts.deny",
    mend: "rm /etc/hosts.deny",
    b: /in\.tftpd answers no machine at 192\.168\.1\.3, by \/etc\/hosts\.deny, line 1/,
    doctor: /: b: in\.tftpd answers no machine at 192\.168\.1\.3/,
  },
  {
    what: "an IPAddressDeny= that systemd does not carry out, for node 0 is a container",
    harm: `mkdir -p /etc/systemd/system/tftpd-hpa.service.d
      printf '[Service]\\nIPAddressDeny=192.168.1.3\\n' > /etc/systemd/system/tftpd-hpa.service.d/deny.conf
      systemctl daemon-reload; systemctl restart tftpd-hpa`,
    mend: "rm -r /etc/systemd/system/tftpd-hpa.service.d; systemctl daemon-reload; systemctl restart tftpd-hpa",
    b: /not proved: it can't be told whether tftpd-hpa\.service hears the machine at 192\.168\.1\.3, because of IPAddressDeny=192\.168\.1\.3(\/32)?, which systemd/,
    doctor: /: b: not proved: it can't be told whether tftpd-hpa\.service hears the machine/,
  },
  {
    what: "a machine's address on node 0's own lo",
    harm: "ip address add 192.168.1.3/32 dev lo",
    mend: "ip address del 192.168.1.3/32 dev lo",
    b: /not proved: files for 192\.168\.1\.3 stay on node 0, which has that address itself: `ip address show to 192\.168\.1\.3`/,
    doctor: /: b: not proved: files for 192\.168\.1\.3 stay on node 0/,
  },
  {
    what: "a unit of the distribution that is masked, and runs",
    harm: "systemctl mask -q chrony",
    mend: "systemctl unmask -q chrony",
    doctor:
      /chrony\.service: it runs, and would not start again, for somebody has masked it: `systemctl unmask chrony\.service`/,
  },
  {
    what: "a drop-in for all services",
    harm: `mkdir -p /etc/systemd/system/service.d; echo 'TFTP_OPTIONS="--secure --blocksize 512"' > /etc/default/other
      printf '[Service]\nEnvironmentFile=-/etc/default/other\n' > /etc/systemd/system/service.d/mine.conf
      systemctl daemon-reload; systemctl restart tftpd-hpa`,
    mend: "rm -r /etc/systemd/system/service.d /etc/default/other; systemctl daemon-reload; systemctl restart tftpd-hpa",
    doctor:
      /tftpd-hpa\.service: it runs as .*--blocksize 512.*, by \/etc\/systemd\/system\/service\.d\/mine\.conf: take its lines away/,
    up: /\/etc\/systemd\/system\/service\.d\/mine\.conf has tftpd-hpa\.service started in another way/,
  },
];

describe("what somebody did to node 0 by hand", () => {
  let lab: Lab;
  let project: ScratchProject;
  const program = (options = ""): string =>
    programOn(
      lab,
      `const node0 = new netboot.NetbootServer("node0", { connection, network, tftp: { ${options} } });
       new netboot.OlaNode("a", { server: node0, macs: ["52:54:00:00:0d:01"], address: "192.168.1.2" });
       new netboot.OlaNode("b", { server: node0, macs: ["52:54:00:00:0d:02"], address: "192.168.1.3" });`,
    );
  const netboot = (...args: readonly string[]) => netbootCommand(project, ...args, "--stack", "dev");
  const whole = /^all as the stack has it/;

  beforeAll(async () => {
    lab = await labUp();
    await lab.node0.run("apt-get -q -y install --no-install-recommends nftables >/dev/null");
    project = await scratchProject({ files: { "index.ts": program() }, name: "by-hand" });
    await project.succeed(up);
    expect((await netboot("doctor")).stdout).toMatch(whole);
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  it.each(cases)("is told: $what", async ({ harm, mend, doctor = whole, a, b, takesLong, up: refused }) => {
    await lab.node0.run(harm);
    try {
      const { stdout, output } = await netboot("verify", "--json");
      if (takesLong) expect(output).toContain(stillAsking);
      const told = JSON.parse(stdout) as readonly { machine: string; served: boolean; seen: string }[];
      for (const [name, wrong] of [
        ["a", a],
        ["b", b],
      ] as const) {
        const machine = told.find((each) => each.machine === name);
        expect(machine?.seen, output).toMatch(wrong ?? /^served: /);
      }
      expect((await netboot("doctor")).stdout).toMatch(doctor);
      if (refused !== undefined) {
        project.write({ "index.ts": program('options: ["--secure", "--verbosity", "3"]') });
        const before = await lab.node0.run(
          "sha256sum /etc/default/tftpd-hpa; systemctl show -p InvocationID tftpd-hpa",
        );
        const { code, output: said } = await project.pulumi(up);
        project.write({ "index.ts": program() });
        expect(said).toMatch(refused);
        expect(code).not.toBe(0);
        const after = await lab.node0.run("sha256sum /etc/default/tftpd-hpa; systemctl show -p InvocationID tftpd-hpa");
        expect(after.stdout).toBe(before.stdout);
      }
    } finally {
      await lab.node0.run(mend, { check: false });
    }
    expect((await netboot("doctor")).stdout).toMatch(whole);
    await project.succeed([...up, "--expect-no-changes"]);
  });

  it("is told: nothing is at the other end of the interface, which node 0's own question does not meet", async () => {
    const other = async (state: "up" | "down") =>
      await runCommand(["ip", "-n", lab.segment.namespace, "link", "set", "node0-eno2", state]);
    await other("down");
    try {
      const { code, output } = await netboot("verify");
      expect(code, output).not.toBe(0);
      expect(output).toMatch(/eno2 has no carrier, so that no machine is reached by it now/);
      expect((await netboot("doctor")).stdout).toMatch(/eno2 has no carrier/);
    } finally {
      await other("up");
    }
    await vi.waitFor(async () => expect((await netboot("doctor")).stdout).toMatch(whole), { timeout: 30_000 });
  });

  it("is told: no room in /run, where node 0 keeps what it is to start", async () => {
    // What others give back there, as a session that ends, is taken at once.
    await lab.node0.run(`
      used=$(df --output=used -k /run | tail -1); mount -o remount,size=$((used + 64))k /run
      systemd-run -q --unit=by-hand sh -c 'while :; do dd if=/dev/zero bs=4k >> /run/full 2>/dev/null; sleep 0.02; done'; sleep 2`);
    try {
      const { code, output } = await netboot("verify");
      expect(code, output).not.toBe(0);
      expect(output).toMatch(/systemd-run, by which node 0 itself would carry a change out, starts nothing there/);
      expect(output).toMatch(/`df \/run` whether there is room for it/);
      // One cause of all that is asked is told once.
      const more = `new netboot.OlaNode("c", { server: node0, macs: ["52:54:00:00:0d:03"], address: "192.168.1.4" });`;
      project.write({ "index.ts": `${program('options: ["--secure", "--verbosity", "3"]')}\n${more}` });
      const said = [(await netboot("plan")).output, (await project.pulumi(["preview", "--refresh"])).output];
      const times = said.map(
        (text) => text.replace(/.*^Diagnostics:/ms, "").match(/by which node 0 itself would carry/g)?.length,
      );
      expect(times, said.join("\n")).toEqual([1, 1]);
    } finally {
      project.write({ "index.ts": program() });
      await lab.node0.run("systemctl kill --signal=KILL by-hand; rm -f /run/full; mount -o remount,size=50% /run");
    }
    expect((await netboot("doctor")).stdout).toMatch(whole);
  });

  it("is told by an up, too: a rule that only node 0's own question meets", async () => {
    await lab.node0.run(
      "nft 'table inet mine { chain input { type filter hook input priority 10; iifname lo udp dport 69 drop; }; }'",
    );
    const why =
      /could not be fetched by TFTP from 192\.168\.1\.1: no answer.*; node 0's own question, which goes over lo, meets .*udp dport 69 drop/;
    try {
      project.write({ "index.ts": program('options: ["--secure", "--verbosity", "3"]') });
      expect((await project.succeed(up)).output).toMatch(why);
      const more = `new netboot.OlaNode("c", { server: node0, macs: ["52:54:00:00:0d:03"], address: "192.168.1.4" });`;
      project.write({ "index.ts": `${program()}\n${more}` });
      const { code, output } = await project.pulumi(up);
      expect(code).not.toBe(0);
      expect(output).toMatch(why);
    } finally {
      await lab.node0.run("nft delete table inet mine");
      project.write({ "index.ts": program() });
      await project.succeed([...up, "--refresh"]);
    }
  });

  it("keeps nothing from going: with the interface off, a machine and then all of it", async () => {
    await lab.node0.run("ip link set eno2 down");
    try {
      const { output } = await project.succeed(["destroy", "--yes", "--skip-preview", "--target", "**OlaNode::b"]);
      expect(output).toMatch(/eno2 is down, so that nothing comes or goes by it/);
      const { stdout } = await netboot("doctor");
      expect(stdout).toMatch(/eno2: eno2 is down, so that nothing comes or goes by it/);
      expect(stdout).not.toMatch(/`pulumi up --refresh` mends what differs/);
      await project.succeed(["destroy", "--yes", "--skip-preview"]);
      expect((await lab.node0.run("ls /etc/dhcp /srv/tftp")).stdout).not.toMatch(/netboot|refind/);
    } finally {
      await lab.node0.run("ip link set eno2 up");
    }
  });
});
