import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { withAnotherDhcpServer } from "../support/anotherDhcpServer";
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
    (
      await lab.node0.run(
        "cat /etc/dhcp/dhcpd.conf /etc/dhcp/netboot/hosts.conf; find /srv/tftp -type f | sort | xargs sha256sum",
      )
    ).stdout;

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

  const withAnother = <T>(work: () => Promise<T>): Promise<T> =>
    withAnotherDhcpServer(lab, packages?.folder ?? "", work);

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

  it("refuses in a preview a loader that the machines which meet it can't run", async () => {
    const preview = async (artifacts: string): Promise<string> => {
      project.write({ "index.ts": program(`artifacts: { ${artifacts} }`) });
      const { code, output } = await project.pulumi(["preview"]);
      expect(code).not.toBe(0);
      return output;
    };
    expect(await preview('ipxe: { file: "./arm64.efi" }')).toMatch(
      /artifacts\.ipxe\.file: "\.\/arm64\.efi": ipxe\.efi must be a program for x64, and this one is for arm64/,
    );
    expect(await preview('refind: { file: "./no.efi" }')).toMatch(
      /refind_x64\.efi must be a program for UEFI, and this is none/,
    );
  });

  it("undoes a new loader for all machines that nobody can start, and says so before it is swapped", async () => {
    project.write({ "index.ts": program() });
    await project.succeed(up);
    await lab.node0.run("mv /srv/tftp/snponly.efi /root/");
    const output = await refused(program('dhcp: { loaders: { x64: "snponly.efi" } }'));
    await lab.node0.run("mv /root/snponly.efi /srv/tftp/");
    expect(output).toMatch(/snponly\.efi could not be fetched by TFTP from 192\.168\.1\.1: File not found/);
    expect(await served()).toContain('filename "ipxe.efi";');
  });

  it("finds before anything is swapped that a script fetches what a machine would not get", async () => {
    const uri = (name: string): string => ["tftp://$", "{next-server}/", name].join("");
    const fetching = (name: string): string =>
      program(`artifacts: { bootScript: ${JSON.stringify(`#!ipxe\nset name menu\nchain ${uri(name)} || shell\n`)} }`);
    const whole = async (): Promise<string> =>
      (
        await lab.node0.run(
          "stat -c '%n %i' /srv/tftp/* /etc/dhcp/netboot/hosts.conf; systemctl show -P InvocationID isc-dhcp-server tftpd-hpa",
        )
      ).stdout;
    const untouched = async (name: string, reason: RegExp): Promise<void> => {
      const before = await whole();
      const output = await refused(fetching(name));
      expect(output).toMatch(reason);
      expect(output).toMatch(/Nothing was changed, and node 0 serves what it served/);
      expect(await whole()).toBe(before);
    };
    const where = "could not be fetched by TFTP from 192\\.168\\.1\\.1: ";
    await untouched(
      ["$", "{name}.efi"].join(""),
      new RegExp(`menu\\.efi ${where}File not found; refind\\.pxe fetches it`),
    );
    await lab.node0.run(
      "ln -s /etc/hostname /srv/tftp/out; echo x > /srv/tftp/secret; chmod 600 /srv/tftp/secret; mkdir /srv/tftp/folder; touch /srv/tftp/NOTE.txt /srv/tftp/note.txt",
    );
    await untouched("out", new RegExp(`out ${where}it is a link out of /srv/tftp, to /etc/hostname`));
    await untouched("secret", new RegExp(`secret ${where}the user tftp may not read it \\(mode 0600\\)`));
    await untouched("folder", new RegExp(`folder ${where}it is no regular file`));
    await untouched("note.txt", /NOTE\.txt is there beside note\.txt, and iPXE knows no case/);
    await lab.node0.run("rm -r /srv/tftp/out /srv/tftp/secret /srv/tftp/folder /srv/tftp/NOTE.txt /srv/tftp/note.txt");
  });

  it("declares no machine beside a script that would run instead", async () => {
    project.write({ "index.ts": program() });
    await project.succeed(up);
    await lab.node0.run("echo '#!ipxe' > /srv/tftp/autoexec.ipxe");
    expect(await refused(program("", 'comment: "beside"'))).toMatch(
      /autoexec\.ipxe is there, which newer iPXE runs before the script that DHCP names/,
    );
    await lab.node0.run("rm /srv/tftp/autoexec.ipxe");
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
