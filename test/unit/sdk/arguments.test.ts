import * as pulumi from "@pulumi/pulumi";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as netboot from "../../../sdk";
import { mistakesOf, type Registered, register } from "../../support/mocks";

const network = { interface: "eno2", cidr: "192.168.1.0/24", address: "192.168.1.1" };
type Make = (name: string, args: never) => pulumi.Resource;

/** Each class with arguments that are right, and the names of all that it takes; required ones first. */
const classes: readonly (readonly [string, Make, Readonly<Record<string, unknown>>, readonly string[]])[] = [
  [
    "NetbootServer",
    (name, args) => new netboot.NetbootServer(name, args),
    { network },
    [
      "dhcp",
      "tftp",
      "artifacts",
      "time",
      "names",
      "firewall",
      "unknownMachines",
      "allowDefaultRoute",
      "removePackages",
    ],
  ],
  [
    "DhcpServer",
    (name, args) => new netboot.DhcpServer(name, args),
    { network },
    ["bootServer", "unknownMachines", "otherDhcpServers", "replace", "loaders", "extraConfig", "allowDefaultRoute"],
  ],
  [
    "TftpServer",
    (name, args) => new netboot.TftpServer(name, args),
    { address: "192.168.1.1" },
    ["directory", "options", "mtu"],
  ],
  [
    "TimeServer",
    (name, args) => new netboot.TimeServer(name, args),
    { network },
    ["upstreams", "replace", "allowDefaultRoute"],
  ],
  [
    "NameServer",
    (name, args) => new netboot.NameServer(name, args),
    { network },
    ["mode", "upstreams", "records", "allowDefaultRoute"],
  ],
  [
    "Firewall",
    (name, args) => new netboot.Firewall(name, args),
    { interface: "eno2" },
    ["services", "confine", "allowDefaultRoute"],
  ],
  [
    "BootFile",
    (name, args) => new netboot.BootFile(name, args),
    { source: { content: "" } },
    ["directory", "fileName"],
  ],
  [
    "OlaNode",
    (name, args) => new netboot.OlaNode(name, args),
    { server: undefined, macs: ["52:54:00:12:34:56"] },
    [
      "address",
      "hostname",
      "firmware",
      "loader",
      "options",
      "comment",
      "problems",
      "verify",
      "history",
      "whileOneIsDown",
    ],
  ],
  [
    "OlaFleet",
    (name, args) => new netboot.OlaFleet(name, args),
    { server: undefined, nodes: {} },
    ["verify", "whileOneIsDown"],
  ],
];

const values: readonly (readonly [string, unknown])[] = [
  ["undefined", undefined],
  ["null", null],
  ["a number", 5],
  ["a text", "x!"],
  ["a list", [5]],
  ["an object", { x: 5 }],
];

/** What a class takes though it is no value of that kind: an empty list, a text. */
const taken: ReadonlySet<string> = new Set(["BootFile.source", "OlaFleet.nodes"]);

let told: string[] = [];

beforeEach(() => {
  told = [];
  vi.spyOn(pulumi.log, "error").mockImplementation(async (words) => void told.push(words));
});
afterEach(() => vi.restoreAllMocks());

/** All classes, each with a value in the place of one argument after the other. */
async function withValue(value: unknown): Promise<Readonly<Record<string, Registered>>> {
  let number = 0;
  return await register(() => {
    for (const [kind, make, right, optional] of classes) {
      const connection = { host: `host-${number++}.example` };
      const server = new netboot.DhcpServer(`${kind} server`, { connection, network });
      const args = { ...right, ...("server" in right ? { server } : {}) };
      const isNode = "server" in right;
      for (const key of [...(isNode ? [] : ["connection"]), ...Object.keys(args), ...optional]) {
        const own = isNode ? {} : { connection: { host: `host-${number++}.example` } };
        make(`${kind}.${key}`, { ...own, ...args, [key]: value } as never);
      }
      make(`${kind}.*`, value as never);
    }
  });
}

describe("the arguments of every class", () => {
  const outputs = values.slice(0, 3).map(([what, value]) => [`an output of ${what}`, value] as const);
  it.each([...values, ...outputs])(
    "are told by their path where one is %s, and nothing throws",
    async (what, value) => {
      const made = await withValue(what.startsWith("an output") ? pulumi.output(value) : value);
      for (const [kind, , right, optional] of classes) {
        for (const key of ["connection", ...Object.keys(right), ...optional, "*"]) {
          const place = `${kind}.${key}`;
          if (key === "connection" && "server" in right) continue;
          const named = kind === "NetbootServer" ? Object.keys(made).filter((name) => name.startsWith(place)) : [place];
          const said = [
            ...named.flatMap((name) => mistakesOf(made[name])),
            ...(kind === "NetbootServer" ? told : []),
          ].join("\n");
          expect(said, place).not.toMatch(/TypeError|Cannot |is not a function|\[object|BUG/);
          if (taken.has(place) || key === "*" || what === "an object") continue;
          if (key in right || key === "connection")
            expect(said, `${place}: ${what}`).toMatch(new RegExp(`^${key}[:.[]`, "m"));
        }
      }
    },
    60_000,
  );
});
