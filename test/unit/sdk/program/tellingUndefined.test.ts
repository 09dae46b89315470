import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it, vi } from "vitest";
import * as netboot from "../../../../sdk";
import { mistakesOf, register } from "../../../support/mocks";

const connection = { host: "node0.example" };
const network = { interface: "eno2", cidr: "192.168.1.0/28", address: "192.168.1.1" };
const macs = ["52:54:00:00:0a:01"];
const other = (): pulumi.StackReference => new pulumi.StackReference("organization/net/dev");
const server = (more: object = {}) => new netboot.DhcpServer("dhcp", { connection, network: { ...network, ...more } });
const undefinedFrom = "is an output that is undefined";
const stack =
  "It comes from the stack organization/net/dev: requireOutput, in the place of getOutput, says which output that has not [ARGUMENTS_INVALID]";

/** What is wrong with the resource `it` of a program in which nothing that a machine needs is undefined by its type. */
async function mistakes(program: () => void): Promise<readonly string[]> {
  return mistakesOf((await register(program, { conn: { user: "root" } }))["it"]);
}

describe("an argument that is given and is undefined", () => {
  it("is told with the stack that an output comes from", async () => {
    expect(
      await mistakes(() => {
        const args = { macs: other().getOutput("macs"), address: "192.168.1.3" };
        new netboot.OlaNode("it", { server: server(), ...args } as never);
      }),
    ).toEqual([
      expect.stringMatching(new RegExp(`^macs: ${undefinedFrom}; write the hardware addresses .*\\. It comes`)),
    ]);
    const [inList = ""] = await mistakes(() => {
      new netboot.OlaNode("it", { server: server(), macs: [other().getOutput("mac")], address: "192.168.1.3" });
    });
    expect(inList).toMatch(new RegExp(`^macs\\[0\\]: ${undefinedFrom}; write six pairs`));
    expect(inList.endsWith(stack)).toBe(true);
  });

  it("is told by where to look if the output comes from nowhere that is known", async () => {
    expect(
      await mistakes(() => {
        new netboot.OlaNode("it", { server: server(), macs, address: pulumi.output(undefined) } as never);
      }),
    ).toEqual([
      expect.stringMatching(
        /^address: is an output that is undefined, and is required, because the network has no pool; .* Look at where that output is made/,
      ),
    ]);
  });

  it("is told from one that is not given, where it is a plain value", async () => {
    const config = new pulumi.Config();
    const [given] = await mistakes(() => {
      new netboot.OlaNode("it", { server: server(), macs, address: config.get("addres") } as never);
    });
    expect(given).toMatch(
      /^address: is given, and is undefined, and is required, because the network has no pool; .*config\.require, in the place of config\.get/,
    );
    const [missing] = await mistakes(() => new netboot.OlaNode("it", { server: server(), macs }));
    expect(missing).toMatch(/^address: is required, because the network has no pool; .*\}/);
    expect(missing).not.toMatch(/undefined/);
  });

  it("is told by its path in a fleet and in an output as a whole", async () => {
    const found = await mistakes(() => {
      const nodes = {
        m1: { macs: [other().getOutput("mac")], address: "192.168.1.3" },
        "m-2": other().getOutput("machine"),
      };
      new netboot.OlaFleet("it", { server: server(), nodes } as never);
    });
    expect(found).toEqual([
      expect.stringMatching(new RegExp(`^nodes\\["m-2"\\]: ${undefinedFrom}; write it as`)),
      expect.stringMatching(new RegExp(`^nodes\\["m1"\\]\\.macs\\[0\\]: ${undefinedFrom}; write six pairs`)),
    ]);
    const [part] = await mistakes(() => {
      new netboot.DhcpServer("it", { connection: other().getOutput("conn"), network } as never);
    });
    expect(part).toMatch(
      /^connection\.host: is not in the output that is given as connection; write an address, .*stack organization\/net\/dev/,
    );
  });

  it.each<[string, () => unknown]>([
    [
      "cidr",
      () =>
        new netboot.DhcpServer("it", { connection, network: { ...network, cidr: other().getOutput("cidr") } } as never),
    ],
    ["address", () => new netboot.TftpServer("it", { connection, address: other().getOutput("address") } as never)],
    [
      "interface",
      () =>
        new netboot.Firewall("it", { connection, interface: other().getOutput("nic"), services: ["dhcp"] } as never),
    ],
    ["source", () => new netboot.BootFile("it", { connection, source: other().getOutput("file") } as never)],
    [
      "connection",
      () => new netboot.TftpServer("it", { connection: other().getOutput("none"), address: "192.168.1.1" } as never),
    ],
  ])("is told of a part of node 0: %s", async (name, make) => {
    const found = await mistakes(() => void make());
    expect(found.join("\n")).toMatch(new RegExp(`${name}: ${undefinedFrom}; write .*stack organization/net/dev`));
  });

  it("is warned of in a preview where nothing is wrong without it", async () => {
    const warn = vi.spyOn(pulumi.log, "warn").mockResolvedValue(undefined);
    const program = (address: () => unknown) => () => {
      const pool = { from: "192.168.1.8", to: "192.168.1.12" };
      new netboot.OlaNode("it", { server: server({ pool }), macs, address: address() } as never);
    };
    await register(
      program(() => other().getOutput("address")),
      {},
      true,
    );
    expect(warn.mock.calls.map(([text]) => text)).toEqual([
      "address: is an output that is undefined, as if it was not given. It comes from the stack organization/net/dev: " +
        "requireOutput, in the place of getOutput, says which output that has not",
    ]);
    warn.mockClear();
    await register(
      () => {
        const pool = other().getOutput("pool");
        new netboot.NetbootServer("it", { connection, network: { ...network, pool }, time: false } as never);
      },
      {},
      true,
    );
    expect(warn.mock.calls.map(([text]) => text)).toEqual([
      expect.stringMatching(
        /^network\.pool: is an output that is undefined, .* stack organization\/net\/dev: requireOutput/,
      ),
    ]);
    warn.mockClear();
    // An optional value of the program's own is nothing to speak of.
    await register(
      program(() => pulumi.output(undefined)),
      {},
      true,
    );
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });
});
