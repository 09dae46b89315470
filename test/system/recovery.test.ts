import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { netbootCommand, programOn } from "../support/node0";

const up = ["up", "--yes", "--skip-preview"];

const sha256Of = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");

/** A transaction that is cut off in its middle: by the power, or by whoever ends the agent. */
describe("a transaction cut short", () => {
  let lab: Lab;
  let project: ScratchProject;

  const program = (leaseSeconds: number): string =>
    programOn(
      lab,
      `const node0 = new netboot.NetbootServer("node0", { connection, network: { ...network, leaseSeconds: ${leaseSeconds} }, artifacts: { refindConf: { timeoutSeconds: ${leaseSeconds} } }, time: false, names: false });
       new netboot.OlaNode("a", { server: node0, macs: ["52:54:00:00:04:01"], address: "192.168.1.3" });`,
    );

  beforeAll(async () => {
    lab = await labUp();
    project = await scratchProject({ files: { "index.ts": program(600) }, name: "cut" });
    await project.succeed(up);
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  const onDisk = (path: string): string => join(lab.node0.root, path);
  const serving = (): string[] => [
    /^default-lease-time (\d+);/m.exec(readFileSync(onDisk("/etc/dhcp/dhcpd.conf"), "utf8"))?.[1] ?? "none",
    /^timeout (\d+)$/m.exec(readFileSync(onDisk("/srv/tftp/refind.conf"), "utf8"))?.[1] ?? "none",
  ];

  /** Runs an up, and does something as soon as its journal is there: everything is staged, nothing or some is swapped. */
  async function cut(leaseSeconds: number, afterMs: number, doing: () => Promise<unknown>): Promise<void> {
    project.write({ "index.ts": program(leaseSeconds) });
    const running = project.pulumi(up, { timeoutSeconds: 60 });
    const journal = onDisk("/var/lib/pulumi-netboot/journal");
    for (let waited = 0; !existsSync(journal); waited += 2) {
      if (waited > 60_000) throw new Error(`no transaction has begun\n${(await running).output}`);
      await wait(2);
    }
    await wait(afterMs);
    await doing();
    await running;
  }

  /** Every file is of the state that the register tells of; on a busy machine an up can be two transactions. */
  async function isWhole(states: readonly string[]): Promise<void> {
    for (const state of serving()) expect(states).toContain(state);
    const register = onDisk("/var/lib/pulumi-netboot/register");
    const files = readdirSync(register).flatMap((entry) =>
      [...readFileSync(join(register, entry), "utf8").matchAll(/^file (\S+) \d+ ([0-9a-f]{64})$/gm)].map(
        ([, path = "", sha256]) => ({ path, sha256 }),
      ),
    );
    expect(files.length).toBeGreaterThan(5);
    const seen = files.map(({ path }) => ({ path, sha256: sha256Of(onDisk(path)) }));
    expect(seen).toEqual(files);
    expect(existsSync(onDisk("/var/lib/pulumi-netboot/journal"))).toBe(false);
    const { stdout } = await lab.node0.run(
      "systemctl is-active isc-dhcp-server tftpd-hpa; find /etc /srv /var/lib/pulumi-netboot -name '.*netboot-new'",
    );
    expect(stdout).toBe("active\nactive\n");
  }

  it("serves one whole state after a power cut, before any up", async () => {
    const before = serving()[0] ?? "";
    const leaseSeconds = 602;
    await cut(leaseSeconds, 20, () => lab.node0.powerCut({ loseUnsynced: true }));
    await lab.node0.powerOn();
    await lab.node0.run(
      "until systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded'; do sleep 0.1; done; systemctl is-active --quiet isc-dhcp-server || sleep 2",
    );
    await isWhole([before, String(leaseSeconds)]);
    // The engine did not hear how it ended; without any other help than its own, the next up reaches the goal.
    await project.pulumi(["cancel", "--yes"]);
    await project.succeed(up);
    await isWhole([String(leaseSeconds)]);
  });

  it("is undone at once when somebody kills the agent", async () => {
    const before = serving()[0] ?? "";
    await cut(604, 0, () => lab.node0.run("systemctl kill --signal=KILL 'pulumi-netboot-*.service'", { check: false }));
    await isWhole([before, "604"]);
    await project.succeed(up);
    await isWhole(["604"]);
  });

  it("keeps what somebody writes into a file between its swap and its undoing", async () => {
    const folder = "/etc/systemd/system/isc-dhcp-server.service.d";
    const edit =
      "grep -q 'default-lease-time 605' /etc/dhcp/dhcpd.conf || exit 0; echo '# by hand' >> /etc/dhcp/dhcpd.conf; exit 1";
    await lab.node0.run(`mkdir ${folder}; cat > ${folder}/editor.conf; systemctl daemon-reload`, {
      input: `[Service]\nExecStartPre=/bin/sh -c "${edit}"\n`,
    });
    project.write({ "index.ts": program(605) });
    const { code, output } = await project.pulumi(up);
    expect(code).not.toBe(0);
    const kept = /what somebody wrote in the meantime is kept as (\/var\/lib\/pulumi-netboot\/edits\/\S+)/.exec(
      output,
    )?.[1];
    expect(readFileSync(onDisk(kept ?? "no such sentence"), "utf8")).toMatch(
      /default-lease-time 605;[\s\S]*# by hand\n$/,
    );
    await lab.node0.run(`rm -r ${folder}; systemctl daemon-reload`);
    await isWhole(["604", "605"]);
    await project.succeed(up);
    await isWhole(["605"]);
  });

  it.each([
    [
      "606",
      "chattr +i /etc/dhcp/dhcpd.conf",
      "chattr -i /etc/dhcp/dhcpd.conf",
      "/etc/dhcp/dhcpd.conf",
      "it is immutable",
    ],
    [
      "607",
      "cp /srv/tftp/refind.conf /root/over && mount --bind /root/over /srv/tftp/refind.conf",
      "umount /srv/tftp/refind.conf",
      "/srv/tftp/refind.conf",
      "something is mounted on it",
    ],
  ])("is not begun where a path can't be replaced (lease %s): %s", async (lease, hold, release, path, why) => {
    const before = serving();
    await lab.node0.run(hold);
    project.write({ "index.ts": program(Number(lease)) });
    const { code, output } = await project.pulumi(up);
    await lab.node0.run(release);
    expect(code).not.toBe(0);
    expect(output).toContain(`${path} cannot be replaced: ${why}`);
    expect(output).toMatch(/Nothing was changed, and node 0 serves what it served|Nothing of this change was done/);
    // On a busy machine what else is in the up can be another transaction, which stands.
    const held = path.endsWith("refind.conf") ? 1 : 0;
    expect(serving()[held]).toBe(before[held]);
    await isWhole([...before, lease]);
  });

  it("is undone but for a path that can't be put back, of which doctor tells, and wholly when it can", async () => {
    const folder = "/etc/systemd/system/isc-dhcp-server.service.d";
    const hold =
      "grep -q 'default-lease-time 608' /etc/dhcp/dhcpd.conf || exit 0; chattr +i /etc/dhcp/dhcpd.conf; exit 1";
    await lab.node0.run(`mkdir ${folder}; cat > ${folder}/holder.conf; systemctl daemon-reload`, {
      input: `[Service]\nExecStartPre=/bin/sh -c "${hold}"\n`,
    });
    project.write({ "index.ts": program(608) });
    const [, before] = serving();
    const words = /was put back but for \/etc\/dhcp\/dhcpd\.conf \(Operation not permitted\)/;
    expect((await project.pulumi(up)).output).toMatch(words);
    expect(serving()).toEqual(["608", before]);
    await lab.node0.run(`rm -r ${folder}; systemctl daemon-reload`);
    const doctor = await netbootCommand(project, "doctor", "--stack", "dev");
    expect(doctor.output).toContain("transaction: is neither committed nor undone: /etc/dhcp/dhcpd.conf;");
    expect((await project.pulumi(up)).output).toMatch(words);
    await lab.node0.run("chattr -i /etc/dhcp/dhcpd.conf");
    await project.succeed(up);
    await isWhole(["608"]);
  });
});
