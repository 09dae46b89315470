import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { changedSince, programOn } from "../support/node0";

const up = ["up", "--yes", "--skip-preview"];
const destroy = ["destroy", "--yes", "--skip-preview"];

/** What somebody else has of packages, and holds of apt. */
describe("packages of somebody else's on node 0", () => {
  let lab: Lab;
  let project: ScratchProject;

  beforeAll(async () => {
    lab = await labUp();
    const program = "new netboot.NetbootServer('node0', { connection, network, removePackages: true });";
    project = await scratchProject({ files: { "index.ts": programOn(lab, program) }, name: "theirs" });
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  it("are not removed for ours: a server that conflicts is named", async () => {
    // Stopped and out of the next boot, it is only in apt's way.
    await lab.node0.run(
      "apt-get -q -y install --no-install-recommends atftpd; systemctl disable --now atftpd.socket atftpd.service",
    );
    const { code, output } = await project.pulumi(up);
    expect(code).not.toBe(0);
    expect(output).toMatch(
      /apt would remove atftpd for .*tftpd-hpa, which can't be beside it on one host; if nobody needs it, remove it yourself/,
    );
    expect((await lab.node0.run("dpkg -l atftpd | grep -c ^ii")).stdout).toBe("1\n");
    await lab.node0.run("apt-get -q -y purge atftpd");
  });

  it("hinder nobody, speak for themselves, and leave with destroy what was theirs", async () => {
    const configuration = "cat /etc/chrony/chrony.conf /etc/chrony/chrony.keys; dpkg -l chrony | tail -1 | cut -c 1-2";
    await lab.node0.run(`
      export DEBIAN_FRONTEND=noninteractive
      apt-get -q -y install --no-install-recommends chrony etckeeper git
      echo '7 SHA1 HEX:00' >> /etc/chrony/chrony.keys
      echo '# my own' >> /etc/chrony/chrony.conf
      apt-get -q -y install --no-install-recommends systemd-timesyncd`);
    const before = (await lab.node0.run(configuration)).stdout;
    expect(before).toMatch(/# my own\n[\s\S]*7 SHA1 HEX:00\nrc\n$/);
    await lab.node0.run(`
      mkdir -p /root/broken/DEBIAN /root/empty && cd /root
      printf 'Package: broken\\nVersion: 1\\nArchitecture: all\\nMaintainer: me <me@example.net>\\nDescription: broken\\n' > broken/DEBIAN/control
      printf '#!/bin/sh\\necho licence server down\\nexit 1\\n' > broken/DEBIAN/postinst && chmod +x broken/DEBIAN/postinst
      dpkg-deb -b broken broken.deb && ! dpkg -i broken.deb
      echo 'ftp_proxy="http://proxy.example.net:3128"' >> /etc/environment
      printf '#!/bin/sh\\nenv > /root/seen; exec /usr/bin/apt-get "$@"\\n' > /usr/local/bin/apt-get && chmod +x /usr/local/bin/apt-get
      rm -r /var/lib/apt/lists && mkdir -p /var/lib/apt/lists/partial && touch /var/lib/apt/lists/lock
      sed -i 's/^#* *AVOID_COMMIT_BEFORE_INSTALL=.*/AVOID_COMMIT_BEFORE_INSTALL=1/' /etc/etckeeper/etckeeper.conf
      grep -q ^AVOID_COMMIT_BEFORE_INSTALL=1 /etc/etckeeper/etckeeper.conf || echo AVOID_COMMIT_BEFORE_INSTALL=1 >> /etc/etckeeper/etckeeper.conf
      etckeeper commit before || true
      cat > hold.pl <<'END'
use Fcntl ':DEFAULT';
open my $lock, '+<', '/var/lib/apt/lists/lock' or die;
my $how = pack 's s x4 q q i x4', F_WRLCK, 0, 0, 0, 0;
fcntl $lock, F_SETLK, $how or die;
sleep 25;
END
      systemd-run --quiet perl /root/hold.pl`);
    const { output } = await project.succeed(up);
    expect(output).toContain("which holds /var/lib/apt/lists/lock");
    expect(output).toMatch(
      /failed on account of broken:\n\s+licence server down\n\s+dpkg: error processing package broken/,
    );
    expect((await lab.node0.run("cat /root/seen")).stdout).toMatch(
      /^ftp_proxy=http:\/\/proxy\.example\.net:3128$[\s\S]*^DEBIAN_FRONTEND=noninteractive$|^DEBIAN_FRONTEND=noninteractive$[\s\S]*^ftp_proxy=http:\/\/proxy\.example\.net:3128$/m,
    );
    await lab.node0.run("sed -i '/^AVOID_COMMIT_BEFORE_INSTALL/d' /etc/etckeeper/etckeeper.conf");
    await project.succeed(destroy);
    expect((await lab.node0.run(configuration)).stdout).toBe(before);
    const { stdout } = await lab.node0.run(
      "systemctl is-enabled systemd-timesyncd; dpkg -l tftpd-hpa isc-dhcp-server 2>/dev/null | grep -c ^i; ls /var/lib/pulumi-netboot /usr/local/lib/systemd 2>&1",
      { check: false },
    );
    expect(stdout).toMatch(
      /^enabled\n0\nls: .*pulumi-netboot': No such file or directory\nls: .*systemd': No such file or directory\n$/,
    );
  });
});

/** What somebody chose for this host before us; what becomes of it where the program says so is in timeDaemons.test.ts. */
describe("a time daemon or a name server of the user's own", () => {
  let lab: Lab;
  let project: ScratchProject;

  beforeAll(async () => {
    lab = await labUp();
    project = await scratchProject({ files: { "index.ts": programOn(lab, "") }, name: "own" });
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  it.each([
    [
      "ntpsec",
      "TimeServer",
      /ntpsec keeps the time of this host, and chrony would replace it\. Say time: \{ replace: true \}/,
    ],
    ["chrony", "TimeServer", /chrony is on this host already/],
    ["dnsmasq", "NameServer", /dnsmasq \(dnsmasq\.service\) has port 53 of 192\.168\.1\.1 already .*names: false/],
    [
      "dnsmasq",
      "NetbootServer",
      /dnsmasq \(dnsmasq\.service\) has port 67 of 192\.168\.1\.1 already \(udp 0\.0\.0\.0%eno2:67\)\..*otherDhcpServers/,
      "port=0 interface=eno2 bind-interfaces dhcp-range=192.168.1.10,192.168.1.14,1h",
    ],
    ["atftpd", "TftpServer", /systemd \(atftpd\.socket\) has port 69 of 192\.168\.1\.1 already/],
  ])("is not touched: %s, by a %s", async (name, kind, message, config = "") => {
    await lab.node0.run(
      `apt-get -q -y install --no-install-recommends ${name}
       for line in ${config}; do echo $line >> /etc/dnsmasq.conf; done; systemctl restart ${name}`,
    );
    const before = await lab.node0.listing();
    const where = kind === "TftpServer" ? "address: network.address" : "network";
    project.write({ "index.ts": programOn(lab, `new netboot.${kind}("part", { connection, ${where} });`) });
    const { code, output } = await project.pulumi(up);
    expect(code).not.toBe(0);
    expect(output).toMatch(message);
    expect(await changedSince(lab, before)).toEqual([]);
  });
});
