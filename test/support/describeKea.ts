import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp, type Release } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { changedSince, netbootCommand, programOn } from "./node0";

const up = ["up", "--yes", "--skip-preview"];
const macs = ["52:54:00:00:02:01", "52:54:00:00:02:02"];

const server = (dhcp: string, network = ""): string =>
  `const node0 = new netboot.NetbootServer("node0", { connection, network: { ...network${network} }, dhcp: ${dhcp} });
   const reference = node0.reference; export { reference as node0 };`;
const node = (name: string, nics: readonly string[], address: number | undefined, more = ""): string =>
  `export const ${name} = new netboot.OlaNode("${name}", { server: node0, macs: ${JSON.stringify(nics)}${address === undefined ? "" : `, address: "192.168.1.${address}"`}${more} }).verified;`;
const kea = '{ daemon: "kea" }';
const bond = node("db1", macs, 3, ', options: { "root-path": "/srv, \\"x\\"" }, comment: "rack 7"');

/** Node 0 served by Kea, from its first change to its last, and by dhcpd in between. */
export function describeKea(release: Release): void {
  describe(`a node 0 with Kea, ${release}`, () => {
    let lab: Lab;
    let project: ScratchProject;
    let before: string;

    beforeAll(async () => {
      lab = await labUp({ release });
      before = await lab.node0.listing();
      project = await scratchProject({ files: { "index.ts": programOn(lab, `${server(kea)}\n${bond}`) }, name: "kea" });
    });

    afterAll(async () => {
      await project?.remove();
      await lab?.down();
    });

    const said = async (command: string): Promise<string> =>
      (await lab.node0.run(command, { check: false })).stdout.trim();
    const apply = async (...statements: readonly string[]): Promise<string> => {
      project.write({ "index.ts": programOn(lab, statements.join("\n")) });
      const { output } = await project.succeed(up);
      await project.succeed([...up, "--expect-no-changes"]);
      return output;
    };
    const verify = async (): Promise<string> => (await netbootCommand(project, "verify", "--stack", "dev")).stdout;
    const pids = (): Promise<string> => said("systemctl show -P MainPID kea-dhcp4-server");

    it("comes in one up, serves, is as declared, and is told by verify, doctor and history", async () => {
      await project.succeed(up);
      await project.succeed([...up, "--expect-no-changes"]);
      const { db1 } = (await project.outputs()) as { readonly db1: string };
      expect(db1).toBe("DHCP offered 192.168.1.3, ipxe.efi, then refind.pxe (2 MACs)");
      expect(await said("ps -o user= -p $(systemctl show -P MainPID kea-dhcp4-server)")).toBe("_kea");
      expect(await said("systemctl is-enabled kea-dhcp4-server")).toBe("enabled");
      expect(await verify()).toMatch(/^1 machine, served$|^1 machines?, all served$/m);
      const doctor = await netbootCommand(project, "doctor", "--stack", "dev");
      expect(doctor, doctor.output).toMatchObject({ code: 0 });
    });

    it("boots a machine from either of its NICs, one after the other, and the log tells it", async () => {
      for (const bootFrom of [0, 1]) {
        const machine = await lab.machine({ name: `m${bootFrom}`, macs, bootFrom });
        const report = await machine.boot();
        await machine.off();
        expect(report.reachedDisk).toBe(true);
      }
      const { stdout } = await netbootCommand(project, "history", "--stack", "dev");
      expect(stdout).toMatch(/^db1 .* rEFInd {2}192\.168\.1\.3, ipxe\.efi \S+, refind\.pxe /m);
    });

    it("takes machines without a restart, whether they come, change or go", async () => {
      const pid = await pids();
      await apply(server(kea), bond, node("web1", ["52:54:00:00:02:03"], 4, ', loader: "snponly.efi"'));
      await apply(server(kea), bond, node("web1", ["52:54:00:00:02:04"], 5));
      await apply(server(kea), bond);
      expect(await pids()).toBe(pid);
      expect(await said("cat /etc/kea/netboot/reservations.json")).not.toContain("web1");
    });

    const mends: readonly (readonly [harm: string, what: string])[] = [
      ["rm /run/kea/kea4-ctrl-socket", "its control socket is gone"],
      ["kill -KILL $(systemctl show -P MainPID kea-dhcp4-server)", "it was killed"],
      ["systemctl stop kea-dhcp4-server", "somebody stopped it"],
      // A minute until systemd kills it: with the newest Kea only, in the matrix.
      ...(release === "trixie"
        ? [["kill -STOP $(systemctl show -P MainPID kea-dhcp4-server)", "it was halted"] as const]
        : []),
    ];

    it.each(mends)("is as it was or as declared where, before a change, %s", async (harm) => {
      await lab.node0.run(harm);
      project.write({
        "index.ts": programOn(lab, [server(kea), bond, node("web1", ["52:54:00:00:02:03"], 4)].join("\n")),
      });
      const { code, output } = await project.pulumi(up);
      if (code !== 0) {
        expect(output).toMatch(/the previous configuration was put back/);
        expect(await said("cat /etc/kea/netboot/reservations.json")).not.toContain("52:54:00:00:02:03");
        await project.succeed(up);
      }
      expect(await verify()).toMatch(/^2 machines, all served$/m);
      await apply(server(kea), bond);
    });

    it("refuses what Kea refuses, in its words, and serves what it served", async () => {
      const pid = await pids();
      const wrong = node("web1", ["52:54:00:00:02:03"], 4, ', options: { "time-offset": "soon" }');
      project.write({ "index.ts": programOn(lab, [server(kea), bond, wrong].join("\n")) });
      const { code, output } = await project.pulumi(up);
      expect(code).not.toBe(0);
      expect(output).toMatch(/kea-dhcp4 refused the new configuration:\n.*reservations\.json:\d+.*\[CONFIG_REFUSED\]/s);
      expect(output).toContain("Nothing was changed");
      expect(await pids()).toBe(pid);
      await apply(server(kea), bond);
    });

    it("shows what somebody edited, and mends it", async () => {
      await lab.node0.run("sed -i s/52:54:00:00:02:01/52:54:00:00:02:0f/ /etc/kea/netboot/reservations.json");
      const { output } = await project.succeed(["preview", "--refresh", "--diff"]);
      expect(output).toMatch(/db1 was changed/);
      await project.succeed([...up, "--refresh"]);
      expect(await said("cat /etc/kea/netboot/reservations.json")).toContain("52:54:00:00:02:01");
      expect(await verify()).toMatch(/served$/m);
    });

    const pooled = release === "trixie" ? it : undefined;
    pooled?.("becomes dhcpd's by one up, and Kea's again, where a pool has just enough addresses", async () => {
      const inPool = (daemon: string): string =>
        server(`{ daemon: "${daemon}" }`, ', pool: { from: "192.168.1.8", to: "192.168.1.11" }');
      const machines = `new netboot.OlaFleet("rack", { server: node0, nodes: {
        p1: { macs: ["52:54:00:00:02:21"] }, p2: { macs: ["52:54:00:00:02:22", "52:54:00:00:02:23"] }, p3: { macs: ["52:54:00:00:02:24"] } } });`;
      for (const daemon of ["kea", "isc", "kea"]) await apply(inPool(daemon), bond, machines);
      await apply(server(kea), bond);
    });

    it("becomes dhcpd's by one up, with the machines of all stacks, and Kea's again", async () => {
      const join = `
      const server = pulumi.output(new pulumi.StackReference("organization/kea/dev").requireOutput("node0")) as any;
      new netboot.OlaFleet("rack", { server, nodes: { c1: { macs: ["52:54:00:00:03:01"], address: "192.168.1.9", loader: "snponly.efi", options: { "time-offset": 60 } } } });`;
      const other = await scratchProject({
        files: { "index.ts": programOn(lab, join) },
        name: "other",
        sharing: project,
      });
      try {
        await other.succeed(up);
        const reservations = await said("cat /etc/kea/netboot/reservations.json");
        const states =
          "systemctl is-active isc-dhcp-server kea-dhcp4-server; systemctl is-enabled isc-dhcp-server kea-dhcp4-server";
        const one = await apply(server("{}"), bond);
        expect(one).not.toMatch(/warning:/);
        expect(await said(states)).toBe("active\ninactive\nenabled\nmasked");
        expect(await said("ls /etc/kea/netboot")).toBe("");
        const hosts = await said("cat /etc/dhcp/netboot/hosts.conf");
        expect(hosts).toMatch(/^host c1-nic0 .* option time-offset 60; if exists arch .*"snponly\.efi"/m);
        expect(hosts).toMatch(/^# rack 7\nhost db1-nic0 .* option root-path "\/srv, \\"x\\"";/m);
        expect(await verify()).toMatch(/^1 machine, served$|^1 machines?, all served$/m);
        // The other stack sees its blocks change, and has nothing to do on node 0.
        await other.succeed(up);
        await other.succeed([...up, "--expect-no-changes"]);
        await apply(server(kea), bond);
        expect(await said(states)).toBe("inactive\nactive\nmasked\nenabled");
        expect(await said("cat /etc/kea/netboot/reservations.json")).toBe(reservations);
        expect((await netbootCommand(other, "verify", "--stack", "dev")).stdout).toMatch(/served$/m);
        await other.succeed(up);
        await other.succeed(["destroy", "--yes", "--skip-preview"]);
      } finally {
        await other.remove();
      }
    });

    it("is as it was after destroy", async () => {
      await project.succeed(["destroy", "--yes", "--skip-preview"]);
      const left = (await changedSince(lab, before)).map((each) => each.replace(/: .*/, ""));
      // Our units' links to nothing stay beside the packages, and what somebody edited.
      const ours = left.filter(
        (path) => /netboot/.test(path) && !/^\/var\/lib\/pulumi-netboot(\/packages|\/edits|$)/.test(path),
      );
      expect(ours).toEqual([]);
      expect(await said("systemctl is-enabled isc-dhcp-server kea-dhcp4-server")).toBe("masked\nmasked");
      expect(await said("ss -Hlnup sport = :67")).toBe("");
    });
  });
}
