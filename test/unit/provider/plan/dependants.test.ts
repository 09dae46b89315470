import { describe, expect, it } from "vitest";
import {
  whyBootPartsStay,
  whyMachinesAreLost,
  whyNoServer,
  whyServerStays,
} from "../../../../provider/plan/dependants";
import type { Held } from "../../../../provider/plan/records";
import { entry, machine, register, serve, tftpd } from "./registered";

const dhcp = entry("DhcpServer/p/one/dhcp", [serve()]);
const tftp = entry("TftpServer/p/one/tftp", [tftpd]);
const loader: Held = { want: "file", path: "/srv/tftp/ipxe.efi", mode: "0644", sha256: "0" };
const file = entry("BootFile/p/one/ipxe.efi", [loader]);
const rules: Held = { want: "firewall", interface: "name:eno2", rules: [], allowDefaultRoute: false };
const firewall = entry("Firewall/p/one/firewall", [rules]);
const own = entry("OlaNode/p/one/a", [], [machine("a")]);
const others = [entry("OlaNode/p/two/c", [], [machine("c")]), entry("OlaFleet/p/two/b", [], [machine("b")])];

describe("whyServerStays", () => {
  it("keeps the DHCP server while other stacks have machines, and names their resources", () => {
    expect(whyServerStays(register([dhcp, own, ...others], [own, ...others]))).toEqual({
      code: "IN_USE",
      id: "DhcpServer/p/one/dhcp",
      message:
        "other stacks still have machines on this DHCP server: OlaFleet/p/two/b, OlaNode/p/two/c; destroy them first",
    });
  });

  it("lets it go with the machines of its own stack, and lets another one take its place", () => {
    expect(whyServerStays(register([dhcp, own], [own]))).toBeUndefined();
    const successor = entry("DhcpServer/p/one/new", [serve()]);
    expect(whyServerStays(register([dhcp, ...others], [successor, ...others]))).toBeUndefined();
  });

  it("counts resources that have machines only", () => {
    expect(whyServerStays(register([dhcp, entry("Packages/p/two/x")], [entry("Packages/p/two/x")]))).toBeUndefined();
  });
});

describe("whyBootPartsStay", () => {
  it.each([
    ["TFTP", [tftp], "TftpServer/p/one/tftp"],
    ["a file below its folder", [file], "BootFile/p/one/ipxe.efi"],
    ["the open firewall", [firewall], "Firewall/p/one/firewall"],
    ["the first of several", [tftp, file, firewall], "BootFile/p/one/ipxe.efi"],
  ])("keeps %s while machines of other stacks boot by it", (_name, dropped, id) => {
    const before = [dhcp, tftp, file, firewall, ...others];
    const after = before.filter((each) => !dropped.includes(each));
    expect(whyBootPartsStay(register(before, after))).toEqual({
      code: "IN_USE",
      id,
      message: "machines of other stacks boot by it: OlaFleet/p/two/b, OlaNode/p/two/c; destroy them first",
    });
  });

  it("lets a part go that somebody else holds, and a file that no boot needs", () => {
    const successor = entry("BootFile/p/one/again", [loader]);
    expect(whyBootPartsStay(register([tftp, file, ...others], [tftp, successor, ...others]))).toBeUndefined();
    const elsewhere = entry("BootFile/p/one/x", [{ ...loader, path: "/srv/tftpboot/x" }]);
    expect(whyBootPartsStay(register([tftp, elsewhere, ...others], [tftp, ...others]))).toBeUndefined();
    const tool = entry("BootFile/p/one/memtest.efi", [{ ...loader, path: "/srv/tftp/memtest.efi" }]);
    expect(whyBootPartsStay(register([dhcp, tftp, tool, ...others], [dhcp, tftp, ...others]))).toBeUndefined();
  });

  it("keeps a file that DHCP names, whatever its name", () => {
    const own = entry("BootFile/p/one/own.pxe", [{ ...loader, path: "/srv/tftp/own.pxe" }]);
    const naming = entry(dhcp.id, [serve({ loaders: { x64: "ipxe.efi", script: "own.pxe" } })]);
    expect(whyBootPartsStay(register([naming, tftp, own, ...others], [naming, tftp, ...others]))?.id).toBe(own.id);
  });

  it("lets everything go with the machines of its own stack", () => {
    expect(whyBootPartsStay(register([tftp, file, firewall, own], [own]))).toBeUndefined();
  });
});

describe("whyNoServer", () => {
  it("refuses a machine where nothing would serve it", () => {
    expect(whyNoServer(register([], [own]), new Set([own.id]))).toEqual({
      code: "NOT_SERVING",
      id: "OlaNode/p/one/a",
      message:
        "there is no DhcpServer on this host that could serve it; declare one (a NetbootServer has one), and let the node depend on it; one that is declared already, node 0 has lost, and `pulumi up --refresh` declares it anew",
    });
    expect(whyNoServer(register([], [own, dhcp]), new Set([own.id]))).toBeUndefined();
    expect(whyNoServer(register([own], [own]), new Set([tftp.id]))).toBeUndefined();
  });
});

describe("whyMachinesAreLost", () => {
  it("tells of the server first, then of the parts, then of machines without one", () => {
    const all = [dhcp, tftp, ...others];
    const ids = new Set(others.map(({ id }) => id));
    expect(whyMachinesAreLost(register(all, others), ids)?.id).toBe(dhcp.id);
    expect(whyMachinesAreLost(register([tftp, ...others], others), ids)?.id).toBe(tftp.id);
    expect(whyMachinesAreLost(register(others), ids)?.code).toBe("NOT_SERVING");
    expect(whyMachinesAreLost(register(all), ids)).toBeUndefined();
  });
});
