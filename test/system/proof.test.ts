import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { type UnpackedPackages, unpackPackages } from "../support/debianPackages.ts";
import { programOn } from "../support/node0";

const up = ["up", "--yes", "--skip-preview"];

/** What a change must show before it stands, also for the machines that it does not name. */
describe("the proof", () => {
  let lab: Lab;
  let project: ScratchProject;
  let packages: UnpackedPackages | undefined;

  /** Node 0 and one machine, with more in the parts' arguments. */
  const program = (more = "", machine = "", others = ""): string =>
    programOn(
      lab,
      `const node0 = new netboot.NetbootServer("node0", { connection, network, time: false, names: false, ${more} });
       new netboot.OlaNode("a", { server: node0, macs: ["52:54:00:00:06:01"], address: "192.168.1.3", ${machine} });
       ${others}`,
    );

  async function refused(text: string): Promise<string> {
    project.write({ "index.ts": text });
    const before = await served();
    const { code, output } = await project.pulumi(up);
    expect(code, output).not.toBe(0);
    expect(await served()).toEqual(before);
    return output;
  }

  const served = async (): Promise<string> =>
    (await lab.node0.run("cat /etc/dhcp/dhcpd.conf /etc/dhcp/netboot/hosts.conf; sha256sum /srv/tftp/*")).stdout;

  beforeAll(async () => {
    lab = await labUp();
    packages = await unpackPackages("isc-dhcp-server");
    project = await scratchProject({
      files: { "index.ts": programOn(lab, ""), "no.efi": "no program" },
      name: "proof",
    });
    writeFileSync(join(project.folder, "arm64.efi"), efi(0xaa64));
  });

  afterAll(async () => {
    await project?.remove();
    await packages?.remove();
    await lab?.down();
  });

  /** Runs with a second DHCP server on the private network, that pings nobody and serves whoever asks. */
  async function withAnother<T>(work: () => Promise<T>): Promise<T> {
    const { clientInterface } = lab.segment;
    const folder = packages?.folder ?? "";
    await lab.segment.run(["ip", "address", "add", "192.168.1.13/28", "dev", clientInterface]);
    writeFileSync(
      join(folder, "other.conf"),
      "authoritative;\nping-check false;\nsubnet 192.168.1.0 netmask 255.255.255.240 { range 192.168.1.9 192.168.1.12; }\n",
    );
    writeFileSync(join(folder, "other.leases"), "");
    const files = ["-cf", "other.conf", "-lf", "other.leases", "-pf", "other.pid"].map((word) =>
      word.startsWith("-") ? word : join(folder, word),
    );
    await lab.segment.run([join(folder, "usr/sbin/dhcpd"), "-4", "-q", ...files, clientInterface]);
    try {
      return await work();
    } finally {
      process.kill(Number(readFileSync(join(folder, "other.pid"), "utf8")));
      await lab.segment.run(["ip", "address", "del", "192.168.1.13/28", "dev", clientInterface]);
    }
  }

  it("does not begin where another DHCP server answers, and names it", async () => {
    const { code, output } = await withAnother(() => {
      project.write({ "index.ts": program() });
      return project.pulumi(up);
    });
    expect(code).not.toBe(0);
    expect(output).toMatch(/another DHCP server answers on eno2: 192\.168\.1\.13 \(([0-9a-f]{2}:){5}[0-9a-f]{2}\)/);
    expect((await lab.node0.run("systemctl is-active isc-dhcp-server", { check: false })).stdout).not.toBe("active\n");
    await project.succeed(up);
  });

  it("lets no change stand while another DHCP server answers, unless the program allows it", async () => {
    await withAnother(async () => {
      const output = await refused(program("", 'comment: "new"'));
      expect(output).toMatch(/another DHCP server answers on eno2: 192\.168\.1\.13/);
      project.write({ "index.ts": program('dhcp: { otherDhcpServers: "allow" }', 'comment: "new"') });
      await project.succeed(up);
    });
    project.write({ "index.ts": program() });
    await project.succeed(up);
  });

  it("lets a machine go while another DHCP server answers, which may have taken over", async () => {
    const second = 'new netboot.OlaNode("b", { server: node0, macs: ["52:54:00:00:06:02"], address: "192.168.1.4" });';
    project.write({ "index.ts": program("", "", second) });
    await project.succeed(up);
    await withAnother(async () => {
      project.write({ "index.ts": program() });
      await project.succeed(up);
    });
    expect(await served()).not.toContain("52:54:00:00:06:02");
  });

  it("undoes a loader that the machines which meet it can't run, though it names none of them", async () => {
    const output = await refused(program('artifacts: { ipxe: { file: "./arm64.efi" } }'));
    expect(output).toMatch(
      /ipxe\.efi is a program for arm64, and firmware of x64 can't run it \(OlaNode\/proof\/dev\/a/,
    );
    expect(await refused(program('artifacts: { ipxe: { file: "./no.efi" } }'))).toMatch(
      /ipxe\.efi is no program of UEFI/,
    );
  });

  it("undoes a script that fetches what is not there", async () => {
    const uri = ["tftp://$", "{next-server}/$", "{name}.efi"].join("");
    const script = `#!ipxe\nset name menu\nchain ${uri} || shell\n`;
    expect(await refused(program(`artifacts: { bootScript: ${JSON.stringify(script)} }`))).toMatch(
      /menu\.efi could not be fetched by TFTP from 192\.168\.1\.1: File not found.*; refind\.pxe fetches it/,
    );
  });

  it("undoes a change after which machines are served that nobody declared", async () => {
    const folder = "/etc/systemd/system/isc-dhcp-server.service.d";
    await lab.node0.run(`
      sed -e '/^deny unknown/d' -e 's/^subnet .*{/&\\n range 192.168.1.9 192.168.1.12; ping-check false;/' /etc/dhcp/dhcpd.conf > /etc/dhcp/open.conf
      mkdir ${folder}
      printf '[Service]\\nExecStart=\\n%s\\n' "$(sed -n 's/^ExecStart=.*/&/p' /etc/systemd/system/isc-dhcp-server.service | sed 's/-cf [^ ]*/-cf \\/etc\\/dhcp\\/open.conf/')" > ${folder}/open.conf
      systemctl daemon-reload`);
    expect(await refused(program("", 'comment: "other"'))).toMatch(
      /a machine that no program names \(02:[0-9a-f:]+\) was offered the address 192\.168\.1\.\d+/,
    );
    await lab.node0.run(
      `rm -r ${folder} /etc/dhcp/open.conf; systemctl daemon-reload; systemctl restart isc-dhcp-server`,
    );
  });

  it("takes no lease, and writes nothing but what was declared", async () => {
    const leases = (): string =>
      readFileSync(join(lab.node0.root, "/var/lib/dhcp/dhcpd.leases"), "utf8")
        .replaceAll(/^#.*$|^(server-duid|authoring).*$/gm, "")
        .trim();
    project.write({ "index.ts": program("", 'verify: { again: "1" }') });
    await project.succeed(up);
    expect(leases()).toBe("");
  });
});

/** The beginning of a program for UEFI, as far as it tells the machine. */
function efi(machine: number): Buffer {
  const header = Buffer.alloc(128);
  header.write("MZ", 0, "latin1");
  header.writeUInt32LE(64, 60);
  header.write("PE\0\0", 64, "latin1");
  header.writeUInt16LE(machine, 68);
  return header;
}
