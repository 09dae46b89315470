import { vi } from "vitest";
import { onlyOnOne, renderVerified } from "../../../../provider/cli/verify";
import { type ErrorCode, NetbootError } from "../../../../provider/errors";
import { onOneOfTwo } from "../../../../provider/lifecycle/ofTwo";
import { whyWrong } from "../../../../provider/plan/outcome";
import type { DhcpExpectation, Expectation } from "../../../../provider/plan/plan";
import * as netboot from "../../../../sdk";
import { failure } from "../../../support/sshServer";
import { previewed } from "./previewed";
import type { Situation } from "./situation";

const cidr = "192.168.1.0/28";

function server(name: string, address: string, more: object = {}, args: object = {}): netboot.NetbootServer {
  const network = { interface: "eno2", cidr, address, ...more };
  return new netboot.NetbootServer(name, { connection: { host: `${name}.example` }, network, ...args });
}

let machines = 0;
const node = (servers: unknown, more: object = {}): netboot.OlaNode => {
  const [name, mac] = [`db-${++machines}`, `52:54:00:00:00:${10 + machines}`];
  return new netboot.OlaNode(name, { server: servers, macs: [mac], ...more } as never);
};

const programs: readonly Situation[] = [
  previewed("two servers that are none, or not two", () => {
    machines = 0;
    const [a, b] = [server("node0-a", "192.168.1.1"), server("node0-b", "192.168.1.2")];
    const address = (last: number) => ({ address: `192.168.1.${last}` });
    node([], address(3));
    node([a, a], address(4));
    node([a, b, a], address(5));
    node([b, a], address(6));
    node([a, server("node0-c", "192.168.1.14")], address(7));
    node(a, { ...address(8), whileOneIsDown: "go on" });
    node([a, b], { ...address(9), whileOneIsDown: "wait" });
  }),
  previewed("two servers that do not fit", () => {
    machines = 0;
    const pool = { from: "192.168.1.5", to: "192.168.1.8" };
    const at = { address: "192.168.1.3" };
    node([server("a", "192.168.1.1"), server("b", "192.168.2.1", { cidr: "192.168.2.0/28" })], at);
    node([server("c", "192.168.1.1"), server("d", "192.168.1.1")], at);
    node(
      [server("e", "192.168.1.1", { pool }), server("f", "192.168.1.2", { pool: { ...pool, from: "192.168.1.6" } })],
      at,
    );
  }),
  previewed("two servers of which one is to stand by, and that do not fit", () => {
    machines = 0;
    const pool = { from: "192.168.1.5", to: "192.168.1.8" };
    const [kea, standby] = [{}, { highAvailability: "hot-standby" }].map((more) => ({
      dhcp: { daemon: "kea", ...more },
    }));
    const at = { address: "192.168.1.3" };
    node([server("a", "192.168.1.1", {}, standby), server("b", "192.168.1.2", {}, kea)], at);
    node([server("c", "192.168.1.1", { pool }, standby), server("d", "192.168.1.2", {}, standby)], at);
    server("e", "192.168.1.1", {}, standby);
    server("f", "192.168.1.1", {}, { dhcp: { ...standby?.dhcp, otherDhcpServers: "allow" } });
    server("g", "192.168.1.1", {}, { dhcp: { ...standby?.dhcp, otherDhcpServers: ["192.168.1.2", "192.168.1.3"] } });
    server("h", "192.168.1.1", {}, { dhcp: { highAvailability: "hot-standby" } });
  }),
  previewed("two servers that were declared before the program awaited something", async () => {
    machines = 0;
    const two = [server("node0-a", "192.168.1.1"), server("node0-b", "192.168.1.2")];
    await new Promise((resolve) => setTimeout(resolve, 500));
    node(two, { address: "192.168.1.3" });
  }),
];

const host = "node0.example";
const on = (is: "first" | "second", more: object = {}) => ({
  __pair: { is, names: ["node0-a", "node0-b"] },
  ...more,
});
const fails = (code: ErrorCode, words: string) => () => Promise.reject(new NetbootError(code, `${host}: ${words}`));
const refused = fails("NOT_SERVING", "the firmware of db-1 (52:54:00:00:00:01) asked by DHCP and got no answer");
const down = fails("HOST_UNREACHABLE", "no connection to 192.0.2.7:22");
const goOn = { whileOneIsDown: "go on" };

const failures: readonly Situation[] = [
  ...(
    [
      ["the first of two refuses", on("first"), refused],
      ["the first of two is down", on("first"), down],
      ["the second of two refuses", on("second"), refused],
      ["the second of two is down", on("second"), down],
    ] as const
  ).map(([what, inputs, act]) => ({
    what,
    said: () => failure(onOneOfTwo(inputs, () => {}, act)) as Promise<NetbootError>,
  })),
  {
    what: "both of two are down, and the program goes on without one",
    said: async () => {
      const told = vi.fn();
      await onOneOfTwo(on("first", goOn), told, down);
      const { message } = await failure(onOneOfTwo(on("second", goOn), told, down));
      return [...told.mock.calls.map(([, words]) => words), message].join("\n");
    },
  },
];

const dhcp: DhcpExpectation & Expectation = {
  ask: "dhcp",
  id: "DhcpServer/shop/prod/node0-dhcp",
  interface: "eno2",
  next: "192.168.1.1",
  script: "refind.pxe",
  loaders: { x64: "ipxe.efi", script: "refind.pxe" },
  puts: [],
  every: false,
  stands: [],
  stranger: true,
  othersAllowed: false,
  peers: [{ address: "192.168.1.2", next: "192.168.1.2" }],
};
const offered = {
  is: "peer",
  id: "OlaNode/shop/prod/db-1",
  hostname: "db-1",
  mac: "52:54:00:00:00:01",
  wanted: "192.168.1.3",
  wantedFile: "ipxe.efi",
  address: "192.168.1.3",
  file: "other.efi or ipxe.efi",
  next: "192.168.1.2",
  server: "192.168.1.2",
};

const row = (machine: string, where: string, seen: string) => ({
  ...{ host: where, resource: `OlaNode/shop/prod/${machine}`, machine, seen, served: seen.startsWith("served: ") },
});

const seen: readonly Situation[] = [
  { what: "another node 0 offers another file", said: whyWrong(dhcp, { n: 0, undoes: false, seen: offered }) },
  ...["partner-down", "terminated", "waiting"].map((state) => ({
    what: `of two of which one stands by, one is ${state}`,
    said: whyWrong(
      { ...dhcp, partner: { address: "192.168.1.2", port: 8001, controlSocket: "/run/kea/kea4-ctrl-socket" } },
      { n: 0, undoes: false, seen: { is: "partner", state } },
    ),
  })),
  {
    what: "one of two node 0s has a machine that the other has not, and one is wrong there",
    said: renderVerified(
      onlyOnOne(
        [
          row("db-1", "a.example", "served: 192.168.1.3, ipxe.efi, then refind.pxe (1 MAC)"),
          row("db-1", "b.example", "not asked: no connection to 192.0.2.8:22 [HOST_UNREACHABLE]"),
          row("db-2", "a.example", "served: 192.168.1.4, ipxe.efi, then refind.pxe (1 MAC)"),
        ],
        new Map([
          ["a.example", { address: "192.168.1.1", others: ["192.168.1.2"] }],
          ["b.example", { address: "192.168.1.2", others: ["192.168.1.1"] }],
        ]),
      ),
    ),
  },
];

/** Two node 0s that serve the same machines. */
export const twoNode0s: readonly Situation[] = [...programs, ...failures, ...seen];
