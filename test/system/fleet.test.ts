import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { netbootCommand, programOn } from "../support/node0";

const up = ["up", "--yes", "--skip-preview"];

const server =
  "const node0 = new netboot.NetbootServer('node0', { connection, network }); const reference = node0.reference; export { reference as node0 };";
const node = (name: string, last: number, address: number, more = ""): string =>
  `new netboot.OlaNode("${name}", { server: node0, macs: ["52:54:00:00:01:0${last}"], address: "192.168.1.${address}"${more} });`;
const member = (name: string, macs: readonly number[], address: number, more = ""): string =>
  `"${name}": { macs: ${JSON.stringify(macs.map((last) => `52:54:00:00:02:0${last}`))}, address: "192.168.1.${address}"${more} },`;
const fleet = (...members: readonly string[]): string =>
  `const rack = new netboot.OlaFleet("rack", { server: node0, nodes: { ${members.join(" ")} } }); export const boots = rack.nextBoots;`;

/** What an operator does with his machines over the years: each by one up. */
describe("a fleet beside single machines", () => {
  let lab: Lab;
  let project: ScratchProject;

  beforeAll(async () => {
    lab = await labUp();
    project = await scratchProject({
      files: {
        "index.ts": programOn(
          lab,
          [server, node("a", 1, 3), fleet(member("m1", [1, 2], 5), member("m2", [3], 6))].join("\n"),
        ),
      },
      name: "fleet",
    });
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  /** The host blocks as dhcpd has them: name → MAC and address. */
  async function served(): Promise<Record<string, string>> {
    const { stdout } = await lab.node0.run("grep '^host ' /etc/dhcp/netboot/hosts.conf || true");
    return Object.fromEntries(
      [...stdout.matchAll(/^host (\S+) \{ hardware ethernet \S+:(\S+); fixed-address 192\.168\.\d+\.(\d+);/gm)].map(
        ([, name = "", mac, address]) => [name, `${mac} ${address}`],
      ),
    );
  }

  async function apply(...statements: readonly string[]): Promise<string> {
    project.write({ "index.ts": programOn(lab, [server, ...statements].join("\n")) });
    const { output } = await project.succeed(up);
    await project.succeed([...up, "--expect-no-changes"]);
    return output;
  }

  it("joins machines that are handed over together by one transaction and one restart", async () => {
    const restarts = async (): Promise<readonly number[]> => {
      const { stdout } = await lab.node0.run(
        "journalctl -q -o cat -u isc-dhcp-server --grep '^Started' | wc -l; journalctl -q -o cat -u 'pulumi-netboot-*' --grep '^Started' | grep -c -v firewall",
      );
      return stdout.trim().split("\n").map(Number);
    };
    await project.succeed(up);
    const [daemon = 0, agent = 0] = await restarts();
    const single = [1, 2, 3, 4, 5].map((last) => node(`n${last}`, last, 5 + last));
    project.write({ "index.ts": programOn(lab, [server, ...single].join("\n")) });
    await project.succeed([...up, "--parallel", "10"]);
    expect(Object.keys(await served())).toHaveLength(5);
    // A fleet and a machine go in the same run, after the others have come.
    expect(await restarts()).toEqual([daemon + 2, agent + 2]);
    await apply(node("a", 1, 3), fleet(member("m1", [1, 2], 5), member("m2", [3], 6)));
  });

  it("is served, whole, and tells each machine's next boot", async () => {
    await project.succeed(up);
    expect(await served()).toEqual({ "a-nic0": "01 3", "m1-nic0": "01 5", "m1-nic1": "02 5", "m2-nic0": "03 6" });
    const { boots } = (await project.outputs()) as { boots: Record<string, string> };
    expect(boots["m1"]).toMatch(
      /^192\.168\.1\.5 m1 \(52:54:00:00:02:01, 52:54:00:00:02:02\)\nUEFI x64 → ipxe\.efi sha256:67c7/,
    );
  });

  it("boots a machine with two NICs from the second", async () => {
    const macs = ["52:54:00:00:02:01", "52:54:00:00:02:02"];
    const machine = await lab.machine({ name: "m1", macs, bootFrom: 1 });
    const report = await machine.boot();
    await machine.off();
    expect(report.reachedDisk).toBe(true);
  });

  it("names in its preview the machine that changes", async () => {
    project.write({
      "index.ts": programOn(
        lab,
        [server, node("a", 1, 3), fleet(member("m1", [1, 2], 5), member("m2", [3], 7, ', loader: "snponly.efi"'))].join(
          "\n",
        ),
      ),
    });
    const { stdout, output } = await project.succeed(["preview", "--diff"]);
    expect(stdout).toMatch(
      /~ rows +:\s+m1 .*\n +- m2 192\.168\.1\.6 m2 52:54:00:00:02:03\n +\+ m2 192\.168\.1\.7 m2 52:54:00:00:02:03 snponly\.efi\n/,
    );
    expect(output).toMatch(
      /^\s*next boot changes for 1 of 3 nodes: m2 \(address 192\.168\.1\.6 → 192\.168\.1\.7, ipxe\.efi → snponly\.efi\)$/m,
    );
    await project.succeed(up);
    expect((await served())["m2-nic0"]).toBe("03 7");
  });

  it("tells no next boot of a fleet that --target leaves out otherwise than the program has it", async () => {
    const changed = fleet(member("m1", [1, 2], 5), member("m2", [3], 8));
    const program = (...statements: readonly string[]) =>
      project.write({ "index.ts": programOn(lab, [server, ...statements].join("\n")) });
    const told = async (): Promise<string> => {
      const { boots } = (await project.outputs()) as { boots: Record<string, string> };
      return boots["m2"] ?? "";
    };
    program(node("a", 1, 4), changed);
    await project.succeed([...up, "--target", "**OlaNode::a"]);
    expect(await served()).toMatchObject({ "a-nic0": "01 4", "m2-nic0": "03 7" });
    expect(await told()).toBe(
      "not told: the engine has this fleet otherwise than this program, for --target or --exclude left it out of this run, or ignoreChanges " +
        "or a transform changed it on the way",
    );
    await project.succeed(up);
    expect(await told()).toMatch(/^192\.168\.1\.8 m2 /);
    await apply(node("a", 1, 3), fleet(member("m1", [1, 2], 5), member("m2", [3], 7)));
    expect(await told()).toMatch(/^192\.168\.1\.7 m2 /);
  });

  it("tells of the files that stand, where --target leaves out one with a mistake", async () => {
    const wrong = server.replace("network }", "network, artifacts: { bootScript: { attempts: 0 } } }");
    const told = "; export const boot = a.nextBoot;";
    const program = (of: string, address: number): void =>
      project.write({ "index.ts": programOn(lab, `${of} const a = ${node("a", 1, address)}${told}`) });
    program(server, 3);
    await project.succeed(up);
    const { boot: before } = (await project.outputs()) as { boot: string };
    program(wrong, 4);
    expect((await project.pulumi(["preview"])).output).toContain("bootScript.attempts");
    await project.succeed([...up, "--target", "**OlaNode::a"]);
    const { boot } = (await project.outputs()) as { boot: string };
    expect(boot).toBe(before.replaceAll("192.168.1.3", "192.168.1.4"));
    await apply(node("a", 1, 3), fleet(member("m1", [1, 2], 5), member("m2", [3], 7)));
  });

  it("counts a machine once that --target has go from its fleet and not come elsewhere", async () => {
    const program = [server, node("a", 1, 3), node("m2", 3, 7), fleet(member("m1", [1, 2], 5))].join("\n");
    project.write({ "index.ts": programOn(lab, program.replace("00:00:01:03", "00:00:02:03")) });
    const { output } = await project.succeed(["preview", "--target", "**OlaFleet::rack"]);
    expect(output).toMatch(/^\s*next boot changes for 1 of 3 nodes: m2 \(goes\)$/m);
  });

  it("says before and after that a fleet has lost a machine to another resource, and mends it", async () => {
    const [m2, whole] = [
      node("m2", 3, 7).replace("00:01:03", "00:02:03"),
      fleet(member("m1", [1, 2], 5), member("m2", [3], 7)),
    ];
    const write = (...statements: readonly string[]): void =>
      project.write({ "index.ts": programOn(lab, [server, node("a", 1, 3), ...statements].join("\n")) });
    await apply(node("a", 1, 3), whole);
    write(m2, fleet(member("m1", [1, 2], 5)));
    const left = ["--exclude", "**OlaFleet::rack"];
    expect((await project.succeed(["preview", ...left])).output).toMatch(
      /^\s*whether fleet rack, which is otherwise in the state than in this program, loses a machine by this up can't be told$/m,
    );
    const taken = await project.succeed([...up, ...left]);
    expect(taken.output).toMatch(
      /was that of OlaFleet\/fleet\/dev\/rack, which has lost the machine .* declares it anew/,
    );
    const verified = async (): Promise<string> => (await netbootCommand(project, "verify", "--stack", "dev")).stdout;
    expect(await verified()).toMatch(/^FAILED {2}m2 +node 0 has it of OlaFleet\/fleet\/dev\/rack no more: /m);
    write(whole);
    const { output } = await project.succeed(["preview"]);
    expect(output).toMatch(
      /^\s*OlaNode m2 goes, and what else declares m2 does not change in this run: if that lost the machine to OlaNode m2 before, node 0 serves it no more until `pulumi up --refresh`$/m,
    );
    await project.succeed(up);
    expect(await served()).not.toHaveProperty("m2-nic0");
    expect(await verified()).toMatch(/^FAILED {2}m2 /m);
    expect((await netbootCommand(project, "doctor", "--stack", "dev")).stdout).toMatch(
      /rack: 1 of its 2 machines: another resource took it over/,
    );
    await project.succeed([...up, "--refresh"]);
    expect(await served()).toMatchObject({ "m2-nic0": "03 7" });
    expect(await verified()).toMatch(/^3 machines, all served$/m);
  });

  it("refuses in the preview what a fleet with ignoreChanges has already", async () => {
    const ignoring = (members: string): string => members.replace(" } });", " } }, { ignoreChanges: ['nodes'] });");
    await apply(node("a", 1, 3), ignoring(fleet(member("m1", [1, 2], 5), member("m2", [3], 7))));
    const taking = [server, node("a", 1, 3), ignoring(fleet(member("m1", [1, 2], 5))), node("n", 9, 7)];
    project.write({ "index.ts": programOn(lab, taking.join("\n")) });
    const { code, output } = await project.pulumi(["preview"]);
    expect(code).not.toBe(0);
    expect(output).toMatch(
      /the address 192\.168\.1\.7 is that of Ola(?:Fleet "rack"|Node "n") already; look at the ignoreChanges/,
    );
    await apply(node("a", 1, 3), fleet(member("m1", [1, 2], 5), member("m2", [3], 7)));
  });

  it("says which machine of the state a run with --target takes something from", async () => {
    const rest = [server, node("b", 2, 4), fleet(member("m1", [1, 2], 5), member("m2", [3], 7))];
    await apply(node("a", 1, 3), ...rest.slice(1));
    const swapped = [server, node("a", 1, 4), node("b", 2, 3), ...rest.slice(2)];
    project.write({ "index.ts": programOn(lab, swapped.join("\n")) });
    const { output } = await project.succeed(["preview", "--target", "**OlaNode::a"]);
    expect(output).toMatch(
      /^\s*b is served no more after this up: a takes its address 192\.168\.1\.4, and b does not change in this run$/m,
    );
    expect((await project.succeed(["preview"])).output).not.toContain("is served no more");
    await apply(node("a", 1, 3), rest[2] ?? "");
  });

  it("tells what somebody wrote beside the machines, and that it goes with whatever changes them", async () => {
    const rack = fleet(member("m1", [1, 2], 5), member("m2", [3], 7));
    const write = async (): Promise<void> => {
      await lab.node0.run(
        "echo 'host intruder { hardware ethernet 52:54:00:bb:00:01; fixed-address 192.168.1.9; }' >> /etc/dhcp/netboot/hosts.conf && systemctl restart isc-dhcp-server",
      );
    };
    await write();
    expect((await netbootCommand(project, "doctor", "--stack", "dev")).stdout).toMatch(
      /node0-dhcp: \/etc\/dhcp\/netboot\/hosts\.conf was changed/,
    );
    await project.succeed([...up, "--refresh"]);
    expect(await served()).not.toHaveProperty("intruder");
    expect((await netbootCommand(project, "doctor", "--stack", "dev")).stdout).toContain("all as the stack has it");
    await write();
    const told = await apply(node("a", 1, 4), rack);
    expect(told).toMatch(
      /warning: \/etc\/dhcp\/netboot\/hosts\.conf was changed by hand since the last run; it is overwritten, and kept as/,
    );
    expect(await served()).not.toHaveProperty("intruder");
    await apply(node("a", 1, 3), rack);
  });

  it("plans nothing for a machine that the stack only lets go of", async () => {
    const rack = fleet(member("m1", [1, 2], 5), member("m2", [3], 7));
    const kept = node("r", 2, 9).replace(" });", " }, { retainOnDelete: true });");
    await apply(node("a", 1, 3), kept, rack);
    project.write({ "index.ts": programOn(lab, [server, node("a", 1, 3), rack].join("\n")) });
    expect((await netbootCommand(project, "plan", "--stack", "dev")).stdout).toMatch(/^nothing to do/);
    await project.succeed(up);
    expect(await served()).toHaveProperty("r-nic0");
    await apply(node("a", 1, 3), node("r", 2, 9), rack);
    await apply(node("a", 1, 3), rack);
  });

  it("tells no next boot in a preview where a transform changes the machines on their way", async () => {
    const transform =
      'pulumi.runtime.registerResourceTransform(({ name, props, opts }) => name === "rack" ? { props: { ...props, rows: pulumi.output(props.rows).apply((rows) => rows.replace("192.168.1.7", "192.168.1.8")) }, opts } : undefined);';
    const declared = [server, node("a", 1, 3), fleet(member("m1", [1, 2], 5), member("m2", [3], 7))];
    project.write({ "index.ts": programOn(lab, [transform, ...declared].join("\n")) });
    const { output } = await project.succeed(["preview", "--diff"]);
    expect(output).toMatch(/^\s*next boot changes for 1 of 3 nodes: m2 \(address 192\.168\.1\.7 → 192\.168\.1\.8\)$/m);
    expect(output).toMatch(/~ m2: *\n(?: +- .*\n)+ +\+ not told: the engine has this fleet otherwise/);
  });

  it("proves a machine anew when it is asked to, without a restart", async () => {
    const rack = fleet(member("m1", [1, 2], 5), member("m2", [3], 7));
    await apply(node("a", 1, 3), rack);
    const pid = "systemctl show -p MainPID isc-dhcp-server";
    const before = await lab.node0.run(pid);
    const output = await apply(node("a", 1, 3, ', verify: { again: "2026-11-22" }'), rack);
    expect(output).toMatch(/OlaNode a updated .*DHCP offered 192\.168\.1\.3, ipxe\.efi, then refind\.pxe/);
    expect(await lab.node0.run(pid)).toEqual(before);
  });

  it("renames a machine", async () => {
    await apply(node("b", 1, 3), fleet(member("m1", [1, 2], 5), member("m2", [3], 7)));
    expect(await served()).toMatchObject({ "b-nic0": "01 3" });
    expect(await served()).not.toHaveProperty("a-nic0");
  });

  it("moves a machine into a fleet and back", async () => {
    await apply(
      fleet(
        member("m1", [1, 2], 5),
        member("m2", [3], 7),
        '"b": { macs: ["52:54:00:00:01:01"], address: "192.168.1.3" },',
      ),
    );
    expect(await served()).toEqual({ "b-nic0": "01 3", "m1-nic0": "01 5", "m1-nic1": "02 5", "m2-nic0": "03 7" });
    await apply(node("b", 1, 3), fleet(member("m1", [1, 2], 5), member("m2", [3], 7)));
    expect(await served()).toEqual({ "b-nic0": "01 3", "m1-nic0": "01 5", "m1-nic1": "02 5", "m2-nic0": "03 7" });
  });

  it("hands a MAC from one machine to another", async () => {
    await apply(node("b", 1, 3), fleet(member("m1", [1], 5), member("m2", [3, 2], 7)));
    expect(await served()).toEqual({ "b-nic0": "01 3", "m1-nic0": "01 5", "m2-nic0": "03 7", "m2-nic1": "02 7" });
  });

  it("swaps two addresses", async () => {
    await apply(node("b", 1, 3), node("c", 2, 4));
    await apply(node("b", 1, 4), node("c", 2, 3));
    expect(await served()).toEqual({ "b-nic0": "01 4", "c-nic0": "02 3" });
  });

  it("lends an address of the pool to each NIC, and refuses one too many before node 0 is touched", async () => {
    const pooled = (last: number, ...macs: readonly number[]): string => {
      const pool = `pool: { from: "192.168.1.9", to: "192.168.1.${last}" }`;
      const one = (name: string, of: readonly number[]) =>
        `"${name}": { macs: ${JSON.stringify(of.map((each) => `52:54:00:00:03:0${each}`))} },`;
      const members = one("p1", macs) + one("p2", [3]);
      const made = `const ours = new netboot.OlaFleet("pooled", { server: node0, nodes: { ${members} } }); export const verified = ours.verified;`;
      return [server.replace("network }", `network: { ...network, ${pool} } }`), made].join("\n");
    };
    const told = async (): Promise<string> => ((await project.outputs()) as { verified: string }).verified;
    const write = (statements: string): void => project.write({ "index.ts": programOn(lab, statements) });
    write(pooled(10, 1));
    await project.succeed(up);
    expect(await told()).toBe("DHCP offered their addresses and files to 2 machines (2 MACs)");
    const before = (await lab.node0.run("sha256sum /etc/dhcp/netboot/hosts.conf")).stdout;
    write(pooled(10, 1, 2));
    for (const words of [["preview"], up]) {
      const { code, output } = await project.pulumi(words);
      expect(code).not.toBe(0);
      expect(output).toContain("get one for each NIC, 3 in all; write an address here, or make the pool larger");
    }
    expect((await lab.node0.run("sha256sum /etc/dhcp/netboot/hosts.conf")).stdout).toBe(before);
    write(pooled(11, 1, 2));
    await project.succeed(up);
    expect(await told()).toBe(
      "DHCP offered their addresses and files to the new and changed of 2 machines (3 MACs), and to one of each chain",
    );
    const nodes = `{ "p1": { macs: ["52:54:00:00:03:01"], address: "192.168.1.5" } }`;
    const transform = `pulumi.runtime.registerResourceTransform(({ name, props, opts }) => name === "pooled" ? { props: { ...props, nodes: ${nodes} }, opts } : undefined);`;
    write([transform, pooled(11, 1, 2)].join("\n"));
    const { code, output } = await project.pulumi(up);
    expect(code).not.toBe(0);
    expect(output).toContain(
      "nodes: a transform has written this, and nothing reads it: the inputs of OlaFleet are rows",
    );
    await apply(node("b", 1, 4), node("c", 2, 3));
  });

  it("renumbers the network, once node 0 has its new address", async () => {
    await lab.node0.run("ip address add 192.168.9.1/28 dev eno2");
    const statements = [server, node("b", 1, 4), node("c", 2, 3)].join("\n");
    const program = programOn(lab, statements).replaceAll("192.168.1.", "192.168.9.");
    project.write({ "index.ts": program });
    const { output } = await project.succeed(up);
    expect(output).toMatch(
      /not served until their own change in this up: b \(192\.168\.1\.4, .*\), c \(192\.168\.1\.3, /,
    );
    expect(await served()).toEqual({ "b-nic0": "01 4", "c-nic0": "02 3" });
    await project.succeed([...up, "--expect-no-changes"]);
    await project.succeed(["destroy", "--yes", "--skip-preview"]);
  });
});
