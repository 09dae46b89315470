import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type Wire, wireTo } from "../../lab/wire.mts";
import { runCommand } from "../../tools/command.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { withAnotherDhcpServer } from "./anotherDhcpServer.ts";
import { type UnpackedPackages, unpackPackages } from "./debianPackages.ts";
import type { DhcpAnswer } from "./dhcpClient.mts";
import { netbootCommand } from "./node0.ts";

const up = ["up", "--yes", "--skip-preview"];
const macs = ["52:54:00:00:21:01", "52:54:00:00:21:02"];
const db1 = `"db-1": { macs: ${JSON.stringify(macs)}, address: "192.168.1.3" }`;
const db2 = (address: string) => `"db-2": { macs: ["52:54:00:00:21:03"], address: "${address}" }`;
const web1 =
  'new netboot.OlaNode("web-1", { server: [a, b], macs: ["52:54:00:00:21:04"], address: "192.168.1.7" MORE });';

/** Two hosts on one private network, the first with dhcpd and the second with Kea: all of it, or what a change of ours may break first. */
export function describeTwoNode0s(how: "briefly" | "whole"): void {
  const inWhole = how === "whole" ? it : undefined;
  describe("two node 0s", () => {
    let one: Lab;
    let other: Lab;
    let project: ScratchProject;
    let packages: UnpackedPackages;
    let before: readonly string[];

    let pool: object | undefined;
    let ways: readonly Wire[] = [];
    const serverOn = (name: string, { node0 }: Lab, more: string): string => {
      const { hostKey, privateKeyPath, privateInterface, privateAddress, privateCidr } = node0;
      const { host, port } = ways[name === "a" ? 0 : 1] ?? node0;
      const connection = JSON.stringify({ host, port, hostKey, privateKeyPath, dialErrorLimit: 0, perDialTimeout: 5 });
      const network = JSON.stringify({ interface: privateInterface, cidr: privateCidr, address: privateAddress, pool });
      return `const ${name} = new netboot.NetbootServer("node0-${name}", { connection: ${connection}, network: { ...${network}, domain: "rack.example.net" }, ${more} });`;
    };
    const program = (nodes: string, rest = "", more = ""): string =>
      [
        'import * as netboot from "pulumi-netboot";',
        serverOn("a", one, more),
        serverOn("b", other, `dhcp: { daemon: "kea" }, ${more}`),
        `export const verified = new netboot.OlaFleet("rack", { server: [a, b], nodes: { ${nodes} } }).verified;`,
        rest,
      ].join("\n");
    const write = (...args: Parameters<typeof program>) => project.write({ "index.ts": program(...args) });
    const verify = () => netbootCommand(project, "verify", "--stack", "dev");
    const on = async ({ node0 }: Lab, command: string): Promise<string> => (await node0.run(command)).stdout;
    /** What a node 0 serves by: another one if it was touched. */
    const served = (lab: Lab): Promise<string> =>
      on(
        lab,
        "cat /etc/dhcp/netboot/* /etc/kea/netboot/* 2>/dev/null; sha256sum /srv/tftp/* /etc/dhcp/dhcpd.conf 2>/dev/null; true",
      );

    const waiting = { timeout: 40_000, interval: 300 };
    const daemonsOf = async (lab: Lab): Promise<string> => {
      const dhcp = lab === one ? "isc-dhcp-server" : "kea-dhcp4-server";
      return (await on(lab, `systemctl is-active ${dhcp} tftpd-hpa || true`)).trim().replace("\n", " ");
    };

    beforeAll(async () => {
      one = await labUp();
      other = await labUp({ beside: one.name });
      before = [await one.node0.listing(), await other.node0.listing()];
      packages = await unpackPackages("isc-dhcp-server");
      project = await scratchProject({ files: { "index.ts": "" }, name: "two" });
      write(`${db1}, ${db2("192.168.1.4")}`);
    });

    afterAll(async () => {
      await project?.remove();
      await packages?.remove();
      await other?.down();
      await one?.down();
    });

    it("come in one up, the second after the first, and say so in the preview", async () => {
      const preview = await project.succeed(["preview"]);
      expect(preview.output).toContain(
        "node0-b is touched only after node0-a has committed and proved; until then it serves what it served",
      );
      expect(preview.output).toContain("next boot changes for 2 of 2 nodes: db-1, db-2 (both new)");
      await project.succeed(up);
      await project.succeed([...up, "--expect-no-changes"]);
      const { verified } = (await project.outputs()) as { readonly verified: string };
      expect(verified).toBe(
        "node0-a: DHCP offered their addresses and files to 2 machines (3 MACs); node0-b: DHCP offered their addresses and files to 2 machines (3 MACs)",
      );
      const started = async (lab: Lab, unit: string) =>
        Number(await on(lab, `date -d "$(systemctl show -P ActiveEnterTimestamp ${unit})" +%s`));
      expect(await started(one, "isc-dhcp-server")).toBeLessThan(await started(other, "kea-dhcp4-server"));
      expect(await on(one, "grep domain-name-servers /etc/dhcp/dhcpd.conf")).toContain("192.168.1.1, 192.168.1.14");
    });

    it("are told apart in a preview of a run that leaves the second out", async () => {
      write(`${db1}, ${db2("192.168.1.5")}`);
      const left = "node0-b does not change in this run for rack";
      expect((await project.succeed(["preview", "--exclude", "**@node0-b"])).output).toContain(left);
      expect((await project.succeed(["preview"])).output).not.toContain(left);
      write(`${db1}, ${db2("192.168.1.4")}`);
    });

    it("are told by verify and doctor, in one table", async () => {
      const { stdout, code } = await verify();
      expect(code, stdout).toBe(0);
      expect(stdout.match(/^ok +db-[12] +198\.19\.\S+ +served: /gm)).toHaveLength(4);
      expect(stdout).toMatch(/^2 machines, all served$/m);
      expect(await netbootCommand(project, "doctor", "--stack", "dev")).toMatchObject({ code: 0 });
    });

    it("are asked each by itself: one that answers, and not as it should, keeps nobody from the other", async () => {
      await on(other, "mv /usr/bin/perl /usr/bin/perl.away");
      const { stdout, code } = await verify();
      await on(other, "mv /usr/bin/perl.away /usr/bin/perl");
      expect(code, stdout).toBe(1);
      expect(stdout.match(/^ok +db-[12] +\S+ +served: /gm)).toHaveLength(2);
      expect(stdout.match(/^FAILED +db-[12] +\S+ +not asked: .*\[COMMAND_FAILED\]$/gm)).toHaveLength(2);
    });

    inWhole?.("refuse a third server, and tell of a second that offers something else", async () => {
      write(`${db1}, ${db2("192.168.1.5")}`);
      const { code, output } = await withAnotherDhcpServer(one, packages.folder, () => project.pulumi(up));
      expect(code).not.toBe(0);
      expect(output).toMatch(
        /another DHCP server answers on eno2: 192\.168\.1\.13 .*\n?.*node0-b comes after node0-a, so it is not touched/s,
      );
      write(`${db1}, ${db2("192.168.1.4")}`);
      await project.succeed([...up, "--expect-no-changes"]);
      await on(
        other,
        "sed -i.kept s/192.168.1.4/192.168.1.6/ /etc/kea/netboot/reservations.json; systemctl reload kea-dhcp4-server",
      );
      const wrong = await verify();
      expect(wrong.code).not.toBe(0);
      expect(wrong.stdout).toMatch(
        /^FAILED +db-2 +\S+ +.* was offered the address 192\.168\.1\.6, not 192\.168\.1\.4, by 192\.168\.1\.14: another node 0/m,
      );
      await project.succeed([...up, "--refresh"]);
      expect((await verify()).stdout).toMatch(/^2 machines, all served$/m);
    });

    inWhole?.(
      "tell of a stranger that answers in the name of the second: the right address, and a file of its own",
      async () => {
        const block = `hardware ethernet ${macs[0]}; fixed-address 192.168.1.3; filename "evil.efi";`;
        const inItsName = `deny unknown-clients;\nserver-identifier 192.168.1.14;\nnext-server 192.168.1.14;\nhost db-1 { ${block} }\n`;
        const { code, stdout } = await withAnotherDhcpServer(one, packages.folder, verify, inItsName);
        expect(code).not.toBe(0);
        const [first, second] = [one, other].map(({ node0 }) => node0.host);
        expect(stdout).toMatch(
          new RegExp(
            `^FAILED +db-1 +${first} +.* was told the file "evil\\.efi", not "ipxe\\.efi", by 192\\.168\\.1\\.14: another`,
            "m",
          ),
        );
        // On the second itself it is a stranger, whatever it says.
        expect(stdout).toMatch(
          new RegExp(
            `^FAILED +db-1 +${second} +served, but another DHCP server answers on the private network: 192\\.168\\.1\\.14 \\(`,
            "m",
          ),
        );
        expect((await verify()).code).toBe(0);
      },
    );

    it("touch the second only where the first has committed: a change that the first refuses is on neither", async () => {
      const before = [await served(one), await served(other)];
      write(`${db1}, ${db2("192.168.1.5").replace(" }", ', options: { "time-offset": "soon" } }')}`);
      const { code, output } = await project.pulumi(up);
      expect(code, output).not.toBe(0);
      expect(output).toMatch(
        /node0-b comes after node0-a, so it is not touched, and serves what it served \[CONFIG_REFUSED\]/,
      );
      expect([await served(one), await served(other)]).toEqual(before);
      write(`${db1}, ${db2("192.168.1.5")}`, "", "artifacts: { refindConf: { timeoutSeconds: 3 } },");
      const { output: done } = await project.succeed(up);
      // What the second has yet to follow is no reason for a warning.
      expect(done).not.toContain("not proved");
      const order = ["node0-a-artifacts-refind.conf", "rack", "node0-b-artifacts-refind.conf", "rack@node0-b"];
      const updated = [...done.matchAll(/ (\S+) updated \(/g)].map(([, name]) => name);
      expect(updated).toEqual(order);
      expect(await served(other)).toContain("192.168.1.5");
      expect((await verify()).stdout).toMatch(/^2 machines, all served$/m);
    });

    inWhole?.("tell of a machine that only one of them has", async () => {
      write(`${db1}, ${db2("192.168.1.5")}`, web1.replace("[a, b]", "a").replace(" MORE", ""));
      await project.succeed(up);
      expect((await verify()).stdout).toMatch(
        /^ok +web-1 .* served: 192\.168\.1\.7, .*; not declared on 198\.19\.\S+$/m,
      );
    });

    it("serve while one is down: a machine boots from the other", async () => {
      const both = [
        [one, "without-a", other],
        [other, "without-b", one],
      ] as const;
      for (const [off, name, from] of how === "whole" ? both : both.slice(0, 1)) {
        await off.node0.powerCut();
        const machine = await one.machine({ name, macs });
        const report = await machine.boot();
        await machine.off();
        expect(report.reachedDisk, report.serial.slice(-2000)).toBe(true);
        const table = await verify();
        expect(table.code).not.toBe(0);
        expect(table.stdout).toMatch(
          new RegExp(
            `^FAILED +db-1 +${off.node0.host} +not asked: .*\\[HOST_UNREACHABLE\\]|^FAILED +db-1 +${off.node0.host} +not asked: `,
            "m",
          ),
        );
        expect(table.stdout).toMatch(new RegExp(`^ok +db-1 +${from.node0.host} +served: `, "m"));
        await off.node0.powerOn();
      }
    });

    it("fail at the second that is down, say what stands where, and mend it by the next up", async () => {
      // Nothing but machines is to change below.
      write(`${db1}, ${db2("192.168.1.5")}`);
      await project.succeed(up);
      await other.node0.powerCut();
      write(`${db1}, ${db2("192.168.1.6")}`, web1.replace(" MORE", ""));
      const { code, output } = await project.pulumi(up);
      expect(code).not.toBe(0);
      expect(output).toMatch(
        /node0-a has the new state, and has proved it; node0-b has the state of the last up that reached it\./,
      );
      expect(output).toMatch(
        // Both fail for one cause, which is told once: with the other one, or the other one says where, if it comes later.
        /The next `pulumi up` brings it to node0-b(?:\n\s*the same holds for 1 other resource so far)? \[HOST_UNREACHABLE\]/,
      );
      expect(await served(one)).toContain("192.168.1.6");
      await other.node0.powerOn();
      const preview = await project.succeed(["preview"]);
      expect(preview.output).toMatch(/next boot changes for [12] of 3 nodes: .* on node0-b/);
      await project.succeed(up);
      await project.succeed([...up, "--expect-no-changes"]);
      expect((await verify()).stdout).toMatch(/^3 machines, all served$/m);
    });

    inWhole?.("boot a machine while changes roll over both, and while the second reboots", async () => {
      const rolling = async (isOver: () => boolean): Promise<number> => {
        for (let count = 0; ; count++) {
          if (isOver()) return count;
          write(`${db1}, ${db2("192.168.1.6")}`, web1.replace(" MORE", `, comment: "change ${count}"`));
          await project.succeed(up);
        }
      };
      const rebooting = async (isOver: () => boolean): Promise<number> => {
        for (let count = 0; ; count++) {
          if (isOver()) return count;
          await other.node0.powerCut();
          await other.node0.powerOn();
        }
      };
      for (const [at, disturb] of [rolling, rebooting].entries()) {
        const machine = await one.machine({ name: `meanwhile-${at}`, macs });
        let isOver = false;
        const times = disturb(() => isOver);
        const report = await machine.boot().finally(() => (isOver = true));
        await machine.off();
        expect(report.reachedDisk, report.serial.slice(-2000)).toBe(true);
        expect(await times).toBeGreaterThan(0);
      }
      write(`${db1}, ${db2("192.168.1.6")}`, web1.replace(" MORE", ""));
      await project.succeed(up);
      expect((await verify()).stdout).toMatch(/^3 machines, all served$/m);
    });

    inWhole?.(
      "are drilled: one is silent for a minute, the other proves every machine, and one of them boots",
      async () => {
        const unasked = await netbootCommand(project, "drill", "--stack", "dev");
        expect(unasked.code, unasked.output).not.toBe(0);
        expect(unasked.stderr).toMatch(
          /node0-a \(\S+\) answers no machine for 60 s.*Nobody can be asked here: say --yes/,
        );
        expect(await daemonsOf(one)).toBe("active active");
        const drilling = netbootCommand(project, "drill", "--stack", "dev", "--yes", "--json");
        await vi.waitFor(async () => expect(await daemonsOf(one)).toBe("inactive inactive"), waiting);
        expect(await daemonsOf(other)).toBe("active active");
        const machine = await one.machine({ name: "drilled", macs });
        const report = await machine.boot();
        await machine.off();
        expect(report.reachedDisk, report.serial.slice(-2000)).toBe(true);
        const { code, stdout, stderr } = await drilling;
        expect(code, stderr).toBe(0);
        const drilled = JSON.parse(stdout) as {
          readonly silent: object;
          readonly machines: readonly { readonly host: string }[];
        };
        expect(drilled.silent).toMatchObject({
          name: "node0-a",
          host: one.node0.host,
          seconds: expect.closeTo(59, -1),
        });
        expect(drilled.machines.map(({ host }) => host)).toEqual(Array(3).fill(other.node0.host));
        expect(await daemonsOf(one)).toBe("active active");
        expect(await on(one, "systemctl list-units --all --plain --no-legend 'pulumi-netboot-drill*'")).toBe("");
      },
    );

    inWhole?.("serve again at once where somebody ends a drill, which tells what it saw", async () => {
      const main = join(project.folder, "node_modules/pulumi-netboot/dist/provider/cli/main.js");
      let drilling: ChildProcess | undefined;
      const ended = await runCommand(
        [process.execPath, main, "drill", "--stack", "dev", "--host", "node0-b", "--yes"],
        {
          cwd: project.folder,
          env: project.env,
          onStart: (child) => (drilling = child),
          onLine: (line) => /^the other node 0 was asked/.test(line) && drilling?.kill("SIGINT"),
        },
      );
      expect(ended.code, ended.output).toBe(0);
      expect(ended.output).toMatch(/^node0-b \(\S+\) was silent for \d\d? s, and serves all of them again$/m);
      expect(await daemonsOf(other)).toBe("active active");
      expect(await on(other, "systemctl list-units --all --plain --no-legend 'pulumi-netboot-drill*'")).toBe("");
    });

    inWhole?.(
      "serve again by a timer of node 0's own where a drill dies, and refuse one that would take a boot away",
      async () => {
        const main = join(project.folder, "node_modules/pulumi-netboot/dist/provider/cli/main.js");
        let drilling: ChildProcess | undefined;
        const dying = runCommand([process.execPath, main, "drill", "--stack", "dev", "--host", "node0-b", "--yes"], {
          cwd: project.folder,
          env: project.env,
          onStart: (child) => (drilling = child),
          onLine: (line) => /^node0-b is silent/.test(line) && drilling?.kill("SIGKILL"),
        });
        await vi.waitFor(async () => expect(await daemonsOf(other)).toBe("inactive inactive"), waiting);
        expect((await dying).code).toBe(137);
        const second = await netbootCommand(project, "drill", "--stack", "dev", "--yes");
        expect(second.code).toBe(1);
        expect(second.stderr).toMatch(/node0-a does not fall silent, for the other node 0 does not serve all machines/);
        await vi.waitFor(async () => expect(await daemonsOf(other)).toBe("active active"), {
          ...waiting,
          timeout: 70_000,
        });
        expect((await verify()).stdout).toMatch(/^3 machines, all served$/m);
      },
    );

    inWhole?.(
      "share a pool by halves: nothing is lent twice, and whoever had an address of the silent one gets another",
      async () => {
        const pooled = ["52:54:00:00:21:05", "52:54:00:00:21:06"];
        const machines = pooled.map((mac, at) => `"p-${at}": { macs: ["${mac}"] }`).join(", ");
        pool = { from: "192.168.1.8", to: "192.168.1.12" };
        write(`${db1}, ${db2("192.168.1.6")}, ${machines}`, web1.replace(" MORE", ""));
        await project.succeed(up);
        expect((await verify()).stdout).toMatch(/^5 machines, all served$/m);
        await one.segment.run(["ip", "route", "add", "255.255.255.255/32", "dev", one.segment.clientInterface]);
        const client = join(process.cwd(), "test/support/dhcpClient.mts");
        const ask = async (more: (at: number) => object = () => ({})): Promise<readonly DhcpAnswer[]> => {
          const clients = JSON.stringify(pooled.map((mac, at) => ({ mac, arch: [7], ...more(at) })));
          return JSON.parse((await one.segment.run([process.execPath, client, clients])).stdout) as DhcpAnswer[];
        };
        const lent = (answers: readonly DhcpAnswer[]) =>
          answers.map(({ address, server }) => `${address} by ${server}`).toSorted();
        await on(other, "systemctl stop kea-dhcp4-server");
        const first = await ask();
        expect(lent(first)).toEqual(["192.168.1.8 by 192.168.1.1", "192.168.1.9 by 192.168.1.1"]);
        await on(one, "systemctl stop isc-dhcp-server");
        await on(other, "systemctl start kea-dhcp4-server; sleep 2");
        // It has not lent these, so it says nothing of them: the one that has may be back in a moment.
        expect((await ask((at) => ({ reboots: first[at]?.address }))).map(({ type }) => type)).toEqual([
          "silence",
          "silence",
        ]);
        const second = await ask();
        expect(second.map(({ server }) => server)).toEqual(["192.168.1.14", "192.168.1.14"]);
        const addresses = second.map(({ address }) => address ?? "");
        expect(new Set(addresses).size).toBe(2);
        for (const address of addresses) expect(["192.168.1.10", "192.168.1.11", "192.168.1.12"]).toContain(address);
        await on(one, "systemctl start isc-dhcp-server");
        // Both go in one up: the pool at first, and its machines wait for their own change.
        pool = undefined;
        write(`${db1}, ${db2("192.168.1.6")}`, web1.replace(" MORE", ""));
        const { output } = await project.succeed(up);
        expect(output).toMatch(
          /not served until their own change, or gone by then: 2 NICs of OlaFleet\/two\/dev\/rack$/m,
        );
      },
    );

    inWhole?.("go on without one that is down where the program says so, and mend it by the next up", async () => {
      const goOn = web1.replace(" MORE", ', whileOneIsDown: "go on", comment: "COMMENT"');
      const fresh = goOn.replace("web-1", "new-1").replace("21:04", "21:05").replace("1.7", "1.8");
      const nodes = `${db1}, ${db2("192.168.1.6")}`;
      for (const [off, name] of [
        [one, "node0-a"],
        [other, "node0-b"],
      ] as const) {
        await off.node0.powerCut();
        write(nodes, goOn.replace("COMMENT", `without ${name}`) + fresh);
        const { output } = await project.succeed(up);
        expect(output).toMatch(
          new RegExp(`${name} has the state of the last up that reached it, and node0-[ab] alone follows`),
        );
        await off.node0.powerOn();
        expect((await project.succeed(["preview"])).output).toMatch(
          /that is by the program: .*web-1.* not yet as it says/,
        );
        for (const command of ["doctor", "verify"] as const) {
          const { stdout } = await netbootCommand(project, command, "--stack", "dev");
          expect(stdout).toMatch(
            new RegExp(
              `web-1.*node 0 has what the last \`pulumi up\` that reached it declared, for ${name} was down in the last one`,
            ),
          );
          const isNotBrought =
            /new-1.*is not on node 0 yet, for node0-a was down in the last `pulumi up`; the next one brings it/;
          if (off === one) expect(stdout).toMatch(isNotBrought);
          expect(stdout).not.toContain("another run");
        }
        if (off === other) await project.succeed(["refresh", "--yes"]);
        expect((await project.succeed(["preview"])).output).toContain(
          `does what the last up did not: ${name} was down`,
        );
        await project.succeed(up);
        await project.succeed([...up, "--expect-no-changes"]);
        expect(await served(off)).toContain(`without ${name}`);
      }
      write(nodes, goOn.replace("COMMENT", "without node0-b"));
      await project.succeed(up);
      for (const { node0 } of [one, other]) await node0.powerCut();
      write(nodes, goOn.replace("COMMENT", "without both"));
      const { code, output } = await project.pulumi(up);
      expect(code).not.toBe(0);
      expect(output).toContain("node0-a was not reached either: nothing of this change stands on one of the two");
      for (const { node0 } of [one, other]) await node0.powerOn();
      await project.succeed(up);
      expect((await verify()).stdout).toMatch(/^3 machines, all served$/m);
    });

    inWhole?.("take a new host in the place of a dead one by one up, and nothing changes on the other", async () => {
      const { name } = other;
      await other.down();
      const stays = await served(one);
      const gone = other.node0.host;
      other = await labUp({ beside: one.name, name: `${name}x` });
      before = [before[0] ?? "", await other.node0.listing()];
      const nodes = `${db1}, ${db2("192.168.1.6")}`;
      write(nodes, web1.replace(" MORE", ', comment: "anew"'));
      const refused = await project.pulumi(up);
      expect(refused.code).not.toBe(0);
      expect(refused.output).toMatch(/OTHER_MACHINE/);
      const forgetting = { folder: project.folder, env: { ...project.env, PULUMI_NETBOOT_FORGET: gone } };
      const planned = await netbootCommand(forgetting, "plan", "--stack", "dev");
      expect(planned.stdout).toMatch(/apt brings .*tftpd-hpa/);
      expect(planned).toMatchObject({ code: 0, stdout: expect.not.stringMatching(/refused/) });
      const previewed = await project.succeed(["preview"], { env: { PULUMI_NETBOOT_FORGET: gone } });
      expect(previewed.output).toContain(
        `${gone} is taken for gone (PULUMI_NETBOOT_FORGET): what the state has there is made anew where this program has it now, and else goes from the state only`,
      );
      const { output } = await project.succeed(up, { env: { PULUMI_NETBOOT_FORGET: gone } });
      expect(output).not.toMatch(/node0-a-\w+ .*(updated|replaced)/);
      expect((await served(one)).replace("# anew", "")).toBe(stays.replace(/# without \w+/, ""));
      await project.succeed([...up, "--expect-no-changes"]);
      expect((await verify()).stdout).toMatch(/^3 machines, all served$/m);
    });

    inWhole?.("let machines go from one to the other, and the first go once the second is the first", async () => {
      const nodes = `${db1}, ${db2("192.168.1.6")}`;
      const bootFrom = (servers: string, ofFleet = "[a, b]", alias = "") => {
        const text = program(nodes, web1.replace("[a, b]", servers).replace(" MORE });", ` }${alias});`));
        project.write({ "index.ts": text.replace('"rack", { server: [a, b]', `"rack", { server: ${ofFleet}`) });
      };
      const previewed = async () => (await project.pulumi(["preview"])).output;
      bootFrom("a");
      await project.succeed(up);
      bootFrom("b");
      expect(await previewed()).toMatch(
        new RegExp(
          `^\\s*next boot changes for 1 of 3 nodes: web-1 \\(node 0 ${one.node0.host} → ${other.node0.host}\\)`,
          "m",
        ),
      );
      const planned = (await netbootCommand(project, "plan", "--stack", "dev")).stdout.split("\n\n");
      const of = ({ node0 }: Lab) => planned.find((text) => text.startsWith(node0.host));
      expect(of(other)).toMatch(/^ +\+ web-1 +192\.168\.1\.7,/m);
      expect(of(one)).toMatch(/^ +- web-1 +192\.168\.1\.7,/m);
      await project.succeed(up);
      await project.succeed([...up, "--expect-no-changes"]);
      expect(await served(one)).not.toContain("192.168.1.7");
      expect(await served(other)).toContain("192.168.1.7");
      // One comes to the two, and leaves the first of them, while the fleet stays.
      bootFrom("[a, b]");
      await project.succeed(up);
      bootFrom("b");
      await project.succeed(up);
      await project.succeed([...up, "--expect-no-changes"]);
      bootFrom("[b, a]", "[b, a]");
      await project.succeed(up);
      await project.succeed([...up, "--expect-no-changes"]);
      expect((await verify()).stdout).toMatch(/^3 machines, all served$/m);
      bootFrom("a", "a");
      const refused = await project.pulumi(up);
      expect(refused.code).not.toBe(0);
      expect(refused.output).toMatch(
        /server: node0-b is the first of the two, and can't be taken out of them at once: .* as in server: \[node0-a, node0-b\]/,
      );
      bootFrom("[a, b]");
      expect(await previewed()).toMatch(/^\s*next boot changes for none of 3 nodes$/m);
      await project.succeed(up);
      await project.succeed([...up, "--expect-no-changes"]);
      const { stdout } = await verify();
      expect(stdout).toMatch(/^3 machines, all served$/m);
      expect(stdout).not.toContain("not declared on");
      // A renamed resource is another one on both.
      write(
        nodes,
        web1
          .replace('OlaNode("web-1", {', 'OlaNode("front", { hostname: "web-1",')
          .replace(" MORE });", ' }, { aliases: [{ name: "web-1" }] });'),
      );
      expect(await previewed()).not.toMatch(/no more/);
      await project.succeed(up);
      bootFrom("[a, b]", "[a, b]", ', { aliases: [{ name: "front" }] }');
      await project.succeed(up);
      expect((await verify()).stdout).toMatch(/^3 machines, all served$/m);
    });

    inWhole?.("are two behind one address, told from each other by their ports", async () => {
      ways = await Promise.all([one, other].map(({ node0 }) => wireTo(node0.host, node0.port)));
      const [first, second] = ways.map(({ host, port }) => `${host}:${port}`);
      try {
        write(`${db1}, ${db2("192.168.1.6")}`, web1.replace(" MORE", ""));
        await project.succeed(up);
        await project.succeed([...up, "--expect-no-changes"]);
        const { stdout } = await verify();
        expect(stdout).toMatch(/^3 machines, all served$/m);
        for (const name of [first, second]) expect(stdout).toMatch(new RegExp(`^ok +db-1 +${name} `, "m"));
        const unasked = await netbootCommand(project, "drill", "--stack", "dev");
        expect(unasked.stderr).toContain(`node0-a (${first}) answers no machine for 60 s`);
        ways[1]?.close();
        const down = await verify();
        expect(down.stdout).toMatch(new RegExp(`^FAILED +db-1 +${second} +not asked: `, "m"));
        expect(down.stdout).toMatch(new RegExp(`^ok +db-1 +${first} `, "m"));
      } finally {
        for (const way of ways) way.close();
        ways = [];
        write(`${db1}, ${db2("192.168.1.6")}`, web1.replace(" MORE", ""));
        await project.succeed(up);
      }
    });

    inWhole?.("take a new host in the place of a dead first one, and the dead one again when it is back", async () => {
      const nodes = `${db1}, ${db2("192.168.1.6")}`;
      const back = one;
      await back.node0.powerCut();
      const { privateAddress } = back.node0;
      const anew = await labUp({ beside: back.name, name: `${back.name}y`, privateAddress });
      try {
        const machine = await back.machine({ name: "meanwhile", macs });
        const report = await machine.boot();
        await machine.off();
        expect(report.reachedDisk, report.serial.slice(-2000)).toBe(true);
        const stays = await served(other);
        for (const [host, gone] of [
          [anew, back],
          [back, anew],
        ] as const) {
          if (host === back) {
            await anew.node0.powerCut();
            await back.node0.powerOn();
          }
          one = host;
          write(nodes, web1.replace(" MORE", ""));
          const { output } = await project.succeed(up, { env: { PULUMI_NETBOOT_FORGET: gone.node0.host } });
          expect(output).not.toMatch(/node0-b-\w+ .*(updated|replaced)/);
          await project.succeed([...up, "--expect-no-changes"]);
          expect((await verify()).stdout).toMatch(/^3 machines, all served$/m);
          expect(await netbootCommand(project, "doctor", "--stack", "dev")).toMatchObject({ code: 0 });
          expect(await served(other)).toBe(stays);
        }
      } finally {
        one = back;
        await anew.down();
      }
    });

    inWhole?.("become one by one up, in which the second goes last", async () => {
      project.write({
        "index.ts": [
          'import * as netboot from "pulumi-netboot";',
          serverOn("a", one, ""),
          `export const verified = new netboot.OlaFleet("rack", { server: [a], nodes: { ${db1}, ${db2("192.168.1.6")} } }).verified;`,
        ].join("\n"),
      });
      const preview = await project.succeed(["preview"]);
      expect(preview.output).toContain("node0-b serves rack no more after this up");
      await project.succeed(up);
      await project.succeed([...up, "--expect-no-changes"]);
      expect((await verify()).stdout).toMatch(/^ok +db-1 {2}served: .*\n.*\n\n2 machines, all served$/m);
      expect(await on(other, "systemctl is-active kea-dhcp4-server || true")).toBe("inactive\n");
    });

    it("leave nothing on either host", async () => {
      await project.succeed(["destroy", "--yes", "--skip-preview"]);
      for (const [lab, listing] of [
        [one, before[0]],
        [other, before[1]],
      ] as const) {
        const after = await lab.node0.listing();
        const added = after
          .split("\n")
          .filter((line) => !listing?.includes(line) && /^\/etc\/.*netboot|^\/srv\/tftp\//.test(line));
        expect(added).toEqual([]);
      }
    });
  });
}
