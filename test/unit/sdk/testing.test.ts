import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it, vi } from "vitest";
import * as netboot from "../../../sdk";
import { mockEngine, nextBootsOf } from "../../../sdk/testing";

const network = { interface: "eno2", cidr: "192.168.1.0/28", address: "192.168.1.1" };

/** A server and a fleet, with what one test says otherwise. */
const rack = (nodes: Readonly<Record<string, object>>) => () => {
  const node0 = new netboot.NetbootServer("node0", { connection: { host: "node0.example" }, network });
  const fleet = new netboot.OlaFleet("rack", { server: node0, nodes: nodes as never });
  return { boots: fleet.nextBoots, verified: fleet.verified };
};

describe("nextBootsOf", () => {
  it("tells what each machine does, with a stand-in for what only node 0 knows", async () => {
    const boots = await nextBootsOf(() => {
      const node0 = new netboot.NetbootServer("node0", { connection: { host: "node0.example" }, network });
      const macs = ["04:3f:72:aa:00:02"];
      new netboot.OlaFleet("rack", { server: node0, nodes: { "db-1": { macs, address: "192.168.1.2" } } });
      new netboot.OlaNode("db-2", { server: node0, macs: ["04:3f:72:aa:00:03"], address: "192.168.1.3" });
    });
    expect(boots).toEqual({
      "db-1": expect.stringMatching(
        /^192\.168\.1\.2 db-1 \(04:3f:72:aa:00:02\)\nUEFI x64 → ipxe\.efi sha256:stand-in…\niPXE → refind\.pxe sha256:[0-9a-f]{10}… /,
      ),
      "db-2": expect.stringMatching(/^192\.168\.1\.3 db-2 /),
    });
  });

  it("has another stack's outputs by a mock of its reference", async () => {
    const outputs = { address: "192.168.1.9" };
    const { nextBoots } = await mockEngine({
      mocks: {
        newResource: ({ type, name, inputs }) => ({
          id: name,
          state: type === "pulumi:pulumi:StackReference" ? { ...inputs, outputs } : inputs,
        }),
      },
    }).run(() => {
      const server = new netboot.NetbootServer("node0", { connection: { host: "node0.example" }, network });
      const address = new pulumi.StackReference("acme/network/prod").requireOutput("address");
      new netboot.OlaNode("db-1", { server, macs: ["04:3f:72:aa:00:02"], address });
    });
    expect(nextBoots["db-1"]).toMatch(/^192\.168\.1\.9 db-1 /);
  });

  it("says which output another stack has not that no mock gives", async () => {
    const run = nextBootsOf(() => {
      const server = new netboot.NetbootServer("node0", { connection: { host: "node0.example" }, network });
      const address = new pulumi.StackReference("acme/network/prod").requireOutput("address");
      new netboot.OlaNode("db-1", { server, macs: ["04:3f:72:aa:00:02"], address });
    });
    await expect(run).rejects.toThrow(/Required output 'address' does not exist on stack 'acme\/network\/prod'/);
  });

  it("keeps machines of one name on two servers apart", async () => {
    const boots = await nextBootsOf(() => {
      for (const name of ["a", "b"]) {
        const server = new netboot.NetbootServer(name, { connection: { host: name }, network });
        const nodes = { "db-1": { macs: ["04:3f:72:aa:00:02"], address: "192.168.1.2" } };
        new netboot.OlaFleet(`rack-${name}`, { server, nodes });
      }
    });
    expect(Object.keys(boots)).toEqual(["rack-a/db-1", "rack-b/db-1"]);
  });

  it("tells of a machine on two servers once", async () => {
    const boots = await nextBootsOf(() => {
      const [one, other] = ["192.168.1.1", "192.168.1.2"].map(
        (address) =>
          new netboot.NetbootServer(address, { connection: { host: address }, network: { ...network, address } }),
      ) as [netboot.NetbootServer, netboot.NetbootServer];
      const nodes = { "db-1": { macs: ["04:3f:72:aa:00:02"], address: "192.168.1.3" } };
      new netboot.OlaFleet("rack", { server: [one, other], nodes });
      new netboot.OlaNode("db-2", { server: [one, other], macs: ["04:3f:72:aa:00:03"], address: "192.168.1.4" });
    });
    expect(Object.keys(boots).sort()).toEqual(["db-1", "db-2"]);
  });

  it("waits for machines that are declared when something else is known, or by a promise", async () => {
    const boots = await nextBootsOf(async () => {
      const server = new netboot.NetbootServer("node0", { connection: { host: "node0.example" }, network });
      const declare = (name: string, digit: number) =>
        new netboot.OlaNode(name, { server, macs: [`04:3f:72:aa:00:0${digit}`], address: `192.168.1.${digit}` });
      server.dhcp.urn.apply(() => declare("db-2", 2).urn.apply(() => declare("db-3", 3)));
      await new Promise((resolve) => setTimeout(resolve, 50));
      declare("db-4", 4);
    });
    expect(Object.keys(boots).sort()).toEqual(["db-2", "db-3", "db-4"]);
  });

  it("asks for no server of another stack: its reference is enough", async () => {
    const { outputs } = await mockEngine().run(() => {
      const node0 = new netboot.NetbootServer("node0", { connection: { host: "node0.example" }, network });
      return { node0: node0.reference };
    });
    const mocks: pulumi.runtime.Mocks = {
      newResource: ({ type, name, inputs }) =>
        type === "pulumi:pulumi:StackReference"
          ? { id: name, state: { ...inputs, outputs } }
          : { id: name, state: inputs },
      call: ({ inputs }) => inputs,
    };
    const boots = await nextBootsOf(
      () => {
        const server = new pulumi.StackReference("org/site/prod").requireOutput("node0");
        new netboot.OlaNode("db-1", { server, macs: ["04:3f:72:aa:00:02"], address: "192.168.1.2" });
      },
      { mocks },
    );
    expect(boots["db-1"]).toMatch(/^192\.168\.1\.2 db-1 /);
  });
});

describe("mockEngine", () => {
  it("refuses what a preview refuses, all of it, in its sentences", async () => {
    const program = rack({
      "db-1": { macs: ["04:3f:72:aa:00:02"], address: "192.168.1.2" },
      "db-2": { macs: ["04:3f:72:aa:00:02"], address: "192.168.2.3" },
      "db-3": { macs: ["04:3f:72:aa:00:04"], adress: "192.168.1.4" },
    });
    const refused = mockEngine().run(program);
    await expect(refused).rejects.toThrow("db-3");
    const message = await refused.catch((error: Error) => error.message);
    expect(message).toMatchInlineSnapshot(`
      "pulumi-nodejs:dynamic/netboot:OlaFleet resource 'rack' has a problem: nodes["db-3"].adress: there is no such property; did you mean address? [ARGUMENTS_INVALID]
      pulumi-nodejs:dynamic/netboot:OlaFleet resource 'rack' has a problem: nodes["db-2"].macs[0]: "04:3f:72:aa:00:02" is already used by OlaFleet "rack", nodes["db-1"] (macs[0]); each NIC belongs to one machine [ARGUMENTS_INVALID]
      pulumi-nodejs:dynamic/netboot:OlaFleet resource 'rack' has a problem: nodes["db-2"].address: 192.168.2.3 is outside the subnet 192.168.1.0/28; did you mean 192.168.1.3? [ARGUMENTS_INVALID]"
    `);
  });

  it("gives a program its configuration, and what it returns, known", async () => {
    const engine = mockEngine({ project: "shop", stack: "prod", config: { host: "node0.example", "aws:region": "x" } });
    const { outputs, resources } = await engine.run(() => {
      const config = new pulumi.Config();
      const connection = { host: config.require("host") };
      const node0 = new netboot.NetbootServer("node0", { connection, network });
      const node = new netboot.OlaNode("db-1", { server: node0, macs: ["04:3f:72:aa:00:02"], address: "192.168.1.2" });
      const { verified } = node;
      return { verified, region: new pulumi.Config("aws").get("region"), stack: pulumi.getStack() };
    });
    expect(outputs).toEqual({ verified: "stand-in", region: "x", stack: "prod" });
    expect(resources.find(({ name }) => name === "db-1")?.inputs).toMatchObject({
      connection: { host: "node0.example" },
    });
  });

  it("leaves what the process had set alone, also while several programs run at once", async () => {
    await pulumi.runtime.setMocks(
      { newResource: ({ inputs }) => ({ id: "x", state: inputs }), call: () => ({}) },
      "own",
    );
    pulumi.runtime.setConfig("own:key", "kept");
    const program = (name: string) => async () => {
      const own = pulumi.getProject();
      await new Promise((resolve) => setTimeout(resolve, name === "a" ? 40 : 10));
      const server = new netboot.NetbootServer("node0", { connection: { host: "node0.example" }, network });
      // The same machine in each: two programs are no duplicates of each other.
      new netboot.OlaNode("db-1", { server, macs: ["04:3f:72:aa:00:02"], address: "192.168.1.2" });
      return { before: own, after: pulumi.getProject(), name };
    };
    const runs = ["a", "b"].map((name) => mockEngine({ project: name }).run(program(name)));
    expect((await Promise.all(runs)).map(({ outputs }) => outputs)).toEqual([
      { before: "a", after: "a", name: "a" },
      { before: "b", after: "b", name: "b" },
    ]);
    expect([pulumi.getProject(), new pulumi.Config("own").get("key")]).toEqual(["own", "kept"]);
  });

  it("passes on what the program itself throws", async () => {
    const program = () => {
      throw new Error("no inventory");
    };
    await expect(mockEngine().run(program)).rejects.toThrow("no inventory");
  });

  it("says why there is nothing to tell of a program that declares nothing", async () => {
    await expect(nextBootsOf(() => undefined)).rejects.toThrow("the program declared no resource; a module runs only");
  });
});

describe("a wrong server", () => {
  it("is told with its own mistakes", async () => {
    vi.spyOn(pulumi.log, "error").mockResolvedValue(undefined);
    const run = mockEngine().run(() => {
      const wrong = { ...network, cird: "192.168.1.0/28" };
      new netboot.NetbootServer("node0", { connection: { host: "node0.example" }, network: wrong });
    });
    await expect(run).rejects.toThrow(
      'NetbootServer "node0" has a problem: network.cird: there is no such property; did you mean cidr?',
    );
    vi.restoreAllMocks();
  });
});
