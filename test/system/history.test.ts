import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import type { Boot } from "../../provider/facts/bootLog";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { netbootCommand, programOn } from "../support/node0";

const up = ["up", "--yes", "--skip-preview"];

/** What node 0's log tells of machines that booted, tried to, or were strangers. */
describe("the history", () => {
  let lab: Lab;
  let project: ScratchProject;

  const program = (timeoutSeconds: number): string =>
    programOn(
      lab,
      `const node0 = new netboot.NetbootServer("node0", {
         connection, network, time: false, names: false, artifacts: { refindConf: { timeoutSeconds: ${timeoutSeconds} } },
       });
       const a = new netboot.OlaNode("a", { server: node0, macs: ["52:54:00:00:0a:01"], address: "192.168.1.3", history: true });
       new netboot.OlaNode("b", { server: node0, macs: ["52:54:00:00:0a:02"], address: "192.168.1.4" });
       new netboot.OlaNode("c", { server: node0, macs: ["52:54:00:00:0a:03"], address: "192.168.1.5" });
       export const lastBoot = a.lastBoot;`,
    );

  const short = (path: string): string =>
    createHash("sha256")
      .update(readFileSync(join(lab.node0.root, path)))
      .digest("hex")
      .slice(0, 10);

  const history = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await netbootCommand(project, "history", ...args);
    expect(code, stderr).toBe(0);
    return stdout;
  };

  beforeAll(async () => {
    lab = await labUp();
    project = await scratchProject({ files: { "index.ts": program(1) }, name: "history" });
    await project.succeed(up);
    await project.succeed(["stack", "select"]);
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  it("leaves out what the proof asked", async () => {
    expect((await project.outputs())["lastBoot"]).toBe("none in node 0's log of the last 30 days");
    const table = await history();
    expect(table.split("\n").map((line) => line.split(/ {2,}/).slice(0, 3))).toEqual([
      ["a", "-", "never"],
      ["b", "-", "never"],
      ["c", "-", "never"],
      [""],
    ]);
  });

  it("believes no user of node 0 who writes what dhcpd, in.tftpd or journald would, and tells a gap", async () => {
    const forged = (user: string, mac: string): string => `
      forge() { runuser -u ${user} -- logger "$@"; }
      forge -t dhcpd 'netboot stage=loader mac=${mac} arch=7'
      forge -t dhcpd 'DHCPACK on 192.168.1.5 to ${mac} via eno2'
      forge -t in.tftpd 'RRQ from 192.168.1.5 filename ipxe.efi'
      for unit in isc-dhcp-server kea-dhcp4-server; do
        printf '%s\\n' MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e SYSLOG_IDENTIFIER=systemd-journald \\
          "MESSAGE=Suppressed 4711 messages from $unit.service" > /tmp/forged; chmod 644 /tmp/forged
        forge --journald=/tmp/forged
      done
      journalctl --sync`;
    await lab.node0.run(forged("nobody", "52:54:00:00:0a:03"));
    const quiet = await netbootCommand(project, "history");
    expect(quiet.stdout).toMatch(/^c +- +never/m);
    expect(quiet.stderr).toBe("");
    await lab.node0.run(forged("root", "52:54:00:00:0a:03"));
    const loud = await netbootCommand(project, "history");
    // dhcpd's own lines come out of its unit, and not out of root's hand either.
    expect(loud.stdout).toMatch(/^c +- +never/m);
    expect(loud.stderr).toMatch(/: the log has gaps, 9422 lines until \S+Z: boots before that may be missing/);
  });

  it("tells a good boot, one that misses a file, and a stranger, each with what it was given then", async () => {
    const before = short("/srv/tftp/refind.conf");
    const boot = async (name: string, mac: string, timeoutMs: number): Promise<readonly number[]> => {
      const machine = await lab.machine({ name, macs: [mac] });
      const { steps } = await machine.boot({ timeoutMs });
      await machine.off();
      return steps.flatMap(({ step, seconds }) => (seconds === undefined ? [] : [step]));
    };
    // A firewall in front of node 0's own, which drops what the third one asks by TFTP.
    await lab.node0.run(`
      nft 'table netdev front { chain in {
        type filter hook ingress device "eno2" priority 0; ether saddr 52:54:00:00:0a:03 udp dport 69 drop; }; }'`);
    const [, seenByStranger] = await Promise.all([
      boot("a", "52:54:00:00:0a:01", 180_000),
      boot("stranger", "52:54:00:00:0a:09", 30_000),
      boot("c", "52:54:00:00:0a:03", 40_000),
    ]);
    await lab.node0.run("nft delete table netdev front");
    // It asks, and nobody gives it anything; then its firmware may go on to its own disk.
    expect(seenByStranger.filter((step) => step < 9)).toEqual([1]);
    await lab.node0.run("mv /srv/tftp/refind_x64.efi /root/");
    await boot("b", "52:54:00:00:0a:02", 45_000);
    await lab.node0.run("mv /root/refind_x64.efi /srv/tftp/");
    // What was served to the first machine is another file by now.
    project.write({ "index.ts": program(2) });
    await project.succeed(up);
    expect(short("/srv/tftp/refind.conf")).not.toBe(before);

    const table = await history();
    const [loader, script, refind] = ["ipxe.efi", "refind.pxe", "refind_x64.efi"].map((name) =>
      short(`/srv/tftp/${name}`),
    );
    const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`;
    expect(table).toMatch(
      new RegExp(
        `^a +${time}  rEFInd +192\\.168\\.1\\.3, ipxe\\.efi ${loader}, refind\\.pxe ${script}, refind\\.conf ${before}, refind_x64\\.efi ${refind}$`,
        "m",
      ),
    );
    expect(table).toMatch(
      new RegExp(
        `^b +${time}  script +192\\.168\\.1\\.4, .*refind\\.conf ${before}, refind_x64\\.efi: File not found$`,
        "m",
      ),
    );
    expect(table).toMatch(
      new RegExp(
        `^c +${time}  lease +192\\.168\\.1\\.5, no request for a file came in: .*firewall dropped what it asked, of which the log has no line`,
        "m",
      ),
    );
    expect(table).toMatch(
      new RegExp(`^52:54:00:00:0a:09 +${time}  refused +no program declares it; it asked (once|\\d+ times)$`, "m"),
    );
    const boots = JSON.parse(await history("--json")) as readonly (Boot & { machine?: string })[];
    expect(boots.filter(({ machine }) => machine === "a")).toMatchObject([
      { mac: "52:54:00:00:0a:01", reached: "rEFInd", address: "192.168.1.3", architecture: 7 },
    ]);
    expect(await history("--since", "2100-01-01")).toMatch(/^a +- +never/m);
    expect(await history("--svg", "a")).toMatch(/^<svg [\s\S]*>The boot of a, \S+: rEFInd was given;[\s\S]*<\/svg>\n$/);
    const unknown = await netbootCommand(project, "history", "--svg", "nobody");
    expect(unknown).toMatchObject({ code: 2, stderr: 'node 0 knows no machine "nobody"; it knows a, b, c\n' });
  });

  it("gives a machine that asks for it its last boot, at a refresh", async () => {
    await project.succeed(["refresh", "--yes", "--skip-preview"]);
    expect((await project.outputs())["lastBoot"]).toMatch(
      /^\d{4}-\S+Z rEFInd: 192\.168\.1\.3, ipxe\.efi [0-9a-f]{10}, /,
    );
    await project.succeed(["preview", "--expect-no-changes"]);
  });
});
