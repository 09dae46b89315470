import * as pulumi from "@pulumi/pulumi";
import { describe, expect, it, vi } from "vitest";
import * as netboot from "../../../sdk";
import { mistakesOf, type Registered, register } from "../../support/mocks";

const interfaceOf = { interface: "eno2", cidr: "192.168.1.0/28" };
const pool = { from: "192.168.1.8", to: "192.168.1.12" };
const machine = { macs: ["52:54:00:00:0a:01"], address: "192.168.1.5" };

type More = Partial<Omit<netboot.NetbootServerArgs, "network">> & { readonly network?: object };

function server(name: string, address: string, { network, ...more }: More = {}): netboot.NetbootServer {
  const place = { ...interfaceOf, address, ...network } as netboot.NetworkArgs;
  return new netboot.NetbootServer(name, { connection: { host: `${name}.example` }, network: place, ...more });
}

/** A program with two node 0s, and what it makes of them. */
async function twoOf(
  program: (servers: readonly [netboot.NetbootServer, netboot.NetbootServer]) => void,
  [first, second]: readonly [More?, More?] = [],
): Promise<Record<string, Registered>> {
  return await register(() =>
    program([server("node0-a", "192.168.1.1", first), server("node0-b", "192.168.1.2", second)]),
  );
}

const inputsOf = (made: Record<string, Registered>, name: string) => made[name]?.inputs ?? {};

describe("a machine on two servers", () => {
  it("is one resource more, on the second server, by the name of the first with the server's", async () => {
    const made = await twoOf((two) => new netboot.OlaNode("db-1", { server: two, ...machine }));
    const [on, other] = [inputsOf(made, "db-1"), inputsOf(made, "db-1@node0-b")];
    expect(other["connection"]).toMatchObject({ host: "node0-b.example" });
    expect(on["connection"]).toMatchObject({ host: "node0-a.example" });
    for (const key of ["hostBlocks", "macs", "address", "hostname"]) expect(other[key]).toEqual(on[key]);
    expect(other["hostname"]).toBe("db-1");
    expect(on["__pair"]).toEqual({ is: "first", names: ["node0-a", "node0-b"] });
    expect(other["__pair"]).toEqual({ is: "second", names: ["node0-a", "node0-b"] });
    expect([...mistakesOf(made["db-1"]), ...mistakesOf(made["db-1@node0-b"])]).toEqual([]);
  });

  it("is what it was where the list has one server", async () => {
    const inputsWith = async (isList: boolean) => {
      const made = await register(() => {
        const one = server("node0", "192.168.1.1");
        new netboot.OlaNode("db-1", { server: isList ? [one] : one, ...machine });
        new netboot.OlaFleet("rack", {
          server: isList ? [one] : one,
          nodes: { "db-2": { macs: ["52:54:00:00:0a:02"] } },
        });
      });
      expect(Object.keys(made).filter((name) => name.includes("@"))).toEqual([]);
      return [inputsOf(made, "db-1"), inputsOf(made, "rack"), inputsOf(made, "node0-dhcp")];
    };
    expect(await inputsWith(true)).toEqual(await inputsWith(false));
  });

  it("may be in a fleet, which tells what both serve", async () => {
    let verified: pulumi.Output<string> | undefined;
    const made = await twoOf((two) => {
      ({ verified } = new netboot.OlaFleet("rack", { server: two, nodes: { "db-1": machine } }));
    });
    expect(inputsOf(made, "rack@node0-b")["rows"]).toEqual(inputsOf(made, "rack")["rows"]);
    expect(inputsOf(made, "rack@node0-b")["chains"]).toEqual(inputsOf(made, "rack")["chains"]);
    const told = await new Promise((resolve) => verified?.apply(resolve));
    expect(told).toBe("node0-a: not asked, for it was down; node0-b: not asked, for it was down");
  });

  it("is told once what is wrong with it, and what is wrong on the second server alone", async () => {
    const made = await twoOf(
      (two) => {
        new netboot.OlaNode("wrong", { server: two, macs: ["no"] });
        new netboot.OlaNode("pooled", { server: two, macs: ["52:54:00:00:0a:03"], address: "192.168.1.9" });
      },
      [
        { network: { pool: { from: "192.168.1.12", to: "192.168.1.13" } } },
        { network: { pool: { from: "192.168.1.8", to: "192.168.1.10" } } },
      ],
    );
    expect(mistakesOf(made["wrong"])).toEqual([expect.stringMatching(/^macs\[0\]: "no" is no hardware address/)]);
    expect(mistakesOf(made["wrong@node0-b"])).toEqual([]);
    expect(mistakesOf(made["pooled"])).toEqual([]);
    expect(mistakesOf(made["pooled@node0-b"])).toEqual([
      expect.stringMatching(/^address: 192\.168\.1\.9 lies in the pool/),
    ]);
  });
});

describe("two servers of the same machines", () => {
  it("know each other, and announce both", async () => {
    const made = await twoOf(
      (two) => new netboot.OlaNode("db-1", { server: two, ...machine }),
      [{}, { dhcp: { daemon: "kea" } }],
    );
    expect(inputsOf(made, "node0-a-dhcp")["otherDhcpServers"]).toEqual(["192.168.1.2"]);
    expect(inputsOf(made, "node0-b-dhcp")["otherDhcpServers"]).toEqual(["192.168.1.1"]);
    const config = inputsOf(made, "node0-a-dhcp")["config"];
    expect(config).toContain("option domain-name-servers 192.168.1.1, 192.168.1.2;");
    expect(config).toContain("option ntp-servers 192.168.1.1, 192.168.1.2;");
    const other = inputsOf(made, "node0-b-dhcp")["config"];
    expect(other).toContain('{ "name": "domain-name-servers", "data": "192.168.1.2, 192.168.1.1" }');
    // What the other one has lent is no reason for a refusal.
    expect(other).toContain('"authoritative": false,');
  });

  it("announce what there is, and what the program says", async () => {
    const made = await twoOf(
      (two) => new netboot.OlaNode("db-1", { server: two, ...machine }),
      [{ network: { ntpServers: ["192.168.1.13"] } }, { names: false }],
    );
    const config = inputsOf(made, "node0-a-dhcp")["config"];
    expect(config).toContain("option domain-name-servers 192.168.1.1;");
    expect(config).toContain("option ntp-servers 192.168.1.13;");
    expect(inputsOf(made, "node0-b-dhcp")["config"]).toContain("option domain-name-servers 192.168.1.1;");
  });

  it("share a pool by halves", async () => {
    const made = await twoOf(
      (two) => new netboot.OlaNode("db-1", { server: two, ...machine }),
      [{ network: { pool } }, { network: { pool } }],
    );
    expect(inputsOf(made, "node0-a-dhcp")["pool"]).toBe("192.168.1.8-192.168.1.9");
    expect(inputsOf(made, "node0-b-dhcp")["pool"]).toBe("192.168.1.10-192.168.1.12");
    expect(mistakesOf(made["db-1"])).toEqual([]);
    const crowded = await twoOf(
      (two) => {
        for (const at of [1, 2, 3]) new netboot.OlaNode(`n${at}`, { server: two, macs: [`52:54:00:00:0a:0${at}`] });
      },
      [{ network: { pool } }, { network: { pool } }],
    );
    expect(["n1", "n2", "n3", "n1@node0-b"].flatMap((name) => mistakesOf(crowded[name]))).toEqual([
      expect.stringContaining(
        "each of two node 0s lends one half of the pool 192.168.1.8 to 192.168.1.12; that of this one, 192.168.1.8 to 192.168.1.9, has room for 2, and machines without an address of their own get one for each NIC, 3 in all",
      ),
    ]);
  });

  it("share the whole pool, and hear each other, where one stands by", async () => {
    const kea: More = { network: { pool }, dhcp: { daemon: "kea", highAvailability: "hot-standby" } };
    const made = await twoOf((two) => new netboot.OlaNode("db-1", { server: two, ...machine }), [kea, kea]);
    for (const name of ["node0-a", "node0-b"]) {
      expect(inputsOf(made, `${name}-dhcp`)["pool"]).toBe("192.168.1.8-192.168.1.12");
      expect(inputsOf(made, `${name}-dhcp`)["config"]).toContain('"mode": "hot-standby"');
      expect(inputsOf(made, `${name}-firewall`)["rules"]).toContain("allow in on eno2 tcp 8001");
    }
    expect(mistakesOf(made["db-1"])).toEqual([]);
    const alone = await register(() => {
      server("node0", "192.168.1.1", kea);
      server("told", "192.168.1.2", { ...kea, dhcp: { ...kea.dhcp, otherDhcpServers: ["192.168.1.1"] } });
      server("many", "192.168.1.3", {
        ...kea,
        dhcp: { ...kea.dhcp, otherDhcpServers: ["192.168.1.1", "192.168.1.2"] },
      });
      server("anybody", "192.168.1.4", { ...kea, dhcp: { ...kea.dhcp, otherDhcpServers: "allow" } });
    });
    const found = (name: string) => mistakesOf(alone[`${name}-dhcp`]);
    expect(found("told")).toEqual([]);
    expect(found("node0")).toEqual([
      expect.stringMatching(
        /^dhcp\.highAvailability: "hot-standby" is between two servers, and it knows no other; name both for the same machines/,
      ),
    ]);
    expect(found("many")).toEqual([expect.stringContaining("and it knows 2 others; name both")]);
    expect(found("anybody")).toEqual([
      expect.stringContaining('and others may answer (otherDhcpServers: "allow"); name'),
    ]);
  });

  it("are handed to the engine one after the other, with the machines of the first between them", async () => {
    const made = await twoOf((two) => {
      new netboot.OlaNode("db-1", { server: two, ...machine });
      new netboot.OlaFleet("rack", {
        server: two,
        nodes: { "db-2": { macs: ["52:54:00:00:0a:02"], address: "192.168.1.6" } },
      });
    });
    const order = Object.keys(made).filter((name) => made[name]?.type.startsWith("pulumi-nodejs:"));
    const second = order.indexOf("node0-b-packages");
    expect(order.slice(0, second).filter((name) => name.startsWith("node0-a-"))).toHaveLength(11);
    expect(order.slice(0, second)).toEqual(expect.arrayContaining(["db-1", "rack"]));
    expect(order.slice(second).every((name) => name.includes("node0-b"))).toBe(true);
  });

  it.each<
    [
      string,
      (two: readonly [netboot.NetbootServer, netboot.NetbootServer]) => unknown,
      readonly RegExp[],
      readonly [More?, More?],
    ]
  >([
    ["one server twice", ([one]) => [one, one], [/^server\[1\]: is node0-a again; name two node 0s, or one alone/], []],
    ["a server and its own part", ([one]) => [one, one.dhcp], [/^server\[1\]: is node0-a again/], []],
    [
      "three",
      ([one, other]) => [one, other, one],
      [/^server\[2\]: a machine boots from one node 0, or from either of two/],
      [],
    ],
    ["what is none", ([one]) => [one, 5], [/^server\[1\]: is no server, but a number; give/], []],
    [
      "another network",
      (two) => two,
      [/^server\[1\]: node0-b serves 192\.168\.2\.0\/28, and node0-a 192\.168\.1\.0\/28; two node 0s/],
      [{}, { network: { cidr: "192.168.2.0/28", address: "192.168.2.1" } }],
    ],
    [
      "the same address",
      (two) => two,
      [/^server\[1\]: node0-b has the address of node0-a, 192\.168\.1\.1; give each/],
      [{}, { network: { address: "192.168.1.1" } }],
    ],
    [
      "pools that overlap",
      (two) => two,
      [/^server\[1\]: its pool 192\.168\.1\.10 to 192\.168\.1\.13 has addresses of that of node0-a/],
      [{ network: { pool } }, { network: { pool: { from: "192.168.1.10", to: "192.168.1.13" } } }],
    ],
    [
      "one that stands by, beside one that knows nothing of it",
      (two) => two,
      [
        /^server\[1\]: node0-a has dhcp\.highAvailability and node0-b has not, so node0-b would answer beside it and know none of its leases; say it of both, or of neither/,
      ],
      [{ dhcp: { daemon: "kea", highAvailability: "hot-standby" } }, { dhcp: { daemon: "kea" } }],
    ],
    [
      "one that stands by with another pool",
      (two) => two,
      [
        /^server\[1\]: with dhcp\.highAvailability both lend of one pool, and node0-a has 192\.168\.1\.8 to .*, node0-b none; give/,
      ],
      [
        { network: { pool }, dhcp: { daemon: "kea", highAvailability: "hot-standby" } },
        { dhcp: { daemon: "kea", highAvailability: "hot-standby" } },
      ],
    ],
  ])("refuse in a preview %s, by the path of the property", async (_what, servers, expected, more) => {
    const made = await twoOf((two) => new netboot.OlaNode("db-1", { server: servers(two) as never, ...machine }), more);
    expect(mistakesOf(made["db-1"])).toEqual(expected.map((each) => expect.stringMatching(each)));
  });

  it("are in one order for all machines, and two", async () => {
    const made = await register(() => {
      const [one, other] = [server("node0-a", "192.168.1.1"), server("node0-b", "192.168.1.2")];
      const third = server("node0-c", "192.168.1.3");
      new netboot.OlaNode("db-1", { server: [one, other], ...machine });
      new netboot.OlaNode("db-2", { server: [other, one], macs: ["52:54:00:00:0a:02"], address: "192.168.1.6" });
      new netboot.OlaNode("db-3", { server: [one, third], macs: ["52:54:00:00:0a:03"], address: "192.168.1.7" });
    });
    expect(mistakesOf(made["db-2"])).toEqual([
      expect.stringMatching(/^server: other machines name the same two in the other order/),
    ]);
    expect(mistakesOf(made["db-3"])).toEqual(
      expect.arrayContaining([expect.stringMatching(/^server: other machines name one of these two with a third/)]),
    );
  });

  it("are told to say it themselves where the program waits for something between them and their machines", async () => {
    const declare = async ([first, second]: readonly [More?, More?]) => {
      const made = await register(async () => {
        const two = [server("node0-a", "192.168.1.1", first), server("node0-b", "192.168.1.2", second)] as const;
        await new Promise((resolve) => setTimeout(resolve, 300));
        new netboot.OlaNode("db-1", { server: two, ...machine });
      });
      return mistakesOf(made["db-1"]);
    };
    const known = (address: string): More => ({ dhcp: { otherDhcpServers: [address] } });
    expect(await declare([known("192.168.1.2"), known("192.168.1.1")])).toEqual([]);
    expect(await declare([])).toEqual([
      expect.stringMatching(
        /^server: node0-a does not know node0-b, .*; say dhcp: \{ otherDhcpServers: \["192\.168\.1\.2"\] \} there/,
      ),
      expect.stringMatching(
        /^server: node0-b does not know node0-a, .*; say dhcp: \{ otherDhcpServers: \["192\.168\.1\.1"\] \} there/,
      ),
    ]);
  });

  it("may be those of another stack, which knows that there are two", async () => {
    const settings = (address: string, others?: readonly string[]) => ({
      loaders: { x64: "ipxe.efi", script: "refind.pxe" },
      unknownMachines: "refuse",
      network: {
        cidr: "192.168.1.0/28",
        subnet: "192.168.1.0",
        prefixLength: 28,
        address,
        dnsServers: [],
        ntpServers: [],
      },
      ...(others && { otherDhcpServers: others }),
    });
    const reference = (host: string, address: string, others?: readonly string[]) =>
      ({ server: `urn:${host}`, connection: { host }, settings: settings(address, others) }) as never;
    const made = await register(() => {
      const [a, b] = [reference("a", "192.168.1.1", ["192.168.1.2"]), reference("b", "192.168.1.2", ["192.168.1.1"])];
      new netboot.OlaNode("db-1", { server: [a, b], ...machine });
      new netboot.OlaNode("db-2", {
        server: [reference("c", "192.168.1.1"), b],
        macs: ["52:54:00:00:0a:02"],
        address: "192.168.1.6",
      });
    });
    expect(inputsOf(made, "db-1@the-second")["connection"]).toEqual({ host: "b" });
    expect(mistakesOf(made["db-1"])).toEqual([]);
    expect(mistakesOf(made["db-2"])).toEqual([expect.stringMatching(/^server: the first does not know the second,/)]);
  });
});

describe("whileOneIsDown", () => {
  it("is handed to both, and is a word of two for two servers", async () => {
    vi.spyOn(pulumi.log, "warn").mockResolvedValue();
    const made = await twoOf((two) => {
      new netboot.OlaNode("db-1", { server: two, ...machine, whileOneIsDown: "go on" });
      new netboot.OlaNode("db-2", {
        server: two[0],
        macs: ["52:54:00:00:0a:02"],
        address: "192.168.1.6",
        whileOneIsDown: "go on",
      });
      new netboot.OlaFleet("rack", { server: two, nodes: {}, whileOneIsDown: "wait" as never });
    });
    expect(inputsOf(made, "db-1")["whileOneIsDown"]).toBe("go on");
    expect(inputsOf(made, "db-1@node0-b")["whileOneIsDown"]).toBe("go on");
    expect(mistakesOf(made["db-2"])).toEqual([
      expect.stringMatching(/^whileOneIsDown: there is one server only; give two/),
    ]);
    expect(mistakesOf(made["rack"])).toEqual([
      expect.stringMatching(/^whileOneIsDown: "wait" is neither "fail" nor "go on"/),
    ]);
  });
});
