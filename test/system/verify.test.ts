import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import type { FleetView } from "../../provider/view/fleet";
import { type CommandResult, runCommand } from "../../tools/command.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { forgeTftp, withForgedOffers } from "../support/forgers";
import { loginsOf, netbootCommand, programOn } from "../support/node0";

const up = ["up", "--yes", "--skip-preview"];

/** `npx pulumi-netboot`, as it lies in a project that has the package. */
describe("the command", () => {
  let lab: Lab;
  let project: ScratchProject;

  beforeAll(async () => {
    lab = await labUp();
    const program = programOn(
      lab,
      `const secret = { ...connection, privateKeyPath: undefined, privateKey: process.getBuiltinModule("node:fs").readFileSync(connection.privateKeyPath, "utf8") };
       const node0 = new netboot.NetbootServer("node0", { connection: secret, network, time: false, names: false });
       new netboot.OlaNode("a", { server: node0, macs: ["52:54:00:00:08:01", "52:54:00:00:08:02"], address: "192.168.1.3" });
       new netboot.OlaFleet("rack", { server: node0, nodes: {
         m1: { macs: ["52:54:00:00:08:03"], address: "192.168.1.4" },
         m2: { macs: ["52:54:00:00:08:04"], address: "192.168.1.5", loader: "snponly.efi" },
       } });`,
      { dialErrorLimit: 0 },
    );
    project = await scratchProject({ files: { "index.ts": program }, name: "verify" });
    await project.succeed(up);
    await project.succeed(["stack", "select"]);
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  const netboot = (...args: readonly string[]): Promise<CommandResult> => netbootCommand(project, ...args);

  const broken = async (harm: string, mend: string, check: () => Promise<void>): Promise<void> => {
    await lab.node0.run(harm);
    try {
      await check();
    } finally {
      await lab.node0.run(mend);
    }
  };

  it("verify proves every machine over one connection, and changes nothing", async () => {
    const [before, logins] = [await lab.node0.listing(), await loginsOf(lab)];
    const { code, stdout, stderr } = await netboot("verify");
    expect(stdout, stderr).toBe(
      [
        "ok      a   served: 192.168.1.3, ipxe.efi, then refind.pxe (2 MACs)",
        "ok      m1  served: 192.168.1.4, ipxe.efi, then refind.pxe (1 MAC)",
        "ok      m2  served: 192.168.1.5, snponly.efi, then refind.pxe (1 MAC)",
        "",
        "3 machines, all served",
        "",
      ].join("\n"),
    );
    expect(code).toBe(0);
    expect(await loginsOf(lab)).toBe(logins + 1);
    const files = (listing: string): string =>
      listing
        .split("\n")
        .filter((line) => /^\/(etc|srv|usr|var\/lib)\//.test(line))
        .join("\n");
    expect(files(await lab.node0.listing())).toBe(files(before));
  });

  it("verify names the machines that would not boot, and why, for people and for machines", async () => {
    await broken("mv /srv/tftp/snponly.efi /root/", "mv /root/snponly.efi /srv/tftp/", async () => {
      const { code, stdout } = await netboot("verify");
      expect(code).toBe(1);
      expect(stdout).toMatch(/^ok {6}a /m);
      expect(stdout).toMatch(
        /^FAILED {2}m2 {2}snponly\.efi could not be fetched by TFTP from 192\.168\.1\.1: File not found/m,
      );
      expect(stdout).toMatch(/^3 machines, 1 not served$/m);
      const { stdout: json } = await netboot("verify", "--json", "--stack", "dev");
      expect(JSON.parse(json)).toContainEqual({
        host: lab.node0.host,
        resource: "OlaFleet/verify/dev/rack",
        machine: "m1",
        served: true,
        seen: "served: 192.168.1.4, ipxe.efi, then refind.pxe (1 MAC)",
      });
    });
    await broken("systemctl stop isc-dhcp-server", "systemctl start isc-dhcp-server", async () => {
      const { code, stdout } = await netboot("verify");
      expect(code).toBe(1);
      expect(stdout).toMatch(
        /^FAILED {2}a {3}the firmware of a \(52:54:00:00:08:01\) asked by DHCP and got no answer, for isc-dhcp-server\.service does not run; `pulumi up --refresh` starts it/m,
      );
      expect(stdout).toMatch(/3 not served/);
    });
  });

  it("verify counts no machine as served that in.tftpd does not answer as it answers node 0", async () => {
    const [allow, deny] = ["/etc/hosts.allow", "/etc/hosts.deny"];
    const mend = `mv /root/allow ${allow}; mv /root/deny ${deny}; sed -i /netboot0/d /etc/hosts`;
    const only = (whom: string): string => `
      cp -a ${allow} /root/allow; cp -a ${deny} /root/deny; echo 192.168.1.1 netboot0 >> /etc/hosts
      echo 'ALL: ALL' > ${deny}; printf 'sshd: ALL\nin.tftpd: ${whom}\n' > ${allow}`;
    await broken(only("LOCAL"), mend, async () => {
      const { code, stdout } = await netboot("verify");
      expect(code).toBe(1);
      expect(stdout).toMatch(
        /^FAILED {2}a .*not proved: .* because of \/etc\/hosts\.allow, line 2 \(in\.tftpd: LOCAL\)/m,
      );
    });
    await broken(only("192.168.1.0/255.255.255.240"), mend, async () => {
      expect(await netboot("verify")).toMatchObject({ code: 0 });
    });
  });

  it("verify counts no machine as served beside another DHCP server on node 0 itself", async () => {
    const bind =
      "socket S, 2, 2, 0; setsockopt S, 1, 2, 1; setsockopt S, 1, 25, qq(eno2\\0); bind S, pack q(S n x12), 2, 67; sleep";
    await broken(`systemd-run -q --unit=another perl -e '${bind}'`, "systemctl stop another", async () => {
      const { code, stdout } = await netboot("verify");
      expect(code).toBe(1);
      expect(stdout).toMatch(
        /^FAILED {2}a {3}served, but perl \(another\.service\) has port 67 of 192\.168\.1\.1 already/m,
      );
    });
  });

  it("verify takes no machine's answer for node 0's own, though it comes from node 0's address", async () => {
    await broken("systemctl stop isc-dhcp-server", "systemctl start isc-dhcp-server", async () => {
      const { code, stdout } = await withForgedOffers(lab, "192.168.1.4", () => netboot("verify"));
      expect(code).toBe(1);
      expect(stdout).toMatch(
        /^FAILED {2}m1 {2}the firmware of m1 .* got no answer\b.*; another DHCP server answers on the private network: 192\.168\.1\.1 \(/m,
      );
    });
    const { code, stdout } = await withForgedOffers(lab, "192.168.1.4", () => netboot("verify"));
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^FAILED {2}m1 {2}served, but another DHCP server answers on the private network: 192\.168\.1\.1 \(/m,
    );
  });

  it("verify hears no user of node 0 who answers for its TFTP server", async () => {
    await lab.node0.run(`cat > /run/forge.pl <<'END'\n${forgeTftp}\nEND`);
    const start = "systemd-run -q --unit=forger --uid=nobody perl /run/forge.pl";
    await broken(start, "systemctl stop forger", async () => {
      const { code, stdout } = await netboot("verify");
      expect(stdout).toMatch(/3 machines, all served/);
      expect(code).toBe(0);
    });
    await broken(`systemctl stop tftpd-hpa; ${start}`, "systemctl stop forger; systemctl start tftpd-hpa", async () => {
      const { code, stdout } = await netboot("verify");
      expect(code).toBe(1);
      expect(stdout).toMatch(/3 not served/);
    });
  });

  it("doctor says what is wrong with node 0, or with the way to it", async () => {
    expect(await netboot("doctor")).toMatchObject({ code: 0, stdout: "all as the stack has it\n" });
    await broken(
      "systemctl stop tftpd-hpa; sed -i 's/^timeout 1$/timeout 9/' /srv/tftp/refind.conf",
      "true",
      async () => {
        const { code, stdout } = await netboot("doctor");
        expect(code).toBe(1);
        expect(stdout).toMatch(/TftpServer\/verify\/dev\/node0-tftp: tftpd-hpa\.service does not run: inactive/);
        expect(stdout).toMatch(/BootFile\/\S+refind\.conf: \/srv\/tftp\/refind\.conf was changed/);
      },
    );
    // One cause is told once, with all machines that suffer from it.
    await project.succeed([...up, "--refresh"]);
    const host = `^${lab.node0.host.replaceAll(".", "\\.")}: `;
    await broken("systemctl stop isc-dhcp-server; mv /srv/tftp/snponly.efi /root/", "true", async () => {
      const { stdout } = await netboot("doctor");
      expect(stdout).toMatch(
        new RegExp(
          `${host}DhcpServer/verify/dev/node0-dhcp: .*inactive \\(dead\\); not served for it: a, m1, m2$`,
          "m",
        ),
      );
      expect(stdout.match(/not served/g)).toHaveLength(1);
    });
    await broken("systemctl start isc-dhcp-server", "mv /root/snponly.efi /srv/tftp/", async () => {
      const { stdout } = await netboot("doctor");
      expect(stdout).toMatch(
        new RegExp(
          `${host}BootFile/\\S+snponly\\.efi: /srv/tftp/snponly\\.efi is missing; not served for it: m2$`,
          "m",
        ),
      );
    });
    await broken("ip link set eno2 arp off", "ip link set eno2 arp on", async () => {
      const { stdout } = await netboot("doctor");
      expect(stdout).toMatch(new RegExp(`${host}machines: a, m1, m2 are not served: .*eno2 has no ARP`, "m"));
    });
    // A file system that comes late, and is empty.
    await broken("mount -t tmpfs -o mode=755 tmpfs /srv/tftp", "true", async () => {
      const { stdout } = await netboot("doctor");
      expect(stdout).toMatch(/node0-tftp: tftpd-hpa\.service: it serves another folder than \/srv\/tftp is now/);
      expect(stdout).toMatch(/refind\.conf: \/srv\/tftp\/refind\.conf is missing/);
    });
    await project.succeed([...up, "--refresh"]);
    expect(await netboot("doctor")).toMatchObject({ code: 0 });
    expect(await netboot("verify")).toMatchObject({ code: 0 });
    await lab.node0.run("umount -l /srv/tftp; systemctl restart tftpd-hpa");
    await broken("systemctl stop ssh.socket ssh.service 2>/dev/null; true", "systemctl start ssh.service", async () => {
      const { code, stdout } = await netboot("doctor");
      expect(code).toBe(1);
      expect(stdout).toMatch(/connection: .*connection refused[\s\S]*\[HOST_UNREACHABLE\]/);
      // What is the same for all resources of a host is said once, and nothing of it beside the stack.
      for (const command of ["refresh", "destroy"]) {
        const { code: ended, output } = await project.pulumi([command, "--yes", "--skip-preview"]);
        expect(ended).not.toBe(0);
        const diagnostics = output.slice(output.indexOf("Diagnostics:"));
        expect(diagnostics.match(/connection refused/g), diagnostics).toHaveLength(1);
        expect(diagnostics).toMatch(/the same holds for \d+ other resources? so far \[HOST_UNREACHABLE\]/);
        expect(diagnostics).toMatch(/the reason that is told beside \w+\/verify\/dev\/\S+ \[HOST_UNREACHABLE\]/);
        expect(output).not.toMatch(/NetbootError|node_modules|told beside its resource/);
      }
    });
  });

  it("view draws what is proved of each machine and each file, or of the state alone, and tells no secret", async () => {
    const page = join(project.root, "fleet.html");
    const view = async (...args: readonly string[]): Promise<{ readonly text: string; readonly data: FleetView }> => {
      await netboot("view", "--output", page, ...args);
      const text = readFileSync(page, "utf8");
      const data = /<script type="application\/json" id="fleet">(.*?)<\/script>/s.exec(text)?.[1] ?? "";
      return { text, data: JSON.parse(data) };
    };
    const sum = async (name: string): Promise<string> =>
      (await lab.node0.run(`sha256sum /srv/tftp/${name}`)).stdout.slice(0, 64);
    const { text, data } = await view();
    expect(data).toMatchObject({ stack: "verify/dev", wasAsked: true });
    expect(data.machines.map(({ name, known, said }) => [name, known, said])).toEqual([
      ["a", "proved", "served: 192.168.1.3, ipxe.efi, then refind.pxe (2 MACs)"],
      ["m1", "proved", "served: 192.168.1.4, ipxe.efi, then refind.pxe (1 MAC)"],
      ["m2", "proved", "served: 192.168.1.5, snponly.efi, then refind.pxe (1 MAC)"],
    ]);
    expect(data.chains.map(({ name }) => name)).toEqual(["x64 ipxe.efi", "x64 snponly.efi"]);
    const files = ["ipxe.efi", "refind.pxe", "refind.conf", "refind_x64.efi"];
    expect(data.chains[0]?.steps.map(({ title, known, sha256 }) => [title, known, sha256])).toEqual([
      ["UEFI x64", "proved", undefined],
      ...(await Promise.all(files.map(async (name) => [name, "proved", await sum(name)]))),
      ["local disk", "unasked", undefined],
    ]);
    expect(text).not.toContain("PRIVATE KEY");
    const [hashes, logins] = [data.chains[0]?.steps.map(({ sha256 }) => sha256), await loginsOf(lab)];
    const offline = await view("--offline");
    expect(offline.data.chains[0]?.steps.map(({ sha256 }) => sha256)).toEqual(hashes);
    expect(new Set(offline.data.machines.map(({ known }) => known))).toEqual(new Set(["unasked"]));
    expect(await loginsOf(lab)).toBe(logins);
    await broken("mv /srv/tftp/snponly.efi /root/", "mv /root/snponly.efi /srv/tftp/", async () => {
      const { code, stdout } = await netboot("view", "--output", page);
      expect(stdout).toBe(`${page}: 3 machines: 1 fail, 2 proved\n`);
      expect(code).toBe(1);
    });
    await broken("systemctl stop ssh.socket ssh.service 2>/dev/null; true", "systemctl start ssh.service", async () => {
      const { code, stdout, stderr } = await netboot("view", "--output", page);
      expect(stderr).toMatch(/connection refused[\s\S]*\[HOST_UNREACHABLE\]/);
      expect(stdout).toBe(`${page}: 3 machines: 3 not proved\n`);
      expect(code).toBe(1);
    });
  });

  it("verify takes machines by name and by pattern, and tells which there are", async () => {
    const one = await netboot("verify", "m1");
    expect(one).toMatchObject({ code: 0, stdout: expect.stringMatching(/^ok {6}m1 .*\n\n1 machine, all served\n$/) });
    expect((await netboot("verify", "m*", "--json")).stdout.match(/"machine": "m[12]"/g)).toHaveLength(2);
    const unknown = await netboot("verify", "m1", "db-1", "web-*");
    expect(unknown).toMatchObject({ code: 2, stdout: "" });
    expect(unknown.stderr).toBe(
      'this stack has no machine "db-1"; there are a, m1, m2\nno machine of this stack is named as in "web-*"; there are a, m1, m2\n',
    );
  });

  it("goes by the newest connection: another agent changes nothing, an address the state alone, and a rotated key reaches what goes", async () => {
    const { host, hostKey, privateKeyPath } = lab.node0;
    const program = (connection: object, nodes: string): string =>
      programOn(
        lab,
        `const node0 = new netboot.NetbootServer("node0", { connection: ${JSON.stringify(connection)}, network, time: false, names: false });
         ${nodes}`,
      );
    const a =
      'new netboot.OlaNode("a", { server: node0, macs: ["52:54:00:00:08:01", "52:54:00:00:08:02"], address: "192.168.1.3" });';
    const b = 'new netboot.OlaNode("b", { server: node0, macs: ["52:54:00:00:08:03"], address: "192.168.1.4" });';
    const key = join(project.root, "id_new");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
    const agentSocketPath = join(project.root, "agent.1");
    const before = { host, hostKey, privateKeyPath, agentSocketPath, dialErrorLimit: 0 };
    project.write({ "index.ts": program(before, a + b) });
    await project.succeed(up);

    const elsewhere = { ...before, agentSocketPath: `${agentSocketPath}2`, perDialTimeout: 9 };
    project.write({ "index.ts": program(elsewhere, a + b) });
    const { output } = await project.succeed(["preview", "--expect-no-changes"]);
    expect(output).toContain("next boot changes for none of 2 nodes");
    project.write({ "index.ts": program({ ...elsewhere, host: `::ffff:${host}` }, a + b) });
    const moved = await project.succeed(["preview"]);
    expect(moved.output).toMatch(/OlaNode\s+a\s+update/);
    expect(moved.output).toContain("next boot changes for none of 2 nodes");

    // The key is rotated, and one machine goes in the same up: its state has the old one.
    await lab.node0.run(
      `cp -a /root/.ssh/authorized_keys /root/own; echo '${readFileSync(`${key}.pub`, "utf8").trim()}' >/root/.ssh/authorized_keys`,
    );
    try {
      const rotated = { ...before, privateKeyPath: undefined, privateKey: readFileSync(key, "utf8") };
      project.write({ "index.ts": program(rotated, b) });
      const preview = await project.succeed(["preview"]);
      expect(preview.output).toContain("next boot changes for none of 1 node");
      await project.succeed(up);
      await project.succeed(["refresh", "--yes", "--skip-preview", "--expect-no-changes"]);
    } finally {
      await lab.node0.run("mv /root/own /root/.ssh/authorized_keys");
    }
  });

  it("refuses wrong options of each command before anything is asked, and says where there is no stack or project", async () => {
    const logins = await loginsOf(lab);
    const commands = ["plan", "verify", "doctor", "history", "view", "records", "import"] as const;
    for (const command of commands) {
      const wrong = await netboot(command, "--nonsense", "x");
      expect(wrong).toMatchObject({ code: 2, stdout: "" });
      expect(wrong.stderr).toMatch(new RegExp(`^--nonsense is no option of ${command}; there are --[^\\n]*\\n$`));
      const option = command === "import" ? "--host" : "--stack";
      expect(await netboot(command, option)).toMatchObject({
        ...{ code: 2, stdout: "", stderr: `${option} needs a value, as in ${option} NAME\n` },
      });
      expect(await netboot(command, "-h")).toMatchObject({ code: 0, stderr: expect.stringContaining("doctor") });
      if (command === "import") continue;
      const nobody = await netboot(command, "--stack", "nobody", ...(command === "view" ? ["--json"] : []));
      expect(nobody.code).toBe(2);
      expect(nobody.stderr).toMatch(/run this in the folder of the stack's project[\s\S]*no stack named 'nobody'/);
      const bin = join(project.folder, "node_modules/pulumi-netboot/dist/provider/cli/main.js");
      const elsewhere = await runCommand([process.execPath, bin, command, ...(command === "view" ? ["--json"] : [])], {
        ...{ cwd: "/", env: project.env },
      });
      expect(elsewhere.code).toBe(2);
      expect(elsewhere.stderr).toMatch(/run this in the folder of the stack's project[\s\S]*no Pulumi\.yaml/);
    }
    expect(await loginsOf(lab)).toBe(logins);
  });

  it("tells how it is used, and what pulumi itself says", async () => {
    expect((await netboot()).code).toBe(2);
    const { code, stderr } = await netboot("verify", "--stack", "nobody");
    expect(code).toBe(2);
    expect(stderr).toMatch(/pulumi stack export .* failed[\s\S]*no stack named 'nobody'/);
  });
});
