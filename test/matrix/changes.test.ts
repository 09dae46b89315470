import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, labUp } from "../../lab/index.mts";
import { type ScratchProject, scratchProject } from "../../tools/scratch.mts";
import { netbootCommand, programOn } from "../support/node0";
import { type Random, randomOf } from "../system/faults/random.mts";

const up = ["up", "--yes", "--skip-preview"];

/** What the program says of node 0, as its arguments. */
interface Wanted {
  readonly server: Readonly<Record<string, unknown>>;
  readonly network: Readonly<Record<string, unknown>>;
  readonly artifacts: Readonly<Record<string, unknown>>;
  /** Machines of their own, and those of the fleet: name → the last number of MAC and address. */
  readonly nodes: Readonly<Record<string, number>>;
  readonly fleet: Readonly<Record<string, number>>;
}

const first: Wanted = {
  server: { time: false, names: false },
  network: {},
  artifacts: {},
  nodes: { a: 2, b: 3 },
  fleet: {},
};

const menu = "#!ipxe\nexit\n";
const chaining = (name: string, otherwise = ""): string => `#!ipxe\nchain ${name}${otherwise}\nchain refind_x64.efi\n`;

const perhaps = <T>(random: Random, value: T): T | undefined => (random.one([true, false]) ? value : undefined);

/** One thing that somebody changes in his program. */
const changes: Readonly<Record<string, (wanted: Wanted, random: Random) => Partial<Wanted>>> = {
  time: ({ server }, { one }) => ({ server: { ...server, time: one([false, true, { upstreams: ["192.0.2.1"] }]) } }),
  names: ({ server }, { one }) => ({
    server: { ...server, names: one([false, true, { mode: "hosts" }, { records: { filer: "192.168.1.13" } }]) },
  }),
  firewall: ({ server }, { one }) => ({ server: { ...server, firewall: one([{}, { confine: true }]) } }),
  dhcp: ({ server }, { one }) => ({
    server: {
      ...server,
      dhcp: one([{}, { loaders: { x64: "snponly.efi" } }, { extraConfig: "max-lease-time 99999;" }]),
    },
  }),
  tftp: ({ server }, { one }) => ({
    server: { ...server, tftp: one([{}, { options: ["--secure", "--verbosity", "2", "--blocksize", "1024"] }]) },
  }),
  pool: ({ server, network }, random) => {
    const pool = perhaps(random, { from: "192.168.1.10", to: "192.168.1.12" });
    const unknownMachines = pool === undefined ? "refuse" : random.one(["refuse", "serve"]);
    return { server: { ...server, unknownMachines }, network: { ...network, pool } };
  },
  address: ({ network }, { one }) => ({ network: { ...network, address: one(["192.168.1.1", "192.168.1.14"]) } }),
  lease: ({ network }, { one }) => ({ network: { ...network, leaseSeconds: one([600, 7200]) } }),
  mtu: ({ network }, random) => ({ network: { ...network, mtu: perhaps(random, 1400) } }),
  domain: ({ network }, random) => ({ network: { ...network, domain: perhaps(random, "rack.example.net") } }),
  router: ({ network }, random) => ({ network: { ...network, router: perhaps(random, "192.168.1.13") } }),
  directory: ({ artifacts }, { one }) => ({
    artifacts: { ...artifacts, directory: one(["/srv/tftp", "/srv/boot", "/srv/other/sub"]) },
  }),
  refind: ({ artifacts }, { one }) => ({
    artifacts: { ...artifacts, refindConf: { timeoutSeconds: one([1, 2, 3]) } },
  }),
  extra: ({ artifacts }, { one }) => ({
    artifacts: {
      ...artifacts,
      extra: one([{}, { "a.txt": { content: "a" } }, { "menu.ipxe": { content: menu }, "b.txt": { content: "b" } }]),
    },
  }),
  script: ({ artifacts }, { one }) => ({
    artifacts: {
      ...artifacts,
      bootScript: one([{}, chaining("menu.ipxe", " || echo none"), chaining("menu.ipxe")]),
    },
  }),
  node: ({ nodes }, { one }) => {
    const name = one(["b", "c"]);
    const { [name]: _gone, ...others } = nodes;
    return { nodes: one([others, { ...others, [name]: one([3, 4, 5]) }]) };
  },
  fleet: (_wanted, { one }) => ({ fleet: one([{}, { m1: 6 }, { m1: 6, m2: 7 }, { m2: 8, m3: 6 }]) }),
};

function programOf({ server, network, artifacts, nodes, fleet }: Wanted): string {
  const machine = (last: number) => ({ macs: [`52:54:00:00:06:0${last}`], address: `192.168.1.${last}` });
  const rows = Object.fromEntries(Object.entries(fleet).map(([name, last]) => [name, machine(last)]));
  const own = Object.entries(nodes).map(
    ([name, last]) =>
      `new netboot.OlaNode(${JSON.stringify(name)}, { server: node0, ...${JSON.stringify(machine(last))} });`,
  );
  return [
    `const wanted = ${JSON.stringify({ server, network, artifacts })};
     const node0 = new netboot.NetbootServer("node0", {
       connection, network: { ...network, ...wanted.network }, artifacts: wanted.artifacts, ...wanted.server,
     } as netboot.NetbootServerArgs);`,
    ...own,
    ...(Object.keys(rows).length === 0
      ? []
      : [`new netboot.OlaFleet("rack", { server: node0, nodes: ${JSON.stringify(rows)} });`]),
  ].join("\n");
}

/**
 * A program that changes again and again, a few things at once, handed over one by one or all together: what an `up` says
 * is done serves every machine, and what it refuses leaves all as it was. NETBOOT_CHANGES is another seed.
 */
describe("a program that changes at random", () => {
  let lab: Lab;
  let project: ScratchProject;
  const seed = Number(process.env["NETBOOT_CHANGES"] ?? 7);
  const random = randomOf(seed);

  beforeAll(async () => {
    lab = await labUp();
    await lab.node0.run("ip address add 192.168.1.14/28 dev eno2");
    project = await scratchProject({ files: { "index.ts": programOn(lab, programOf(first)) }, name: "changes" });
    await project.succeed(up);
  });

  afterAll(async () => {
    await project?.remove();
    await lab?.down();
  });

  const apply = async (wanted: Wanted, ...options: readonly string[]) => {
    project.write({ "index.ts": programOn(lab, programOf(wanted)) });
    return await project.pulumi([...up, ...options]);
  };
  const netboot = (command: string) => netbootCommand(project, command, "--stack", "dev");
  let wanted = first;

  it.each(Array.from({ length: 20 }, (_, round) => round + 1))("serves what its up has done: %i", async (round) => {
    const names = Array.from({ length: random.one([1, 1, 2, 3]) }, () => random.one(Object.keys(changes)));
    let next = wanted;
    for (const name of names) next = { ...next, ...changes[name]?.(next, random) };
    const parallel = random.one(["1", "2", "8", "64"]);
    const told = `seed ${seed}, round ${round}: ${names.join(", ")}, --parallel ${parallel}: ${JSON.stringify(next)}\n`;
    const { code, output } = await apply(next, "--parallel", parallel);
    if (code === 0) {
      wanted = next;
      expect(output, told).not.toMatch(/warning: (?!nothing is confined as yet)/);
    } else {
      expect(output, told).toMatch(/\[[A-Z_]+\]/);
      // With the program of before everything is as it was, whatever of the other one stood.
      const back = await apply(wanted);
      expect(back.code, told + output + back.output).toBe(0);
    }
    const machines = Object.keys(wanted.nodes).length + Object.keys(wanted.fleet).length;
    const verified = await netboot("verify");
    expect(verified.code, told + output + verified.stdout).toBe(0);
    expect(verified.stdout, told).toContain(`${machines} machine${machines === 1 ? "" : "s"}, all served`);
    expect(await netboot("doctor"), told).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^all as the stack has it/),
    });
    await project.succeed([...up, "--expect-no-changes"]);
  });

  it("leaves nothing behind", async () => {
    await project.succeed(["destroy", "--yes", "--skip-preview"]);
    const left = await lab.node0.run("ls -d /var/lib/pulumi-netboot/register /etc/netboot-names; find /srv -type f", {
      check: false,
    });
    expect(left.stdout).toBe("");
  });
});
