import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { check, diff } from "../../../../provider/lifecycle/comparison";

const connection = { host: "node0" };
const id = "DhcpServer/shop/prod/dhcp";
const urn = "urn:pulumi:prod::shop::netboot:index:NetbootServer$pulumi-nodejs:dynamic/netboot:DhcpServer::dhcp";
const outputs = { connection, config: "a\n", unit: "u", listening: "eno2 udp 67", __generation: "1", __machine: "m" };
const inputs = { connection, config: "a\n", unit: "u", __provider: "text", __urn: urn };

describe("check", () => {
  it("returns every mistake that the program found, with its property", () => {
    const problems = [
      { path: "macs[0]", message: '"52:54" is no MAC' },
      { path: "", message: "wrong" },
    ];
    expect(check("OlaNode", {}, { ...inputs, __problems: problems })).toEqual({
      inputs,
      failures: [
        { property: "", reason: 'macs[0]: "52:54" is no MAC [ARGUMENTS_INVALID]' },
        { property: "", reason: "wrong [ARGUMENTS_INVALID]" },
      ],
    });
  });

  it("returns the mistakes that stand where an input's value would be, after those of the connection", () => {
    const { failures } = check(
      "OlaNode",
      {},
      {
        connection,
        hostBlocks: { __problems: [{ path: "address", message: "is taken" }] },
        __problems: [{ path: "connection.host", message: "is empty" }],
      },
    );
    expect(failures.map(({ reason }) => reason)).toEqual([
      "connection.host: is empty [ARGUMENTS_INVALID]",
      "address: is taken [ARGUMENTS_INVALID]",
    ]);
  });

  it("passes on inputs that are right, or not yet known", () => {
    const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
    expect(check("OlaNode", {}, { ...inputs, __problems: unknown })).toEqual({ inputs, failures: [] });
    expect(check("OlaNode", {}, inputs)).toEqual({ inputs, failures: [] });
  });
});

describe("diff", () => {
  it("sees no change where the inputs are those of before, whatever our own keys say", () => {
    expect(diff("DhcpServer", id, outputs, { ...inputs, __provider: "other" }).changes).toBe(false);
  });

  it.each([
    ["a text", { config: "b\n" }],
    ["a key of the connection", { connection: { host: "node0", user: "operator" } }],
    ["an input that is new", { allowDefaultRoute: true }],
  ])("leaves it to the engine to draw a change of %s", (_name, change) => {
    expect(diff("DhcpServer", id, outputs, { ...inputs, ...change }).changes).toBeUndefined();
  });

  it("sees an input that is gone", () => {
    expect(diff("DhcpServer", id, { ...outputs, allowDefaultRoute: true }, inputs).changes).toBeUndefined();
  });

  it("tells node 0 where Pulumi has it now, and of nothing else", () => {
    const moved = (text: string) => diff("DhcpServer", id, outputs, { ...inputs, __urn: text }).changes;
    expect(moved(urn.replace("NetbootServer", "Other"))).toBe(false);
    expect(moved(urn.replace("prod", "live"))).toBe(true);
    expect(moved(urn.replace(/dhcp$/, "lan"))).toBe(true);
    const told = { ...outputs, __urn: urn.replace("prod", "live") };
    expect(diff("DhcpServer", id, told, { ...inputs, __urn: told.__urn }).changes).toBe(false);
  });

  it("says that a host which somebody changed must be mended", () => {
    expect(diff("DhcpServer", id, { ...outputs, drift: ["x was changed"] }, inputs).changes).toBe(true);
  });

  it("knows a change of what the outputs hold only as a digest", () => {
    const node = { connection, hostBlocks: "host …", nextBoot: "then" };
    const { changes } = diff("OlaNode", "id", { connection, __digest: "0" }, node);
    expect(changes).toBeUndefined();
  });

  it("knows what the release before digested: a fleet stays quiet, and a machine is told as a value now", () => {
    const digest = (written: unknown): string =>
      createHash("sha256").update(JSON.stringify(written)).digest("hex").slice(0, 16);
    const fleet = { connection, rows: { b: "2", a: "1" }, chains: { x: "y" }, hostBlocksSha256: "00" };
    const fleetBefore = { connection, verified: "v", __digest: digest([{ a: "1", b: "2" }, { x: "y" }, "00"]) };
    expect(diff("OlaFleet", "id", fleetBefore, fleet).changes).toBe(false);
    const node = { connection, hostBlocks: "host …", nextBoot: "then", machine: { hostname: "db-1", macs: [] } };
    const nodeBefore = { connection, verified: "v", __digest: digest(["host …", "then"]) };
    expect(diff("OlaNode", "id", nodeBefore, node).changes).toBeUndefined();
  });

  it("takes for gone what is an output of other kinds only", () => {
    expect(diff("DhcpServer", id, { ...outputs, manager: "x" }, inputs).changes).toBeUndefined();
  });
});
