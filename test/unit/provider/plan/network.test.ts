import { describe, expect, it } from "vitest";
import { isInNetwork, rangeOf, warnOfMovedNetwork, whyNetworkStays } from "../../../../provider/plan/network";
import { entry, machine, placed, register, serve } from "./registered";

const dhcp = entry("DhcpServer/p/one/dhcp", [serve({ cidr: "192.168.9.0/28" })]);
const own = entry("OlaNode/p/one/b", [], [machine("b", { address: "192.168.1.4" })]);
const other = entry("OlaNode/p/two/c", [], [machine("c", { address: "192.168.1.3" })]);
const inside = entry(
  "OlaNode/p/two/d",
  [],
  [machine("d", { address: "192.168.9.3" }), machine("e", { address: undefined })],
);
const all = register([dhcp, own, other, inside]);
const machines = placed(other, own, inside);

describe("isInNetwork", () => {
  it.each([
    ["192.168.1.0", true],
    ["192.168.1.15", true],
    ["192.168.1.16", false],
    ["192.168.0.255", false],
    [undefined, true],
  ])("says of %s in 192.168.1.0/28: %s", (address, expected) => {
    expect(isInNetwork(address, "192.168.1.0/28")).toBe(expected);
  });

  it("knows networks above the middle of the numbers", () => {
    expect(isInNetwork("203.0.113.9", "203.0.113.0/24")).toBe(true);
    expect(isInNetwork("203.0.114.9", "203.0.113.0/24")).toBe(false);
  });
});

describe("rangeOf", () => {
  it("is the network's own address and the broadcast's", () => {
    expect(rangeOf("192.168.1.16/28")).toEqual({ first: "192.168.1.16", last: "192.168.1.31" });
    expect(rangeOf("203.0.112.0/22")).toEqual({ first: "203.0.112.0", last: "203.0.115.255" });
  });
});

describe("whyNetworkStays", () => {
  it("keeps the network where machines of other stacks would be outside", () => {
    expect(whyNetworkStays(all, new Set([dhcp.id]), machines)).toEqual({
      code: "IN_USE",
      id: "DhcpServer/p/one/dhcp",
      message:
        "machines of other stacks are outside the new network 192.168.9.0/28: c (192.168.1.3, OlaNode/p/two/c); move them first",
    });
  });

  it("says nothing where the change moves them too, or is not about the network", () => {
    expect(whyNetworkStays(all, new Set([dhcp.id, other.id]), machines)).toBeUndefined();
    expect(whyNetworkStays(all, new Set([own.id]), machines)).toBeUndefined();
    expect(whyNetworkStays(register([dhcp, own]), new Set([dhcp.id]), machines)).toBeUndefined();
  });
});

describe("warnOfMovedNetwork", () => {
  it("names the machines that follow later in the same up", () => {
    expect(warnOfMovedNetwork(register([dhcp, own, inside]), new Set([dhcp.id]), placed(own, inside))).toEqual({
      id: "DhcpServer/p/one/dhcp",
      text: "outside the new network 192.168.9.0/28, and not served until their own change in this up: b (192.168.1.4, OlaNode/p/one/b)",
    });
  });

  it("is silent where all are inside or move", () => {
    expect(warnOfMovedNetwork(register([dhcp, own, inside]), new Set([dhcp.id, own.id]), placed(own))).toBeUndefined();
    expect(warnOfMovedNetwork(register([dhcp, inside]), new Set([dhcp.id]), placed(inside))).toBeUndefined();
    expect(warnOfMovedNetwork(register([own]), new Set([own.id]), placed(own))).toBeUndefined();
  });
});
