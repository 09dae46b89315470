import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { type UnpackedPackages, unpackPackages } from "../support/debianPackages.ts";
import { changedSince, netbootCommand, programOn } from "../support/node0";

const up = ["up", "--yes", "--skip-preview"];
const destroy = ["destroy", "--yes", "--skip-preview"];

/** A machine on the private segment, with the means to ask. */
class Client {
  readonly #lab: Lab;
  readonly #packages: UnpackedPackages;

  constructor(lab: Lab, packages: UnpackedPackages) {
    this.#lab = lab;
    this.#packages = packages;
  }

  /** What dig prints of an answer: the code, and the data of each record. */
  async dig(...words: readonly string[]): Promise<string> {
    const asked = ["dig", "@192.168.1.1", "+time=2", "+tries=2", "+noall", "+comments", "+answer", ...words];
    const { stdout } = await this.#lab.segment.run(asked, { check: false });
    const status = /status: (\w+)/.exec(stdout)?.[1] ?? "silence";
    const data = [...stdout.matchAll(/^[^;\s]\S*\s+\d+\s+IN\s+\S+\s+(.+)$/gm)].map(([, value]) => value);
    return [status, ...data].join(" ");
  }

  /** What chronyd, asking a server once and setting nothing, says of it. */
  async askTime(server: string, timeoutSeconds = 10): Promise<string> {
    const chronyd = `${this.#packages.folder}/usr/sbin/chronyd`;
    const words = [
      "-Q",
      "-f",
      "/dev/null",
      "-u",
      "root",
      "-t",
      String(timeoutSeconds),
      `server ${server} iburst maxsamples 1`,
    ];
    const { stdout, stderr } = await this.#lab.segment.run([chronyd, ...words, "cmdport 0"], { check: false });
    return stdout + stderr;
  }
}

async function makeClient(lab: Lab): Promise<{ client: Client; packages: UnpackedPackages }> {
  await lab.segment.run(["ip", "address", "add", "192.168.1.14/28", "dev", lab.segment.clientInterface]);
  const packages = await unpackPackages("chrony");
  return { client: new Client(lab, packages), packages };
}

/** Whether anything answers an NTP or DNS request at an address: what the machine that the lab runs on sees. */
async function answersOutside(host: string, port: 53 | 123): Promise<boolean> {
  const { createSocket } = await import("node:dgram");
  const dns = Buffer.from("1267010000010000000000000776657273696f6e0462696e640000100003", "hex");
  const ntp = Buffer.concat([Buffer.of(0x23), Buffer.alloc(47)]);
  const socket = createSocket("udp4");
  try {
    return await new Promise((resolve) => {
      socket.on("message", () => resolve(true));
      socket.on("error", () => resolve(false));
      socket.connect(port, host, () => socket.send(port === 53 ? dns : ntp));
      setTimeout(() => resolve(false), 1000);
    });
  } finally {
    socket.close();
  }
}

describe("the time and the names of node 0", () => {
  let lab: Lab;
  let project: ScratchProject;
  let other: ScratchProject;
  let client: Client;
  let packages: UnpackedPackages | undefined;
  let before: string;

  const server = `const node0 = new netboot.NetbootServer("node0", {
       connection, network: { ...network, domain: "rack.example.net" }, names: { records: { filer: "192.168.1.13" } },
     });
     const db1 = new netboot.OlaNode("db-1", { server: node0, macs: ["52:54:00:00:00:01"], address: "192.168.1.11" });
     const reference = node0.reference;
     export { reference as node0 };
     export const time = node0.time?.listening;
     export const names = node0.names?.listening;
     export const table = netboot.hostsTable(db1);`;
  const web1 = (): string =>
    programOn(
      lab,
      `const server = pulumi.output(new pulumi.StackReference("organization/names/dev").requireOutput("node0")) as any;
       const nodes = { "web-1": { macs: ["52:54:00:00:00:02"], address: "192.168.1.12" } };
       new netboot.OlaFleet("f", { server, nodes });`,
    );
  const mainPid = async (unit: string): Promise<string> =>
    (await lab.node0.run(`systemctl show -p MainPID --value ${unit}`)).stdout.trim();

  beforeAll(async () => {
    lab = await labUp();
    // The packages that stay after a destroy are there before, so that nothing at all may differ; a table of the user's
    // own, that does not end with a newline.
    await lab.node0.run(`
      apt-get -q -y install --no-install-recommends isc-dhcp-server tftpd-hpa dnsmasq-base
      printf '192.0.2.7 mine # my own' >> /etc/hosts`);
    before = await lab.node0.listing();
    ({ client, packages } = await makeClient(lab));
    project = await scratchProject({ files: { "index.ts": programOn(lab, server) }, name: "names" });
    other = await scratchProject({ files: { "index.ts": programOn(lab, "") }, name: "other", sharing: project });
  });

  afterAll(async () => {
    await other?.remove();
    await project?.remove();
    await packages?.remove();
    await lab?.down();
  });

  it("are served by one up, and announced to the machines", async () => {
    await project.succeed(up);
    const { time, names, table } = await project.outputs();
    expect(time).toBe("192.168.1.1:123 udp");
    expect(names).toBe("192.168.1.1:53 udp, 192.168.1.1:53 tcp");
    expect(table).toBe("192.168.1.11 db-1.rack.example.net db-1\n");
    const { stdout } = await lab.node0.run("cat /etc/dhcp/dhcpd.conf");
    expect(stdout).toContain("option ntp-servers 192.168.1.1;");
    expect(stdout).toContain("option domain-name-servers 192.168.1.1;");
    expect(stdout).toContain('option domain-name "rack.example.net";');
    await project.succeed([...up, "--expect-no-changes"]);
  });

  it("give a machine the time by NTP, also when no server outside can be reached", async () => {
    expect(await client.askTime("192.168.1.1")).toMatch(/System clock wrong by -?0\.\d+ seconds/);
    const { stdout: route } = await lab.node0.run("ip route show default");
    await lab.node0.run("ip route del default && systemctl restart chrony");
    const alone = await client.askTime("192.168.1.1");
    await lab.node0.run(`ip route add ${route}`);
    expect(alone).toMatch(/System clock wrong by -?0\.\d+ seconds/);
  });

  it.each([["+notcp"], ["+tcp"]])("answer dig with %s, forward and back", async (how) => {
    expect(await client.dig("db-1.rack.example.net", how)).toBe("NOERROR 192.168.1.11");
    expect(await client.dig("db-1", how)).toBe("NOERROR 192.168.1.11");
    expect(await client.dig("-x", "192.168.1.11", how)).toBe("NOERROR db-1.rack.example.net.");
    expect(await client.dig("filer.rack.example.net", how)).toBe("NOERROR 192.168.1.13");
    expect(await client.dig("db-1.rack.example.net", "AAAA", how)).toBe("NOERROR");
    expect(await client.dig("db-9.rack.example.net", how)).toBe("NXDOMAIN");
    expect(await client.dig("www.example.org", how)).toBe("REFUSED");
  });

  it("answer nothing on the public side", async () => {
    expect(await answersOutside(lab.node0.host, 123)).toBe(false);
    expect(await answersOutside(lab.node0.host, 53)).toBe(false);
    const { stdout } = await lab.node0.run(
      "ss -H -lntu '( sport = :53 or sport = :123 )' | awk '{print $1, $5}' | sort",
    );
    expect(stdout).toBe("tcp 192.168.1.1:53\nudp 192.168.1.1:123\nudp 192.168.1.1:53\n");
  });

  it("know a machine of another stack as soon as it joins, and no more when it leaves, without a restart", async () => {
    const pid = await mainPid("netboot-names");
    other.write({ "index.ts": web1() });
    await other.succeed(up);
    expect(await client.dig("web-1.rack.example.net")).toBe("NOERROR 192.168.1.12");
    expect(await client.dig("-x", "192.168.1.12")).toBe("NOERROR web-1.rack.example.net.");
    await other.succeed(destroy);
    expect(await client.dig("web-1.rack.example.net")).toBe("NXDOMAIN");
    expect(await client.dig("db-1")).toBe("NOERROR 192.168.1.11");
    expect(await mainPid("netboot-names")).toBe(pid);
  });

  it("move to another network together with DHCP and TFTP, or not at all", async () => {
    await lab.node0.run("ip address add 192.168.2.1/28 dev eno2");
    other.write({ "index.ts": web1() });
    await other.succeed(up);
    const written = async (): Promise<string> =>
      (
        await lab.node0.run(
          "cat /etc/dhcp/dhcpd.conf /etc/default/tftpd-hpa /etc/chrony/conf.d/netboot.conf /etc/netboot-names/dnsmasq.conf",
        )
      ).stdout;
    const before = await written();
    project.write({ "index.ts": programOn(lab, server).replaceAll("192.168.1.", "192.168.2.") });
    const { code, output } = await project.pulumi(up);
    expect(code).not.toBe(0);
    expect(output).toMatch(/machines of other stacks are outside the new network 192\.168\.2\.0\/28: web-1/);
    expect(output).toMatch(
      /TftpServer node0-tftp .*not done, for it changes together with DhcpServer\/names\/dev\/node0-dhcp/,
    );
    expect(await written()).toBe(before);
    expect(await client.dig("web-1")).toBe("NOERROR 192.168.1.12");
    project.write({ "index.ts": programOn(lab, server) });
    await project.succeed([...up, "--expect-no-changes"]);
    await other.succeed(destroy);
    await lab.node0.run("ip address del 192.168.2.1/28 dev eno2");
  });

  it("stay what they were where the name server does not answer for a machine that joins", async () => {
    await lab.node0.run("pkill -STOP -x dnsmasq");
    const { code, output } = await other.pulumi(up);
    await lab.node0.run("pkill -CONT -x dnsmasq");
    expect(code).not.toBe(0);
    expect(output).toMatch(/192\.168\.1\.1 was asked by DNS \(udp\) for \S+ and answered nothing at all/);
    expect(output).toMatch(/the previous configuration was put back/);
    expect(await client.dig("web-1")).toBe("NXDOMAIN");
    expect(await client.dig("db-1")).toBe("NOERROR 192.168.1.11");
  });

  it("refuse a machine whose name a record gives to another address, naming both", async () => {
    other.write({ "index.ts": web1().replace('"web-1"', '"filer"') });
    const { code, output } = await other.pulumi(up);
    expect(code).not.toBe(0);
    expect(output).toMatch(
      /the name "filer\.\S+" is a machine's \(192\.168\.1\.12, OlaFleet\/\S+\/f\) and a record's \(192\.168\.1\.13, NameServer\/\S+\/node0-names\)/,
    );
    expect(await client.dig("filer")).toBe("NOERROR 192.168.1.13");
  });

  it("are there again after a reboot", async () => {
    await lab.node0.reboot();
    expect(await client.dig("db-1")).toBe("NOERROR 192.168.1.11");
    expect(await client.askTime("192.168.1.1")).toMatch(/System clock wrong by -?0\.\d+ seconds/);
  });

  it("show in a refresh what somebody changed, and the next up mends it", async () => {
    await lab.node0.run(`
      systemctl disable --now chrony 2>/dev/null
      echo '192.168.1.3 stranger' >> /etc/netboot-names/hosts
      sed -i 's/^local stratum 10/local stratum 3/' /etc/chrony/conf.d/netboot.conf`);
    const { stdout } = await project.succeed(["preview", "--refresh", "--diff"]);
    expect(stdout).toMatch(/local stratum 3/);
    await project.succeed([...up, "--refresh"]);
    const { stdout: seen } = await lab.node0.run(
      "cat /etc/netboot-names/hosts; grep ^local /etc/chrony/conf.d/netboot.conf; systemctl is-active chrony; systemctl is-enabled chrony",
    );
    expect(seen).toMatch(
      /^192\.168\.1\.11 db-1\.rack\.example\.net db-1\n192\.168\.1\.13 filer\.rack\.example\.net filer\nlocal stratum 10\nactive\nenabled\n/m,
    );
    await project.succeed([...up, "--expect-no-changes"]);
  });

  it("have doctor tell of Debian's dnsmasq, which fails beside ours and may be the first at the next boot", async () => {
    const apt = "DEBIAN_FRONTEND=noninteractive apt-get -q -y";
    await lab.node0.run(`${apt} install dnsmasq; systemctl is-enabled dnsmasq; ! systemctl is-active dnsmasq`);
    const { code, stdout } = await netbootCommand(project, "doctor", "--stack", "dev");
    expect(stdout).toMatch(
      /another server: dnsmasq\.service does not run now, and would serve names after the next boot/,
    );
    expect(code).toBe(1);
    await lab.node0.run(`${apt} purge dnsmasq`);
    expect(await netbootCommand(project, "doctor", "--stack", "dev")).toMatchObject({ code: 0 });
  });

  it("go one by one, and leave the other parts working", async () => {
    // A new value of "again" has the machine proved anew: its address and its files.
    const without = async (part: RegExp, instead: string, again: string): Promise<void> => {
      const verified = `address: "192.168.1.11", verify: { again: "${again}" }`;
      const program = server.replace(part, instead).replace('address: "192.168.1.11"', verified);
      project.write({ "index.ts": programOn(lab, program) });
      await project.succeed(up);
    };
    await without(/names: \{/, "time: false, names: {", "1");
    expect(await client.dig("db-1")).toBe("NOERROR 192.168.1.11");
    const { stdout } = await lab.node0.run(
      "systemctl is-enabled systemd-timesyncd; test -e /usr/sbin/chronyd || echo no chrony",
      { check: false },
    );
    expect(stdout).toBe("enabled\nno chrony\n");
    await without(/names: \{.*\} \}/, "names: false", "2");
    expect(await client.askTime("192.168.1.1")).toMatch(/System clock wrong by/);
    expect((await lab.node0.run("systemctl is-active netboot-names", { check: false })).stdout).toBe("inactive\n");
  });

  it("stand in node 0's own table where no name server is wanted, and foreign lines stay", async () => {
    const program = programOn(lab, server.replace("names: {", 'names: { mode: "hosts",'));
    project.write({ "index.ts": program });
    await project.succeed(up);
    const { stdout } = await lab.node0.run(
      "cat /etc/hosts; echo; getent hosts db-1; systemctl is-active netboot-names",
      {
        check: false,
      },
    );
    expect(stdout).toMatch(
      /^127\.0\.0\.1 localhost\n[\s\S]*192\.0\.2\.7 mine # my own\n# pulumi-netboot begin\n192\.168\.1\.11 db-1\.rack\.example\.net db-1\n192\.168\.1\.13 filer\.rack\.example\.net filer\n# pulumi-netboot end\n192\.168\.1\.11\s+db-1\.rack\.example\.net db-1\ninactive\n$/,
    );
    expect((await lab.node0.run("cat /etc/dhcp/dhcpd.conf")).stdout).not.toContain("domain-name-servers");
    // Foreign lines come and go around ours.
    await lab.node0.run("printf '\\n192.0.2.8 later\\n' >> /etc/hosts");
    project.write({ "index.ts": program.replace("192.168.1.11", "192.168.1.10") });
    await project.succeed(up);
    expect((await lab.node0.run("cat /etc/hosts")).stdout).toMatch(
      /mine # my own\n# pulumi-netboot begin\n192\.168\.1\.10 db-1[\s\S]*\n# pulumi-netboot end\n192\.0\.2\.8 later\n$/,
    );
    await lab.node0.run("sed -i '/192.0.2.8 later/d' /etc/hosts && truncate -s -1 /etc/hosts");
  });

  it("leave node 0 as it was, also where no mirror answers: systemd-timesyncd, /etc/hosts, everything", async () => {
    await lab.node0.run(
      "mkdir /root/apt && mv /etc/apt/sources.list* /root/apt/ && echo 'deb http://127.0.0.1:9/debian stable main' > /etc/apt/sources.list",
    );
    await project.succeed(destroy);
    await lab.node0.run("rm /etc/apt/sources.list && mv /root/apt/sources.list* /etc/apt/ && rmdir /root/apt");
    const changed = await changedSince(lab, before);
    // What somebody wrote into our files is kept.
    expect(changed.filter((line) => !/^\/var\/lib\/pulumi-netboot(\/edits|: )/.test(line))).toEqual([]);
    const { stdout } = await lab.node0.run(
      "systemctl is-enabled systemd-timesyncd; dpkg -l chrony 2>/dev/null | grep -c '^[ir]'; getent passwd _chrony",
      { check: false },
    );
    expect(stdout).toBe("enabled\n0\n");
  });
});
