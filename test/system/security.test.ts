import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { renderDhcpdUnit } from "../../provider/formats/isc/dhcpdUnit.ts";
import { parseTftpdSettings, renderTftpdDefaults, renderTftpdUnit } from "../../provider/formats/tftpd/tftpd.ts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { fields, letThrough } from "../support/hostile.ts";
import { programOn } from "../support/node0";
import { right } from "../unit/provider/values/sentences.ts";

const up = ["up", "--yes", "--skip-preview"];
const passphrase = "tr0ub4dor-and-3-horses";
const clients = join(process.cwd(), "test/support");

/** Each line of docs/security.md that a test can hold. */
describe("node 0, to whom it does not belong,", () => {
  let lab: Lab;
  let project: ScratchProject;
  let needles: readonly string[];
  let said = "";
  const commandLines = new Set<string>();

  const program = (timeoutSeconds: number, rest = ""): string =>
    programOn(
      lab,
      `const secrets = { privateKey: process.getBuiltinModule("node:fs").readFileSync("key", "utf8"), privateKeyPassword: "${passphrase}" };
       const node0 = new netboot.NetbootServer("node0", { connection: { ...connection, ...secrets, privateKeyPath: undefined }, network, artifacts: { refindConf: { timeoutSeconds: ${timeoutSeconds} } } });
       new netboot.OlaNode("a", { server: node0, macs: ["52:54:00:00:07:01"], address: "192.168.1.3" });
       ${rest}`,
    );

  beforeAll(async () => {
    lab = await labUp();
    await lab.segment.run(["ip", "address", "add", "192.168.1.14/28", "dev", lab.segment.clientInterface]);
    project = await scratchProject({ files: { "index.ts": program(1) }, name: "secure" });
    const key = join(project.folder, "key");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", passphrase, "-C", "", "-f", key]);
    await lab.node0.run("cat >> /root/.ssh/authorized_keys", { input: readFileSync(`${key}.pub`, "utf8") });
    needles = [passphrase, readFileSync(key, "utf8").split("\n")[2] ?? ""];
    // Somebody's link where one of our files is to be.
    await lab.node0.run(
      "mkdir -p /srv/tftp; echo theirs > /etc/theirs; ln -s /etc/theirs /srv/tftp/refind.conf; ln -s /etc/theirs /srv/tftp/.refind.conf.netboot-new",
    );
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  /** Looks at the command lines of all processes of this machine, node 0's among them, while something runs. */
  async function watched<T>(work: Promise<T>): Promise<T> {
    const timer = setInterval(() => {
      for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
        try {
          commandLines.add(readFileSync(`/proc/${pid}/cmdline`, "utf8"));
        } catch {
          // It has just ended.
        }
      }
    }, 50);
    return await work.finally(() => clearInterval(timer));
  }

  it("keeps keys and passphrases out of state, logs, process lists and its own disk", async () => {
    const { output } = await watched(project.succeed(up));
    project.write({ "index.ts": program(2) });
    said = output + (await watched(project.succeed(up))).output + (await project.succeed(["preview", "--diff"])).output;
    const state = execFileSync("grep", ["-rhoE", ".{0,40}connection.{0,40}", join(project.root, "state")], {
      encoding: "utf8",
    });
    expect(state).toContain("connection");
    expect(commandLines.size).toBeGreaterThan(20);
    for (const needle of needles) {
      expect(needle.length).toBeGreaterThan(15);
      expect(said).not.toContain(needle);
      expect([...commandLines].filter((line) => line.includes(needle))).toEqual([]);
      const found = (...where: readonly string[]): string => {
        try {
          return execFileSync("grep", ["-rlF", "--exclude=key", "--exclude=index.ts", "--", needle, ...where], {
            encoding: "utf8",
          });
        } catch {
          return "";
        }
      };
      expect(found(project.root)).toBe("");
      expect(
        found(...["etc", "root", "srv", "tmp", "usr/local", "var"].map((name) => join(lab.node0.root, name))),
      ).toBe("");
    }
  });

  it("keeps them out of the error where the key does not fit", async () => {
    const wrong = program(2).replace(`privateKeyPassword: "${passphrase}"`, `privateKeyPassword: "${passphrase}-not"`);
    project.write({ "index.ts": wrong.replace("timeoutSeconds: 2", "timeoutSeconds: 3") });
    const { code, output } = await project.pulumi(up);
    expect(code).not.toBe(0);
    expect(output).toMatch(/can't be used/);
    for (const needle of needles) expect(output).not.toContain(needle);
    project.write({ "index.ts": program(2) });
    await project.succeed(up);
  });

  it.each(["../../etc/passwd", "/etc/passwd", "/srv/tftp/../../etc/passwd", "leak"])(
    "gives nothing outside the root by TFTP: %s",
    async (name) => {
      await lab.node0.run("ln -sf /etc/passwd /srv/tftp/leak");
      const client = [process.execPath, join(clients, "tftpClient.mts"), lab.node0.privateAddress, name];
      const { code, stdout } = await lab.segment.run(client, { check: false });
      expect(stdout).not.toContain("root:");
      expect(code).not.toBe(0);
      await lab.node0.run("rm /srv/tftp/leak");
    },
  );

  it("takes no upload, neither of a new file nor over one of ours", async () => {
    const before = (await lab.node0.run("ls -la /srv/tftp; sha256sum /srv/tftp/*")).stdout;
    for (const name of ["new.txt", "refind.pxe"]) {
      const ask = `const socket = require("node:dgram").createSocket("udp4");
        socket.on("message", (packet) => { console.log(packet.readUInt16BE(0)); process.exit(); });
        socket.send(Buffer.from("\\0\\u0002${name}\\0octet\\0", "latin1"), 69, "${lab.node0.privateAddress}");
        setTimeout(() => process.exit(), 2000);`;
      const { stdout } = await lab.segment.run([process.execPath, "-e", ask]);
      // 5 is an error; 4 would let the upload begin.
      expect(stdout).toBe("5\n");
    }
    expect((await lab.node0.run("ls -la /srv/tftp; sha256sum /srv/tftp/*")).stdout).toBe(before);
  });

  it("listens on the private address alone, beside what was there", async () => {
    const { stdout } = await lab.node0.run("ss -H -lntu | awk '{print $1, $5}' | sort -u");
    const elsewhere = stdout
      .split("\n")
      .filter((line) => line !== "" && !/ (192\.168\.1\.1|127\.\S+|\[::1\]):/.test(line));
    // sshd is the host's own; dhcpd's raw socket on eno2 has this one beside it, which takes only what is sent to port 67 there.
    expect(elsewhere.filter((line) => !/:22$/.test(line))).toEqual(["udp 0.0.0.0:67"]);
    const packet = (await lab.node0.run("ss -H -l --packet | awk '{print $5}'")).stdout;
    expect(packet).not.toMatch(/eno1/);
    const ask = [process.execPath, join(clients, "tftpClient.mts"), lab.node0.host, "refind.conf"];
    expect(() => execFileSync(ask[0] ?? "", ask.slice(1), { stdio: "pipe" })).toThrow(/no answer|refused|ECONN/);
  });

  it("has files of root's with exact modes, and writes through nobody's link", async () => {
    const { stdout } = await lab.node0.run(`
      cat /etc/theirs
      stat -c '%U:%G %a %F %n' /var/lib/pulumi-netboot /var/lib/pulumi-netboot/register /etc/dhcp/dhcpd.conf /srv/tftp/refind.conf
      find /var/lib/pulumi-netboot /etc/dhcp/netboot /etc/netboot-names /srv/tftp ! -user root -o ! -group root
      find /var/lib/pulumi-netboot -type f ! -perm 0600
      find /etc/dhcp/netboot /etc/netboot-names /srv/tftp /etc/systemd/system -perm /022 -type f`);
    expect(stdout).toBe(
      [
        "theirs",
        "root:root 700 directory /var/lib/pulumi-netboot",
        "root:root 700 directory /var/lib/pulumi-netboot/register",
        "root:root 644 regular file /etc/dhcp/dhcpd.conf",
        "root:root 644 regular file /srv/tftp/refind.conf",
        "",
      ].join("\n"),
    );
  });

  it("goes through no link that somebody without root made, and through root's own", async () => {
    const greeting = (folder: string) =>
      `new netboot.BootFile("hello.txt", { connection, directory: "${folder}", source: { content: "hello" } });`;
    await lab.node0.run(`
      install -d -o operator /srv/theirs; mkdir /srv/elsewhere
      ln -s /etc /srv/theirs/folder; chown -h operator /srv/theirs/folder
      ln -s /srv/elsewhere /srv/ours`);
    project.write({ "index.ts": program(3, greeting("/srv/theirs/folder")) });
    const { code, output } = await project.pulumi(up);
    expect(code).not.toBe(0);
    expect(output).toMatch(
      /\/srv\/theirs\/folder, on the way to \/srv\/theirs\/folder\/hello\.txt, is a link that somebody other than root made/,
    );
    project.write({ "index.ts": program(3, greeting("/srv/ours")) });
    await project.succeed(up);
    expect((await lab.node0.run("ls /etc/hello.txt 2>&1; cat /srv/elsewhere/hello.txt", { check: false })).stdout).toBe(
      "ls: cannot access '/etc/hello.txt': No such file or directory\nhello",
    );
  });

  it("has systemd read the units as they are meant, whatever value a program lets through", async () => {
    const interfaces = letThrough(fields["the interface"]).filter((name) => fields["the interface"].file(name));
    const tftpd = [
      ...letThrough(fields["the folder of in.tftpd"]).map((directory) => ({ directory })),
      ...letThrough(fields["the map file of in.tftpd"]).map((file) => ({ options: ["-s", "--map-file", file] })),
    ].map((args) => right(parseTftpdSettings({ address: "192.168.1.1", ...args })));
    const files: Record<string, string> = {};
    for (const [index, name] of interfaces.entries()) {
      files[`systemd/system/read-dhcpd-${index}.service`] = renderDhcpdUnit({ interface: name });
    }
    for (const [index, settings] of tftpd.entries()) {
      files[`read-${index}`] = renderTftpdDefaults(settings);
      // Says its words instead of serving.
      files[`systemd/system/read-tftpd-${index}.service`] = renderTftpdUnit(settings)
        .replace("/etc/default/tftpd-hpa", `/run/read-${index}`)
        .replace("/usr/sbin/in.tftpd", "/usr/bin/echo")
        .replace("Restart=always", "Restart=no");
    }
    const script = Object.entries(files).map(([path, text]) => `cat >/run/${path} <<'END'\n${text}END\n`);
    const { stdout } = await lab.node0.run(`${script.join("")}
      systemctl daemon-reload
      for n in ${interfaces.map((_, index) => index).join(" ")}; do
        systemctl show -p ExecStart --value read-dhcpd-$n | sed 's/.*--no-pid //; s/ ;.*//'
      done
      systemctl start ${tftpd.map((_, index) => `read-tftpd-${index}`).join(" ")}
      for n in ${tftpd.map((_, index) => index).join(" ")}; do
        until journalctl -q -o cat -u read-tftpd-$n -t echo | grep .; do sleep 0.1; done
      done
      rm -r /run/read-* /run/systemd/system/read-*; systemctl daemon-reload`);
    expect(stdout.trimEnd().split("\n")).toEqual([
      ...interfaces,
      ...tftpd.map(
        ({ directory, options }) =>
          `--foreground --user tftp --address 192.168.1.1:69 ${options.join(" ")} ${directory}`,
      ),
    ]);
  });

  it("needs nothing of /tmp, which everybody can write to", async () => {
    await lab.node0.run("mount -t tmpfs -o ro tmpfs /tmp");
    project.write({ "index.ts": program(4) });
    const { code, output } = await project.pulumi(up);
    await lab.node0.run("umount /tmp");
    expect(code, output).toBe(0);
  });

  it("gives the link back that was there", async () => {
    await project.succeed(["destroy", "--yes", "--skip-preview"]);
    expect((await lab.node0.run("readlink /srv/tftp/refind.conf; cat /etc/theirs")).stdout).toBe(
      "/etc/theirs\ntheirs\n",
    );
  });
});
