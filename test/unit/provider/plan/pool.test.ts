import { describe, expect, it } from "vitest";
import { warnOfLostPool, whyAddressesArePooled, whyPoolIsTooSmall } from "../../../../provider/plan/pool";
import { entry, machine, placed, register, serve } from "./registered";

const server = (pool?: string) => entry("DhcpServer/p/three/d", [serve({ pool })]);
const pooled = (id: string, ...names: readonly string[]) =>
  entry(
    id,
    [],
    names.map((name) => machine(name, { address: undefined })),
  );

describe("whyPoolIsTooSmall", () => {
  const one = pooled("OlaNode/p/one/a", "1");
  const two = pooled("OlaNode/p/two/b", "2");

  it("counts the machines of all stacks that need an address of the pool", () => {
    const upTo = (last: number) => register([server(`192.168.1.9-192.168.1.${last}`), one, two]);
    expect(whyPoolIsTooSmall(upTo(9), new Set([two.id]), placed(two, one))).toEqual({
      code: "CLASH",
      id: "OlaNode/p/two/b",
      message:
        "machines without an address of their own get one of the pool for each NIC, 2 in all, and it has 1: 1 (OlaNode/p/one/a), 2 (OlaNode/p/two/b); give some of them an address, or make the pool larger",
    });
    expect(whyPoolIsTooSmall(upTo(10), new Set([two.id]), placed(two, one))).toBeUndefined();
  });

  it("counts each NIC, for the server lends by them", () => {
    const nics = entry("OlaNode/p/one/a", [], [machine("1", { address: undefined, macs: ["a", "b"] })]);
    const upTo = (last: number) => register([server(`192.168.1.9-192.168.1.${last}`), nics, two]);
    expect(whyPoolIsTooSmall(upTo(10), new Set([nics.id]), placed(nics, two))?.message).toMatch(
      /3 in all, and it has 2/,
    );
    expect(whyPoolIsTooSmall(upTo(11), new Set([nics.id]), placed(nics, two))).toBeUndefined();
  });

  it("does not count those of the server's stack that are not in the change", () => {
    const own = pooled("OlaNode/p/three/c", "3");
    const all = register([server("192.168.1.9-192.168.1.10"), one, two, own]);
    expect(whyPoolIsTooSmall(all, new Set([two.id]), placed(one, two, own))).toBeUndefined();
    expect(whyPoolIsTooSmall(all, new Set([own.id]), placed(one, two, own))?.message).toMatch(
      /, 3 in all, and it has 2: /,
    );
  });

  it("blames the server where it is the one that changes, and nobody where nobody concerned does", () => {
    const all = register([server(), one, entry("OlaNode/p/one/x", [], [machine("x")])]);
    expect(whyPoolIsTooSmall(all, new Set(["DhcpServer/p/three/d"]), placed(one))).toMatchObject({
      id: "DhcpServer/p/three/d",
      message: expect.stringMatching(/, 1 in all, and it has 0: 1 /),
    });
    expect(whyPoolIsTooSmall(all, new Set(["OlaNode/p/one/x"]), placed(one))).toBeUndefined();
  });

  it("names ten of them at most", () => {
    const many = pooled("OlaFleet/p/one/f", ...Array.from({ length: 12 }, (_, count) => `m${count}`));
    const message = whyPoolIsTooSmall(register([server(), many]), new Set([many.id]), placed(many))?.message ?? "";
    expect(message).toMatch(/, 12 in all, and it has 0: .* m9 \(OlaFleet\/p\/one\/f\) and more; give/);
    expect(message).not.toContain("m10");
  });
});

describe("warnOfLostPool", () => {
  const own = pooled("OlaNode/p/three/c", "3");

  it("counts the machines that wait for their own change where the server has a pool no more", () => {
    const all = register([server(), own, pooled("OlaFleet/p/three/b", "4", "5"), entry("OlaNode/p/three/x")]);
    expect(warnOfLostPool(all, new Set([server().id]))).toEqual({
      id: "DhcpServer/p/three/d",
      text: "without a pool no machine has an address that is not its own: not served until their own change, or gone by then: 1 NIC of OlaNode/p/three/c, 2 NICs of OlaFleet/p/three/b",
    });
  });

  it("is still where the pool stays, the machines change with it, or the server does not", () => {
    expect(warnOfLostPool(register([server("192.168.1.9-192.168.1.10"), own]), new Set([server().id]))).toBeUndefined();
    expect(warnOfLostPool(register([server(), own]), new Set([server().id, own.id]))).toBeUndefined();
    expect(warnOfLostPool(register([server(), own]), new Set([own.id]))).toBeUndefined();
  });
});

describe("whyAddressesArePooled", () => {
  const dhcp = server("192.168.1.12-192.168.1.14");
  const at = (id: string, hostname: string, last: number) =>
    entry(id, [], [machine(hostname, { address: `192.168.1.${last}` })]);
  const mine = at("OlaNode/p/one/b", "b", 14);
  const other = at("OlaNode/p/two/c", "c", 13);
  const own = at("OlaNode/p/three/o", "o", 12);
  const outside = at("OlaNode/p/two/z", "z", 11);
  const all = register([dhcp, mine, other, own, outside]);
  const machines = placed(outside, own, other, mine);

  it("refuses a machine of the change whose address lies in the pool", () => {
    expect(whyAddressesArePooled(all, new Set([mine.id]), machines)).toEqual({
      code: "CLASH",
      id: "OlaNode/p/one/b",
      message:
        "b: 192.168.1.14 lies in the pool of DhcpServer/p/three/d, whose addresses go to other machines; take one outside it",
    });
  });

  it("refuses a pool around machines of other stacks, and names them", () => {
    expect(whyAddressesArePooled(all, new Set([dhcp.id]), machines)).toEqual({
      code: "IN_USE",
      id: "DhcpServer/p/three/d",
      message:
        "machines of other stacks have addresses in the new pool: b (192.168.1.14, OlaNode/p/one/b), c (192.168.1.13, OlaNode/p/two/c); move them first",
    });
  });

  it("says nothing of what the change does not touch, of the server's own stack, and where there is no pool", () => {
    expect(whyAddressesArePooled(all, new Set([outside.id]), machines)).toBeUndefined();
    expect(whyAddressesArePooled(register([dhcp, own]), new Set([dhcp.id]), machines)).toBeUndefined();
    expect(whyAddressesArePooled(register([server(), mine]), new Set([mine.id]), machines)).toBeUndefined();
  });
});
