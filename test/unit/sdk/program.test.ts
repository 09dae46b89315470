import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it, vi } from "vitest";
import * as netboot from "../../../sdk";
import { mistakesOf, type Registered, register } from "../../support/mocks";

const connection = { host: "node0.example", user: "root", hostKey: undefined as never };
const network = { interface: "eno2", cidr: "192.168.1.0/28", address: "192.168.1.1" };
const pool = { from: "192.168.1.2", to: "192.168.1.3" };

describe("the option `import`", () => {
  it("is refused on the resource that has it, and says what to do, and the engine does not see it", async () => {
    const made = await register(() => {
      const server = new netboot.NetbootServer("node0", { connection: { host: "node0.example" }, network });
      const args = { server, macs: ["52:54:00:00:0a:01"], address: "192.168.1.5" };
      new netboot.OlaNode("a", args, { import: "OlaNode/p/s/a" });
      new netboot.OlaNode("b", { ...args, macs: ["52:54:00:00:0a:02"], address: "192.168.1.6" });
    });
    expect(mistakesOf(made["a"])).toEqual([
      expect.stringMatching(/^import: nothing is imported by an id here; .*`npx pulumi-netboot import --host …`/),
    ]);
    expect(mistakesOf(made["b"])).toEqual([]);
  });
});

describe("a text that is a secret", () => {
  it("is marked, so that no line of it is shown where somebody changed it", async () => {
    const made = await register(() => {
      new netboot.BootFile("a.txt", { connection, source: pulumi.secret({ content: "hush" }) });
      new netboot.BootFile("b.txt", { connection, source: { content: "hello" } });
    });
    expect(made["a.txt"]?.inputs["__quiet"]).toBe(true);
    expect(made["b.txt"]?.inputs).not.toHaveProperty("__quiet");
  });
});

describe("machines by habits of JavaScript", () => {
  const connected = { host: "node0.example" };
  const machine = { macs: ["52:54:00:00:0a:01"], address: "192.168.1.5" };
  const mistakes = async (program: (server: netboot.NetbootServer) => void) =>
    mistakesOf(
      (await register(() => program(new netboot.NetbootServer("node0", { connection: connected, network }))))["it"],
    );

  it("are refused in a Map or a Set, of which Pulumi sees nothing", async () => {
    expect(
      await mistakes((server) => new netboot.OlaFleet("it", { server, nodes: new Map([["a", machine]]) as never })),
    ).toEqual([expect.stringMatching(/^nodes: a Map is no object of machines by their names; write it as \{ "db-1"/)]);
    expect(
      await mistakes(
        (server) => new netboot.OlaNode("it", { server, ...machine, macs: new Set(machine.macs) as never }),
      ),
    ).toEqual([expect.stringMatching(/^macs: a Set is no list; write it as/)]);
  });

  it("are told what stands in the place of their server", async () => {
    const on = (server: unknown) => () => new netboot.OlaNode("it", { server: server as never, ...machine });
    expect(await mistakes((server) => on(pulumi.output(Promise.resolve(server)))())).toEqual([
      expect.stringMatching(
        /^server: is no server, but an output of one; give the server itself, or its reference: server\.apply/,
      ),
    ]);
    const tftp = () => new netboot.TftpServer("other", { connection: { host: "192.0.2.9" }, address: "192.168.1.1" });
    expect(await mistakes(() => on(tftp())())).toEqual([
      expect.stringMatching(
        /^server: is no server, but a resource of the type pulumi-nodejs:dynamic\/netboot:TftpServer; give/,
      ),
    ]);
    expect(await mistakes(() => on([])())).toEqual([
      expect.stringMatching(/^server: is no server, but an empty list; give/),
    ]);
    expect(await mistakes((server) => on(pulumi.output([server]))())).toEqual([
      expect.stringMatching(/^server: is no server, but a list; give/),
    ]);
  });

  it("are not sent to an address that is taken", async () => {
    expect(
      await mistakes((server) => new netboot.OlaNode("it", { server, ...machine, address: "192.168.9.1" })),
    ).toEqual([
      expect.stringMatching(
        /^address: 192\.168\.9\.1 is outside the subnet 192\.168\.1\.0\/28; hosts have 192\.168\.1\.1 to/,
      ),
    ]);
  });
});

describe("a resource whose name is missing", () => {
  it("is told by the stack of the program, and leaves the depth of stacks as it was", async () => {
    const limit = Error.stackTraceLimit;
    let thrown: Error | undefined;
    await register(() => {
      try {
        new netboot.BootFile("", { connection, source: { content: "hello" } });
      } catch (error) {
        thrown = error as Error;
      }
    });
    expect(thrown?.message).toMatch(/name/);
    expect(thrown?.stack).toContain("program.test.ts");
    expect(Error.stackTraceLimit).toBe(limit);
  });
});

describe("a BootFile from an asset of Pulumi's", () => {
  it("is the file at its path, or its text", async () => {
    const made = await register(() => {
      const at = (name: string, file: pulumi.asset.Asset) =>
        new netboot.BootFile(name, { connection, source: { file } });
      at("a.txt", new pulumi.asset.FileAsset("LICENSE"));
      at("b.txt", new pulumi.asset.StringAsset("hello"));
    });
    expect(made["a.txt"]?.inputs).toMatchObject({ file: "LICENSE" });
    expect(made["b.txt"]?.inputs).toMatchObject({ content: "hello" });
    expect(Object.values(made).flatMap(mistakesOf)).toEqual([]);
  });
});

describe("a DhcpServer beside its boot files", () => {
  const nextBootBeside = async (files: object, more: object = {}): Promise<unknown> => {
    const made = await register(() => {
      new netboot.BootArtifacts("files", { connection, refindConf: { timeoutSeconds: 3 }, ...files });
      const server = new netboot.DhcpServer("dhcp", { connection, network, ...more });
      new netboot.OlaNode("a", { server, macs: ["52:54:00:00:0a:01"], address: "192.168.1.5" });
    });
    return made["a"]?.inputs["nextBoot"];
  };

  it("has machines that know their hashes", async () => {
    expect(await nextBootBeside({})).toMatch(/refind\.conf sha256:babcb66cc2…/);
  });

  it("does not know those of another host", async () => {
    expect(await nextBootBeside({ connection: { host: "elsewhere.example" } })).toMatch(/refind\.conf sha256:unknown…/);
    expect(await nextBootBeside({}, { bootServer: "192.168.1.9" })).toMatch(/refind\.conf sha256:unknown…/);
  });
});

describe("a preview under Pulumi's mocks, which know no hooks", () => {
  it("has the machines, also one with a proof before something else, and will say no sentence that it can't know", async () => {
    class Reboot extends pulumi.CustomResource {}
    const before = process.listenerCount("exit");
    const made = await register(
      () => {
        const server = new netboot.NetbootServer("node0", { connection: { host: "node0.example" }, network });
        const node = new netboot.OlaNode("a", { server, macs: ["52:54:00:00:0a:01"], address: "192.168.1.5" });
        new Reboot("shop:index:Reboot", "reboot", {}, { hooks: { beforeCreate: [node.freshProof] } });
      },
      {},
      true,
    );
    expect(Object.keys(made)).toEqual(expect.arrayContaining(["a", "reboot"]));
    expect(process.listenerCount("exit")).toBe(before);
  });
});

/** What a program's server says is wrong with it, line by line. */
async function tellingOf(
  program: () => unknown,
): Promise<{ told: readonly string[]; made: Record<string, Registered> }> {
  const error = vi.spyOn(pulumi.log, "error").mockResolvedValue(undefined);
  const made = await register(() => void program());
  const told = error.mock.calls.flatMap(([words]) => words.replace(/ \[ARGUMENTS_INVALID\]$/, "").split("\n"));
  error.mockRestore();
  return { told, made };
}

describe("NetbootServer", () => {
  it("registers its parts under it, the machine beside it", async () => {
    const made = await register(() => {
      const server = new netboot.NetbootServer("node0", { connection: { host: "node0.example" }, network });
      new netboot.OlaNode("db-1", { server, macs: ["04-3F-72-AA-00-01"], address: "192.168.1.5" });
    });
    const names = Object.keys(made).filter((name) => made[name]?.type !== "pulumi:pulumi:Stack");
    expect(names.sort()).toEqual([
      "db-1",
      "node0",
      "node0-artifacts",
      "node0-artifacts-ipxe.efi",
      "node0-artifacts-refind.conf",
      "node0-artifacts-refind.pxe",
      "node0-artifacts-refind_x64.efi",
      "node0-artifacts-snponly.efi",
      "node0-dhcp",
      "node0-firewall",
      "node0-names",
      "node0-packages",
      "node0-tftp",
      "node0-time",
    ]);
    expect(Object.values(made).flatMap(mistakesOf)).toEqual([]);
    expect(made["db-1"]?.inputs["hostBlocks"]).toBe(
      'host db-1-nic0 { hardware ethernet 04:3f:72:aa:00:01; fixed-address 192.168.1.5; option host-name "db-1"; }\n',
    );
    expect(made["db-1"]?.inputs).toMatchObject({
      hostname: "db-1",
      macs: ["04:3f:72:aa:00:01"],
      address: "192.168.1.5",
    });
    // What is usual is no input, for it would lie in the state of every machine.
    for (const key of ["firmware", "loader", "options"]) expect(made["db-1"]?.inputs).not.toHaveProperty(key);
    expect(made["db-1"]?.inputs["nextBoot"]).toMatch(
      /^192\.168\.1\.5 db-1 \(04:3f:72:aa:00:01\)\nUEFI x64 → ipxe\.efi sha256:abababab/,
    );
    expect(made["node0-packages"]?.inputs["__fetch"]).toEqual({ ipxe: 2, refind: 1 });
    expect(made["node0-packages"]?.inputs["__listenFor"]).toBe("name:eno2 192.168.1.1");
    expect(made["node0-dhcp"]?.inputs["config"]).toContain("subnet 192.168.1.0 netmask 255.255.255.240 {");
  });

  it("hands over all that a boot needs first, eight at the most, as many as the engine takes at a time", async () => {
    const made = await register(() => {
      new netboot.NetbootServer("node0", { connection: { host: "node0.example" }, network });
    });
    const isPart = ({ type }: Registered) => type.startsWith("pulumi-nodejs:") && !type.endsWith(":Packages");
    const kinds = Object.values(made)
      .filter(isPart)
      .map(({ type }) => type.split(":").at(-1));
    expect(new Set(kinds.slice(0, 8))).toEqual(new Set(["DhcpServer", "TftpServer", "Firewall", "BootFile"]));
    expect(kinds.slice(8).sort()).toEqual(["NameServer", "TimeServer"]);
  });

  it.each<[string, unknown, RegExp[]]>([
    [
      "two mistakes in its network",
      { interface: "eno2", address: "192.168.1.1/28" },
      [/^network\.cidr: is required/, /^network\.address: "192\.168\.1\.1\/28" /],
    ],
    ["no network", null, [/^network: null is no /]],
    ["an mtu that is none", { ...network, mtu: 10 }, [/^network\.mtu: 10 /]],
    ["a part that is no object", { ...network, time: "no" }, [/^time: "no" is neither true nor false nor /]],
  ])("tells of %s beside itself at once, and keeps its parts from being made", async (_what, wrong, expected) => {
    const { time, ...rest } = Object(wrong);
    const args = { connection: { host: "h" }, network: wrong && rest, ...(time && { time }) };
    const { told, made } = await tellingOf(() => new netboot.NetbootServer("node0", args));
    expect(told).toEqual(expected.map((each) => expect.stringMatching(each)));
    expect(mistakesOf(made["node0-packages"])).toEqual([
      'not done: what is wrong is told beside NetbootServer "node0" [ARGUMENTS_INVALID]',
    ]);
  });
});

describe("NetbootServer, with what is no argument of it", () => {
  it("is refused, with a guess for each", async () => {
    const args = { connection, network, unknownMachine: "serve", artefacts: {}, frob: 1, firewal: undefined };
    const { told } = await tellingOf(() => new netboot.NetbootServer("node0", args));
    expect(told).toEqual([
      "unknownMachine: there is no such property; did you mean unknownMachines?",
      "artefacts: there is no such property; did you mean artifacts?",
      "frob: there is no such property; there are connection, network, dhcp, tftp, artifacts, time, names, firewall, unknownMachines, allowDefaultRoute, removePackages",
    ]);
  });

  it("hands what is wrong with a part's settings to that part, as the program writes it", async () => {
    const made = await register(() => {
      const settings: object = {
        dhcp: { otherDhcpServers: "maybe" },
        unknownMachines: "ignore",
        tftp: { options: [3] },
        artifacts: {
          ipxe: { file: "./no/such.efi" },
          refindConf: { timeoutSeconds: "three" },
          extra: { "memtest.efi": { package: "No" }, "not a name": { content: "x" } },
        },
        time: { upstreams: "ntp" },
        names: { records: { filer: "192.168.1.400" }, upstreams: ["192.168.1.1"] },
        firewall: { confine: 1 },
      };
      new netboot.NetbootServer("node0", { connection, network, ...settings });
    });
    const pathsAt = (name: string) => mistakesOf(made[name]).map((mistake) => mistake.split(": ")[0]);
    expect({
      dhcp: pathsAt("node0-dhcp"),
      tftp: pathsAt("node0-tftp"),
      ipxe: pathsAt("node0-artifacts-ipxe.efi"),
      refindConf: pathsAt("node0-artifacts-refind.conf"),
      memtest: pathsAt("node0-artifacts-memtest.efi"),
      named: pathsAt("node0-artifacts-not a name"),
      time: pathsAt("node0-time"),
      names: pathsAt("node0-names"),
      firewall: pathsAt("node0-firewall"),
    }).toMatchInlineSnapshot(`
      {
        "dhcp": [
          "unknownMachines",
          "dhcp.otherDhcpServers",
        ],
        "firewall": [
          "firewall.confine",
        ],
        "ipxe": [
          "artifacts.ipxe.file",
        ],
        "memtest": [
          "artifacts.extra["memtest.efi"].package",
        ],
        "named": [
          "artifacts.extra["not a name"]",
        ],
        "names": [
          "names.records["filer"]",
          "names.upstreams[0]",
        ],
        "refindConf": [
          "artifacts.refindConf.timeoutSeconds",
        ],
        "tftp": [
          "tftp.options",
        ],
        "time": [
          "time.upstreams",
        ],
      }
    `);
  });

  it("is guessed at where two letters change places", async () => {
    const wrong = { interface: "eno2", cird: "192.168.1.0/28", address: "192.168.1.1" } as unknown as typeof network;
    const { told } = await tellingOf(
      () => new netboot.NetbootServer("node0", { connection: { host: "h" }, network: wrong }),
    );
    expect(told).toContainEqual("network.cird: there is no such property; did you mean cidr?");
  });
});

describe("NetbootServer, with an mtu", () => {
  it("sends no block of a file that is larger than a packet of it", async () => {
    const made = await register(() => {
      const connection = { host: "h" };
      new netboot.NetbootServer("node0", { connection, network: { ...network, mtu: 1400 } });
      new netboot.NetbootServer("other", { connection: { host: "i" }, network });
    });
    expect(made["node0-tftp"]?.inputs["defaults"]).toContain("--blocksize 1368");
    expect(made["other-tftp"]?.inputs["defaults"]).toContain("--blocksize 1468");
  });
});

describe("OlaNode", () => {
  const macs = ["52:54:00:12:34:01"];
  it.each([
    [
      "a MAC of 5 octets",
      { macs: ["52:54:00:12:34"], address: "192.168.1.5" },
      /^macs\[0\]: "52:54:00:12:34" .*as in "/,
    ],
    [
      "a multicast MAC",
      { macs: ["01:00:5e:00:00:01"], address: "192.168.1.5" },
      /^macs\[0\]: "01:00:5e:00:00:01" .*multicast/,
    ],
    ["a MAC of zeros", { macs: ["00:00:00:00:00:00"], address: "192.168.1.5" }, /^macs\[0\]: "00:00:00:00:00:00" /],
    [
      "an address outside the subnet",
      { macs, address: "192.168.2.5" },
      /^address: .*192\.168\.2\.5.* outside .*192\.168\.1\.0\/28/,
    ],
    ["an address in the pool", { macs, address: "192.168.1.3" }, /^address: .*192\.168\.1\.3.* pool/],
    ["node 0's address", { macs, address: "192.168.1.1" }, /^address: .*192\.168\.1\.1.* node 0/],
    ["the network's address", { macs, address: "192.168.1.0" }, /^address: .*192\.168\.1\.0/],
    ["the broadcast address", { macs, address: "192.168.1.15" }, /^address: .*192\.168\.1\.15.* broadcast/],
    ["a host name that is none", { macs, address: "192.168.1.5", hostname: "db_1!" }, /^hostname: "db_1!" /],
  ])("refuses %s", async (_name, args, expected) => {
    const made = await register(() => {
      const server = new netboot.NetbootServer("node0", { connection: { host: "h" }, network: { ...network, pool } });
      new netboot.OlaNode("db-1", { server, ...args });
    });
    const mistakes = mistakesOf(made["db-1"]);
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toMatch(expected);
  });

  it("tells all mistakes of one machine at once", async () => {
    const made = await register(() => {
      const server = new netboot.NetbootServer("node0", { connection: { host: "h" }, network });
      new netboot.OlaNode("db-1", { server, macs: ["52:54", "01:00:5e:00:00:01"], address: "10.0.0.300" });
    });
    expect(mistakesOf(made["db-1"]).map((mistake) => mistake.split(":")[0])).toEqual(["macs[0]", "macs[1]", "address"]);
  });

  it("is refused where its server's records have its name with another address, which is said of no secret", async () => {
    const declared = (filer: pulumi.Input<string>) =>
      register(() => {
        const server = new netboot.NetbootServer("node0", { connection, network, names: { records: { filer } } });
        new netboot.OlaNode("filer", { server, macs, address: "192.168.1.5" });
        new netboot.OlaFleet("f", { server, nodes: { b: { macs: ["52:54:00:00:0a:01"], address: "192.168.1.6" } } });
      });
    expect(mistakesOf((await declared("192.168.1.14"))["filer"])).toEqual([
      expect.stringMatching(/^hostname: "filer" stands in the name server's records, with 192\.168\.1\.14; /),
    ]);
    for (const filer of ["192.168.1.5", pulumi.secret("192.168.1.14")]) {
      const made = await declared(filer);
      expect([...mistakesOf(made["filer"]), ...mistakesOf(made["f"])]).toEqual([]);
    }
  });

  it("tells mistakes in a secret, and not the secret", async () => {
    const made = await register(() => {
      const server = new netboot.NetbootServer("node0", { connection, network });
      const macs = [pulumi.secret("52:54:00:12:34:5"), "52:54:00:00:0a:01"];
      new netboot.OlaNode("a", { server, macs, address: pulumi.secret("10.9.8.7") });
      new netboot.OlaFleet("f", {
        server,
        nodes: { b: { macs: ["52:54:00:00:0a:0"], address: pulumi.secret("10.9.8.6") } },
      });
    });
    const found = [...mistakesOf(made["a"]), ...mistakesOf(made["f"])].join("\n");
    expect(found).toMatch(/^macs\[0\]: "\[secret\]" is no hardware address/);
    expect(found).toMatch(/"52:54:00:00:0a:0" is no hardware address/);
    expect(found).not.toMatch(/52:54:00:12:34:5"|10\.9\.8/);
    expect(found).toMatch(/address: .*\[secret\]/);
  });

  it("tells beside them what is wrong in its network and beside other machines", async () => {
    const made = await register(() => {
      const server = new netboot.NetbootServer("node0", { connection: { host: "h" }, network });
      new netboot.OlaNode("db-1", { server, macs, address: "192.168.1.5" });
      new netboot.OlaNode("db-2", { server, macs: ["52:54"], address: "192.168.1.5" });
      const nodes = { "db-3": { macs: ["52:54"], address: "192.168.2.6" }, "db-4": { macs, address: "192.168.1.300" } };
      new netboot.OlaFleet("rack", { server, nodes });
    });
    const pathsOf = (name: string) => mistakesOf(made[name]).map((mistake) => mistake.split(":")[0]);
    expect(pathsOf("db-2")).toEqual(["macs[0]", "address"]);
    expect(pathsOf("rack")).toEqual([
      'nodes["db-3"].macs[0]',
      'nodes["db-4"].address',
      'nodes["db-3"].address',
      'nodes["db-4"].macs[0]',
    ]);
  });

  it("refuses a machine, also of a fleet, for what OVHcloud says of its server", async () => {
    const vnis = [{ enabled: true, mode: "vrack", nics: macs, uuid: "u" }];
    const problems = netboot.ovh.problems({ name: "ns1", vnis });
    const made = await register(() => {
      const server = new netboot.NetbootServer("node0", { connection: { host: "h" }, network });
      new netboot.OlaNode("db-1", { server, macs, address: "192.168.1.5", problems });
      const others = { macs: ["52:54:00:12:34:02"], address: "192.168.1.6", problems };
      new netboot.OlaFleet("rack", { server, nodes: { "db-2": others } });
    });
    const sentence = `ns1: its network interface u (${macs[0]}) has the mode "vrack", not "vrack_aggregation"`;
    expect(mistakesOf(made["db-1"])).toEqual([expect.stringContaining(sentence)]);
    expect(mistakesOf(made["rack"])[0]).toMatch(/^nodes\["db-2"\]: ns1: its network interface u /);
  });

  it.each([
    ["MAC", { macs, address: "192.168.1.6" }, /^macs\[0\]: .*OlaNode "db-1"/],
    ["address", { macs: ["52:54:00:12:34:02"], address: "192.168.1.5" }, /^address: .*OlaNode "db-1"/],
    [
      "host name",
      { macs: ["52:54:00:12:34:02"], address: "192.168.1.6", hostname: "db-1" },
      /^hostname: .*OlaNode "db-1"/,
    ],
  ])("refuses a %s that stands twice in the program, naming both places", async (_name, args, expected) => {
    const made = await register(() => {
      const server = new netboot.NetbootServer("node0", { connection: { host: "h" }, network });
      new netboot.OlaNode("db-1", { server, macs, address: "192.168.1.5" });
      new netboot.OlaNode("db-2", { server, ...args });
    });
    expect(mistakesOf(made["db-1"])).toEqual([]);
    expect(mistakesOf(made["db-2"])[0]).toMatch(expected);
  });

  it("forgets the machines of an earlier run of a program", async () => {
    const program = (): void => {
      const server = new netboot.NetbootServer("node0", { connection: { host: "h" }, network });
      new netboot.OlaNode("db-1", { server, macs, address: "192.168.1.5" });
      new netboot.OlaNode("db-2", { server, macs: ["52:54:00:12:34:02"], address: "192.168.1.6" });
    };
    await register(program);
    expect(mistakesOf((await register(program))["db-2"])).toEqual([]);
  });

  it("refuses a pool that is too small for the machines that need it", async () => {
    const made = await register(() => {
      const server = new netboot.NetbootServer("node0", { connection: { host: "h" }, network: { ...network, pool } });
      for (const [index, name] of ["a", "b", "c"].entries()) {
        new netboot.OlaNode(name, { server, macs: [`52:54:00:12:34:0${index}`] });
      }
    });
    expect(["a", "b", "c"].flatMap((name) => mistakesOf(made[name]))).toEqual([expect.stringContaining("pool")]);
  });

  it("refuses 32-bit firmware where nothing serves it", async () => {
    const made = await register(() => {
      const server = new netboot.NetbootServer("node0", { connection: { host: "h" }, network });
      new netboot.OlaNode("old", { server, macs, address: "192.168.1.5", firmware: "ia32" });
    });
    expect(mistakesOf(made["old"])[0]).toMatch(/ipxe32/);
  });
});

describe("DhcpServer", () => {
  it("hands its network over in values, beside the text that is made of them", async () => {
    const made = await register(() => {
      new netboot.DhcpServer("dhcp", { connection, network: { ...network, pool }, unknownMachines: "serve" });
      new netboot.DhcpServer("other", { connection: { host: "other" }, network });
    });
    expect(made["dhcp"]?.inputs).toMatchObject({
      cidr: "192.168.1.0/28",
      pool: "192.168.1.2-192.168.1.3",
      unknownMachines: "serve",
      writes: expect.arrayContaining(["/etc/dhcp/dhcpd.conf", "/etc/dhcp/netboot/hosts.conf"]),
    });
    expect(made["other"]?.inputs).toMatchObject({ unknownMachines: "refuse" });
    expect(made["other"]?.inputs).not.toHaveProperty("pool");
  });

  it.each([
    ["a cidr that is no network", { ...network, cidr: "192.168.1.1/28" }, /^network\.cidr: .*192\.168\.1\.0\/28/],
    ["an interface name that is none", { ...network, interface: "eno2/../x" }, /^network\.interface: /],
  ])("refuses %s", async (_name, wrong, expected) => {
    const made = await register(() => {
      new netboot.DhcpServer("dhcp", { connection: { host: "h" }, network: wrong });
    });
    expect(mistakesOf(made["dhcp"])[0]).toMatch(expected);
  });
});

describe("two resources of one name", () => {
  it("are refused on one host, whose register could not tell them apart, and taken on two", async () => {
    const made = await register(() => {
      const parents = ["RackA", "RackB", "RackC"].map((type) => new pulumi.ComponentResource(`my:index:${type}`, type));
      for (const [index, host] of ["h", "h", "other"].entries()) {
        const [parent] = parents.slice(index);
        const file = (name: string) => ({
          connection: { host },
          fileName: `${name}${index}.txt`,
          source: { content: "" },
        });
        // The mocks know a resource by its name, so the last one of a name is what they tell of.
        if (index < 2) new netboot.BootFile("here", file("a"), { parent: parent as pulumi.Resource });
        if (index > 0) new netboot.BootFile("there", file("b"), { parent: parent as pulumi.Resource });
      }
    });
    expect(mistakesOf(made["here"])).toEqual([
      'there are two BootFile "here" on one host, under different parents; give one another name [ARGUMENTS_INVALID]',
    ]);
    expect(mistakesOf(made["there"])).toEqual([]);
  });
});

describe("a connection", () => {
  it.each([
    ["plain", (given: object) => given],
    ["an output", (given: object) => pulumi.output(given)],
    ["a promise", (given: object) => Promise.resolve(given)],
  ])("keeps its secrets, given as %s", async (_name, wrapped) => {
    let secret: boolean | undefined;
    await register(() => {
      const connection = wrapped({ host: "h", password: "swordfish" }) as netboot.ConnectionArgs;
      const server = new netboot.TftpServer("tftp", { connection, address: "192.168.1.1" });
      const input = pulumi.output(server.reachedBy);
      input.apply(async () => {
        secret = await pulumi.isSecret(input);
      });
    });
    expect(secret).toBe(true);
  });
});

describe("verify", () => {
  it("is an input only where it is not the default, and a new value of `again` is a change", async () => {
    const made = await register(() => {
      const server = new netboot.NetbootServer("node0", { connection: { host: "h" }, network });
      const machine = (last: number) => ({
        server,
        macs: [`52:54:00:12:34:0${last}`],
        address: `192.168.1.${last + 4}`,
      });
      new netboot.OlaNode("a", machine(1));
      new netboot.OlaNode("b", { ...machine(2), verify: true });
      new netboot.OlaNode("c", { ...machine(3), verify: false });
      new netboot.OlaNode("d", { ...machine(4), verify: { again: "2026-11-22" } });
      new netboot.OlaNode("e", { ...machine(5), verify: { again: undefined } });
      new netboot.OlaNode("f", { ...machine(6), verify: "yes" as never });
    });
    const verify = (name: string): unknown => made[name]?.inputs["verify"];
    expect(["a", "b", "c", "d", "e"].map(verify)).toEqual([
      undefined,
      undefined,
      false,
      { again: "2026-11-22" },
      undefined,
    ]);
    expect(mistakesOf(made["f"])).toEqual([expect.stringMatching(/^verify: "yes" is no way to verify; /)]);
  });
});

describe("what a host has once", () => {
  it("is refused where a program declares it twice, naming the first", async () => {
    const made = await register(() => {
      for (const name of ["one", "two"]) {
        new netboot.DhcpServer(name, { connection: { host: "h" }, network });
        new netboot.BootFile(`${name}.txt`, {
          connection: { host: "h" },
          fileName: "a.txt",
          source: { content: name },
        });
      }
      new netboot.DhcpServer("elsewhere", { connection: { host: "other" }, network });
      // Behind one address, and with one address behind two jump hosts, they are others, too.
      new netboot.DhcpServer("port", { connection: { host: "h", port: 2202 }, network });
      new netboot.DhcpServer("far", { connection: { host: "h", proxy: { host: "bastion" } }, network });
    });
    expect(mistakesOf(made["two"])).toEqual([
      'a host has the DHCP server once, and DhcpServer "one" declares it on this one already; take one of the two out [ARGUMENTS_INVALID]',
    ]);
    expect(mistakesOf(made["two.txt"])[0]).toContain('/srv/tftp/a.txt once, and BootFile "one.txt"');
    expect([made["one"], made["one.txt"], made["elsewhere"], made["port"], made["far"]].flatMap(mistakesOf)).toEqual(
      [],
    );
  });
});

describe("BootFile", () => {
  it.each<[string, object, string]>([
    [
      "an option of apt-get's for a package",
      { source: { package: "-oDebug=1" } },
      'source.package: "-oDebug=1" is no package',
    ],
    [
      "a package with its version in the name",
      { source: { package: "ipxe=1" } },
      'source.package: "ipxe=1" is no package',
    ],
    [
      "a version with a space",
      { source: { package: "ipxe", version: "1 ; x" } },
      'source.version: "1 ; x" is no version',
    ],
    ["a name that leads elsewhere", { fileName: "../x", source: { content: "" } }, 'fileName: "../x" is no name'],
    [
      "a folder that leads elsewhere",
      { directory: "/srv/../etc", source: { content: "" } },
      'directory: "/srv/../etc" is no',
    ],
    ["a folder without an end", { directory: `/${"x".repeat(300)}`, source: { content: "" } }, "directory: "],
  ])("refuses %s", async (_what, args, expected) => {
    const made = await register(() => {
      new netboot.BootFile("a.txt", { connection: { host: "h" }, ...args } as netboot.BootFileArgs);
    });
    expect(mistakesOf(made["a.txt"])).toEqual([expect.stringContaining(expected)]);
  });
});

describe("connection", () => {
  it("is told to hold no private key where a path stands in its place, also behind a jump host", async () => {
    const proxy = { host: "bastion", privateKey: "~/.ssh/id_ed25519" };
    const made = await register(() => {
      new netboot.TftpServer("tftp", { connection: { host: "h", proxy }, address: "192.168.1.1" });
      const plain = { host: "i", privateKey: pulumi.secret("/root/key") };
      new netboot.TftpServer("other", { connection: plain, address: "192.168.1.1" });
    });
    const said =
      "is a path, not the key itself; give it as privateKeyPath (the value is not shown: it may be a secret)";
    expect(mistakesOf(made["tftp"])).toEqual([`connection.proxy.privateKey: ${said} [ARGUMENTS_INVALID]`]);
    expect(mistakesOf(made["other"])).toEqual([`connection.privateKey: ${said} [ARGUMENTS_INVALID]`]);
  });

  it.each([
    ["plain values", { host: undefined, user: "root" }],
    ["a secret", { host: undefined, privateKey: pulumi.secret("-----BEGIN OPENSSH PRIVATE KEY-----") }],
  ])(
    "says of a host that is given and undefined, beside %s, that a config value may be missing",
    async (_name, given) => {
      const made = await register(() => {
        const connection = given as unknown as netboot.ConnectionArgs;
        new netboot.TftpServer("tftp", { connection, address: "192.168.1.1" });
      });
      expect(mistakesOf(made["tftp"])).toEqual([
        expect.stringMatching(/^connection\.host: is given, and is undefined; write an address, .* config\.require, /),
      ]);
    },
  );

  it("names every argument of a machine where one is none", async () => {
    const made = await register(() => {
      const server = new netboot.DhcpServer("dhcp", { connection: { host: "h" }, network });
      const args = { server, macs: ["52:54:00:12:34:01"], address: "192.168.1.5", frobnicate: 1 };
      new netboot.OlaNode("db-1", args);
    });
    expect(mistakesOf(made["db-1"])[0]).toMatch(
      /^frobnicate: .*there are server, verify, history, whileOneIsDown, macs, /,
    );
  });

  it("is checked, and its mistakes named by their path", async () => {
    const made = await register(() => {
      new netboot.TftpServer("tftp", { connection: { ...connection, port: 99999 } as never, address: "192.168.1.1" });
    });
    expect(mistakesOf(made["tftp"]).some((mistake) => mistake.startsWith("connection.port: "))).toBe(true);
  });
});

describe("BootArtifacts", () => {
  it("shows what is wrong with a text at the file that would hold it", async () => {
    const made = await register(() => {
      new netboot.BootArtifacts("a", { connection: { host: "h" }, refindConf: "timeuot 3\n" });
    });
    expect(mistakesOf(made["a-refind.conf"])[0]).toMatch(/^refindConf: .*timeuot/);
    expect(mistakesOf(made["a-refind.pxe"])).toEqual([]);
  });

  it("refuses names that iPXE could not tell apart", async () => {
    const made = await register(() => {
      new netboot.BootArtifacts("a", { connection: { host: "h" }, extra: { "Refind.conf": { content: "timeout 1" } } });
    });
    expect(mistakesOf(made["a-refind.conf"])[0]).toMatch(
      /^a host has \/srv\/tftp\/refind\.conf once, and BootFile "a-Refind\.conf" declares it/,
    );
  });

  it("refuses a text or file that the machines which meet it can't use, however it is given", async () => {
    const made = await register(() => {
      const own = { connection: { host: "h" } };
      new netboot.BootFile("refind.conf", { ...own, source: { content: "timeuot 3\n" } });
      new netboot.BootFile("ipxe.efi", { ...own, source: { file: "package.json" } });
      new netboot.BootFile("memtest.efi", { ...own, source: { file: "package.json" } });
      const elsewhere = { ...own, directory: "/srv/tftp/arm64", fileName: "ipxe.efi" };
      new netboot.BootFile("for others", { ...elsewhere, source: { file: "package.json" } });
    });
    expect(mistakesOf(made["refind.conf"])[0]).toMatch(/^source\.content: line 1: rEFInd knows no option "timeuot"/);
    expect(mistakesOf(made["ipxe.efi"])[0]).toMatch(
      /^source\.file: "package\.json": ipxe\.efi must be a program for UEFI, and this is none/,
    );
    expect(mistakesOf(made["memtest.efi"])).toEqual([]);
    expect(mistakesOf(made["for others"])).toEqual([]);
  });

  it("refuses a local file that is not the pinned one", async () => {
    const made = await register(() => {
      new netboot.BootArtifacts("a", {
        connection: { host: "h" },
        ipxe32: { file: "package.json", sha256: "00".repeat(32) },
      });
    });
    expect(mistakesOf(made["a-ipxe32.efi"])[0]).toMatch(/^ipxe32\.sha256: .*package\.json/);
  });
});
