import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { loginsOf } from "../support/node0";
import { askedReboots, ovhFile, ovhPlugin, ovhServer } from "../support/ovh";

const up = ["up", "--yes", "--skip-preview"];
const example = (file: string): string => readFileSync(`examples/ovh/${file}`, "utf8");

const first = {
  name: "ns3100001.ip-203-0-113.eu",
  uuid: "0b1d7d7a-5f5e-4b6c-9a51-3f2d8a1c0001",
  macs: ["04:3f:72:aa:00:01", "04:3f:72:aa:00:02"],
};
const second = {
  name: "ns3100002.ip-203-0-113.eu",
  uuid: "0b1d7d7a-5f5e-4b6c-9a51-3f2d8a1c0002",
  macs: ["04:3f:72:aa:00:03", "04:3f:72:aa:00:04"],
};
const aggregated = [first, second].map(({ name, uuid, macs }) => ovhServer(name, ["vrack_aggregation", uuid, macs]));

/** Reboots that wait: the real engine and a real node 0, with a stand-in for the plugin of @ovhcloud/pulumi-ovh. */
describe("examples/ovh", () => {
  let lab: Lab;
  let project: ScratchProject;

  /** When dhcpd heard somebody with one of these MACs ask for an address, from a time on. */
  async function asked(macs: readonly string[], since: number): Promise<readonly number[]> {
    const { stdout } = await lab.node0.run(
      `journalctl -q -o short-unix -u isc-dhcp-server.service --grep 'DHCPDISCOVER from (${macs.join("|")}) '`,
      { check: false },
    );
    return stdout
      .split("\n")
      .map((line) => Number(line.split(" ", 1)[0]) * 1000)
      .filter((at) => at >= since);
  }

  beforeAll(async () => {
    lab = await labUp({ privateCidr: "10.20.0.0/24", privateAddress: "10.20.0.1" });
    project = await scratchProject({
      from: "examples/ovh",
      files: { ...ovhFile(aggregated), "Pulumi.yaml": `${example("Pulumi.yaml")}${ovhPlugin}` },
    });
    const { host, hostKey, privateKeyPath } = lab.node0;
    await project.config({ host, hostKey, privateKeyPath, db1: first.name, db2: second.name });
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  it("names in preview the network interfaces by which a server would not boot from node 0", async () => {
    const [sound] = aggregated;
    const split = ovhServer(
      second.name,
      ["public", "0b1d7d7a-5f5e-4b6c-9a51-3f2d8a1c0003", second.macs.slice(0, 1)],
      ["vrack", second.uuid, second.macs.slice(1)],
    );
    project.write(ovhFile(sound === undefined ? [] : [sound, split]));
    const { code, output } = await project.pulumi(["preview"]);
    expect(code, output).not.toBe(0);
    const problem = `'db-2' has a problem: ${second.name}: its`;
    expect(output).toContain(
      `${problem} network interface 0b1d7d7a-5f5e-4b6c-9a51-3f2d8a1c0003 (04:3f:72:aa:00:03) has the mode "public", not "vrack_aggregation"`,
    );
    expect(output).toContain(
      `${problem} network interface ${second.uuid} (04:3f:72:aa:00:04) has the mode "vrack", not "vrack_aggregation"`,
    );
    expect(output).toContain(`${problem} NIC 04:3f:72:aa:00:03 is not declared, so a boot from it gets no answer`);
    expect(output).not.toContain("'db-1' has a problem");
  });

  it("names in preview a NIC that the program does not declare", async () => {
    const byHand = example("index.ts")
      .replace(
        "  const node = new",
        `  const macs = name === "db-1" ? ["${first.macs[0]}"] : ${JSON.stringify(second.macs)};\n$&`,
      )
      .replace("macs: netboot.ovh.privateMacs(server)", "macs")
      .replace("problems(server)", "problems(server, macs)");
    project.write({ ...ovhFile(aggregated), "index.ts": byHand });
    const { code, output } = await project.pulumi(["preview"]);
    expect(code, output).not.toBe(0);
    expect(output).toContain(
      `'db-1' has a problem: ${first.name}: its NIC 04:3f:72:aa:00:02 is not declared, so a boot from it gets no answer`,
    );
  });

  it("previews a server that is not known yet", async () => {
    const later = example("index.ts").replace(
      "getServerOutput({ serviceName })",
      "getServerOutput({ serviceName: node0.tftp.listening.apply(() => serviceName) })",
    );
    project.write({ "index.ts": later });
    const { stdout } = await project.succeed(["preview"]);
    expect(stdout).toMatch(/netboot:OlaNode db-1 create/);
    project.write({ "index.ts": example("index.ts") });
  });

  it("declares and proves its servers, and has none rebooted", async () => {
    await project.succeed(up);
    expect(await project.outputs()).toEqual({
      verified: {
        "db-1": "DHCP offered 10.20.0.11, ipxe.efi, then refind.pxe (2 MACs)",
        "db-2": "DHCP offered 10.20.0.12, ipxe.efi, then refind.pxe (2 MACs)",
      },
    });
    expect(askedReboots(project)).toEqual([]);
  });

  it("previews a proof and a reboot without either", async () => {
    await project.config({ rebootDb1: "2026-11-22" });
    const logins = await loginsOf(lab);
    const { stdout } = await project.succeed(["preview", "--diff"]);
    expect(stdout).toMatch(/~ pulumi-nodejs:dynamic\/netboot:OlaNode: \(update\)\n.*OlaNode\/netboot-ovh\/dev\/db-1/);
    expect(stdout).toMatch(/\+ verify: \{\n\s*\+ again: "2026-11-22"/);
    expect(stdout).toMatch(/\+ ovh:Dedicated\/serverRebootTask:ServerRebootTask: \(create\)\n.*::reboot-db-1\]/);
    expect(stdout).toMatch(/\+ 1 to create\n\s*~ 1 to update\n/);
    expect(askedReboots(project)).toEqual([]);
    expect(await loginsOf(lab)).toBe(logins);
  });

  it.each([
    {
      what: "tftpd does not run",
      harm: "systemctl stop tftpd-hpa",
      mend: "systemctl start tftpd-hpa",
      why: "its firmware would ask 10.20.0.1 for ipxe.efi by TFTP, and get no answer: tftpd-hpa.service does not run",
    },
    {
      what: "dhcpd does not run",
      harm: "systemctl stop isc-dhcp-server",
      mend: "systemctl start isc-dhcp-server",
      why: "the firmware of db-1 (04:3f:72:aa:00:01) asked by DHCP and got no answer, for isc-dhcp-server.service does not run",
    },
    {
      what: "a file is not as it was declared",
      harm: "cp -p /srv/tftp/refind.conf /root/; echo >>/srv/tftp/refind.conf",
      mend: "cp -p /root/refind.conf /srv/tftp/",
      why: "TFTP served another refind.conf than was declared",
    },
  ])("has nothing rebooted while $what on node 0", async ({ harm, mend, why }) => {
    await lab.node0.run(harm);
    const { code, output } = await project.pulumi(up);
    await lab.node0.run(mend);
    expect(code, output).not.toBe(0);
    expect(output).toContain(why);
    expect(output).toMatch(
      /the previous configuration was put back(, and runs: | \[NOT_SERVING\]$)|Nothing was changed/m,
    );
    expect(output).not.toContain("reboot-db-1");
    expect(askedReboots(project)).toEqual([]);
  });

  it("proves the machine anew, and then has it alone rebooted", async () => {
    const since = Date.now();
    await project.succeed(up);
    const reboots = askedReboots(project);
    expect(reboots).toEqual([{ serviceName: first.name, keepers: ["2026-11-22"], at: expect.any(Number) }]);
    for (const mac of first.macs) {
      const times = await asked([mac], since);
      expect(times.length, `${mac} was not asked for`).toBeGreaterThan(0);
      expect(Math.max(...times)).toBeLessThan(reboots[0]?.at ?? 0);
    }
    expect(await asked(second.macs, since)).toEqual([]);
  });

  it("has nothing rebooted by a second up", async () => {
    await project.succeed([...up, "--expect-no-changes"]);
    expect(askedReboots(project)).toHaveLength(1);
  });

  it("has nothing rebooted by a server's new problem, also without a preview", async () => {
    const [, other] = aggregated;
    const lost = ovhServer(first.name, ["vrack", first.uuid, first.macs]);
    project.write(ovhFile(other === undefined ? [] : [lost, other]));
    await project.config({ rebootDb1: "2026-11-23" });
    const { code, output } = await project.pulumi(up);
    expect(code, output).not.toBe(0);
    expect(output).toContain(`'db-1' has a problem: ${first.name}: its network interface ${first.uuid}`);
    expect(askedReboots(project)).toHaveLength(1);
    project.write(ovhFile(aggregated));
  });

  it("has a machine rebooted once for each new value, each time after a proof", async () => {
    const since = Date.now();
    await project.config({ rebootDb2: "2026-11-23" });
    await project.succeed(up);
    const [, ...reboots] = askedReboots(project);
    expect(reboots.map(({ serviceName }) => serviceName).sort()).toEqual([first.name, second.name]);
    for (const { serviceName, keepers, at } of reboots) {
      expect(keepers).toEqual(["2026-11-23"]);
      const times = await asked(serviceName === first.name ? first.macs : second.macs, since);
      expect(times.filter((time) => time < at).length).toBeGreaterThanOrEqual(2);
    }
  });

  it("has a reboot that OVHcloud refused asked for again, after another proof", async () => {
    const [server, other] = aggregated;
    project.write(ovhFile(server === undefined || other === undefined ? [] : [{ ...server, state: "hacked" }, other]));
    await project.config({ rebootDb1: "2026-11-24" });
    const { code, output } = await project.pulumi(up);
    expect(code, output).not.toBe(0);
    expect(output).toContain("This service is hacked");
    expect(askedReboots(project)).toHaveLength(3);

    project.write(ovhFile(aggregated));
    await lab.node0.run("mv /srv/tftp/refind.conf /root/");
    const unproved = await project.pulumi(up);
    await lab.node0.run("mv /root/refind.conf /srv/tftp/");
    expect(unproved.code, unproved.output).not.toBe(0);
    expect(unproved.output).toContain("refind.conf could not be fetched by TFTP from 10.20.0.1: File not found");
    expect(askedReboots(project)).toHaveLength(3);

    const since = Date.now();
    await project.succeed(up);
    const last = askedReboots(project).at(-1);
    expect(last).toMatchObject({ serviceName: first.name, keepers: ["2026-11-24"] });
    expect((await asked(first.macs, since)).filter((at) => at < (last?.at ?? 0)).length).toBeGreaterThanOrEqual(4);
    expect(await asked(second.macs, since)).toEqual([]);
  });

  it("has nothing rebooted when the chain changes, or the value goes", async () => {
    await project.succeed(["config", "rm", "rebootDb2"]);
    project.write({ "index.ts": example("index.ts").replace("  network:", `  ${seconds(3)}\n$&`) });
    const { stdout } = await project.succeed(up);
    expect(stdout).toMatch(/OlaNode db-1 updated .*~nextBoot/);
    expect(stdout).toMatch(/OlaNode db-2 updated .*~nextBoot/);
    expect(askedReboots(project)).toHaveLength(4);
  });

  it("has all rebooted together whose chain changes, where the keeper is nextBoot, as the docs warn", async () => {
    const atOnce = example("index.ts").replace("if (ask) {", "{").replace("[ask]", "[node.nextBoot]");
    const rebooted = () =>
      askedReboots(project)
        .slice(4)
        .map(({ serviceName }) => serviceName)
        .sort();
    project.write({ "index.ts": atOnce.replace("  network:", `  ${seconds(3)}\n$&`) });
    await project.succeed(up);
    expect(rebooted()).toEqual([first.name, second.name]);
    await project.succeed([...up, "--expect-no-changes"]);
    expect(rebooted()).toEqual([first.name, second.name]);
    project.write({ "index.ts": atOnce.replace("  network:", `  ${seconds(4)}\n$&`) });
    await project.succeed(up);
    expect(rebooted()).toEqual([first.name, first.name, second.name, second.name]);
  });

  it("leaves nothing behind, and has nothing rebooted by that", async () => {
    await project.succeed(["destroy", "--yes", "--skip-preview"]);
    expect((await lab.node0.run("ls -A /srv/tftp /var/lib/pulumi-netboot")).stdout).toBe(
      "/srv/tftp:\n\n/var/lib/pulumi-netboot:\npackages\n",
    );
    expect(askedReboots(project)).toHaveLength(8);
  });
});

/** A change of the chain of all machines, as an argument of their server. */
function seconds(timeoutSeconds: number): string {
  return `artifacts: { refindConf: { timeoutSeconds: ${timeoutSeconds} } },`;
}
