import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Lab, labUp, type Release } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import type { DhcpAnswer } from "./dhcpClient.mts";
import type { Silence } from "./dhcpSilence.mts";
import { keaState } from "./keaState.ts";
import { netbootCommand } from "./node0.ts";

const up = ["up", "--yes", "--skip-preview"];
const macs = ["52:54:00:00:31:01", "52:54:00:00:31:02"];
const pooled = ["52:54:00:00:31:03", "52:54:00:00:31:04"];
const waiting = { timeout: 40_000, interval: 200 };

/** Two hosts with Kea, of which one answers and the other stands by: all of it, or what a change of ours may break first. */
export function describeHotStandby(release: Release, how: "briefly" | "whole"): void {
  const inWhole = how === "whole" ? it : undefined;
  describe(`a hot standby on ${release}`, () => {
    let one: Lab;
    let other: Lab;
    let project: ScratchProject;

    const pool = { from: "192.168.1.8", to: "192.168.1.12" };
    const serverOn = (name: string, { node0 }: Lab, shares: boolean): string => {
      const { host, port, hostKey, privateKeyPath, privateInterface, privateAddress, privateCidr } = node0;
      const connection = JSON.stringify({ host, port, hostKey, privateKeyPath, dialErrorLimit: 0, perDialTimeout: 5 });
      const network = JSON.stringify({ interface: privateInterface, cidr: privateCidr, address: privateAddress, pool });
      const dhcp = JSON.stringify({ daemon: "kea", ...(shares && { highAvailability: "hot-standby" }) });
      return `const ${name} = new netboot.NetbootServer("node0-${name}", { connection: ${connection}, network: ${network}, dhcp: ${dhcp}, time: false });`;
    };
    const write = (address: string, shares = true): void => {
      const machines = pooled.map((mac, at) => `"p-${at}": { macs: ["${mac}"] }`).join(", ");
      const nodes = `{ "db-1": { macs: ${JSON.stringify(macs)}, address: "${address}" }, ${machines} }`;
      project.write({
        "index.ts": [
          'import * as netboot from "pulumi-netboot";',
          serverOn("a", one, shares),
          serverOn("b", other, shares),
          `export const verified = new netboot.OlaFleet("rack", { server: [a, b], nodes: ${nodes} }).verified;`,
        ].join("\n"),
      });
    };
    const on = async ({ node0 }: Lab, command: string): Promise<string> => (await node0.run(command)).stdout;
    const verify = () => netbootCommand(project, "verify", "--stack", "dev");
    const settle = async (first: string, second: string): Promise<void> => {
      await vi.waitFor(
        async () => expect([await keaState(one), await keaState(other)]).toEqual([first, second]),
        waiting,
      );
    };
    const primary = 'primary hot-standby ["192.168.1.1"]';
    const standby = "standby hot-standby []";
    const tookOver = 'standby partner-down ["192.168.1.1"]';
    const ask = async (more: (at: number) => object = () => ({})): Promise<readonly DhcpAnswer[]> => {
      const client = join(process.cwd(), "test/support/dhcpClient.mts");
      const clients = JSON.stringify(pooled.map((mac, at) => ({ mac, arch: [7], ...more(at) })));
      return JSON.parse((await one.segment.run([process.execPath, client, clients])).stdout) as DhcpAnswer[];
    };
    const askMeanwhile = async (seconds: number, act: () => Promise<unknown>): Promise<Silence> => {
      const client = join(process.cwd(), "test/support/dhcpSilence.mts");
      const asking = one.segment.run([process.execPath, client, macs[0] ?? "", String(seconds)]);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await act();
      return JSON.parse((await asking).stdout) as Silence;
    };

    beforeAll(async () => {
      one = await labUp({ release });
      other = await labUp({ release, beside: one.name });
      await one.segment.run(["ip", "route", "add", "255.255.255.255/32", "dev", one.segment.clientInterface]);
      project = await scratchProject({ files: { "index.ts": "" }, name: "standby" });
      write("192.168.1.3");
    });

    afterAll(async () => {
      await project?.remove();
      await other?.down();
      await one?.down();
    });

    it("comes in one up, is proved on both, and stands by", async () => {
      const { output } = await project.succeed(up);
      expect(output).not.toContain("not proved");
      await project.succeed([...up, "--expect-no-changes"]);
      const { verified } = (await project.outputs()) as { readonly verified: string };
      expect(verified.match(/DHCP offered their addresses and files to 3 machines \(4 MACs\)/g)).toHaveLength(2);
      await settle(primary, standby);
      expect(await on(other, "grep '\"pool\":' /etc/kea/kea-dhcp4.conf")).toContain("192.168.1.8 - 192.168.1.12");
    });

    it("is told by verify, and leaves the machines to the first", async () => {
      // Each of them has it answer, and stand by again.
      for (const { stdout, code } of await Promise.all([verify(), verify(), verify()])) {
        expect(code, stdout).toBe(0);
        expect(stdout.match(/^ok +\S+ +198\.19\.\S+ +served: /gm)).toHaveLength(6);
      }
      await settle(primary, standby);
      expect((await ask()).map(({ server }) => server)).toEqual(["192.168.1.1", "192.168.1.1"]);
      expect(await netbootCommand(project, "doctor", "--stack", "dev")).toMatchObject({ code: 0 });
    });

    it("takes the place of a first one that is dead: whoever had an address of the pool keeps it, and keeps it again", async () => {
      const before = (await ask()).map(({ address }) => address);
      expect(new Set(before).size).toBe(2);
      await on(one, "systemctl stop kea-dhcp4-server");
      await vi.waitFor(async () => expect(await keaState(other)).toBe(tookOver), waiting);
      const meanwhile = await ask((at) => ({ reboots: before[at] }));
      expect(meanwhile.map(({ type, address, server }) => ({ type, address, server }))).toEqual(
        before.map((address) => ({ type: "ack", address, server: "192.168.1.14" })),
      );
      expect((await ask()).map(({ address }) => address)).toEqual(before);
      const table = await verify();
      expect(table.code).not.toBe(0);
      expect(table.stdout.match(new RegExp(`^ok +\\S+ +${other.node0.host} +served: `, "gm"))).toHaveLength(3);
      await on(one, "systemctl start kea-dhcp4-server");
      await settle(primary, standby);
      const since = await ask((at) => ({ reboots: before[at] }));
      expect(since.map(({ address, server }) => `${address} by ${server}`)).toEqual(
        before.map((address) => `${address} by 192.168.1.1`),
      );
    });

    inWhole?.(
      "boots a machine from each of its NICs, and while the first is without power, and the log tells it",
      async () => {
        for (const [bootFrom, name] of ["first", "second", "alone"].entries()) {
          if (name === "alone") await one.node0.powerCut();
          const machine = await one.machine({ name, macs, bootFrom: bootFrom % 2 });
          const report = await machine.boot();
          await machine.off();
          expect(report.reachedDisk, report.serial.slice(-2000)).toBe(true);
        }
        await one.node0.powerOn();
        const { stdout } = await netbootCommand(project, "history", "--stack", "dev", "--json");
        const boots = JSON.parse(stdout) as readonly {
          readonly host: string;
          readonly machine?: string;
          readonly mac: string;
        }[];
        expect(boots.filter(({ machine }) => machine?.startsWith("db-1")).map(({ host, mac }) => [host, mac])).toEqual([
          [one.node0.host, macs[0]],
          [one.node0.host, macs[1]],
          [other.node0.host, macs[0]],
        ]);
        await settle(primary, standby);
      },
    );

    inWhole?.("costs a moment of silence when a change rolls, and some seconds when the first dies", async () => {
      write("192.168.1.4");
      const rolled = await askMeanwhile(30, () => project.succeed(up));
      console.info(`${release}, a change: ${JSON.stringify(rolled)}`);
      expect(rolled.longest).toBeLessThan(2500);
      const died = await askMeanwhile(30, () => one.node0.powerCut());
      console.info(`${release}, a death: ${JSON.stringify(died)}`);
      expect(died.longest).toBeLessThan(20_000);
      write("192.168.1.5");
      const { code, output } = await project.pulumi(up);
      expect(code).not.toBe(0);
      expect(output).toMatch(/HOST_UNREACHABLE/);
      await one.node0.powerOn();
      await project.succeed(up);
      await settle(primary, standby);
    });

    inWhole?.("is told where the two don't hear each other, for both answer then", async () => {
      // Questions and answers of DHCP are packets of their own, which no route leads.
      await on(other, "ip route add blackhole 192.168.1.1");
      await settle('primary partner-down ["192.168.1.1"]', tookOver);
      const { code, stdout } = await verify();
      expect(code).not.toBe(0);
      expect(stdout).toMatch(
        /^FAILED +db-1 +\S+ +served, but it takes 192\.168\.1\.14 for dead \(Kea: partner-down\), which answers as well, so both may lend one address; let tcp 8001 through between the two \("kea-ha" among the firewall's services\)/m,
      );
      write("192.168.1.6");
      const { output } = await project.succeed(up);
      expect(output).toMatch(/not proved.*it takes 192\.168\.1\.1 for dead/s);
      await on(other, "ip route del blackhole 192.168.1.1");
      await settle(primary, standby);
      expect((await verify()).code).toBe(0);
    });

    inWhole?.("stands by again where whoever asked it to answer is killed", async () => {
      const asking = verify();
      await vi.waitFor(async () => expect(await keaState(other)).toBe('standby hot-standby ["192.168.1.1"]'), {
        ...waiting,
        interval: 20,
      });
      // The hands, and not the child of theirs that waits for their end.
      await on(
        other,
        'for pid in $(pgrep perl); do parent=$(ps -o ppid= -p "$pid"); pgrep perl | grep -qx "$(echo $parent)" && kill -KILL $parent; done; true',
      );
      expect((await asking).code).not.toBe(0);
      await settle(primary, standby);
    });

    inWhole?.("takes no configuration by the port on which the two hear each other", async () => {
      const post = async (command: string): Promise<string> => {
        const address = ["ip", "address", "replace", "192.168.1.13/28", "dev", one.segment.clientInterface];
        await one.segment.run(address);
        const sends = `curl -sS -m 5 -H 'Content-Type: application/json' -d '{"command": "${command}"}' http://192.168.1.1:8001/`;
        const { stdout, stderr } = await one.segment.run(["sh", "-c", sends], { check: false });
        return stdout + stderr;
      };
      for (const command of ["config-get", "config-set", "config-reload", "shutdown"]) {
        expect(await post(command)).toMatch(/Forbidden|timed out|Connection reset/);
      }
      expect(await on(one, "systemctl show -P IPAddressAllow kea-dhcp4-server")).toBe("192.168.1.14/32\n");
    });

    inWhole?.("is drilled: the second takes the place of the silent one by itself", async () => {
      const drilling = netbootCommand(project, "drill", "--stack", "dev", "--yes");
      await vi.waitFor(async () => expect(await keaState(other)).toBe(tookOver), waiting);
      const { code, output } = await drilling;
      expect(code, output).toBe(0);
      expect(output).toMatch(/node0-a \(\S+\) was silent for \d+ s, and serves all of them again/);
      await settle(primary, standby);
    });

    inWhole?.("goes and comes by one up, with the pool by halves meanwhile", async () => {
      write("192.168.1.6", false);
      const planned = await netbootCommand(project, "plan", "--stack", "dev");
      expect(planned.stdout).not.toContain("while the other node 0 is down");
      const { output } = await project.succeed(up);
      expect(output).not.toContain("not proved");
      expect(await on(one, "grep '\"pool\":' /etc/kea/kea-dhcp4.conf")).toContain("192.168.1.8 - 192.168.1.9");
      expect((await verify()).stdout).toMatch(/^3 machines, all served$/m);
      expect(await on(one, "ss -Hltn sport = 8001")).toBe("");
      write("192.168.1.6");
      const back = await netbootCommand(project, "plan", "--stack", "dev");
      expect(back.stdout).toContain("DHCP is silent for up to 2 s, or 3 to 4 s while the other node 0 is down at each");
      await project.succeed(up);
      await settle(primary, standby);
      expect((await verify()).stdout).toMatch(/^3 machines, all served$/m);
    });

    it("leaves nothing that serves", async () => {
      await project.succeed(["destroy", "--yes", "--skip-preview"]);
      for (const lab of [one, other])
        expect(await on(lab, "ss -Hltn sport = 8001; ls /etc/kea/netboot 2>&1 || true")).toMatch(/^ls: /);
    });
  });
}
