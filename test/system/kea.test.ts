import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { changedSince, netbootCommand, programOn } from "../support/node0";

const up = ["up", "--yes", "--skip-preview"];
const macs = ["52:54:00:00:02:01", "52:54:00:00:02:02"];

const server = (dhcp: string, network = ""): string =>
  `const node0 = new netboot.NetbootServer("node0", { connection, network: { ...network${network} }, dhcp: ${dhcp} });`;
const node = (name: string, nics: readonly string[], address: number | undefined, more = ""): string =>
  `export const ${name} = new netboot.OlaNode("${name}", { server: node0, macs: ${JSON.stringify(nics)}${address === undefined ? "" : `, address: "192.168.1.${address}"`}${more} }).verified;`;
const kea = '{ daemon: "kea" }';
const bond = node("db1", macs, 3, ', options: { "root-path": "/srv, \\"x\\"" }, comment: "rack 7"');

/** Node 0 served by Kea, from its first change to its last, and by dhcpd in between. */
describe("a node 0 with Kea", () => {
  let lab: Lab;
  let project: ScratchProject;
  let before: string;

  beforeAll(async () => {
    lab = await labUp();
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
    for (const mac of macs)
      expect(stdout).toMatch(new RegExp(`${mac}.*(rEFInd|system).*192\\.168\\.1\\.3, ipxe\\.efi`));
  });

  it("takes machines without a restart, whether they come, change or go", async () => {
    const pid = await pids();
    await apply(server(kea), bond, node("web1", ["52:54:00:00:02:03"], 4, ', loader: "snponly.efi"'));
    await apply(server(kea), bond, node("web1", ["52:54:00:00:02:04"], 5));
    await apply(server(kea), bond);
    expect(await pids()).toBe(pid);
    expect(await said("cat /etc/kea/netboot/reservations.json")).not.toContain("web1");
  });
});
