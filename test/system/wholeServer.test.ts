import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { netbootCommand, programOn } from "../support/node0";

const up = ["up", "--yes", "--skip-preview"];
const oneByOne = [...up, "--parallel", "1"];
const program = (more = "") =>
  `const node0 = new netboot.NetbootServer("node0", { connection, network, time: false, names: false${more} });
   new netboot.OlaNode("web-1", { server: node0, macs: ["52:54:00:00:06:01"], address: "192.168.1.2" });`;

/** Parts that need each other change together, or none does: a machine boots by all of them at once. */
describe("a node 0 that moves", () => {
  let lab: Lab;
  let project: ScratchProject;

  beforeAll(async () => {
    lab = await labUp();
    project = await scratchProject({ files: { "index.ts": programOn(lab, program()) }, name: "whole" });
    await project.succeed(up);
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  const served = async (): Promise<string> =>
    (await lab.node0.run("cat /etc/dhcp/dhcpd.conf /etc/default/tftpd-hpa; find /srv -type f | sort")).stdout;
  const verified = async (): Promise<string> => (await netbootCommand(project, "verify", "--stack", "dev")).stdout;

  it("is refused where a part sees another folder or address than the rest, and nothing is touched", async () => {
    const before = await served();
    project.write({ "index.ts": programOn(lab, program(', artifacts: { directory: "/srv/boot" }')) });
    const folder = await project.pulumi(oneByOne);
    expect(folder.code).not.toBe(0);
    expect(folder.output).toMatch(
      /(could not be fetched by TFTP|would not boot)[\s\S]*let both change in one run[\s\S]*Nothing was changed/,
    );
    expect(await served()).toBe(before);

    await lab.node0.run("ip address add 192.168.1.14/28 dev eno2");
    project.write({ "index.ts": programOn(lab, program()).replace('"192.168.1.1"', '"192.168.1.14"') });
    for (const part of ["TftpServer", "DhcpServer"]) {
      const { code, output } = await project.pulumi([...up, "--target", `**${part}**`]);
      expect(code).not.toBe(0);
      expect(output).toMatch(
        /DHCP sends machines to 192\.168\.1\.1\d? for their files, and the TFTP server listens on/,
      );
    }
    expect(await served()).toBe(before);
    expect(await verified()).toMatch(/1 machine, all served/);
  });

  it("moves as one, to another folder and to another address", async () => {
    const moved = programOn(lab, program(', artifacts: { directory: "/srv/boot" }'));
    project.write({ "index.ts": moved });
    expect((await project.succeed(up)).output).not.toMatch(/not proved/);
    expect(await served()).toMatch(/TFTP_DIRECTORY="\/srv\/boot"[\s\S]*\/srv\/boot\/ipxe\.efi/);
    expect(await served()).not.toMatch(/\/srv\/tftp/);
    project.write({ "index.ts": moved.replace('"192.168.1.1"', '"192.168.1.14"') });
    expect((await project.succeed(up)).output).not.toMatch(/not proved/);
    expect(await verified()).toMatch(/1 machine, all served/);
  });

  it("keeps a file that a machine gets, until nothing names it", async () => {
    const files = (script: string, extra: string): string =>
      programOn(
        lab,
        program(`, artifacts: { directory: "/srv/boot", bootScript: "#!ipxe\\n${script}", extra: { ${extra} } }`),
      ).replace('"192.168.1.1"', '"192.168.1.14"');
    const menu = '"menu.ipxe": { content: "#!ipxe\\nexit\\n" }';
    project.write({ "index.ts": files("chain menu.ipxe\\n", menu) });
    await project.succeed(up);
    project.write({ "index.ts": files("chain menu.ipxe\\n", "") });
    const { code, output } = await project.pulumi(up);
    expect(code).not.toBe(0);
    expect(output).toMatch(
      /menu\.ipxe could not be fetched .*refind\.pxe fetches it[\s\S]*web-1 would not boot[\s\S]*Nothing/,
    );
    expect(await verified()).toMatch(/1 machine, all served/);
    project.write({ "index.ts": files("chain refind_x64.efi\\n", "") });
    await project.succeed(up);
    expect(await served()).not.toMatch(/menu\.ipxe/);
    expect(await verified()).toMatch(/1 machine, all served/);
  });

  it("has one folder, address and network for all its parts", async () => {
    const twice = ', tftp: { directory: "/srv/other" } as object, firewall: { interface: "eno3" } as object';
    project.write({ "index.ts": programOn(lab, program(twice)) });
    const { code, output } = await project.pulumi(["preview"]);
    expect(code).not.toBe(0);
    expect(output).toMatch(/tftp\.directory: it is one for all parts of a node 0; say it as artifacts\.directory/);
    expect(output).toMatch(/firewall\.interface: it is one for all parts of a node 0; say it as network\.interface/);
  });
});
